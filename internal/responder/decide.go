package responder

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"

	"rapport/internal/decision/offer"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/feel"
	"rapport/internal/id"
	"rapport/internal/pipeline"
	"rapport/internal/profile/shown"
	"rapport/internal/trace"
)

// question is one request on its way to an answer.
type question struct {
	*Responder
	*Request
	ctx       context.Context //nolint:containedctx // of the request, for callbacks of the domain that hand none on
	shelf     *shelf
	guest     *guest
	visit     *experience.Visit
	now       instant
	shown     []string                // offers that stand on the page already
	taken     []*pipeline.Reservation // of offers of which there are so many, not written down yet
	room      *offer.Room
	preview   *experience.Ready
	forced    string // its variant
	variables map[string]any
	event     json.RawMessage // that set a triggered experience off

	forMessage [16]byte // id of the message that the decision is for
	due        instant  // of that message: when its decision is made; so it is the same made again
}

// The most that is asked at once.
const maxPlaces = 50

// Decide answers what to show. An error is the server's own: whatever is wrong
// with a request, the answer is a fallback and a reason.
func (r *Responder) Decide(ctx context.Context, req *Request) (*WhatToShow, error) {
	defer r.Model.Begin()()
	ctx, step := trace.Start(ctx, "decide")
	defer step.End()
	step.Number("places", len(req.Placements)+len(req.Experiences))
	s, err := r.shelf.get(ctx)
	if err != nil {
		return nil, err
	}
	asked := *req // a preview makes it dry
	q := &question{Responder: r, Request: &asked, ctx: ctx, shelf: s, now: r.Clock.Now()}
	if err := q.readPreview(); err != nil {
		return nil, err
	}
	if q.guest, err = r.meet(ctx, req, s, !s.computed); err != nil {
		return nil, err
	}
	q.room, _ = r.rooms.Get().(*offer.Room)
	defer r.rooms.Put(q.room)
	q.situate()
	// What another request decides for the same person is known before this one
	// decides.
	turn := &r.turns[q.guest.turn()]
	turn.Lock()
	defer turn.Unlock()
	defer func() { q.undo(mark{}) }() // whatever ends it: what no decision was written down for is there again
	out := &WhatToShow{Decisions: make([]ShownDecision, 0, len(req.Placements)+len(req.Experiences))}
	for i, key := range req.Placements {
		if i == maxPlaces {
			break
		}
		out.Decisions = append(out.Decisions, q.place(key))
	}
	for i, key := range req.Experiences {
		if i == maxPlaces {
			break
		}
		out.Decisions = append(out.Decisions, q.experience(key))
	}
	return out, nil
}

func (g *guest) turn() byte {
	if len(g.Members) > 0 {
		k := g.Members[0].Key()
		return k[0]
	}
	k := g.ident.Key()
	return k[0]
}

// idents are those under whom a decision may have been written down that the
// visitor is treated by.
func (g *guest) idents() []event.Identifier {
	var out []event.Identifier
	if !g.claims {
		out = slices.Clone(g.Members)
	}
	if g.writes.Value != "" && !slices.Contains(out, g.writes) {
		out = append(out, g.writes)
	}
	return out
}

// situate makes what rules and formulas see.
func (q *question) situate() {
	k := id.Key{}
	if q.guest.ident.Value != "" {
		k = q.guest.ident.Key()
	}
	seed := uint64(0)
	for _, b := range k[:8] {
		seed = seed<<8 | uint64(b)
	}
	q.visit = &experience.Visit{
		Unit: q.guest.ident.String(), Page: q.Page.URL,
		Situation: &offer.Situation{
			Person: q.guest.person, Context: q.context(), Channel: q.Channel, Now: q.now, Seed: seed, Item: q.item(q.ctx), Room: q.room,
		},
	}
}

// context is what formulas see of the request: plain values, never expressions.
func (q *question) context() feel.Value {
	params := feel.NewContextBuilder(len(q.Params))
	for name, text := range q.Params {
		if v, err := plain(text); err == nil {
			params.Put(name, v)
		}
	}
	page := feel.ContextOf(
		feel.Entry{Key: "url", Value: feel.String(q.Page.URL)}, feel.Entry{Key: "path", Value: feel.String(q.Page.Path)},
		feel.Entry{Key: "title", Value: feel.String(q.Page.Title)}, feel.Entry{Key: "referrer", Value: feel.String(q.Page.Referrer)},
	)
	return feel.ContextOf(
		feel.Entry{Key: "channel", Value: feel.String(q.Channel)}, feel.Entry{Key: "language", Value: feel.String(q.Language)},
		feel.Entry{Key: "page", Value: page}, feel.Entry{Key: "params", Value: params.Value()},
	)
}

