package pipeline

import (
	"context"
	"errors"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// graphPerson gives the identifiers of a person from the graph, strongest
// first, and what of shared identifiers is the person's; no members where the
// graph does not know the identifier, which then stands for itself.
func (p *Pipeline) graphPerson(ctx context.Context, k id.Key) (members []event.Identifier, shared []sharedIdentifier, err error) {
	l, g := p.graphLane, p.graph
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := g.loadWhole(ctx, []id.Key{k}); err != nil {
		return nil, nil, err
	}
	n, ok := g.nodes.get(k)
	if !ok {
		return nil, nil, nil
	}
	c := g.find(n.component)
	if c == nil {
		return nil, nil, nil
	}
	members = slices.Clone(c.personOf(n.ident))
	slices.SortFunc(members, g.rules.Compare)
	if c.asks || len(members) == 1 || c.cuts != nil {
		shared, err = g.sharedOf(ctx, members)
	}
	return members, shared, err
}

// atHomeOf gives a person as the home has it, of shared identifiers all that is
// the person's in the graph; nil where there is none.
func (p *Pipeline) atHomeOf(ctx context.Context, k id.Key) (*person, error) {
	members, err := p.members(ctx, k)
	if err != nil {
		return nil, err
	}
	keys := []id.Key{k}
	if len(members) > 0 {
		keys = keys[:0]
		for _, m := range members {
			keys = append(keys, m.Key())
		}
	}
	who := &person{}
	for _, k := range keys {
		a, err := p.copyAnchor(ctx, k)
		if err != nil {
			return nil, err
		}
		if a != nil {
			who.anchors = append(who.anchors, a)
		}
	}
	if len(who.anchors) == 0 {
		return nil, nil
	}
	p.name(who, members)
	return who, nil
}

// owns tells whether a moment of a shared identifier is the person's.
func (s *sharedIdentifier) owns(at clock.Instant) bool {
	return slices.ContainsFunc(s.owned, func(i interval) bool { return i.from <= at && at < i.to })
}

// cut makes of a shared identifier's anchor what of it is one person's: its
// events within the person's times, folded by themselves. It reads as many
// entries of the timeline as the identifier has.
func (p *Pipeline) cut(ctx context.Context, a *anchor, s *sharedIdentifier) (*anchor, error) {
	entries, err := p.finished(ctx, a.key, a.chunks, a.pending)
	if err != nil {
		return nil, err
	}
	out := &anchor{key: a.key, ident: a.ident, partial: profile.New(), received: a.received, timer: a.timer, linked: true, home: a.home}
	for _, e := range append(entries, a.open...) {
		if !s.owns(e.Time) {
			continue
		}
		rec, err := p.store.Log().At(ctx, store.Position(e.Position))
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ev, err := p.decode(rec.Payload)
		if err != nil {
			continue // counted when it was folded
		}
		source := p.sources(ev.Source)
		out.partial.Fold(ev, profile.Input{Short: e.Short, Priority: source.Priority, Mapping: source.Mapping})
		if due := out.partial.Due(); due != 0 && due <= ev.ReceivedAt {
			out.partial.Tick(ev.ReceivedAt)
		}
		out.open = append(out.open, e)
	}
	for _, at := range a.told {
		rec, err := p.store.Log().At(ctx, at)
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if _, part, err := readPortion(rec.Payload); err == nil && s.owns(part.Stamp.Time) {
			out.partial.ApplyPortion(&part)
		}
	}
	if due := out.partial.Due(); due != 0 && due <= a.partial.Now() {
		out.partial.Tick(a.partial.Now())
	}
	return out, nil
}
