package graph

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
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

// part appends what the next commit says of a node.
func (n *node) part(b []byte) ([]byte, store.Op) {
	full, op := n.mark.due(len(n.edges)), store.Put
	if full {
		b = append(b, partFull)
		b = rows.AppendIdentifier(b, n.ident)
		b = append(b, n.component[:]...)
		b = append(b, byte(n.role), rows.Flag(n.spilled))
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
	b = append(rows.AppendIdentifier(b, e.ident), rows.Flag(e.asked))
	b = rows.AppendInstants(b, e.first, e.received, e.last)
	b = binary.AppendUvarint(b, uint64(e.audit.at))
	if e.audit.at != 0 {
		b = binary.AppendUvarint(b, uint64(e.audit.number))
	}
	return b
}

func readArc(r *rows.Cursor) arc {
	e := arc{ident: r.Identifier(), asked: r.Byte() == 1}
	e.first, e.received, e.last = clock.Instant(r.Varint()), clock.Instant(r.Varint()), clock.Instant(r.Varint())
	if e.audit.at = store.Position(r.Uvarint()); e.audit.at != 0 {
		e.audit.number = uint32(r.Uvarint())
	}
	e.to = e.ident.Key()
	return e
}

func readNode(k id.Key, parts [][]byte) (*node, error) {
	n := newNode(k)
	for _, p := range parts {
		r := rows.Cursor{B: p}
		if r.Byte() == partFull {
			n.ident = r.Identifier()
			copy(n.component[:], r.Take(16))
			n.role, n.spilled = identity.Role(r.Byte()), r.Byte() == 1
			n.edges, n.places = n.first[:0], nil
		}
		for len(r.B) > 0 && !r.Bad {
			x := readArc(&r)
			if e := n.edge(x.to); e != nil {
				*e = x
			} else {
				n.add(x)
			}
		}
		if r.Bad {
			return nil, fmt.Errorf("%w: node %s", errGraph, k)
		}
	}
	n.mark = mark{parts: len(parts) - 1, saved: len(n.edges)}
	return n, nil
}

// part appends what the next commit says of a component.
func (c *component) part(b []byte) ([]byte, store.Op) {
	full, op, members := c.mark.due(len(c.members)), store.Put, c.members
	if full {
		b = append(append(b, partFull), c.into[:]...)
		b = append(b, rows.Flag(c.asks)*flagAsks|rows.Flag(c.queued)*flagQueued)
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
		b = rows.AppendIdentifier(b, m)
	}
	c.mark.wrote(full, len(c.members))
	return b, op
}

func readComponent(k id.Key, parts [][]byte) (*component, error) {
	c := &component{key: k}
	for _, p := range parts {
		r := rows.Cursor{B: p}
		if r.Byte() == partFull {
			copy(c.into[:], r.Take(16))
			flags := r.Byte()
			c.asks, c.queued = flags&flagAsks != 0, flags&flagQueued != 0
			c.rules = int(r.Uvarint())
			c.cuts, c.members = nil, nil
			for range r.Count() {
				c.cuts = append(c.cuts, int(r.Uvarint()))
			}
		}
		c.edges = int(r.Uvarint())
		for len(r.B) > 0 && !r.Bad {
			c.members = append(c.members, r.Identifier())
		}
		if r.Bad || !c.whole() {
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

// Dirty is how many rows wait for the next commit.
func (g *Graph) Dirty() int {
	return len(g.changedNodes) + len(g.changedComponents) + len(g.rows) + g.more.Waiting() + len(g.loose.waiting)
}

// Unsaved visits the rows of identifiers, for searches, that wait for the next commit.
func (g *Graph) Unsaved(visit func(c store.Change)) {
	for _, c := range g.rows {
		if c.Table == store.TableLookup {
			visit(c)
		}
	}
}

// Settled tells that no batch is applied half: its edges must not be committed
// without what follows from them.
func (g *Graph) Settled() bool { return !g.halfway }

// Full tells whether rows in memory exceed their budget by so much that they
// should be written behind and let go of now.
func (g *Graph) Full() bool { return g.nodes.Full() || g.components.Full() }

// Changes adds what to commit and forgets it.
func (g *Graph) Changes(out []store.Change) []store.Change {
	out = slices.Grow(out, g.Dirty())
	out = append(append(out, g.rows...), g.more.Gather()...)
	clear(g.rows)
	g.rows = g.rows[:0]
	var room rows.Arena
	out = g.loose.changes(out, &room)
	for _, n := range g.changedNodes {
		b, op := n.part(room.Open())
		out = append(out, rows.Common(store.TableNodes, n.key[:], op, room.Close(b)))
		g.nodes.Resize(n.key, n.size())
	}
	for _, c := range g.changedComponents {
		b, op := c.part(room.Open())
		out = append(out, rows.Common(store.TableComponents, c.key[:], op, room.Close(b)))
		g.components.Resize(c.key, c.size())
	}
	g.changedNodes, g.changedComponents = rows.Emptied(g.changedNodes), rows.Emptied(g.changedComponents)
	return out
}

// Trim drops what the memory budget does not hold, of what the last commit
// carried.
func (g *Graph) Trim() {
	g.more.Committed()
	g.loose.committed()
	g.nodes.Trim(func(n *node) bool { return n.mark.changed })
	g.components.Trim(func(c *component) bool { return c.mark.changed })
}
