package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/broadcast"
	"rapport/internal/clock"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/fault"
)

// BroadcastTrial asks how a broadcast looks for a person.
type BroadcastTrial struct {
	Profile string `json:"profile" doc:"Whom it is about: a profile id or namespace:value"`
	To      string `json:"to,omitempty" maxLength:"320" doc:"Of a test: where it goes instead of to the person, such as your own address"`
}

// BroadcastShown is how a broadcast looks for a person, and whether the person
// would get it.
type BroadcastShown struct {
	Person  string            `json:"person" doc:"Profile id"`
	Gets    bool              `json:"gets_it"`
	Reason  string            `json:"reason,omitempty" doc:"Why the person would not get it"`
	Problem string            `json:"problem,omitempty" doc:"Why the message cannot be written for the person, with the variable that is not there"`
	Member  bool              `json:"in_segment"`
	After   clock.Instant     `json:"not_before,omitzero" doc:"The end of the person's quiet hours, where it is sent in them"`
	Address string            `json:"address,omitempty" doc:"Where it goes"`
	Message map[string]string `json:"message,omitempty" doc:"Its parts, such as subject, html and text, as they would be sent; links that leave lead nowhere"`
	Payload any               `json:"payload,omitempty" doc:"What templates see"`
	Sent    *DestinationTried `json:"sent,omitempty" doc:"Of a test: what came of it"`
}

// look is a walk that only looks.
func (o *Outbox) lookAt(ctx context.Context, key string, version int) (*walking, error) {
	c, err := o.campaignOf(ctx, key, version)
	if err != nil {
		return nil, err
	}
	w := &walking{Outbox: o, campaign: c}
	if w.progress.Since == 0 {
		w.progress.Since = o.now()
	}
	if w.sink, err = o.openCampaign(ctx, c); err != nil {
		return nil, err
	}
	w.shower, _ = w.sink.Sink.(destination.Shower)
	return w, nil
}

// ShowBroadcast shows a broadcast as it would be for a person.
func (o *Outbox) ShowBroadcast(ctx context.Context, key string, version int, ask *BroadcastTrial) (*BroadcastShown, error) {
	w, err := o.lookAt(ctx, key, version)
	if err != nil {
		return nil, err
	}
	defer w.sink.Close() //nolint:errcheck // nothing was sent
	d, err := w.one(ctx, ask.Profile)
	if err != nil {
		return nil, err
	}
	return w.shown(ctx, d)
}

// one decides about one person.
func (w *walking) one(ctx context.Context, ref string) (*draft, error) {
	k, err := w.Spine.AnchorOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	who, err := w.Spine.Subject(ctx, k, true, nil)
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, fault.Errorf(fault.NotFound, "profile_not_found", "nobody is known by %q", ref)
	}
	drafts, err := w.drafts(ctx, []string{who.View.ID})
	if err != nil {
		return nil, err
	}
	drafts[0].inside = effect.In(who.View, w.document.Segment)
	return &drafts[0], nil
}

// shown is a draft for people to look at, also of somebody who does not get it.
func (w *walking) shown(ctx context.Context, d *draft) (*BroadcastShown, error) {
	out := &BroadcastShown{Person: d.person.View.ID, Reason: d.skip, Member: d.inside, After: d.after}
	if out.Reason == "" && !d.inside {
		out.Reason = "not_in_segment"
	}
	out.Gets = out.Reason == ""
	if d.payload == nil {
		d.skip = ""
		if err := w.write(ctx, d, &broadcast.Candidate{}); err != nil {
			return nil, err
		}
	}
	if d.payload == nil {
		out.Problem = d.text
		return out, nil
	}
	out.Payload = d.payload
	if w.shower != nil {
		m := d.outside()
		shown := w.shower.Show(&m)
		out.Address, out.Message, out.Problem = shown.Address, shown.Parts, shown.Problem
	}
	return out, nil
}

