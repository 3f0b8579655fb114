package pipeline

import (
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// erase forgets identifiers: their nodes, the edges to them, their place in
// components, and what finds them by their value. It gives the rows it touched.
// The lane is locked, and all that changed before is committed.
func (g *graph) erase(ctx context.Context, gone []event.Identifier) ([]store.RowKey, error) {
	keys, erased := make([]id.Key, len(gone)), map[id.Key]bool{}
	for i := range gone {
		keys[i] = gone[i].Key()
		erased[keys[i]] = true
	}
	if err := g.loadNodes(ctx, keys); err != nil {
		return nil, err
	}
	var around, components []id.Key
	for _, k := range keys {
		if n, ok := g.nodes.get(k); ok {
			components = append(components, n.component)
			for _, e := range n.edges {
				if !erased[e.to] {
					around = append(around, e.to)
				}
			}
		}
	}
	if err := g.loadNodes(ctx, around); err != nil {
		return nil, err
	}
	if err := g.loadComponents(ctx, append(components, keys...)); err != nil {
		return nil, err
	}
	e := erasing{g: g, erased: erased}
	for _, k := range around {
		e.cutEdges(k)
	}
	for _, k := range components {
		e.leaveComponent(k)
	}
	for i, k := range keys {
		e.forget(gone[i], k)
	}
	g.changedNodes = slices.DeleteFunc(g.changedNodes, func(n *node) bool { return erased[n.key] })
	g.changedComponents = slices.DeleteFunc(g.changedComponents, func(c *component) bool { return len(c.members) == 0 && c.into.IsZero() })
	return e.touched, nil
}

// erasing is one call of erase.
type erasing struct {
	g       *graph
	erased  map[id.Key]bool
	touched []store.RowKey
}

func (e *erasing) row(t store.Table, key []byte) {
	e.touched = append(e.touched, store.RowKey{Table: t, Bucket: id.CommonBucket, Key: key})
}

// cutEdges takes the edges to erased nodes from one that stays.
func (e *erasing) cutEdges(k id.Key) {
	n, ok := e.g.nodes.get(k)
	if !ok {
		return
	}
	n.edges = slices.DeleteFunc(n.edges, func(a arc) bool { return e.erased[a.to] })
	n.mark.fresh = true
	e.g.touchNode(n)
	e.row(store.TableNodes, slices.Clone(k[:]))
}

// leaveComponent takes the erased members out of a component, and it away when
// nobody is left.
func (e *erasing) leaveComponent(k id.Key) {
	c := e.g.find(k)
	if c == nil {
		return
	}
	e.row(store.TableComponents, slices.Clone(c.key[:]))
	c.members = slices.DeleteFunc(c.members, func(m event.Identifier) bool { return e.erased[m.Key()] })
	if len(c.members) > 0 {
		c.mark.fresh = true
		e.g.touchComponent(c)
		return
	}
	e.drop(c.key)
}

func (e *erasing) drop(component id.Key) {
	if c, ok := e.g.components.get(component); ok {
		c.members, c.into = nil, id.Key{}
	}
	e.g.components.drop(component)
	e.g.rows = append(e.g.rows, commonRow(store.TableComponents, slices.Clone(component[:]), store.Delete, nil))
	e.row(store.TableComponents, slices.Clone(component[:]))
}

// forget removes a node, the component that began with it, and its entry in the
// search.
func (e *erasing) forget(ident event.Identifier, k id.Key) {
	if c, ok := e.g.components.get(k); ok && (len(c.members) == 0 || !c.into.IsZero()) {
		e.drop(k)
	}
	e.g.nodes.drop(k)
	e.g.rows = append(e.g.rows,
		commonRow(store.TableNodes, slices.Clone(k[:]), store.Delete, nil),
		commonRow(store.TableLookup, lookupKey(ident), store.Delete, nil))
	e.row(store.TableNodes, slices.Clone(k[:]))
	e.row(store.TableLookup, lookupKey(ident))
}
