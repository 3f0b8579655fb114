package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// foldAgain folds anchors anew from their timeline: a copy that counts more
// took the place of one that was folded, and what was folded cannot be taken
// out of a sum.
func (w *people) foldAgain(ctx context.Context) error {
	for len(w.stale) > 0 {
		a := w.stale[len(w.stale)-1]
		if err := w.refold(ctx, a); err != nil {
			return err
		}
		w.stale = w.stale[:len(w.stale)-1]
	}
	return nil
}

func (w *people) refold(ctx context.Context, a *anchor) (err error) {
	w.credited([]id.Key{a.key}, func() { err = w.refoldNow(ctx, a) })
	return err
}

func (w *people) refoldNow(ctx context.Context, a *anchor) error {
	for _, e := range a.better {
		if !a.replace(e) {
			if err := w.replaceCommitted(ctx, a, e); err != nil {
				return err
			}
		}
	}
	a.better = nil
	chunks, err := w.finished(ctx, a.key, a.chunks, a.pending)
	if err != nil {
		return err
	}
	entries, bases, err := w.expired(ctx, a, append(chunks, a.open...))
	if err != nil {
		return err
	}
	before := a.edges
	again := w.foldingAgain(a)
	a.edges, a.received = nil, 0
	for i := range bases {
		w.refoldBase(a, again, &bases[i])
	}
	if err := w.refoldEntries(ctx, entries, func(ev *event.Event, in profile.Input, _ profile.Entry) {
		in.Names = w.names
		again.fold(ev, in)
		a.taken(ev.ReceivedAt)
		w.announce(a)
		for _, news := range a.meet(ev.Identifiers[1:], ev.Time, ev.ReceivedAt) {
			w.link(a, news)
		}
	}); err != nil {
		return err
	}
	for i := range before {
		if e := a.edge(before[i].ident); e != nil && before[i].watched {
			e.watched, e.unsaid = true, slices.Clone(e.seen)
		}
	}
	w.saySightings(a)
	if a.told, err = w.refoldTold(ctx, a, always, again.portion); err != nil {
		return err
	}
	a.partial, a.leaves, a.fresh, a.refold = again.partial, again.leaves, true, false
	a.refolds++
	a.stirred()
	w.touch(a)
	w.judge(a, cause{kind: causeCorrection})
	w.arm(a, 0)
	w.tried(a)
	return nil
}

// always is all of time.
var always = []graph.Interval{{From: identity.Beginning, To: identity.End}}

// refoldTold reads what commands told an anchor of orders, in some times, and
// gives where it stands.
func (s *setting) refoldTold(ctx context.Context, a *anchor, owned []graph.Interval, fold func(*catalog.Portion, clock.Instant)) (told []store.Position, err error) {
	for _, at := range a.told {
		rec, err := s.store.Log().At(ctx, at)
		if errors.Is(err, store.ErrErased) {
			continue // it told of somebody who was erased
		}
		if err != nil {
			return a.told, fmt.Errorf("portion at %d: %w", at, err)
		}
		_, p, err := readPortion(rec.Payload)
		if err != nil {
			return a.told, fmt.Errorf("portion at %d: %w", at, err)
		}
		if within(owned, p.Stamp.Time) {
			fold(&p, rec.Received)
			told = append(told, at)
		}
	}
	return told, nil
}

// refolding is the state of an anchor that is folded anew.
type refolding struct {
	partial *profile.Partial
	leaves  *segment.State // nil where nothing is evaluated
	glass   *glass
	job     *job // nil where the backfill has not been there
}

func (w *people) foldingAgain(a *anchor) *refolding {
	r := &refolding{partial: profile.New(), glass: w.glass}
	if w.job != nil && w.job.covers(a) {
		r.job = w.job
	}
	if r.glass != nil || r.job != nil {
		r.leaves = segment.NewState()
	}
	return r
}

func (r *refolding) fold(e *event.Event, in profile.Input) {
	portions := r.partial.Fold(e, in)
	if due := r.partial.Due(); due != 0 && due <= e.ReceivedAt {
		r.partial.Tick(e.ReceivedAt)
	}
	keep := segment.Input{Short: in.Short, Mapping: in.Mapping}
	if r.glass != nil {
		r.glass.fold(r.leaves, e, keep, portions)
	}
	if r.job != nil {
		r.job.fold(r.leaves, e, keep, portions)
	}
}

func (r *refolding) portion(p *catalog.Portion, received clock.Instant) {
	r.partial.ApplyPortion(p)
	r.partial.Tick(received)
	if r.glass != nil {
		r.glass.foldPortion(r.leaves, p)
	}
	if r.job != nil && r.job.glass != nil {
		r.job.glass.foldPortion(r.leaves, p)
	}
}
