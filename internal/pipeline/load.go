package pipeline

import (
	"context"
	"fmt"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/store"
)

// load brings the rows that a batch touches into memory, in one reading.
func (w *people) load(ctx context.Context, tasks []task) error {
	w.missing = w.missing[:0]
	clear(w.asked)
	for i := range tasks {
		w.wantRows(&tasks[i])
	}
	if err := w.loadMissing(ctx); err != nil {
		return err
	}
	for i := range tasks {
		t := &tasks[i]
		for _, k := range t.keys {
			if a, ok := w.anchors.Get(k); ok {
				t.due = append(t.due, a)
			}
		}
	}
	return nil
}

func (w *people) loadMissing(ctx context.Context) error {
	if len(w.missing) == 0 {
		return nil
	}
	rows, err := w.store.State().Load(ctx, w.missing)
	if err != nil {
		return fmt.Errorf("load %d rows: %w", len(w.missing), err)
	}
	for i, parts := range rows {
		if parts == nil || w.missing[i].Table == store.TableAnchors && w.isSwept(id.Key(w.missing[i].Key)) {
			continue
		}
		if err := w.adopt(w.missing[i].Table, id.Key(w.missing[i].Key), parts); err != nil {
			return err
		}
	}
	return nil
}

// wantRows notes the rows that a record touches.
func (w *people) wantRows(t *task) {
	switch t.rec.Kind {
	case store.KindEvent, store.KindReplay:
		if t.event != nil {
			t.anchor = w.wantFor(t)
		}
	case store.KindPortion, store.KindChange:
		if k, table, ok := portionTarget(t.rec); ok {
			w.want(table, k)
		}
	case store.KindAsk:
		if q, ok := graph.ReadSighting(t.rec.Payload); ok {
			w.want(store.TableAnchors, q.Strong.Key())
		}
	case store.KindItem:
		w.want(store.TableEntities, t.rec.Anchor)
	case store.KindTick:
		t.keys = w.timers.due(t.rec.Bucket, readTick(t.rec.Payload))
		t.due = make([]*anchor, 0, len(t.keys))
		for _, k := range t.keys {
			w.want(store.TableAnchors, k)
		}
	default:
		w.anchorsOf(t.rec, func(k id.Key) { w.want(store.TableAnchors, k) })
	}
}

// loadParts brings what other anchors sent to the homes that a batch touches
// into memory, where it is evaluated.
func (w *people) loadParts(ctx context.Context, tasks []task) error {
	var homes []*anchor
	seeRow := func(a *anchor) {
		if a != nil && a.home != nil && slices.ContainsFunc(a.home.foreign, func(f foreign) bool { return f.row == nil }) {
			homes = append(homes, a)
		}
	}
	see := func(k id.Key) {
		a, _ := w.anchors.Get(k)
		seeRow(a)
	}
	for i := range tasks {
		t := &tasks[i]
		switch t.rec.Kind {
		case store.KindEvent, store.KindReplay:
			seeRow(w.rowOf(t))
		case store.KindPortion, store.KindChange:
			if k, table, ok := portionTarget(t.rec); ok && table == store.TableAnchors {
				see(k)
			}
		case store.KindTick:
			for _, a := range t.due {
				seeRow(a)
			}
		default:
			w.anchorsOf(t.rec, see)
		}
	}
	return w.loadForeign(ctx, homes)
}

// anchorsOf visits the anchors that a record names which is about people and
// not of one of them.
func (w *people) anchorsOf(r *store.Record, visit func(id.Key)) {
	switch r.Kind {
	case store.KindBase:
		if r.Payload != nil {
			visit(r.Anchor)
		}
	case store.KindRecheck:
		c, _ := readRecheck(r.Payload)
		for _, k := range c.homes {
			visit(k)
		}
	case store.KindPerson, store.KindShare, store.KindCut:
		if len(r.Payload) >= len(id.Key{}) {
			visit(id.Key(r.Payload[:len(id.Key{})]))
		}
	}
}

// want notes a row that is not in memory and may be in the store.
func (w *people) want(t store.Table, k id.Key) {
	if t == store.TableEntities {
		if _, ok := w.entities.Get(k); ok {
			return
		}
	} else if _, ok := w.anchors.Get(k); ok {
		return
	}
	if !w.asked[k] && !w.absent[target{t, k}] {
		w.asked[k] = true
		w.missing = append(w.missing, store.RowKey{Table: t, Bucket: k.Bucket(), Key: append([]byte(nil), k[:]...)})
	}
}

// mostAbsent bounds what is kept in mind of rows that are not there.
const mostAbsent = 1 << 16

// noteAbsent spares the next one the store: who loads a table asks for rows before
// there are any. A row that comes is not absent any more.
func (w *people) noteAbsent(t store.Table, k id.Key) {
	if t == store.TableAnchors && w.notice(k) != nil {
		return // it is on its way into the store
	}
	if len(w.absent) >= mostAbsent {
		clear(w.absent)
	}
	w.absent[target{t, k}] = true
}

func (w *people) adopt(t store.Table, k id.Key, parts [][]byte) error {
	if t == store.TableEntities {
		e, err := catalog.Decode(parts)
		if err != nil {
			return fmt.Errorf("entity %s: %w", k, err)
		}
		w.entities.Put(k, &entity{key: k, row: e, listed: true, deltas: len(parts) - 1}, e.MemSize()+96)
		return nil
	}
	a, err := w.thaw(k, parts)
	if err != nil {
		return err
	}
	if h := w.notice(k); h != nil && (a.home == nil || a.home.version < h.version) {
		a.home = h
	}
	w.anchors.Put(k, a, a.size())
	return nil
}
