package pipeline

import (
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// findDoubles looks through the log for copies of what is to be taken out: a
// copy that stayed would be folded as the message itself when the state is
// folded again. A message that was a dead letter too is left alone.
func (x *expiry) findDoubles(ctx context.Context) error {
	wanted := map[id.Key]map[uint64]store.Position{}
	for i := range x.drops {
		d := &x.drops[i]
		if !d.copied {
			continue
		}
		d.doubles = map[uint64][]store.Position{}
		of := map[uint64]store.Position{}
		for _, list := range d.sources {
			for _, e := range list {
				of[e.Short] = store.Position(e.Position)
			}
		}
		wanted[d.key] = of
	}
	if len(wanted) == 0 {
		return nil
	}
	places := map[id.Key]*drop{}
	for i := range x.drops {
		places[x.drops[i].key] = &x.drops[i]
	}
	letters := map[id.Key]map[uint64]bool{}
	err := x.p.store.Log().Read(ctx, 0, func(r *store.Record) error {
		of := wanted[r.Anchor]
		if of == nil || r.Kind != store.KindEvent && r.Kind != store.KindReplay {
			return nil
		}
		e, err := x.p.decode(r.Payload)
		if err != nil {
			return nil // erased, dropped or not understood
		}
		short := id.Message(e.MessageID)
		at, ok := of[short]
		switch {
		case !ok || at == r.Position || x.p.erased.Load().Refuses(e):
		case r.Kind == store.KindReplay:
			if letters[r.Anchor] == nil {
				letters[r.Anchor] = map[uint64]bool{}
			}
			letters[r.Anchor][short] = true
		default:
			places[r.Anchor].doubles[short] = append(places[r.Anchor].doubles[short], r.Position)
		}
		return nil
	})
	for k, shorts := range letters {
		x.spare(places[k], shorts)
	}
	return err
}

// spare leaves messages where they are.
func (x *expiry) spare(d *drop, shorts map[uint64]bool) {
	for source, list := range d.sources {
		all := len(list)
		list = slices.DeleteFunc(list, func(e profile.Entry) bool { return shorts[e.Short] })
		d.sources[source] = list
		x.data.Events -= all - len(list)
		x.data.Kept[keptReplayed] += all - len(list)
	}
}

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
