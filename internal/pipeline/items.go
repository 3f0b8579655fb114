package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// Conditions ask for attributes of items, and items live in other buckets than
// people. So what an item is becomes a fact of its own: from its position on
// every lane sees the item so, whatever the lane of the item is at. A lane that
// folds an item notes that it is to be told; items_tell.go writes the facts, and
// has the people evaluated whom they concern.

// itemBook is the book of items that all lanes read.
type itemBook struct {
	mu   sync.RWMutex
	book *catalog.ItemBook
	// safe is the position as of which, or of a later one, everybody asks.
	safe uint64
}

func newItemBook() *itemBook { return &itemBook{book: catalog.NewItemBook()} }

// read looks into the book, and changes nothing.
func (b *itemBook) read(look func(*catalog.ItemBook)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	look(b.book)
}

func (b *itemBook) write(change func(*catalog.ItemBook)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.book)
}

// last is the position of the newest version.
func (b *itemBook) last() (at uint64) {
	b.read(func(x *catalog.ItemBook) { at = x.Last() })
	return at
}

// bytes is about how much memory the book takes.
func (b *itemBook) bytes() (n int64) {
	b.read(func(x *catalog.ItemBook) { n = int64(x.Bytes()) })
	return n
}

// says tells whether the newest version of an item is what an entity says.
func (b *itemBook) says(item string, row *catalog.Entity) (same bool) {
	b.read(func(x *catalog.ItemBook) { same = x.Says(item, row) })
	return same
}

// itemsAt is the catalog as of a position.
type itemsAt struct {
	book *itemBook
	at   *store.Position
}

// catalog is what the lane sees of items: as of the record that is applied.
func (w *people) catalog() segment.Catalog { return itemsAt{w.items, &w.position} }

// Values adds what is said of an item.
func (v itemsAt) Values(c *segment.Cells, item, attribute string) {
	v.book.read(func(b *catalog.ItemBook) {
		b.Values(uint64(*v.at), item, attribute, func(json string) { c.AddJSON(json, "") })
	})
}

// learnItem notes what a record says of an item, before any lane sees a later
// record.
func (s *setting) learnItem(r *store.Record) {
	if r.Kind != store.KindItem || r.Payload == nil {
		return
	}
	f, err := itemFactOf(r)
	if err != nil {
		s.log.Error("item cannot be read", "position", r.Position, "error", err)
		return
	}
	s.items.write(func(b *catalog.ItemBook) { b.Learn(uint64(r.Position), f) })
}

// itemFactOf gives what a record says of its item, decoded here or before.
func itemFactOf(r *store.Record) (*catalog.ItemFact, error) {
	if f, ok := r.Attached.(*catalog.ItemFact); ok {
		return f, nil
	}
	f, err := catalog.ReadItemFact(r.Payload)
	return &f, err
}

// itemKey is the row of an item's version.
func itemKey(k id.Key, at uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 24), k[:]...), at)
}

