package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// askForCuts tells the anchors of shared identifiers which of their times are a
// home's, where that changed.
func (w *people) askForCuts(a *anchor, before, now []graph.Shared, version store.Position, received clock.Instant) {
	if len(before)+len(now) == 0 {
		return
	}
	gone := make(map[event.Identifier][]graph.Interval, len(before))
	for _, s := range before {
		gone[s.Identifier] = s.Owned
	}
	for _, s := range now {
		owned, had := gone[s.Identifier]
		delete(gone, s.Identifier)
		if s.Identifier != a.ident && (!had || !slices.Equal(owned, s.Owned)) {
			c := cutRecord{shared: s.Identifier.Key(), home: a.key, version: version, owned: s.Owned, anew: !had}
			w.derived = append(w.derived, c.record(received))
		}
	}
	for _, s := range before {
		if _, ok := gone[s.Identifier]; ok && s.Identifier != a.ident {
			c := cutRecord{shared: s.Identifier.Key(), home: a.key, version: version, gone: true}
			w.derived = append(w.derived, c.record(received))
		}
	}
}

// cutItself tells whether a home has only a part of its own anchor.
func (a *anchor) cutItself() bool {
	return a.home != nil && slices.ContainsFunc(a.home.shared, func(s graph.Shared) bool { return s.Identifier == a.ident })
}

// foldCut takes a home's word on which times are its person's. An anchor of
// which there is no row yet gets one that says only this.
func (w *people) foldCut(r *store.Record) {
	c, ok := readCut(r.Payload)
	if !ok {
		if r.Payload != nil {
			w.log.Error("cut cannot be read", "position", r.Position)
		}
		return
	}
	a, ok := w.anchors.Get(c.shared)
	if !ok {
		if c.gone {
			return
		}
		a = &anchor{key: c.shared, partial: profile.New(), fresh: true, home: w.notice(c.shared)}
		if w.job != nil {
			a.born = w.job.Number
		}
		w.anchors.Put(c.shared, a, a.size())
	}
	w.setCut(a, &c)
	if c.gone && a.elsewhere() && a.home.key == c.home {
		w.share(a) // all of it is the home's again
	}
}

// setCut gives a home its times of an anchor.
func (w *people) setCut(a *anchor, r *cutRecord) {
	if a.cuts == nil {
		a.cuts, a.isCut = newCuts(), true
	}
	c := a.cuts.of[r.home]
	if c != nil && r.version <= c.version {
		return
	}
	w.touch(a)
	fresh := c == nil
	if fresh {
		if r.gone {
			return
		}
		c = &cut{home: r.home}
		a.cuts.of[r.home] = c
	}
	c.version = r.version
	before := c.owned
	others := a.cuts.own(c, r.owned)
	if !r.gone {
		w.rows = append(w.rows, w.cutRow(a, c))
		w.moveCut(context.Background(), a, c, moving{before: before, others: others, whole: fresh || r.anew})
		return
	}
	if len(others) > 0 && w.holds(context.Background(), a, before) {
		w.othersAnew(a, others)
	}
	delete(a.cuts.of, r.home)
	is := func(o *cut) bool { return o == c }
	a.cuts.ended(c)
	a.cuts.dirty = slices.DeleteFunc(a.cuts.dirty, is)
	a.cuts.warm = slices.DeleteFunc(a.cuts.warm, is)
	w.rows = append(w.rows, w.row(store.TableCuts, a.key, shareKey(a.key, c.home), store.Delete, nil))
}

// cutAnew forgets what was folded of a cut: it is folded from the timeline.
func (w *people) cutAnew(a *anchor, c *cut) {
	c.partial, c.leaves = nil, nil
	w.cutChanged(a, c)
}

// cutChanged notes that a cut is to be sent home.
func (w *people) cutChanged(a *anchor, c *cut) {
	c.at = w.position
	if c.home == a.key {
		a.stirred()
	}
	if !c.dirty {
		c.dirty = true
		a.cuts.dirty = append(a.cuts.dirty, c)
	}
	if !a.cuts.waits {
		a.cuts.waits = true
		w.cutting = append(w.cutting, a)
	}
}

// allCutAnew lets all cuts of an anchor be folded from the timeline.
func (w *people) allCutAnew(a *anchor) {
	if a.cuts == nil {
		return
	}
	a.cuts.times = nil
	for _, c := range a.cuts.of {
		w.cutAnew(a, c)
	}
	slices.SortFunc(a.cuts.dirty, func(x, y *cut) int { return slices.Compare(x.home[:], y.home[:]) })
}

// cutAt lets the cuts that some moments belong to be folded anew.
func (w *people) cutAt(a *anchor, moments ...clock.Instant) {
	if a.cuts == nil {
		return
	}
	a.cuts.times = nil // an entry may have got another time
	for _, at := range moments {
		if c := a.cuts.owner(at); c != nil {
			w.cutAnew(a, c)
		}
	}
}

// foldCuts takes an event, which is in the timeline already, into the cut that
// its moment belongs to.
func (w *people) foldCuts(a *anchor, e *event.Event, in profile.Input) {
	if a.cuts == nil {
		return
	}
	c := a.cuts.owner(e.Time)
	if c == nil {
		return
	}
	if c.partial != nil {
		r := w.cutting1(a, c)
		r.fold(e, in)
		w.windCut(a, c)
	}
	w.cutChanged(a, c)
}

