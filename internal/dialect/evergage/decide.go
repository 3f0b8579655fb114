package evergage

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/jsondoc"
	"rapport/internal/responder"
)

// Decider says what is shown.
type Decider interface {
	// OnEvent lists the experiences that the answer to an event of a name gives.
	OnEvent(ctx context.Context, name string) ([]string, error)
	Decide(ctx context.Context, q *responder.Request) (*responder.WhatToShow, error)
}

const (
	// settled is how long an answer waits until its event counts for what it
	// gives; where that takes longer it is decided by what was known before.
	settled = 250 * time.Millisecond
	// maxZones is how many content zones of a page are read.
	maxZones = 50
)

// given is what an answer shows beside the user id.
type given struct {
	Responses    []campaignResponse
	Explanations []campaignExplanation
}

// campaignResponse is a decision in the shape of a campaign that was given.
type campaignResponse struct {
	Type           string              `json:"type"`
	CampaignID     string              `json:"campaignId"`
	CampaignName   string              `json:"campaignName"`
	CampaignType   string              `json:"campaignType"`
	ExperienceID   string              `json:"experienceId"`
	ExperienceName string              `json:"experienceName"`
	State          string              `json:"state"`
	UserGroup      string              `json:"userGroup"`
	TemplateNames  []string            `json:"templateNames"`
	Messages       []serverSideMessage `json:"serverSideMessages,omitempty"`
	Payload        json.RawMessage     `json:"payload"`
}

type serverSideMessage struct {
	Type     string          `json:"type"`
	ID       string          `json:"id"`
	Target   string          `json:"targetName"`
	Data     json.RawMessage `json:"dataMap"`
	Promoted []promotedItem  `json:"promotedItemKeys"`
}

type promotedItem struct {
	ID   string `json:"_id"`
	Type string `json:"type"`
}

// campaignExplanation says why a campaign was given or was not.
type campaignExplanation struct {
	CampaignID  string `json:"campaignId"`
	Given       bool   `json:"given"`
	Stage       string `json:"stage,omitempty"`
	Explanation string `json:"explanation,omitempty"`
}

// decide asks what the answer to an event shows: what fills the content zones of
// its page, and the experiences that are given on such an event. Whatever is
// wrong there, the event was taken and the answer shows nothing.
func (d *Door) decide(r *http.Request, in *intake, g *mapping, trusted bool) given {
	if d.Decide == nil || g == nil || len(g.e.Identifiers) == 0 {
		return given{}
	}
	if silent, _ := g.body.Path("flags", "noCampaigns").Bool(); silent {
		return given{}
	}
	keys, err := d.Decide.OnEvent(r.Context(), g.e.Name)
	if err != nil {
		d.undecided(r, err)
		return given{}
	}
	zones := zonesOf(g.body.Path("source", "contentZones"))
	if len(keys)+len(zones) == 0 {
		return given{}
	}
	ctx, cancel := context.WithTimeout(r.Context(), settled)
	_ = d.Accept.WaitApplied(ctx, in.receipt) // late is no failure: it is decided by what was known before
	cancel()
	explain, _ := g.body.Path("debug", "explanations").Bool()
	source := g.body.Get("source")
	out, err := d.Decide.Decide(r.Context(), &responder.Request{
		Identifiers: g.e.Identifiers, Trusted: g.e.Verified, Placements: zones, Experiences: keys, Channel: g.e.Channel,
		Language: strings.ReplaceAll(source.Get("locale").Text(), "_", "-"), Page: pageOf(source), Explain: explain && trusted,
	})
	if err != nil {
		d.undecided(r, err)
		return given{}
	}
	var all given
	for i := range out.Decisions {
		all.add(&out.Decisions[i], trusted)
	}
	return all
}

// undecided notes why an answer shows nothing, unless it is that nobody waits for it
// any more.
func (d *Door) undecided(r *http.Request, err error) {
	if r.Context().Err() == nil {
		d.Log.Warn("an answer to an event shows nothing", "error", err)
	}
}

func zonesOf(list jsondoc.Value) (zones []string) {
	list.Items(func(i int, v jsondoc.Value) bool {
		if name := v.Text(); name != "" {
			zones = append(zones, name)
		}
		return i+1 < maxZones
	})
	return zones
}

func pageOf(source jsondoc.Value) responder.VisitedPage {
	page := responder.VisitedPage{URL: source.Get("url").Text(), Title: source.Get("title").Text(), Referrer: source.Get("urlReferrer").Text()}
	if u, err := url.Parse(page.URL); err == nil {
		page.Path = u.Path
	}
	return page
}

// add puts a decision into the answer. Where nothing was decided the page keeps
// what it has.
func (a *given) add(m *responder.ShownDecision, trusted bool) {
	for _, c := range m.Considered {
		a.Explanations = append(a.Explanations, campaignExplanation{c.Experience, c.Chosen, c.Stage, c.Reason})
	}
	if m.Fallback || m.Track == nil {
		return
	}
	c := campaignResponse{
		Type: "ng", CampaignID: m.Experience, CampaignType: "ServerSide", ExperienceID: experienceID(m.Track), ExperienceName: m.Variant,
		State: "Published", UserGroup: "Default", TemplateNames: []string{},
	}
	target := m.Experience
	if m.Placement != "" {
		c.CampaignType, target = "Web", m.Placement
	}
	if c.CampaignID == "" {
		c.CampaignID = m.Placement // offers that fill the place by themselves
	}
	if m.Control {
		c.UserGroup = "Control"
	}
	c.CampaignName = c.CampaignID
	c.Payload = payloadOf(m)
	if trusted {
		message := serverSideMessage{Type: "evg_md", ID: c.ExperienceID, Target: target, Data: c.Payload, Promoted: []promotedItem{}}
		for _, i := range m.Items {
			message.Promoted = append(message.Promoted, promotedItem{i.Offer, offerType})
		}
		c.Messages = []serverSideMessage{message}
	}
	a.Responses = append(a.Responses, c)
}

// payloadOf is an object of what is shown: the members of content that is one,
// the offers with their keys, the place.
func payloadOf(m *responder.ShownDecision) json.RawMessage {
	out := map[string]any{}
	if len(m.Content) > 0 && json.Unmarshal(m.Content, &out) != nil {
		out = map[string]any{"content": m.Content}
	}
	if out == nil {
		out = map[string]any{} // the content is null
	}
	if len(m.Items) > 0 {
		offers := make([]map[string]any, len(m.Items))
		for i := range m.Items {
			offers[i] = map[string]any{"_id": m.Items[i].Offer, "type": offerType, "content": m.Items[i].Content}
		}
		out["offers"] = offers
	}
	if _, taken := out["contentZone"]; !taken && m.Placement != "" {
		out["contentZone"] = m.Placement
	}
	text, err := json.Marshal(out)
	if err != nil {
		return json.RawMessage("{}") // what was JSON is JSON
	}
	return text
}