// held is the decision that holds in a place; nil: none does.
func (q *question) held(place string) *shown.Held {
	h := q.guest.seen.Held(place, q.now)
	if just := q.recent.get(q.guest.idents(), place); just != nil && just.Until > q.now && (h == nil || just.Time > h.Time) {
		h = just
	}
	return h
}

// place answers what to show in a placement: an experience that fills it, else
// offers, else the fallback.
func (q *question) place(key string) ShownDecision {
	m := ShownDecision{Placement: key}
	set := q.shelf.places[key]
	if set == nil || !q.Trusted && !set.Place().Public {
		m.Fallback, m.Reason = true, UnknownPlacement
		return m
	}
	p := set.Place()
	m.Type, m.Selector, m.BudgetMS = p.ContentType, p.Selector, p.BudgetMS
	if len(p.Channels) > 0 && !slices.Contains(p.Channels, q.Channel) {
		return q.fallback(m, p.Fallback, NothingEligible)
	}
	if x := q.preview; x != nil && x.Placement == key {
		return q.previewed(m, x)
	}
	held, before := q.held(shown.PlacementPlace(key)), q.mark()
	for _, x := range q.shelf.filling[key] {
		if given, ok := q.try(&m, x, held); ok {
			return given
		}
	}
	decision, reused := q.offers(set, held, &m)
	if len(m.Items) == 0 {
		if q.Explain && decision.Dropped.Stage != "" {
			return q.fallback(m, p.Fallback, decision.Dropped.Stage)
		}
		return q.fallback(m, p.Fallback, NothingEligible)
	}
	if !q.finish(&m, shown.PlacementPlace(key), *p.ValidFor, decision.Basis, reused) {
		q.undo(before)
		return q.fallback(m, p.Fallback, Failed)
	}
	return m
}

func (q *question) fallback(m ShownDecision, content []byte, reason string) ShownDecision {
	m.Fallback, m.Reason, m.Content = true, reason, content
	m.ID, m.Items, m.Experience, m.Variant, m.Version, m.Control = "", nil, "", "", 0, false
	return m
}

// offers fills in the offers of a set. Where a decision holds and could be made
// again, it is that one.
func (q *question) offers(set *offer.Set, held *shown.Held, m *ShownDecision) (d *offer.Decision, reused *shown.Held) {
	m.ID = q.newID()
	ask := &offer.Query{Situation: q.visit.Situation, Language: q.Language, Explain: q.Explain, Without: q.shown}
	if held != nil && len(held.Items) > 0 && held.Experience == m.Experience && held.Variant == m.Variant && !q.Explain {
		if d = set.Could(ask); d.Basis == held.Basis {
			if kept, ok := set.Keep(ask, held); ok {
				before := q.mark()
				q.items(m, set, kept)
				if len(m.Items) == len(kept) {
					return d, held
				}
				m.Items = nil
				q.undo(before)
			}
		}
	}
	switch {
	case q.Dry:
		ask.Left = q.left
	case q.guest.writes.Value == "":
		// Nothing would tell that one was taken: each question would take another.
		ask.Left = func(*offer.Ready) int64 { return 0 }
	default:
		decision := m.ID
		ask.Take = func(o *offer.Ready) bool { return q.take(o, decision) }
	}
	d = set.Decide(ask)
	m.Candidates = append(m.Candidates, d.Candidates...)
	q.items(m, set, d.Chosen)
	return d, nil
}

func (q *question) items(m *ShownDecision, set *offer.Set, chosen []offer.Chosen) {
	for i := range chosen {
		c := &chosen[i]
		text, err := q.pen(set.Place().ContentType == "html", m, nil).content(c.Content)
		if err != nil {
			q.Log.Warn("content of an offer cannot be written", "offer", c.Key, "error", err)
			if i := slices.IndexFunc(q.taken, func(r *pipeline.Reservation) bool { return r.Offer == c.Key }); i >= 0 {
				q.Spine.Release(q.taken[i])
				q.taken = slices.Delete(q.taken, i, i+1)
			}
			continue
		}
		item := ChosenOffer{Offer: c.Key, Version: c.Version, Content: text}
		if q.Trusted {
			if !math.IsNaN(c.Score) {
				item.Score = &c.Score
			}
			if !math.IsNaN(c.Propensity) {
				item.Propensity = &c.Propensity
			}
		}
		m.Items = append(m.Items, item)
		q.shown = append(q.shown, c.Key)
	}
}