// loadItems reads the versions of items, and what is to be told.
func (w *people) loadItems(ctx context.Context) error {
	var bad error
	err := w.store.State().ScanSpan(ctx, store.SpanRange{Table: store.TableItems, Span: w.span}, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		if len(key) == len(id.Key{}) {
			w.untold[id.Key(key)] = string(parts[0])
			return store.NextRow
		}
		if len(key) != len(id.Key{})+8 {
			bad = fmt.Errorf("a row of an item with a key of %d bytes", len(key))
			return store.Stop
		}
		var f catalog.ItemFact
		if f, bad = catalog.ReadItemFact(parts[0]); bad != nil {
			return store.Stop
		}
		w.items.write(func(b *catalog.ItemBook) { b.Learn(binary.BigEndian.Uint64(key[len(id.Key{}):]), &f) })
		return store.NextRow
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	return nil
}

// markItem notes whether an item is another than conditions see.
func (w *people) markItem(k id.Key, item string, row *catalog.Entity) {
	_, marked := w.untold[k]
	switch told := w.items.says(item, row); {
	case told && marked:
		delete(w.untold, k)
		w.rows = append(w.rows, w.row(store.TableItems, k, bytes.Clone(k[:]), store.Delete, nil))
	case !told && !marked:
		w.untold[k] = item
		w.rows = append(w.rows, w.row(store.TableItems, k, bytes.Clone(k[:]), store.Put, []byte(item)))
	}
}

// foldItem keeps a version of an item.
func (w *people) foldItem(r *store.Record) {
	if r.Payload == nil {
		return
	}
	f, err := itemFactOf(r)
	if err != nil {
		return // learnItem has said so
	}
	k := catalog.Key(catalog.Item, f.Item)
	w.rows = append(w.rows, w.row(store.TableItems, k, itemKey(k, uint64(r.Position)), store.Put, bytes.Clone(r.Payload)))
	var old []uint64
	w.items.write(func(b *catalog.ItemBook) { old = b.Prune(f.Item, w.items.safe) })
	for _, at := range old {
		w.rows = append(w.rows, w.row(store.TableItems, k, itemKey(k, at), store.Delete, nil))
	}
	var row *catalog.Entity
	if e, ok := w.entities.Get(k); ok {
		row = e.row
	}
	w.markItem(k, f.Item, row)
}

// forgetItem removes what conditions saw of an item, part of which was erased.
// It is told anew.
func (w *people) forgetItem(k id.Key, item string, row *catalog.Entity) (gone []store.RowKey) {
	var old []uint64
	w.items.write(func(b *catalog.ItemBook) { old = b.Drop(item) })
	for _, at := range old {
		c := w.row(store.TableItems, k, itemKey(k, at), store.Delete, nil)
		w.rows, gone = append(w.rows, c), append(gone, c.RowKey)
	}
	w.markItem(k, item, row)
	return gone
}

// recheck is the payload of KindRecheck: people of one bucket who are to be
// evaluated, as the keys of their homes.
type recheck struct{ homes []id.Key }

func (c *recheck) append(b []byte) []byte {
	for _, k := range c.homes {
		b = append(b, k[:]...)
	}
	return b
}

func readRecheck(b []byte) (c recheck, ok bool) {
	for ; len(b) >= len(id.Key{}); b = b[len(id.Key{}):] {
		c.homes = append(c.homes, id.Key(b))
	}
	return c, len(b) == 0
}

// foldRecheck evaluates people anew whom a change of items concerns.
func (w *people) foldRecheck(r *store.Record) {
	c, ok := readRecheck(r.Payload)
	if !ok {
		w.log.Error("recheck cannot be read", "position", r.Position)
		return
	}
	if r.Received > w.passed[r.Bucket] {
		w.passed[r.Bucket], w.ticked[r.Bucket] = r.Received, true
	}
	for _, k := range c.homes {
		if a, ok := w.anchors.Get(k); ok && !a.elsewhere() {
			w.reconsider(a, r.Received)
		}
	}
}

// reconsider evaluates what asks for attributes of items.
func (w *people) reconsider(a *anchor, at clock.Instant) {
	if !w.watched(a) {
		return
	}
	w.catchUp(a, at)
	now, why := w.present(a), cause{kind: causeCatalog}
	if w.glass != nil && w.glass.computes {
		w.touch(a) // what is computed of items is in its columns
	}
	if !a.membershipsOf().judged {
		w.judge(a, why)
		w.arm(a, 0)
		return
	}
	if g := w.glass; g != nil {
		who := w.subject(a)
		g.touched.Reset(g.set)
		g.touched.Items(g.set)
		g.answers = g.eval.Evaluate(g.answers[:0], who.person, who.states, &g.touched, now)
		w.take(a, g, now, false, why)
	}
	w.judgeShadow(a, now)
	w.arm(a, 0)
}
