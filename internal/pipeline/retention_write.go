package pipeline

import (
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// write appends the bases of what was gathered, and waits until they count. It
// tells whether there were any.
func (x *expiry) write(ctx context.Context) (wrote bool, err error) {
	var records []store.Record
	size := 0
	flush := func() error {
		if len(records) == 0 {
			return nil
		}
		_, err := x.p.append(ctx, &store.Frame{Records: records})
		records, size = nil, 0
		return err
	}
	for i := range x.drops {
		of, err := x.bases(ctx, &x.drops[i])
		if err != nil {
			return wrote, err
		}
		wrote = wrote || len(of) > 0
		for _, r := range of {
			if size += len(r.Payload); size > expiryFrame {
				if err := flush(); err != nil {
					return wrote, err
				}
			}
			records = append(records, r)
		}
	}
	if err := flush(); err != nil {
		return wrote, err
	}
	if err := x.p.settle(ctx); err != nil {
		return wrote, err
	}
	return wrote, x.p.persist(ctx)
}

// expiryFrame is about how many bytes of bases go into the log at once.
const expiryFrame = 1 << 20

// bases folds what is taken from an anchor, at its lane, by what is in force
// there.
func (x *expiry) bases(ctx context.Context, d *drop) (out []store.Record, err error) {
	i := x.p.laneIndex(d.key.Bucket())
	l, w := x.p.lanes[i], x.p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	a, err := w.loaded(ctx, d.key)
	if err != nil || a == nil {
		return nil, err
	}
	names := make([]string, 0, len(d.sources))
	for source := range d.sources {
		names = append(names, source)
	}
	slices.Sort(names)
	for _, source := range names {
		list := d.sources[source]
		if len(list) == 0 {
			continue
		}
		b := base{ident: a.ident, source: source}
		for _, e := range list {
			b.took = append(b.took, took{e.Short, store.Position(e.Position)})
			b.doubles = append(b.doubles, d.doubles[e.Short]...)
		}
		x.data.Copies += len(b.doubles)
		b.events, b.copies = uint64(len(b.took)), uint64(len(b.doubles))
		if err := w.makeBase(ctx, a, &b, list); err != nil {
			return nil, err
		}
		out = append(out, b.record(d.key, x.p.clock.Now()))
	}
	return out, nil
}

// makeBase folds entries of a timeline, and what the base before says.
func (w *people) makeBase(ctx context.Context, a *anchor, b *base, entries []profile.Entry) error {
	r, met := w.foldingAgain(a), anchor{key: a.key, ident: a.ident}
	fold := func(e *event.Event, in profile.Input, _ profile.Entry) {
		in.Names = w.names
		r.fold(e, in)
		met.taken(e.ReceivedAt)
		met.meet(e.Identifiers[1:], e.Time, e.ReceivedAt)
		b.last = max(b.last, e.Time)
	}
	if err := w.refoldEntries(ctx, entries, fold); err != nil {
		return err
	}
	for _, ref := range a.bases {
		if ref.source != b.source {
			continue
		}
		old, err := w.baseAt(ctx, ref.at, w.names)
		if err != nil {
			return err
		}
		if old == nil {
			continue
		}
		r.base(old)
		met.taken(old.received)
		for i := range old.edges {
			met.mergeEdge(&old.edges[i])
		}
		b.last, b.replaces = max(b.last, old.last), ref.at
		b.events, b.copies = b.events+old.events, b.copies+old.copies
	}
	b.received, b.edges, b.partial, b.leaves = met.received, met.edges, r.partial, r.leaves
	return nil
}
