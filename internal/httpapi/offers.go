package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/outbox"
	"rapport/internal/pipeline"
	"rapport/internal/profile/shown"
	"rapport/internal/responder"
)

// offered is what came of what was offered, and how many there are.
type offered interface {
	Rules() *identity.Rules
	Results(ctx context.Context, experience string) ([]pipeline.Result, error)
	Taken(ctx context.Context, offer string) (int64, error)
	GiveBack(ctx context.Context, offer string, n int64, why string) (pipeline.Receipt, error)
}

// Responder says what to show to whom.
type Responder interface {
	Decide(ctx context.Context, q *responder.Request) (*responder.WhatToShow, error)
	Flush(ctx context.Context) error
	PreviewToken(ctx context.Context, key string, version int, variant string, until clock.Instant) (string, error)
}

func (a *API) offerRoutes() {
	register(a, spec{
		id: "decide", method: http.MethodPost, path: "/decide", tag: "decisions", scope: access.ScopeRead, status: http.StatusOK,
		summary: "What to show to somebody, and of every candidate at which stage it fell", body: DecideBody{}, returns: responder.WhatToShow{},
	}, a.decideFor)
	register(a, spec{
		id: "get-inventory-of-offer", method: http.MethodGet, path: "/offers/{key}/inventory", tag: "decisions", scope: access.ScopeRead, status: http.StatusOK, data: impersonal,
		summary: "How many there are of an offer, and how many are taken",
	}, a.inventory)
	register(a, spec{
		id: "give-back-offer", method: http.MethodPost, path: "/offers/{key}/inventory", tag: "decisions", scope: access.ScopeWrite, status: http.StatusOK, data: impersonal,
		summary: "Give some of an offer back that were taken",
	}, a.giveBack)
	register(a, spec{
		id: "get-results-of-experience", method: http.MethodGet, path: "/experiences/{key}/results", tag: "decisions", scope: access.ScopeRead, status: http.StatusOK, data: impersonal,
		summary: "What came of an experience, by variant, live",
	}, a.experienceResults)
	register(a, spec{
		id: "get-results-of-placement", method: http.MethodGet, path: "/placements/{key}/results", tag: "decisions", scope: access.ScopeRead, status: http.StatusOK, data: impersonal,
		summary: "What came of the offers in a placement, by offer, live",
	}, a.placementResults)
	register(a, spec{
		id: "preview-experience", method: http.MethodPost, path: "/experiences/{key}/preview", tag: "decisions", scope: access.ScopeWrite, status: http.StatusOK, data: impersonal,
		summary: "A token that shows a variant to whoever has it, drafts included",
	}, a.previewExperience)
	register(a, spec{
		id: "test-experience", method: http.MethodPost, path: "/experiences/{key}/test", tag: "decisions", scope: access.ScopeWrite, status: http.StatusOK,
		summary: "Make the message of a triggered experience about a real person as if it was due now, show it and, where asked to, send it once, past the queue",
		body:    outbox.ExperienceTrial{},
	}, a.testExperience)
}

// testExperience also takes drafts.
func (a *API) testExperience(ctx context.Context, in *struct {
	ModelKey
	RawBody []byte
},
) (*body[*outbox.ExperienceTried], error) {
	var ask outbox.ExperienceTrial
	if err := strictly(in.RawBody, &ask); err != nil {
		return nil, err
	}
	s := a.Spine.Definitions().Get(definition.Experience, in.Key)
	if s.Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, "experience_not_found", "there is no experience %q: PUT %s/experiences/%s makes one", in.Key, prefix[:len(prefix)-1], in.Key)
	}
	v, err := s.Pick(ask.Version)
	if err != nil {
		return nil, err
	}
	d, err := a.Spine.Definition(ctx, v.Kind, in.Key, v.Version)
	if err != nil {
		return nil, err
	}
	x, err := experience.Read(in.Key, v.Version, d.Document)
	if err != nil {
		return nil, err
	}
	out, err := a.Outbox.TryExperience(ctx, x, &ask)
	return &body[*outbox.ExperienceTried]{out}, err
}

// DecideBody asks what to show to somebody.
type DecideBody struct {
	Profile     string                     `json:"profile" doc:"namespace:value"`
	Placements  []string                   `json:"placements,omitempty" maxItems:"50"`
	Experiences []string                   `json:"experiences,omitempty" maxItems:"50"`
	Channel     string                     `json:"channel,omitempty" doc:"Left out: web"`
	Language    string                     `json:"language,omitempty"`
	Page        responder.VisitedPage      `json:"page,omitzero"`
	Params      map[string]json.RawMessage `json:"params,omitempty" doc:"Plain values by name: formulas read them as context.params"`
	Claimed     bool                       `json:"claimed,omitempty" doc:"Answer as to a caller who only claims to be that person"`
	Decide      bool                       `json:"decide,omitempty" doc:"Make the decision, rather than only look at it: it is written down, and counts"`
	Explain     *bool                      `json:"explain,omitempty" doc:"false: without candidates. A decision that holds is explained as if it were made now"`
}

