package pipeline

import (
	"context"
	"fmt"
	"slices"

	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Most of what the graph says about the times of a cut moves nothing: a border
// between two sightings moves where nobody did anything.

// moving is how the times of a cut change.
type moving struct {
	before []graph.Interval
	others []*cut // which claim what the cut gave up
	whole  bool   // the home has nothing of the cut yet
}

// moveCut brings a cut to its new times. Where no event lies between the old
// and the new ones, all stays; where events come, these are folded; where
// events go, the cut is folded anew, as are the cuts that claim them.
func (w *people) moveCut(ctx context.Context, a *anchor, c *cut, m moving) {
	if w.holds(ctx, a, subtract(m.before, c.owned)) {
		w.othersAnew(a, m.others)
		w.cutAnew(a, c)
		return
	}
	came := subtract(c.owned, m.before)
	switch comes := w.holds(ctx, a, came); {
	case !comes && m.whole:
		w.cutChanged(a, c)
	case !comes:
	case c.partial == nil:
		w.cutAnew(a, c)
	default:
		if err := w.extendCut(ctx, a, c, came); err != nil {
			w.log.Error("cut is folded from its beginning", "anchor", a.key, "error", err)
			w.cutAnew(a, c)
			return
		}
		w.cutChanged(a, c)
	}
}

// othersAnew folds cuts anew that claim what another gave up: what came while
// both claimed it is in one of them only.
func (w *people) othersAnew(a *anchor, others []*cut) {
	for _, o := range others {
		w.cutAnew(a, o)
	}
}

// extendCut folds what of a timeline lies in times that are new to a cut.
func (w *people) extendCut(ctx context.Context, a *anchor, c *cut, came []graph.Interval) error {
	entries, err := w.entriesWithin(ctx, a, came)
	if err != nil {
		return err
	}
	r := w.cutting1(a, c)
	fold := func(e *event.Event, in profile.Input, _ profile.Entry) {
		in.Names = w.names
		r.fold(e, in)
	}
	if err := w.refoldEntries(ctx, entries, fold); err != nil {
		return err
	}
	if _, err := w.refoldTold(ctx, a, came, r.portion); err != nil {
		return err
	}
	if err := w.basesWithin(ctx, a, came, r.base); err != nil {
		return err
	}
	w.windCut(a, c)
	return nil
}

// holds tells whether anything of an anchor lies in some times. What cannot be
// read may lie there.
func (w *people) holds(ctx context.Context, a *anchor, times []graph.Interval) bool {
	if len(times) == 0 {
		return false
	}
	if len(a.told) > 0 || len(a.bases) > 0 {
		return true
	}
	entries, err := w.entriesWithin(ctx, a, times)
	return err != nil || len(entries) > 0
}

// entriesWithin gives the entries of a timeline in some times. Once it knows
// the times of the chunks it reads no others.
func (w *people) entriesWithin(ctx context.Context, a *anchor, owned []graph.Interval) (out []profile.Entry, err error) {
	if len(owned) == 0 {
		return nil, nil
	}
	var all []profile.Entry
	if len(a.cuts.times) == int(a.chunks) {
		all, err = w.someChunks(ctx, a, a.cuts.times, owned)
	} else if all, err = w.finished(ctx, a.key, a.chunks, a.pending); err == nil {
		a.cuts.times = nil
		for chunk := range slices.Chunk(all, chunkEntries) {
			a.cuts.times = append(a.cuts.times, timesOf(chunk))
		}
	}
	if err != nil {
		return nil, err
	}
	for _, list := range [...][]profile.Entry{all, a.open} {
		for _, e := range list {
			if within(owned, e.Time) {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// someChunks gives the entries of the finished chunks that reach into some
// times; the times of the chunks are given.
func (s *setting) someChunks(ctx context.Context, a *anchor, times, owned []graph.Interval) (out []profile.Entry, err error) {
	committed := int(a.chunks) - len(a.pending)
	var keys []store.RowKey
	for i, t := range times {
		switch {
		case !overlaps(owned, t):
		case i >= committed:
			out = append(out, a.pending[i-committed].entries...)
		default:
			keys = append(keys, store.RowKey{Table: store.TableTimeline, Bucket: a.key.Bucket(), Key: chunkKey(a.key, uint32(i))})
		}
	}
	if len(keys) == 0 {
		return out, nil
	}
	rows, err := s.store.State().Load(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("timeline of %s: %w", a.key, err)
	}
	for _, parts := range rows {
		if len(parts) == 0 {
			return nil, fmt.Errorf("timeline of %s: %w", a.key, errAnchor)
		}
		if out, err = readEntries(out, parts[0]); err != nil {
			return nil, fmt.Errorf("timeline of %s: %w", a.key, err)
		}
	}
	return out, nil
}
