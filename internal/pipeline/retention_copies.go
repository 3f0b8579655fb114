package pipeline

import (
	"cmp"
	"context"
	"slices"

	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// copies is where the log holds messages that may go, of anchors that had copies.
// A copy may stand anywhere behind the message and, where it took its place, before
// it; nothing keeps where. So the log has to be read, but once for as many messages
// as are held here, which are those of many steps.
type copies struct {
	places   map[id.Key]map[uint64][]store.Position // of anchors, by message
	messages int
	read     store.Position // up to where the log was read
}

// copiesAtOnce is for how many messages the log is read: some 40 MB.
const copiesAtOnce = 500_000

// findDoubles finds copies of what is to be taken out: a copy that stayed would be
// folded as the message itself when the state is folded again. A message that was a
// dead letter too is left alone. from is the first bucket of the step.
func (x *expiry) findDoubles(ctx context.Context, from id.Bucket) error {
	if !slices.ContainsFunc(x.drops, func(d drop) bool { return d.copied }) {
		return nil
	}
	if !x.copies.know(x.drops) {
		if err := x.survey(ctx, from); err != nil {
			return err
		}
	}
	if err := x.readOn(ctx); err != nil {
		return err
	}
	return x.compare(ctx)
}

// know tells whether all that is to be taken of anchors with copies was looked for.
func (c *copies) know(drops []drop) bool {
	for i := range drops {
		d := &drops[i]
		if !d.copied {
			continue
		}
		for _, list := range d.sources {
			if slices.ContainsFunc(list, func(e profile.Entry) bool { _, ok := c.places[d.key][e.Short]; return !ok }) {
				return false
			}
		}
	}
	return true
}

func (c *copies) add(k id.Key, list []profile.Entry) {
	of := c.places[k]
	if of == nil {
		of = make(map[uint64][]store.Position, len(list))
		c.places[k] = of
	}
	before := len(of)
	for i := range list {
		of[list[i].Short] = nil
	}
	c.messages += len(of) - before
}

// survey begins anew: with what this step takes out and what later ones may.
func (x *expiry) survey(ctx context.Context, from id.Bucket) error {
	if err := x.p.persist(ctx); err != nil { // rows tell who had copies
		return err
	}
	*x.copies = copies{places: map[id.Key]map[uint64][]store.Position{}}
	for i := range x.drops {
		if d := &x.drops[i]; d.copied {
			for _, list := range d.sources {
				x.copies.add(d.key, list)
			}
		}
	}
	for from < id.CommonBucket {
		keys, next, err := x.p.anchorsFrom(ctx, from, hadCopies)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if x.copies.messages >= copiesAtOnce {
				return nil
			}
			a, err := x.p.copyAnchor(ctx, k)
			if err != nil {
				return err
			}
			list, err := x.old(ctx, a)
			if err != nil {
				return err
			}
			x.copies.add(k, list)
		}
		from = next
	}
	return nil
}

// hadCopies tells of an anchor's row whether there were copies of its messages.
func hadCopies(parts [][]byte) bool {
	for _, p := range parts {
		for r := (rows.Cursor{B: p}); len(r.B) > 0 && !r.Bad; {
			tag := r.Byte()
			if tag == sectionCopies {
				return true
			}
			skipSection(tag, &r)
		}
	}
	return false
}

// readOn notes the places of messages in the part of the log that was not read yet.
func (x *expiry) readOn(ctx context.Context) error {
	return x.p.store.Log().Read(ctx, x.copies.read, func(r *store.Record) error {
		x.copies.read = r.Position
		of := x.copies.places[r.Anchor]
		if of == nil || r.Kind != store.KindEvent && r.Kind != store.KindReplay {
			return nil
		}
		e, err := x.p.decode(r.Payload)
		if err != nil {
			return nil // erased, dropped or not understood
		}
		short := id.Message(e.MessageID)
		if at, ok := of[short]; ok {
			of[short] = append(at, r.Position)
		}
		return nil
	})
}

// compare reads the copies of what this step takes out: one may have been erased
// since it was found.
func (x *expiry) compare(ctx context.Context) error {
	type found struct {
		at    store.Position
		of    *drop
		short uint64
	}
	var list []found
	for i := range x.drops {
		d := &x.drops[i]
		if !d.copied {
			continue
		}
		d.doubles = map[uint64][]store.Position{}
		for _, entries := range d.sources {
			for _, e := range entries {
				for _, at := range x.copies.places[d.key][e.Short] {
					if at != store.Position(e.Position) {
						list = append(list, found{at, d, e.Short})
					}
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Compare(a.at, b.at) })
	at := make([]store.Position, len(list))
	for i := range list {
		at[i] = list[i].at
	}
	letters := map[*drop]map[uint64]bool{}
	err := x.p.each(ctx, at, func(i int, r *store.Record) {
		f := &list[i]
		e, err := x.p.decode(r.Payload)
		switch {
		case err != nil || x.p.erased.Load().Refuses(e):
		case r.Kind == store.KindReplay:
			if letters[f.of] == nil {
				letters[f.of] = map[uint64]bool{}
			}
			letters[f.of][f.short] = true
		default:
			f.of.doubles[f.short] = append(f.of.doubles[f.short], f.at)
		}
	})
	for d, shorts := range letters {
		x.spare(d, shorts)
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