// TestBroadcast sends a broadcast once, past the queue, as it is for a person:
// to the person, or to somebody else to look at.
func (o *Outbox) TestBroadcast(ctx context.Context, key string, version int, ask *BroadcastTrial) (*BroadcastShown, error) {
	w, err := o.lookAt(ctx, key, version)
	if err != nil {
		return nil, err
	}
	defer func() { w.sink.Close() }() //nolint:errcheck // what was sent was answered
	if ask.To != "" {
		if err := w.readdress(ctx, ask.To); err != nil {
			return nil, err
		}
	}
	d, err := w.one(ctx, ask.Profile)
	if err != nil {
		return nil, err
	}
	out, err := w.shown(ctx, d)
	if err != nil {
		return nil, err
	}
	out.Sent = &DestinationTried{Outcome: "not_sent", Reason: cmp.Or(out.Problem, out.Reason)}
	refused := out.Reason != "" && out.Reason != "not_in_segment" && out.Reason != broadcast.Told && out.Reason != broadcast.HeldOut && out.Reason != broadcast.TooOften
	if out.Problem != "" || ask.To == "" && refused {
		return out, nil
	}
	var salt [16]byte
	o.Random(salt[:])
	d.Cause = salt
	m := d.outside()
	m.ID = "test-" + m.ID
	out.Sent = &DestinationTried{ID: m.ID}
	limit, cancel := context.WithTimeout(ctx, cmp.Or(w.sink.limits.Timeout, defaultTimeout))
	defer cancel()
	start := time.Now()
	r := w.sink.Send(limit, []destination.Message{m})[0]
	out.Sent.Took = time.Since(start).Microseconds()
	out.Sent.Outcome, out.Sent.Status, out.Sent.Reason = string(r.Outcome), r.Status, r.Reason
	out.Sent.Request, out.Sent.Answer = string(r.Request), string(r.Answer)
	return out, nil
}

// readdress lets messages go to one address.
func (w *walking) readdress(ctx context.Context, to string) error {
	if strings.ContainsAny(to, "{}%\r\n") {
		return fault.Errorf(fault.Invalid, "invalid_address", "to %q is no address", to).At("/to")
	}
	var settings map[string]any
	if err := json.Unmarshal(w.target.Settings, &settings); err != nil {
		return err
	}
	if _, there := settings["to"]; !there {
		return fault.Errorf(fault.Invalid, "no_recipient", "the destination %q has no recipient that could be another one: leave to out", w.document.Destination).At("/to")
	}
	settings["to"] = to
	target := *w.target
	var err error
	if target.Settings, err = json.Marshal(settings); err != nil {
		return err
	}
	w.target = &target
	sink, err := w.openCampaign(ctx, w.campaign)
	if err != nil {
		return err
	}
	err = w.sink.Close()
	w.sink = sink
	w.shower, _ = sink.Sink.(destination.Shower)
	return err
}

// BroadcastAudience is who gets a broadcast, and why others do not.
type BroadcastAudience struct {
	Members  int64               `json:"members" doc:"People in the segment"`
	LookedAt int64               `json:"looked_at"`
	Complete bool                `json:"complete" doc:"false: there was no time to look at everybody; next goes on"`
	Gets     int64               `json:"will_get_it"`
	Later    int64               `json:"after_quiet_hours" doc:"Of those: whose quiet hours it is now"`
	Not      map[string]int64    `json:"will_not" doc:"By reason: already_told, held_out, the reasons of consent, no_address, frequency, failed"`
	Examples map[string][]string `json:"examples" doc:"A few profile ids for each reason, and of those who get it under gets_it"`
	Problems []string            `json:"problems,omitempty" doc:"What of the message cannot be written, with the variables that are not there"`
	Next     string              `json:"next,omitempty" doc:"cursor to go on with"`
}

// What an answer about an audience holds, and how long it may take.
const (
	audienceTime     = 5 * time.Second
	audienceExamples = 5
	audienceProblems = 10
)