// experience answers what an experience gives that is asked for by its key.
func (q *question) experience(key string) ShownDecision {
	m := ShownDecision{Experience: key}
	x := q.shelf.experiences[key]
	if p := q.preview; p != nil && p.Key == key {
		return q.previewed(m, p)
	}
	if x == nil || x.Type == experience.Triggered || !q.Trusted && !x.Public {
		m.Fallback, m.Reason = true, UnknownExperience
		return m
	}
	held := q.held(shown.ExperiencePlace(key))
	if given, ok := q.try(&m, x, held); ok {
		return given
	}
	reason := NothingEligible
	if m.Reason != "" {
		reason = m.Reason
	}
	out := q.fallback(m, x.Fallback, reason)
	out.Experience = key
	return out
}

// try gives an experience, if the visitor is to have it.
func (q *question) try(m *ShownDecision, x *experience.Ready, held *shown.Held) (ShownDecision, bool) {
	fell := func(d offer.Drop) (ShownDecision, bool) {
		if q.Explain {
			m.Considered = append(m.Considered, ConsideredExperience{x.Key, x.Version, false, d.Stage, d.Reason})
		}
		return ShownDecision{}, false
	}
	if !q.Trusted && !x.Public {
		return fell(offer.Drop{Stage: "public", Reason: "the experience is not public"})
	}
	if d := x.Open(q.visit); d.Stage != "" {
		return fell(d)
	}
	v, d := x.Choose(q.visit)
	if v == nil {
		return fell(d)
	}
	given := *m
	given.Experience, given.Version, given.Variant, given.Control, given.Display = x.Key, x.Version, v.Key, v.Control, x.Display
	if held != nil && (held.Experience != x.Key || held.Variant != v.Key || held.Version != x.Version) {
		held = nil
	}
	capped, before := q.capped(x), q.mark()
	if held == nil && capped.Stage != "" {
		return fell(capped)
	}
	basis, reused, reason := q.give(&given, v, held)
	if reason != "" {
		m.Reason = reason
		return fell(offer.Drop{Stage: "content", Reason: reason})
	}
	if q.Explain {
		given.Considered = append(given.Considered, ConsideredExperience{Experience: x.Key, Version: x.Version, Chosen: true})
	}
	place := shown.ExperiencePlace(x.Key)
	if given.Placement != "" {
		place = shown.PlacementPlace(given.Placement)
	}
	if reused == nil && held != nil && held.Basis == basis && len(held.Items) == 0 {
		reused = held
	}
	if reused == nil && capped.Stage != "" {
		q.undo(before) // what held gives way to something new, of which there is enough
		return fell(capped)
	}
	if !q.finish(&given, place, *x.ValidFor, basis, reused) {
		q.undo(before)
		m.Reason = Failed
		return fell(offer.Drop{Stage: "content", Reason: Failed})
	}
	return given, true
}

// capped tells which cap of an experience forbids to give it once more.
func (q *question) capped(x *experience.Ready) offer.Drop {
	if len(x.Caps) == 0 {
		return offer.Drop{}
	}
	return x.Capped(q.visit, q.recent.experiences(q.guest.idents()), q.due)
}

// finish gives a decision its id, and lets it hold; false: it could not be written
// down together with what is taken for it, so it is none.
func (q *question) finish(m *ShownDecision, place string, valid offer.Span, basis uint64, reused *shown.Held) bool {
	switch {
	case reused != nil:
		m.ID = reused.ID
		m.ValidUntil = &reused.Until
	default:
		if m.ID == "" {
			m.ID = q.newID()
		}
		h := &shown.Held{
			Place: place, ID: m.ID, Time: cmp.Or(q.due, q.now), Until: valid.After(q.now), Basis: basis, Experience: m.Experience, Version: m.Version, Variant: m.Variant,
		}
		for _, i := range m.Items {
			h.Items = append(h.Items, shown.HeldItem{Offer: i.Offer, Version: i.Version})
		}
		m.ValidUntil = &h.Until
		if !q.Dry && !q.settle(h, m.Placement) {
			return false
		}
	}
	m.Track = m.track("", q.Channel)
	for i := range m.Items {
		m.Items[i].Track = m.track(m.Items[i].Offer, q.Channel)
	}
	return true
}

// settle writes a decision down: behind the answer, but where something was set
// aside for it before the answer, in one step with what is taken. A message takes
// it when it is written down itself.
func (q *question) settle(h *shown.Held, placement string) bool {
	mine, others := q.takenFor(h.ID)
	if len(mine) == 0 || q.forMessage != [16]byte{} {
		q.keep(q.guest, h, q.Channel, placement)
		return true
	}
	if err := q.keepTaken(q.ctx, q.guest, h, q.Channel, placement, mine); err != nil {
		q.Log.Warn("a decision and what it takes could not be written down", "decision", h.ID, "error", err)
		return false
	}
	q.taken = others
	return true
}

// newID is the id of a decision: that of the message that it is made for, so
// that making it again makes no other.
func (q *question) newID() string {
	b := q.forMessage
	if b == [16]byte{} {
		q.Random(b[:])
	}
	return id.UUID(b)
}
