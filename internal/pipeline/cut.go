package pipeline

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// What happened on a shared identifier belongs to whoever had it at the time
// (docs/decisions/0010). The graph tells each home its times; the home asks the
// identifier's anchor for what of it lies in them, a cut; the anchor folds the
// cut by itself and sends it to the home, as other anchors send all they have.
// An event costs one cut, however many there are.

// cuts are those of one anchor.
type cuts struct {
	of    map[id.Key]*cut
	spans []cutSpan        // by their beginnings
	alive []*cut           // those with a session that goes on, by its end
	warm  []*cut           // with their state in memory, the one folded first in front
	dirty []*cut           // to be sent before the batch is done
	times []graph.Interval // of the finished chunks: the first moment and one after the last
	waits bool             // on the worker's list of anchors with dirty cuts
}

// cut is what of an anchor belongs to the person of one home.
type cut struct {
	home    id.Key
	version store.Position // of the graph's word
	owned   []graph.Interval
	due     clock.Instant // the end of the session that goes on; zero: none
	dirty   bool
	at      store.Position // the last record that changed it
	partial *profile.Partial
	leaves  *segment.State
}

type cutSpan struct {
	graph.Interval
	cut *cut
}

// warmCuts is how many cuts of an anchor are kept in memory. The others are
// folded from the timeline when they change.
const warmCuts = 64

func newCuts() *cuts { return &cuts{of: map[id.Key]*cut{}} }

func (c *cuts) size() int {
	if c == nil {
		return 0
	}
	n := 200*len(c.of) + 24*cap(c.spans) + 16*cap(c.times)
	for _, x := range c.warm {
		if x.partial != nil {
			n += x.partial.MemSize()
		}
		if x.leaves != nil {
			n += x.leaves.MemSize()
		}
	}
	return n
}

// owner gives the cut that a moment belongs to. While homes are on their way
// two may claim a moment; who gives it up has the other folded again.
func (c *cuts) owner(at clock.Instant) *cut {
	i := c.after(at)
	if i == 0 || c.spans[i-1].To <= at {
		return nil
	}
	return c.spans[i-1].cut
}

// live puts a cut whose session goes on among those by its end.
func (c *cuts) live(x *cut) {
	if x.due != 0 {
		i, _ := slices.BinarySearchFunc(c.alive, x.due, func(o *cut, due clock.Instant) int { return cmp.Compare(o.due, due) })
		c.alive = slices.Insert(c.alive, i, x)
	}
}

// ended takes a cut from those whose session goes on.
func (c *cuts) ended(x *cut) {
	if x.due == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(c.alive, x.due, func(o *cut, due clock.Instant) int { return cmp.Compare(o.due, due) })
	for ; i < len(c.alive); i++ {
		if c.alive[i] == x {
			c.alive = slices.Delete(c.alive, i, i+1)
			return
		}
	}
}

// after finds the first span that begins behind a moment.
func (c *cuts) after(at clock.Instant) int {
	i, _ := slices.BinarySearchFunc(c.spans, at, func(s cutSpan, at clock.Instant) int {
		if s.From <= at {
			return -1
		}
		return 1
	})
	return i
}

// own gives a cut its times, and the cuts that have what it gave up.
func (c *cuts) own(x *cut, owned []graph.Interval) (others []*cut) {
	gone := subtract(x.owned, owned)
	c.disown(x)
	for _, g := range gone {
		i := c.after(g.From)
		if i > 0 && c.spans[i-1].To > g.From {
			others = append(others, c.spans[i-1].cut)
		}
		for ; i < len(c.spans) && c.spans[i].From < g.To; i++ {
			others = append(others, c.spans[i].cut)
		}
	}
	for _, o := range owned {
		c.spans = slices.Insert(c.spans, c.after(o.From), cutSpan{o, x})
	}
	x.owned = owned
	return others
}

// disown takes a cut's times from it. There may be as many spans as people who
// were ever seen, so it looks only where they are.
func (c *cuts) disown(x *cut) {
	for _, o := range x.owned {
		for i := c.after(o.From); i > 0 && c.spans[i-1].From == o.From; i-- {
			if c.spans[i-1].cut == x {
				c.spans = slices.Delete(c.spans, i-1, i)
				break
			}
		}
	}
}

// subtract gives what of some intervals is in none of others. Both are in their
// order and do not overlap.
func subtract(list, others []graph.Interval) (out []graph.Interval) {
	for _, i := range list {
		for _, o := range others {
			if o.To <= i.From || o.From >= i.To {
				continue
			}
			if o.From > i.From {
				out = append(out, graph.Interval{From: i.From, To: o.From})
			}
			i.From = o.To
		}
		if i.From < i.To {
			out = append(out, i)
		}
	}
	return out
}