// AudienceOf looks at the people of a broadcast's segment, for a while.
func (o *Outbox) AudienceOf(ctx context.Context, key string, version int, cursor string) (*BroadcastAudience, error) {
	w, err := o.lookAt(ctx, key, version)
	if err != nil {
		return nil, err
	}
	defer w.sink.Close() //nolint:errcheck // nothing was sent
	out := &BroadcastAudience{Not: map[string]int64{}, Examples: map[string][]string{}}
	out.Members = o.Spine.SegmentState("segment", w.document.Segment).Size
	for end := time.Now().Add(audienceTime); time.Now().Before(end); {
		page, err := o.Spine.SegmentMembers(ctx, w.document.Segment, cursor, walkPage)
		if err != nil {
			return nil, err
		}
		people := make([]string, len(page.Items))
		for i := range page.Items {
			people[i] = page.Items[i].ID
		}
		drafts, err := w.drafts(ctx, people)
		if err != nil {
			return nil, err
		}
		for i := range drafts {
			out.count(&drafts[i])
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	out.Complete, out.Next = cursor == "", cursor
	return out, nil
}

func (a *BroadcastAudience) count(d *draft) {
	if d.person == nil {
		return
	}
	a.LookedAt++
	under := d.skip
	if under == "" {
		under = "gets_it"
		a.Gets++
		if d.after != 0 {
			a.Later++
		}
	} else {
		a.Not[d.skip]++
	}
	if len(a.Examples[under]) < audienceExamples {
		a.Examples[under] = append(a.Examples[under], d.person.View.ID)
	}
	if d.skip == broadcast.Unwritten && len(a.Problems) < audienceProblems && !slices.Contains(a.Problems, d.text) {
		a.Problems = append(a.Problems, d.text)
	}
}

// BroadcastStanding is how far a broadcast has come.
type BroadcastStanding struct {
	State    broadcast.State `json:"state" enum:"draft,scheduled,sending,paused,stopped,sent"`
	Since    clock.Instant   `json:"since,omitzero"`
	Sending  int             `json:"sent_version,omitempty" doc:"The version that is sent"`
	Begins   clock.Instant   `json:"begins,omitzero"`
	Problem  string          `json:"problem,omitempty" doc:"Why nothing of it is delivered at present"`
	Approved *Approval       `json:"approved,omitempty"`

	Messages  int64            `json:"messages" doc:"That were made: one for each person who may get it"`
	Waiting   int64            `json:"waiting" doc:"To be sent, or for the end of quiet hours"`
	Sent      int64            `json:"sent" doc:"Handed over, whether or not the other side took them"`
	Delivered int64            `json:"delivered" doc:"That the other side took"`
	Failed    int64            `json:"failed" doc:"That it refused, or that were tried for too long: dead letters"`
	NotSent   map[string]int64 `json:"not_sent" doc:"People in the segment who did not get it, by reason"`
}

// BroadcastReport is what became of a broadcast.
type BroadcastReport struct {
	BroadcastStanding
	Bounced      int `json:"bounced" doc:"Sent back: refused by the server of mail, or reported by the event Email Bounced"`
	Opened       int `json:"opened" doc:"Messages that were opened at least once"`
	Clicked      int `json:"clicked" doc:"Messages of which a link was followed"`
	Unsubscribed int `json:"unsubscribed" doc:"Messages by which somebody left"`
	Complained   int `json:"complained" doc:"Reported as spam"`
}

// Approval says who approved a broadcast.
type Approval struct {
	Version int           `json:"version"`
	By      string        `json:"by"`
	At      clock.Instant `json:"at"`
}

// StandingOf tells how far a broadcast has come.
func (o *Outbox) StandingOf(ctx context.Context, key string) (*BroadcastStanding, error) {
	p, _, err := o.progressOf(ctx, key)
	if err != nil {
		return nil, err
	}
	r := &BroadcastStanding{State: p.State, Since: p.Since, Sending: p.Version, Begins: p.Begins, NotSent: map[string]int64{}}
	if p.Approved != 0 {
		r.Approved = &Approval{p.Approved, p.ApprovedBy, p.ApprovedAt}
	}
	line := effect.BroadcastKey(key)
	counts := maps.Clone(o.Spine.EffectCounts()[line])
	take := func(what effect.Outcome) int64 {
		n := counts[string(what)]
		delete(counts, string(what))
		return n
	}
	r.Waiting, r.Delivered = take(effect.Waiting), take(effect.Delivered)
	r.Failed = take(effect.Dead) + take(effect.Discarded)
	r.Sent = r.Delivered + r.Failed
	r.Messages = r.Sent + r.Waiting
	for reason, n := range counts {
		if n != 0 {
			r.NotSent[reason] = n
		}
	}
	if o.sent(key, &p) {
		r.State = broadcast.Sent
	}
	if l := o.today(line); l != nil && r.Waiting > 0 {
		r.Problem = l.state(nil).Problem
	}
	return r, nil
}

// sent tells whether everybody was looked at and nothing waits.
func (o *Outbox) sent(key string, p *broadcast.Progress) bool {
	return p.State == broadcast.Sending && p.Walked && o.Spine.EffectCounts()[effect.BroadcastKey(key)][string(effect.Waiting)] == 0
}

// ReportOf tells what became of a broadcast.
func (o *Outbox) ReportOf(ctx context.Context, key string) (*BroadcastReport, error) {
	standing, err := o.StandingOf(ctx, key)
	if err != nil {
		return nil, err
	}
	r := &BroadcastReport{BroadcastStanding: *standing}
	responses, err := o.Spine.Responses(ctx, effect.BroadcastKey(key))
	if err != nil {
		return nil, err
	}
	r.Bounced, r.Unsubscribed, r.Complained = responses.Count(effect.Bounced), responses.Count(effect.Unsubscribed), responses.Count(effect.Complained)
	r.Clicked = responses.Count(effect.Clicked)
	// Who followed a link saw the message, also where images are not shown.
	r.Opened = responses.Count(effect.Opened, effect.Clicked)
	return r, nil
}