// cutting1 is a cut to be folded into.
func (w *people) cutting1(a *anchor, c *cut) *refolding {
	r := &refolding{partial: c.partial, leaves: c.leaves, glass: w.glass}
	if w.job != nil && w.job.covers(a) {
		r.job = w.job
	}
	if r.leaves == nil && (r.glass != nil || r.job != nil) {
		c.leaves = segment.NewState()
		r.leaves = c.leaves
	}
	return r
}

// windCut lets time pass for a cut, as far as ticks said, and notes when its
// session ends. Events of others on the identifier do not end it: which of them
// are known depends on their order.
func (w *people) windCut(a *anchor, c *cut) {
	due := c.partial.Due()
	if due != 0 && due <= w.passed[a.key.Bucket()] {
		c.partial.Tick(due)
		due = 0
	}
	if due == c.due {
		return
	}
	a.cuts.ended(c)
	c.due = due
	a.cuts.live(c)
	w.rows = append(w.rows, w.cutRow(a, c))
}

// windCuts lets time pass for the cuts whose session ended.
func (w *people) windCuts(a *anchor) {
	if a.cuts == nil {
		return
	}
	passed := w.passed[a.key.Bucket()]
	for len(a.cuts.alive) > 0 && a.cuts.alive[0].due <= passed {
		c := a.cuts.alive[0]
		if c.partial == nil {
			a.cuts.ended(c)
			c.due = 0
			w.rows = append(w.rows, w.cutRow(a, c))
		} else {
			w.windCut(a, c)
		}
		w.cutChanged(a, c)
	}
}

// mine is what an anchor knows of the person whose home it is: all, or where
// others have it at times too, its own cut.
func (w *people) mine(a *anchor) (*profile.Partial, *segment.State) {
	if !a.cutItself() {
		return a.partial, a.leaves
	}
	if a.cuts == nil {
		return profile.New(), nil
	}
	c := a.cuts.of[a.key]
	if c == nil {
		return profile.New(), nil
	}
	if c.partial == nil {
		if err := w.recut(context.Background(), a, c); err != nil {
			w.log.Error("shared identifier cannot be cut yet", "anchor", a.key, "error", err)
			return profile.New(), nil
		}
	}
	return c.partial, c.leaves
}

// recut folds a cut from the timeline.
func (w *people) recut(ctx context.Context, a *anchor, c *cut) error {
	entries, err := w.entriesWithin(ctx, a, c.owned)
	if err != nil {
		return err
	}
	w.recutEvents += len(entries)
	again := w.foldingAgain(a)
	fold := func(e *event.Event, in profile.Input, _ profile.Entry) {
		in.Names = w.names
		again.fold(e, in)
	}
	if err := w.refoldEntries(ctx, entries, fold); err != nil {
		return err
	}
	if _, err := w.refoldTold(ctx, a, c.owned, again.portion); err != nil {
		return err
	}
	if err := w.basesWithin(ctx, a, c.owned, again.base); err != nil {
		return err
	}
	c.partial, c.leaves = again.partial, again.leaves
	w.windCut(a, c)
	a.cuts.warm = append(slices.DeleteFunc(a.cuts.warm, func(o *cut) bool { return o == c }), c)
	if len(a.cuts.warm) > warmCuts {
		old := a.cuts.warm[0]
		a.cuts.warm = slices.Delete(a.cuts.warm, 0, 1)
		if !old.dirty {
			old.partial, old.leaves = nil, nil
		}
	}
	return nil
}

// refoldEntries reads events of a timeline anew.
func (s *setting) refoldEntries(ctx context.Context, entries []profile.Entry, fold func(*event.Event, profile.Input, profile.Entry)) error {
	for _, e := range entries {
		rec, err := s.store.Log().At(ctx, store.Position(e.Position))
		if errors.Is(err, store.ErrErased) {
			continue
		}
		if err != nil {
			return fmt.Errorf("event at %d: %w", e.Position, err)
		}
		ev, err := s.decode(rec.Payload)
		if err != nil {
			continue // counted when it was folded
		}
		s.erased.Load().Strip(ev)
		source := s.sources(ev.Source)
		fold(ev, profile.Input{Short: e.Short, Priority: source.Priority, Mapping: source.Mapping}, e)
	}
	return nil
}

// sendCuts sends home what changed in the batch.
func (w *people) sendCuts(ctx context.Context) error {
	for len(w.cutting) > 0 {
		a := w.cutting[len(w.cutting)-1]
		for _, c := range a.cuts.dirty {
			if c.partial == nil {
				if err := w.recut(ctx, a, c); err != nil {
					return err
				}
			}
			if c.home == a.key || a.ident.Value == "" {
				c.dirty = false
				continue // it is there, or there is nothing to tell
			}
			row := anchor{ident: a.ident, partial: c.partial, leaves: c.leaves, received: a.received}
			s := shareRecord{home: c.home, from: a.key, version: c.at, generation: a.generation, cut: true, row: row.shareRow()}
			w.derived = append(w.derived, store.Record{
				Kind: store.KindShare, Bucket: s.home.Bucket(), Anchor: a.key, Received: a.partial.Now(), Payload: s.append(nil),
			})
			c.dirty = false
		}
		a.cuts.dirty, a.cuts.waits = rows.Emptied(a.cuts.dirty), false
		w.arm(a, 0)
		w.cutting[len(w.cutting)-1] = nil
		w.cutting = w.cutting[:len(w.cutting)-1]
	}
	return nil
}
