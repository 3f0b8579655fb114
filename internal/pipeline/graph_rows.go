package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
)

var errGraph = errors.New("row of the identity graph is damaged")

// A part of a node: a byte that says whether it is full; full: namespace,
// value, component, role; then edges, of which the last with an end counts. A
// part of a component: the same byte; full: the component it was joined to, its
// marks, how many members each person has; then members.
const (
	partMore = 0
	partFull = 1
)

const (
	flagAsks   = 1
	flagQueued = 2
)

func (n *node) size() int {
	s := 240 + len(n.ident.Value)
	for i := range n.edges {
		s += 96 + len(n.edges[i].ident.Value)
	}
	return s + 48*len(n.places)
}

func (c *component) size() int {
	s := 260 + 8*len(c.cuts)
	for i := range c.members {
		s += 40 + len(c.members[i].Value)
	}
	return s
}

// maxParts is how many parts with changes follow a full one at least before the
// row is written whole again.
const maxParts = 16

// due tells whether the next part is a full one: rows with many entries are
// written whole less often.
func (m *mark) due(entries int) bool { return m.fresh || m.parts >= max(maxParts, entries/8) }

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
	full := n.mark.due(len(n.edges))
	if full {
		b = append(b, partFull)
		b = appendIdentifier(b, n.ident)
		b = append(b, n.component[:]...)
		b = append(b, byte(n.role), flag(n.spilled))
	} else {
		b, op = append(b, partMore), store.Add
	}
	for i := range n.edges {
		if e := &n.edges[i]; full || e.changed {
			e.changed = false
			b = appendArc(b, e)
		}
	}
	n.mark.wrote(full, len(n.edges))
	return b, op
}

func appendArc(b []byte, e *arc) []byte {
	b = append(appendIdentifier(b, e.ident), flag(e.asked))
	b = appendInstants(b, e.first, e.received, e.last)
	b = binary.AppendUvarint(b, uint64(e.audit.at))
	if e.audit.at != 0 {
		b = binary.AppendUvarint(b, uint64(e.audit.number))
	}
	return b
}

func readArc(r *cursor) arc {
	e := arc{ident: r.identifier(), asked: r.byte() == 1}
	e.first, e.received, e.last = clock.Instant(r.varint()), clock.Instant(r.varint()), clock.Instant(r.varint())
	if e.audit.at = store.Position(r.uvarint()); e.audit.at != 0 {
		e.audit.number = uint32(r.uvarint())
	}
	e.to = e.ident.Key()
	return e
}

func readNode(k id.Key, parts [][]byte) (*node, error) {
	n := &node{key: k}
	for _, p := range parts {
		r := cursor{b: p}
		if r.byte() == partFull {
			n.ident = r.identifier()
			copy(n.component[:], r.take(16))
			n.role, n.spilled = identity.Role(r.byte()), r.byte() == 1
			n.edges, n.places = nil, nil
		}
		for len(r.b) > 0 && !r.bad {
			x := readArc(&r)
			if e := n.edge(x.to); e != nil {
				*e = x
			} else {
				n.add(x)
			}
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
		b = append(b, flag(c.asks)*flagAsks|flag(c.queued)*flagQueued)
		b = binary.AppendUvarint(b, uint64(c.rules))
		b = binary.AppendUvarint(b, uint64(len(c.cuts)))
		for _, n := range c.cuts {
			b = binary.AppendUvarint(b, uint64(n))
		}
	} else {
		b, op, members = append(b, partMore), store.Add, c.members[c.mark.saved:]
	}
	b = binary.AppendUvarint(b, uint64(c.edges))
	for _, m := range members {
		b = appendIdentifier(b, m)
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
			flags := r.byte()
			c.asks, c.queued = flags&flagAsks != 0, flags&flagQueued != 0
			c.rules = int(r.uvarint())
			c.cuts, c.members = nil, nil
			for range r.count() {
				c.cuts = append(c.cuts, int(r.uvarint()))
			}
		}
		c.edges = int(r.uvarint())
		for len(r.b) > 0 && !r.bad {
			c.members = append(c.members, r.identifier())
		}
		if r.bad || !c.whole() {
			return nil, fmt.Errorf("%w: component %s", errGraph, k)
		}
	}
	c.mark = mark{parts: len(parts) - 1, saved: len(c.members)}
	return c, nil
}

// whole tells that the people of a component have its members.
func (c *component) whole() bool {
	if c.cuts == nil {
		return true
	}
	n := 0
	for _, k := range c.cuts {
		if n += k; k <= 0 || n > len(c.members) {
			return false
		}
	}
	return n == len(c.members)
}

// dirty is how many rows wait for the next commit.
func (g *graph) dirty() int {
	return len(g.changedNodes) + len(g.changedComponents) + len(g.rows) + g.more.waiting()
}

// settled tells that no batch is applied half: its edges must not be committed
// without what follows from them.
func (g *graph) settled() bool { return !g.halfway }

// full tells whether rows in memory exceed their budget by so much that they
// should be written behind and let go of now.
func (g *graph) full() bool { return g.nodes.full() || g.components.full() }

// changes adds what to commit and forgets it.
func (g *graph) changes(out []store.Change) []store.Change {
	out = append(append(out, g.rows...), g.more.gather()...)
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
	return out
}

// trim drops what the memory budget does not hold, of what the last commit
// carried.
func (g *graph) trim() {
	g.more.committed()
	g.nodes.trim(func(n *node) bool { return n.mark.changed })
	g.components.trim(func(c *component) bool { return c.mark.changed })
}