func within(list []graph.Interval, at clock.Instant) bool {
	return slices.ContainsFunc(list, func(i graph.Interval) bool { return i.From <= at && at < i.To })
}

func overlaps(list []graph.Interval, o graph.Interval) bool {
	return slices.ContainsFunc(list, func(i graph.Interval) bool { return i.From < o.To && o.From < i.To })
}

// cutRecord is the payload of KindCut: a home tells the anchor of a shared
// identifier which times are its person's. It holds keys only: it is sealed
// under the home and must not name anybody else.
type cutRecord struct {
	shared  id.Key
	home    id.Key
	version store.Position
	owned   []graph.Interval
	gone    bool // it is not the person's at any time any more
	anew    bool // the home has nothing of it yet
}

func (c *cutRecord) record(received clock.Instant) store.Record {
	b := append(append(make([]byte, 0, 64), c.shared[:]...), c.home[:]...)
	b = binary.AppendUvarint(b, uint64(c.version))
	how := rows.Flag(c.gone)
	if c.anew {
		how = 2
	}
	return store.Record{
		Kind: store.KindCut, Bucket: c.shared.Bucket(), Anchor: c.home, Received: received, Payload: graph.AppendIntervals(append(b, how), c.owned),
	}
}

func readCut(payload []byte) (c cutRecord, ok bool) {
	r := rows.Cursor{B: payload}
	copy(c.shared[:], r.Take(16))
	copy(c.home[:], r.Take(16))
	c.version = store.Position(r.Uvarint())
	how := r.Byte()
	c.gone, c.anew, c.owned = how == 1, how == 2, graph.ReadIntervals(&r)
	return c, !r.Bad && len(r.B) == 0
}

// cutRow is the row of a cut: its home, its times, when its session ends.
func (w *people) cutRow(a *anchor, c *cut) store.Change {
	value := rows.AppendInstants(binary.AppendUvarint(nil, uint64(c.version)), c.due)
	return w.row(store.TableCuts, a.key, shareKey(a.key, c.home), store.Put, graph.AppendIntervals(value, c.owned))
}

// loadCuts brings an anchor's cuts into memory, without their states.
func (w *people) loadCuts(ctx context.Context, a *anchor) error {
	if !a.isCut || a.cuts != nil {
		return nil
	}
	list, bad := newCuts(), false
	err := w.store.State().Scan(ctx, store.Range{Table: store.TableCuts, Bucket: a.key.Bucket(), Prefix: a.key[:]}, func(key []byte, parts [][]byte) bool {
		r := rows.Cursor{B: parts[len(parts)-1]}
		c := &cut{home: id.Key(key[len(id.Key{}):])}
		c.version, c.due, c.owned = store.Position(r.Uvarint()), clock.Instant(r.Varint()), graph.ReadIntervals(&r)
		list.of[c.home] = c
		list.live(c)
		for _, o := range c.owned {
			list.spans = append(list.spans, cutSpan{o, c})
		}
		bad = r.Bad
		return !bad
	})
	if bad {
		err = errAnchor
	}
	if err != nil {
		return fmt.Errorf("cuts of %s: %w", a.key, err)
	}
	slices.SortStableFunc(list.spans, func(x, y cutSpan) int { return cmp.Compare(x.From, y.From) })
	a.cuts = list
	return nil
}

// loadTheirCuts loads the cuts of the anchors that a batch touches.
func (w *people) loadTheirCuts(ctx context.Context, tasks []task) error {
	seeRow := func(a *anchor) error {
		if a != nil && a.isCut {
			return w.loadCuts(ctx, a)
		}
		return nil
	}
	see := func(k id.Key) error {
		a, _ := w.anchors.Get(k)
		return seeRow(a)
	}
	for i := range tasks {
		var err error
		switch t := &tasks[i]; t.rec.Kind {
		case store.KindEvent, store.KindReplay:
			err = seeRow(w.rowOf(t))
		case store.KindTick:
			for k := 0; err == nil && k < len(t.due); k++ {
				err = seeRow(t.due[k])
			}
		default:
			err = w.eachAnchorOf(t.rec, see)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachAnchorOf visits the anchors whose events a record that is no event may
// change or read.
func (w *people) eachAnchorOf(r *store.Record, visit func(id.Key) error) error {
	switch r.Kind {
	case store.KindBase:
		return visit(r.Anchor)
	case store.KindPortion, store.KindChange:
		if k, table, ok := portionTarget(r); ok && table == store.TableAnchors {
			return visit(k)
		}
	case store.KindPerson, store.KindShare, store.KindCut:
		if len(r.Payload) >= len(id.Key{}) {
			return visit(id.Key(r.Payload[:len(id.Key{})]))
		}
	}
	return nil
}
