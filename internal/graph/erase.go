package graph

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Erase forgets identifiers: their nodes, the edges to them, their place in
// components, and what finds them by their value. It gives the rows it touched,
// and a record that has those around them decided anew: without the erased they
// may be somebody else.
// at is when they were erased. The lane is locked, and all that changed before is
// committed.
func (g *Graph) Erase(ctx context.Context, gone []event.Identifier, at clock.Instant) (touched []store.RowKey, again []store.Record, err error) {
	keys, erased := make([]id.Key, len(gone)), map[id.Key]bool{}
	for i := range gone {
		keys[i] = gone[i].Key()
		erased[keys[i]] = true
	}
	around, components, err := g.surroundings(ctx, keys, erased)
	if err != nil {
		return nil, nil, err
	}
	if err := g.loadComponents(ctx, append(components, keys...)); err != nil {
		return nil, nil, err
	}
	g.edges.forget()
	e := erasing{g: g, erased: erased}
	for _, k := range around {
		e.cutEdges(k, keys)
	}
	for _, k := range components {
		if err := e.leaveComponent(ctx, k); err != nil {
			return nil, nil, err
		}
	}
	if err := e.traces(ctx, keys); err != nil {
		return nil, nil, err
	}
	for i, k := range keys {
		e.forget(gone[i], k)
	}
	g.changedNodes = slices.DeleteFunc(g.changedNodes, func(n *node) bool { return erased[n.key] })
	g.changedComponents = slices.DeleteFunc(g.changedComponents, func(c *component) bool { return len(c.members) == 0 && c.into.IsZero() })
	return e.touched, aroundRecord(around, at), nil
}

// surroundings loads nodes and gives those that edges lead to, but for the
// erased, and the components of all.
func (g *Graph) surroundings(ctx context.Context, keys []id.Key, erased map[id.Key]bool) (around, components []id.Key, err error) {
	if err := g.loadNodes(ctx, keys); err != nil {
		return nil, nil, err
	}
	for _, k := range keys {
		n, ok := g.nodes.Get(k)
		if !ok {
			continue
		}
		components = append(components, n.component)
		if err := g.everyEdge(ctx, n, func(e *arc) {
			if !erased[e.to] {
				around = append(around, e.to)
			}
		}); err != nil {
			return nil, nil, err
		}
	}
	return around, components, g.loadNodes(ctx, around)
}

// erasing is one call of erase.
type erasing struct {
	g       *Graph
	erased  map[id.Key]bool
	touched []store.RowKey
}

func (e *erasing) row(t store.Table, key []byte) {
	e.touched = append(e.touched, store.RowKey{Table: t, Bucket: id.CommonBucket, Key: key})
}

// cutEdges takes the edges to erased nodes from one that stays.
func (e *erasing) cutEdges(k id.Key, gone []id.Key) {
	n, ok := e.g.nodes.Get(k)
	if !ok {
		return
	}
	n.edges, n.places = slices.DeleteFunc(n.edges, func(a arc) bool { return e.erased[a.to] }), nil
	if n.spilled {
		for _, g := range gone {
			e.remove(store.TableEdges, edgeKey(k, g))
		}
	}
	n.mark.fresh = true
	e.g.touchNode(n)
	e.row(store.TableNodes, slices.Clone(k[:]))
}

// leaveComponent takes the erased members out of a component, and it away when
// nobody is left. One that was named by an erased member gets another name: who
// comes back is somebody else.
func (e *erasing) leaveComponent(ctx context.Context, k id.Key) error {
	c := e.g.find(k)
	if c == nil {
		return nil
	}
	e.row(store.TableComponents, slices.Clone(c.key[:]))
	var left []event.Identifier
	var cuts []int
	for _, p := range c.people() {
		stay := slices.DeleteFunc(slices.Clone(p), func(m event.Identifier) bool { return e.erased[m.Key()] })
		if left = append(left, stay...); len(stay) > 0 {
			cuts = append(cuts, len(stay))
		}
	}
	if len(cuts) < 2 {
		cuts = nil
	}
	if len(left) == 0 {
		e.drop(c.key)
		return nil
	}
	key, edges, asks := c.key, c.edges, c.asks
	if e.erased[key] {
		e.drop(key)
		key = left[0].Key()
	}
	made := e.g.newComponent(key, left)
	made.cuts, made.edges, made.asks = cuts, edges, asks
	keys := make([]id.Key, len(left))
	for i, m := range left {
		keys[i] = m.Key()
	}
	if err := e.g.loadNodes(ctx, keys); err != nil {
		return err
	}
	for _, k := range keys {
		if n, ok := e.g.nodes.Get(k); ok && n.component != key {
			n.component, n.mark.fresh = key, true
			e.g.touchNode(n)
		}
	}
	return nil
}

