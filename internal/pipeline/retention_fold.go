package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// foldBase takes a base in the place of the events that it stands for.
func (w *people) foldBase(r *store.Record) {
	if r.Payload == nil {
		return // erased, or another base has taken its place
	}
	b, err := readBase(r.Payload, w.names)
	if err != nil {
		w.log.Error("base cannot be read", "position", r.Position, "error", err)
		return
	}
	w.follow(r, nil, nil)
	a := w.anchor(b.ident, r.Anchor)
	i := slices.IndexFunc(a.bases, func(x baseRef) bool { return x.source == b.source })
	if i >= 0 && a.bases[i].at >= r.Position {
		return
	}
	a.bases = slices.Clone(a.bases)
	if i < 0 {
		a.bases = append(a.bases, baseRef{})
		i = len(a.bases) - 1
	}
	a.bases[i] = baseRef{source: b.source, at: r.Position, events: b.events, copies: b.copies, last: b.last}
	a.rebase = true
	w.touch(a)
	w.allCutAnew(a)
	w.foldAnew(a)
}

// expired gives what of a timeline is still there, and the bases of what is not.
func (w *people) expired(ctx context.Context, a *anchor, entries []profile.Entry) ([]profile.Entry, []base, error) {
	var bases []base
	var refs []baseRef
	gone, copies := map[uint64]bool{}, 0
	for _, ref := range a.bases {
		b, err := w.baseAt(ctx, ref.at, w.names)
		if err != nil {
			return nil, nil, err
		}
		if b == nil {
			continue
		}
		if !ref.taken {
			for _, t := range b.took {
				gone[t.short] = true
			}
			n, err := w.unforgotten(ctx, b.doubles)
			if err != nil {
				return nil, nil, err
			}
			copies, ref.taken = copies+n, true
		}
		bases, refs = append(bases, *b), append(refs, ref)
	}
	if !slices.Equal(a.bases, refs) {
		a.bases, a.rebase = refs, true
	}
	a.copies -= min(uint32(copies), a.copies)
	if !slices.ContainsFunc(entries, func(e profile.Entry) bool { return gone[e.Short] }) {
		return entries, bases, nil
	}
	return w.takeOut(a, entries, gone), bases, nil
}

// unforgotten counts the copies that the log still has: those that were counted
// as copies of the anchor when they were folded.
func (w *people) unforgotten(ctx context.Context, doubles []store.Position) (n int, err error) {
	for _, at := range doubles {
		kept, err := w.sourceAt(ctx, at)
		if err != nil {
			return 0, err
		}
		if kept != nil {
			n++
		}
	}
	return n, nil
}

// takeOut makes the timeline of an anchor anew without some messages. The rows
// of chunks are known by their numbers: what a commit that is under way writes
// is not to be found in the store yet.
func (w *people) takeOut(a *anchor, entries []profile.Entry, gone map[uint64]bool) []profile.Entry {
	for n := range a.chunks {
		w.rows = append(w.rows, w.row(store.TableTimeline, a.key, chunkKey(a.key, n), store.Delete, nil))
	}
	kept := make([]profile.Entry, 0, len(entries))
	for i := range entries {
		if e := &entries[i]; !gone[e.Short] {
			kept = append(kept, *e)
		} else if a.chunks > 0 {
			w.rows = append(w.rows, w.row(store.TableSeen, a.key, seenKey(a.key, e.Short), store.Delete, nil))
		}
	}
	w.gathered = slices.DeleteFunc(w.gathered, func(o *anchor) bool { return o == a })
	a.open, a.shorts, a.pending, a.recent, a.known, a.chunks = nil, nil, nil, nil, nil, 0
	a.gathered, a.savedOpen = 0, -1
	if a.cuts != nil {
		a.cuts.times = nil
	}
	for i := range kept {
		a.note(kept[i])
	}
	return kept
}

// refoldBase takes a base into an anchor that is folded again, and tells the
// graph whom its events named.
func (w *people) refoldBase(a *anchor, again *refolding, b *base) {
	again.base(b)
	a.taken(b.received)
	w.announce(a)
	for i := range b.edges {
		a.mergeEdge(&b.edges[i])
	}
	for i := range b.edges {
		if e := a.edge(b.edges[i].ident); e != nil {
			w.link(a, e)
		}
	}
}

// base adds what a base holds to a state that is folded anew.
func (r *refolding) base(b *base) {
	r.partial.Merge(b.partial)
	if b.leaves == nil {
		return
	}
	if r.glass != nil {
		r.glass.set.Merge(r.leaves, b.leaves)
	}
	if r.job != nil && len(r.job.fresh) > 0 {
		r.job.glass.set.MergeOnly(r.leaves, b.leaves, r.job.fresh)
	}
}

// fillBases adds to a backfill what bases know of what it asks for: conditions
// that were in force when the events were taken out.
func (w *people) fillBases(ctx context.Context, a *anchor, into *segment.State) error {
	return w.basesWithin(ctx, a, always, func(b *base) {
		if b.leaves != nil {
			w.job.glass.set.MergeOnly(into, b.leaves, w.job.fresh)
		}
	})
}

// sourceAt gives from where an event of the log came; nil where the log no longer
// has it.
func (s *setting) sourceAt(ctx context.Context, at store.Position) (*string, error) {
	rec, err := s.store.Log().At(ctx, at)
	if errors.Is(err, store.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("event at %d: %w", at, err)
	}
	return sourceOf(rec.Payload), nil
}