func (a *API) decideFor(ctx context.Context, in *struct {
	Waiting
	RawBody []byte
},
) (*struct {
	Applied
	Body responder.WhatToShow
}, error,
) {
	var b DecideBody
	if err := strictly(in.RawBody, &b); err != nil {
		return nil, err
	}
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	namespace, value, ok := strings.Cut(b.Profile, ":")
	ident, reason := a.Spine.Rules().Normalise(event.Identifier{Namespace: namespace, Value: value})
	if !ok || reason != "" {
		return nil, fault.Errorf(fault.Invalid, "invalid_profile", "profile %q: give namespace:value, such as user_id:ann", b.Profile).At("/profile")
	}
	if b.Channel == "" {
		b.Channel = "web"
	}
	explain := b.Explain == nil || *b.Explain
	out, err := a.Responder.Decide(ctx, &responder.Request{
		Identifiers: []event.Identifier{ident}, Trusted: !b.Claimed, Placements: b.Placements, Experiences: b.Experiences,
		Channel: strings.ToLower(b.Channel), Language: b.Language, Page: b.Page, Params: b.Params, Explain: explain && !b.Decide, Dry: !b.Decide,
	})
	if err != nil {
		return nil, err
	}
	answer := &struct {
		Applied
		Body responder.WhatToShow
	}{Body: *out}
	if in.Wait == waitApplied {
		limit, cancel := context.WithTimeout(ctx, a.Limits.Wait)
		defer cancel()
		answer.Applied.Applied = appliedYes
		if a.Responder.Flush(limit) != nil {
			answer.Applied.Applied = appliedNo
		}
	}
	return answer, nil
}

// InventoryView is how many there are of an offer.
type InventoryView struct {
	Offer string `json:"offer"`
	Total *int64 `json:"total" doc:"null: as many as are asked for"`
	Taken int64  `json:"taken"`
	Left  *int64 `json:"left"`
}

func (a *API) inventoryOf(ctx context.Context, key string) (*body[InventoryView], error) {
	live := a.Spine.Definitions().Get(definition.Offer, key).Live()
	if live == nil {
		return nil, fault.Errorf(fault.NotFound, "offer_not_found", "no version of an offer %q is live", key)
	}
	d, err := a.Spine.Definition(ctx, definition.Offer, key, live.Version)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Inventory *struct {
			Total int64 `json:"total"`
		} `json:"inventory"`
	}
	if err := json.Unmarshal(d.Document, &doc); err != nil {
		return nil, err
	}
	out := InventoryView{Offer: key}
	if out.Taken, err = a.Spine.Taken(ctx, key); err != nil {
		return nil, err
	}
	if doc.Inventory != nil {
		left := max(doc.Inventory.Total-out.Taken, 0)
		out.Total, out.Left = &doc.Inventory.Total, &left
	}
	return &body[InventoryView]{out}, nil
}

func (a *API) inventory(ctx context.Context, in *ModelKey) (*body[InventoryView], error) {
	return a.inventoryOf(ctx, in.Key)
}

func (a *API) giveBack(ctx context.Context, in *struct {
	ModelKey
	Body struct {
		GiveBack int64  `json:"give_back" minimum:"1"`
		Why      string `json:"why,omitempty" maxLength:"500"`
	}
},
) (*body[InventoryView], error) {
	if _, err := a.Spine.GiveBack(ctx, in.Key, in.Body.GiveBack, in.Body.Why); err != nil {
		return nil, err
	}
	return a.inventoryOf(ctx, in.Key)
}

// PreviewView is a token with what it shows.
type PreviewView struct {
	Token   string        `json:"token" doc:"Send it as preview with a decision, or open a page with ?rapport_preview= and the token"`
	Variant string        `json:"variant"`
	Version int           `json:"version"`
	Until   clock.Instant `json:"until"`
}

func (a *API) previewExperience(ctx context.Context, in *struct {
	ModelKey
	Body struct {
		Variant string `json:"variant"`
		Version int    `json:"version,omitempty" minimum:"1" doc:"Left out: the newest"`
		Hours   int    `json:"hours,omitempty" minimum:"1" maximum:"720" doc:"How long the token is good; left out: 24"`
	}
},
) (*body[PreviewView], error) {
	series := a.Spine.Definitions().Get(definition.Experience, in.Key)
	if series.Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, "experience_not_found", "there is no experience %q", in.Key)
	}
	v, err := series.Pick(in.Body.Version)
	if err != nil {
		return nil, err
	}
	hours := in.Body.Hours
	if hours == 0 {
		hours = 24
	}
	until := a.Clock.Now().Add(time.Duration(hours) * time.Hour)
	token, err := a.Responder.PreviewToken(ctx, in.Key, v.Version, in.Body.Variant, until)
	if err != nil {
		return nil, err
	}
	return &body[PreviewView]{PreviewView{token, in.Body.Variant, v.Version, until}}, nil
}

// Outcomes are how often each happened.
type Outcomes struct {
	People      int64 `json:"people" doc:"To whom it was decided"`
	Decisions   int64 `json:"decisions"`
	Impressions int64 `json:"impressions"`
	Clicks      int64 `json:"clicks"`
	Dismissals  int64 `json:"dismissals"`
	Accepted    int64 `json:"accepted"`
}

// add adds a cell. People of an offer are people of its variant already, so who
// counts a variant leaves them out.
func (o *Outcomes) add(x *pipeline.Result, people bool) {
	if people {
		o.People += x.People
	}
	o.Decisions += x.N[shown.Decided]
	o.Impressions += x.N[shown.Viewed]
	o.Clicks += x.N[shown.Clicked]
	o.Dismissals += x.N[shown.Dismissed]
	o.Accepted += x.N[shown.Accepted]
}