// traces removes what else names the erased: their edges in rows of their own,
// sightings, what operators said of them, and the audit.
func (e *erasing) traces(ctx context.Context, keys []id.Key) error {
	for _, k := range keys {
		if err := e.everyRow(ctx, store.TableEdges, k[:], func(key, _ []byte) { e.remove(store.TableEdges, key) }); err != nil {
			return err
		}
		if err := e.everyRow(ctx, store.TableSightings, k[:], e.forgetSighting); err != nil {
			return err
		}
		for _, p := range e.g.words.Forget(k) {
			e.remove(store.TableFacts, append(slices.Clone(p.A[:]), p.B[:]...))
		}
		if err := e.forgetAudit(ctx, k); err != nil {
			return err
		}
	}
	e.g.said++
	return nil
}

// forgetSighting removes a sighting from all three orders.
func (e *erasing) forgetSighting(key, value []byte) {
	var shared, owner id.Key
	switch {
	case len(key) == 41 && (key[16] == byTime || key[16] == backwards):
		shared, owner = id.Key(key[:16]), id.Key(key[25:])
	case len(key) == 37 && key[16] == byOwner:
		shared, owner = id.Key(key[17:33]), id.Key(key[:16])
	default:
		e.remove(store.TableSightings, key)
		return
	}
	r := rows.Cursor{B: value}
	at := clock.Instant(r.Varint())
	e.remove(store.TableSightings, sightingKey(shared, byTime, at, owner))
	e.remove(store.TableSightings, sightingKey(shared, backwards, at, owner))
	e.remove(store.TableSightings, binary.BigEndian.AppendUint32(ownKey(owner, shared), identity.Slot(at)))
}

// forgetAudit removes the entries in which somebody took part.
func (e *erasing) forgetAudit(ctx context.Context, k id.Key) error {
	var entries [][]byte
	prefix := append([]byte{auditPerson}, k[:]...)
	if err := e.everyRow(ctx, store.TableAudit, prefix, func(key, _ []byte) {
		entries = append(entries, append([]byte{auditEntry}, key[len(prefix):]...))
	}); err != nil {
		return err
	}
	if n, ok := e.g.nodes.Get(k); ok {
		n.audited(func(r auditRef) { entries = append(entries, auditKey(r.at, r.number)) })
	}
	for _, entry := range entries {
		var row AuditEntry
		var bad error
		if err := e.everyRow(ctx, store.TableAudit, entry, func(_, value []byte) { row, bad = decodeAudit(value) }); err != nil || bad != nil {
			return cmp.Or(err, bad)
		}
		for _, i := range row.parties() {
			e.remove(store.TableAudit, auditPersonKey(i.Key(), entry))
		}
		e.remove(store.TableAudit, entry)
	}
	return nil
}

// everyRow visits rows and lets them be removed meanwhile.
func (e *erasing) everyRow(ctx context.Context, t store.Table, prefix []byte, visit func(key, value []byte)) error {
	type row struct{ key, value []byte }
	var rows []row
	err := e.g.more.Scan(ctx, e.g.state, store.Range{Table: t, Prefix: prefix}, func(key, value []byte) bool {
		rows = append(rows, row{slices.Clone(key), slices.Clone(value)})
		return true
	})
	for _, r := range rows {
		visit(r.key, r.value)
	}
	return err
}

func (e *erasing) remove(t store.Table, key []byte) {
	e.g.more.Remove(t, key)
	e.row(t, key)
}

func (e *erasing) drop(key id.Key) {
	if c, ok := e.g.components.Get(key); ok {
		c.members, c.into = nil, id.Key{}
	}
	e.g.components.Drop(key)
	e.g.changedComponents = slices.DeleteFunc(e.g.changedComponents, func(c *component) bool { return c.key == key })
	e.g.rows = append(e.g.rows, rows.Common(store.TableComponents, slices.Clone(key[:]), store.Delete, nil))
	e.row(store.TableComponents, slices.Clone(key[:]))
}

// forget removes a node, the component that began with it, and its entry in the
// search.
func (e *erasing) forget(ident event.Identifier, k id.Key) {
	if c, ok := e.g.components.Get(k); ok && (len(c.members) == 0 || !c.into.IsZero()) {
		e.drop(k)
	}
	e.g.nodes.Drop(k)
	e.g.rows = append(e.g.rows,
		rows.Common(store.TableNodes, slices.Clone(k[:]), store.Delete, nil),
		rows.Common(store.TableLookup, lookupKey(ident), store.Delete, nil))
	e.row(store.TableNodes, slices.Clone(k[:]))
	e.row(store.TableLookup, lookupKey(ident))
}
