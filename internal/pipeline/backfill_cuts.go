package pipeline

import (
	"context"
	"fmt"
	"slices"

	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// What a shared identifier's people have of it is folded anew in slices too,
// once its own timeline is: a kiosk has as many cuts as people who were seen on
// it. The identifier follows live by then. How far its cuts have come is in the
// row of the backfill, so a crash repeats one slice of them.

// sliceTimes is of how many chunks of a timeline a slice finds out which times
// they cover.
const sliceTimes = 64

// cutFilling is the way through the cuts of one anchor.
type cutFilling struct {
	anchor *anchor
	homes  []id.Key // that are left, in their order
}

// cutsOf begins with the cuts of an anchor, where it has any.
func (j *job) cutsOf(a *anchor) {
	if a.cuts == nil || len(a.cuts.of) == 0 {
		return
	}
	for _, c := range a.cuts.of {
		c.partial, c.leaves = nil, nil // without what is folded now
	}
	a.cuts.warm = nil
	j.CutsOf, j.CutsDone, j.changed = slices.Clone(a.key[:]), nil, true
}

// holds tells whether an anchor is being folded, so that it is not let go of.
func (j *job) holds(a *anchor) bool {
	return j.filling != nil && j.filling.anchor == a || j.cutting != nil && j.cutting.anchor == a
}

// fillCuts folds the next cuts of the anchor whose turn it is.
func (w *people) fillCuts(ctx context.Context) error {
	j := w.job
	if f := j.cutting; f != nil {
		if now, ok := w.anchors.Get(f.anchor.key); !ok || now != f.anchor || now.cuts == nil {
			j.cutting = nil // it was let go of
		}
	}
	if j.cutting == nil {
		if err := w.takeUpCuts(ctx); err != nil || j.cutting == nil {
			return err
		}
	}
	a := j.cutting.anchor
	if known, err := w.knowTimes(ctx, a); err != nil || !known {
		return err
	}
	events := w.recutEvents
	for n := 0; n < warmCuts && w.recutEvents-events < sliceEvents && len(j.cutting.homes) > 0; n++ {
		home := j.cutting.homes[0]
		if c := a.cuts.of[home]; c != nil {
			if err := w.recut(ctx, a, c); err != nil {
				return fmt.Errorf("cut of %s: %w", a.key, err)
			}
			w.cutChanged(a, c)
		}
		j.cutting.homes = j.cutting.homes[1:]
		j.CutsDone, j.changed = slices.Clone(home[:]), true
	}
	if len(j.cutting.homes) == 0 {
		j.endCuts()
	}
	return nil
}

func (j *job) endCuts() { j.cutting, j.CutsOf, j.CutsDone, j.changed = nil, nil, nil, true }

// takeUpCuts brings the anchor whose turn it is into memory.
func (w *people) takeUpCuts(ctx context.Context) error {
	j := w.job
	list, err := w.fetch(ctx, []id.Key{id.Key(j.CutsOf)})
	if err != nil {
		return err
	}
	if len(list) == 0 || !list[0].isCut {
		j.endCuts() // erased since
		return nil
	}
	a := list[0]
	if err := w.loadCuts(ctx, a); err != nil {
		return err
	}
	if err := w.loadForeign(ctx, list); err != nil {
		return err
	}
	f := &cutFilling{anchor: a}
	for home := range a.cuts.of {
		if j.CutsDone == nil || slices.Compare(home[:], j.CutsDone) > 0 {
			f.homes = append(f.homes, home)
		}
	}
	slices.SortFunc(f.homes, func(x, y id.Key) int { return slices.Compare(x[:], y[:]) })
	j.cutting = f
	return nil
}

// knowTimes finds out the times of the next chunks of a timeline, and tells
// whether those of all are known.
func (w *people) knowTimes(ctx context.Context, a *anchor) (known bool, err error) {
	c := a.cuts
	if len(c.times) == int(a.chunks) {
		return true, nil
	}
	if len(c.times) > int(a.chunks) {
		c.times = nil
	}
	committed := int(a.chunks) - len(a.pending)
	var keys []store.RowKey
	for n := len(c.times); n < committed && len(keys) < sliceTimes; n++ {
		keys = append(keys, store.RowKey{Table: store.TableTimeline, Bucket: a.key.Bucket(), Key: chunkKey(a.key, uint32(n))})
	}
	rows, err := w.store.State().Load(ctx, keys)
	if err != nil {
		return false, fmt.Errorf("timeline of %s: %w", a.key, err)
	}
	var entries []profile.Entry
	for _, parts := range rows {
		if len(parts) == 0 {
			return false, fmt.Errorf("timeline of %s: %w", a.key, errAnchor)
		}
		if entries, err = readEntries(entries[:0], parts[0]); err != nil {
			return false, fmt.Errorf("timeline of %s: %w", a.key, err)
		}
		c.times = append(c.times, timesOf(entries))
	}
	for n := len(c.times) - committed; n >= 0 && n < len(a.pending); n++ {
		c.times = append(c.times, timesOf(a.pending[n].entries))
	}
	return len(c.times) == int(a.chunks), nil
}

// timesOf gives the first moment of some entries and one after the last.
func timesOf(entries []profile.Entry) graph.Interval {
	i := graph.Interval{From: entries[0].Time, To: entries[0].Time + 1}
	for _, e := range entries {
		i.From, i.To = min(i.From, e.Time), max(i.To, e.Time+1)
	}
	return i
}
