package pipeline

import (
	"context"
	"errors"
	"fmt"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// eacher is a log that reads many records faster than one by one.
type eacher interface {
	// Each visits the records at positions in the order given; one whose key is
	// destroyed has a nil payload.
	Each(ctx context.Context, at []store.Position, visit func(i int, r *store.Record) error) error
}

// fill folds entries of a timeline into what conditions will keep.
func (w *people) fill(ctx context.Context, f *filling, entries []profile.Entry) error {
	j := w.job
	j.wanted, j.at = j.wanted[:0], j.at[:0]
	for i := range entries {
		if j.needs.Wants(&entries[i]) {
			j.wanted = append(j.wanted, entries[i].Short)
			j.at = append(j.at, store.Position(entries[i].Position))
		}
	}
	return w.each(ctx, j.at, func(i int, r *store.Record) { w.fillOne(f, r, j.wanted[i]) })
}

// each visits records of the log in the order of the positions; one that was
// erased has no payload.
func (s *setting) each(ctx context.Context, at []store.Position, visit func(i int, r *store.Record)) error {
	if len(at) == 0 {
		return nil
	}
	if log, ok := s.store.Log().(eacher); ok {
		err := log.Each(ctx, at, func(i int, r *store.Record) error {
			visit(i, r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("%d events from %d on: %w", len(at), at[0], err)
		}
		return nil
	}
	for i, n := range at {
		rec, err := s.store.Log().At(ctx, n)
		if err != nil && !errors.Is(err, store.ErrErased) {
			return fmt.Errorf("event at %d: %w", n, err)
		}
		visit(i, &rec)
	}
	return nil
}

// fillOne folds an event of the past, unless it is erased.
func (w *people) fillOne(f *filling, r *store.Record, short uint64) {
	e, err := w.decode(r.Payload)
	if err != nil {
		return // counted when it was folded
	}
	source := w.sources(e.Source)
	w.job.fold(f.state, e, segment.Input{Short: short, Mapping: source.Mapping}, w.ordersOf(e, short, &source))
}

// ordersOf is what an event says of orders, where it is asked for.
func (w *people) ordersOf(e *event.Event, short uint64, source *SourceInfo) []catalog.Portion {
	if source.Mapping == nil || !w.job.needs.Lines {
		return nil
	}
	return source.Mapping.PortionsOf(e, catalog.Stamp{Time: e.Time, Priority: source.Priority, Short: short})
}
