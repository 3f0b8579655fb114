package pipeline

import (
	"errors"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

var errGraph = errors.New("row of the identity graph is damaged")

// A part of a node: a byte that says whether it is full; full: namespace,
// value, component; then edges. A part of a component: the same byte; full:
// the component it was joined to; then members.
const (
	partMore = 0
	partFull = 1
)

func (n *node) size() int { return 200 + len(n.ident.Value) + 40*cap(n.edges) }

func (c *component) size() int {
	s := 160
	for i := range c.members {
		s += 40 + len(c.members[i].Value)
	}
	return s
}

// due tells whether the next part is a full one: rows with many entries are
// written whole less often.
func (m *mark) due(entries int) bool { return m.fresh || m.parts >= max(maxDeltas, entries/8) }

// wrote notes that a part was made.
func (m *mark) wrote(full bool, entries int) {
	if full {
		m.parts = 0
	} else {
		m.parts++
	}
	m.fresh, m.changed, m.saved = false, false, entries
}

func (n *node) part() (b []byte, op store.Op) {
	full, edges := n.mark.due(len(n.edges)), n.edges
	if full {
		b = append(b, partFull)
		b = appendBytes(b, []byte(n.ident.Namespace))
		b = appendBytes(b, []byte(n.ident.Value))
		b = append(b, n.component[:]...)
	} else {
		b, op, edges = append(b, partMore), store.Add, n.edges[n.mark.saved:]
	}
	for _, e := range edges {
		b = append(b, e.to[:]...)
		b = appendInstants(b, e.first, e.received)
	}
	n.mark.wrote(full, len(n.edges))
	return b, op
}

func readNode(k id.Key, parts [][]byte) (*node, error) {
	n := &node{key: k}
	for _, p := range parts {
		r := cursor{b: p}
		if r.byte() == partFull {
			n.ident = event.Identifier{Namespace: string(r.bytes()), Value: string(r.bytes())}
			copy(n.component[:], r.take(16))
			n.edges = nil
		}
		for len(r.b) > 0 && !r.bad {
			var e arc
			copy(e.to[:], r.take(16))
			e.first, e.received = clock.Instant(r.varint()), clock.Instant(r.varint())
			n.edges = append(n.edges, e)
		}
		if r.bad {
			return nil, fmt.Errorf("%w: node %s", errGraph, k)
		}
	}
	n.mark = mark{parts: len(parts) - 1, saved: len(n.edges)}
	return n, nil
}

func (c *component) part() (b []byte, op store.Op) {
	full, members := c.mark.due(len(c.members)), c.members
	if full {
		b = append(append(b, partFull), c.into[:]...)
	} else {
		b, op, members = append(b, partMore), store.Add, c.members[c.mark.saved:]
	}
	for i := range members {
		b = appendBytes(b, []byte(members[i].Namespace))
		b = appendBytes(b, []byte(members[i].Value))
	}
	c.mark.wrote(full, len(c.members))
	return b, op
}

func readComponent(k id.Key, parts [][]byte) (*component, error) {
	c := &component{key: k}
	for _, p := range parts {
		r := cursor{b: p}
		if r.byte() == partFull {
			copy(c.into[:], r.take(16))
			c.members = nil
		}
		for len(r.b) > 0 && !r.bad {
			c.members = append(c.members, event.Identifier{Namespace: string(r.bytes()), Value: string(r.bytes())})
		}
		if r.bad {
			return nil, fmt.Errorf("%w: component %s", errGraph, k)
		}
	}
	c.mark = mark{parts: len(parts) - 1, saved: len(c.members)}
	return c, nil
}

// dirty is how many rows wait for the next commit.
func (g *graph) dirty() int {
	return len(g.changedNodes) + len(g.changedComponents) + len(g.rows)
}

func (g *graph) settled() bool { return true }

func (g *graph) full() bool { return g.nodes.full() || g.components.full() }

func (g *graph) changes() []store.Change {
	if g.dirty() == 0 && !g.tally.changed {
		return nil
	}
	out := g.rows
	g.rows = nil
	for _, n := range g.changedNodes {
		b, op := n.part()
		out = append(out, commonRow(store.TableNodes, n.key[:], op, b))
		g.nodes.resize(n.key, n.size())
	}
	for _, c := range g.changedComponents {
		b, op := c.part()
		out = append(out, commonRow(store.TableComponents, c.key[:], op, b))
		g.components.resize(c.key, c.size())
	}
	g.changedNodes, g.changedComponents = emptied(g.changedNodes), emptied(g.changedComponents)
	return append(out, g.tally.change(store.Span{First: id.CommonBucket, Last: id.CommonBucket}))
}

func (g *graph) trim() {
	g.nodes.trim(func(n *node) bool { return n.mark.changed })
	g.components.trim(func(c *component) bool { return c.mark.changed })
}
