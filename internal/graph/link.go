package graph

import (
	"context"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// The limits of what is done at once. A component with more edges than
// largeEdges is not replayed with every new edge but in its turn; of a hub's
// edges the first inlineEdges lie in its row.
const (
	largeEdges  = 5_000
	inlineEdges = 64
	manyEdges   = 48 // from here on edges are found by a table
)

// link adds an edge. Where nothing is broken by it, the components of its ends
// are joined, which changes two rows whatever their size; else that part of the
// graph is decided anew.
func (g *Graph) link(ctx context.Context, l *seenLink, why ground) (err error) {
	half := g.half != nil && *g.half == [2]id.Key{l.strong.key, l.weak.key}
	defer func() {
		if err != nil {
			g.half = &[2]id.Key{l.strong.key, l.weak.key}
		}
	}()
	a, fresh := g.node(&l.strong)
	if fresh {
		g.newComponent(a.key, []event.Identifier{a.ident})
	}
	if len(l.weak.value) == 0 {
		if (fresh || half) && g.spokenOf(a.key) {
			return g.settle(ctx, []id.Key{a.key}, why)
		}
		return nil
	}
	b, freshToo := g.node(&l.weak)
	if !freshToo && b.component == b.key && g.find(b.key) == nil {
		freshToo = true // a batch stopped before it was in one
	}
	why.a, why.b, why.event = a.ident, b.ident, l.event
	known := g.connect(a, b, l)
	if half {
		return g.linkAgain(ctx, a, b, why)
	}
	if !known || freshToo {
		again := fresh && g.spokenOf(a.key) || freshToo && g.spokenOf(b.key)
		if done, err := g.meet(ctx, meeting{a, b, freshToo, again}, why); done || err != nil {
			return err
		}
	}
	switch said := g.words.Between(a.key, b.key); {
	case said == identity.Ignore || said == identity.CannotLink || a.role == identity.NamesNobody || b.role == identity.NamesNobody:
		return nil
	case a.role == identity.Hub || b.role == identity.Hub:
		g.askOwners(a, b)
		return nil
	}
	return g.join(ctx, a, b, known, why)
}

// linkAgain applies an edge on which a batch failed: it is there, and perhaps
// not what the ends are by it, nor who is told.
func (g *Graph) linkAgain(ctx context.Context, a, b *node, why ground) error {
	for _, n := range [...]*node{a, b} {
		if g.find(n.component) == nil {
			g.newComponent(n.key, []event.Identifier{n.ident})
		}
	}
	if _, err := g.rerole(ctx, a, b); err != nil {
		return err
	}
	if err := g.tellLost(ctx, why, a, b); err != nil {
		return err
	}
	return g.settle(ctx, []id.Key{a.key, b.key}, why)
}

// meeting is two identifiers that were not seen together before.
type meeting struct {
	a, b  *node
	fresh bool // nothing was known of b, which is in no component yet
	again bool // an operator spoke of one of which nothing was known
}

// meet looks at what two identifiers are by now. It is done where that settled
// them, or where one joined the other and nothing else can follow.
func (g *Graph) meet(ctx context.Context, m meeting, why ground) (done bool, err error) {
	changed, err := g.reroleEnds(ctx, m.a, m.b, why)
	if err != nil {
		return false, err
	}
	if m.fresh {
		if !changed && g.attach(m.a, m.b, why) {
			return true, nil
		}
		g.newComponent(m.b.key, []event.Identifier{m.b.ident})
	}
	if changed || m.again {
		return true, g.settle(ctx, []id.Key{m.a.key, m.b.key}, why)
	}
	return false, nil
}

// attach makes an identifier that was not known part of the component of the
// one it was seen with, where nothing can be broken by it.
func (g *Graph) attach(a, b *node, why ground) bool {
	if a.role != identity.Links || b.role != identity.Links || g.spokenOf(a.key) || g.spokenOf(b.key) {
		return false
	}
	c := g.find(a.component)
	if c == nil || !g.plain(c) {
		return false
	}
	if !g.hasRoom(c, b.ident) {
		return false
	}
	home := c.home(g.rules)
	g.told.joined(g.rules, home, b.ident, c.members, []event.Identifier{b.ident}, why)
	g.auditJoin(why, a, b, home, b.ident)
	g.takeIn(c, b)
	return true
}

// reroleEnds looks at what the ends of a new edge are by now, and tells whom
// that concerns.
func (g *Graph) reroleEnds(ctx context.Context, a, b *node, why ground) (changed bool, err error) {
	if changed, err = g.rerole(ctx, a, b); err != nil || !changed {
		return false, err
	}
	return true, g.tellLost(ctx, why, a, b)
}

// join makes the components of two nodes one if everybody in it can be one
// person for sure, and settles them otherwise.
func (g *Graph) join(ctx context.Context, a, b *node, known bool, why ground) error {
	ca, cb := g.find(a.component), g.find(b.component)
	if ca == nil || cb == nil {
		return nil
	}
	if !g.plain(ca) || !g.plain(cb) || !g.fits(ca, cb) {
		return g.settle(ctx, []id.Key{a.key, b.key}, why)
	}
	if !known {
		ca.edges++
	}
	if ca == cb {
		if !known {
			g.touchComponent(ca)
		}
		return nil
	}
	ha, hb := ca.home(g.rules), cb.home(g.rules)
	g.told.joined(g.rules, ha, hb, ca.members, cb.members, why)
	g.auditJoin(why, a, b, ha, hb)
	if len(ca.members) < len(cb.members) {
		ca, cb = cb, ca
	}
	ca.count(g.rules).join(cb.count(g.rules), g.rules)
	ca.members = append(ca.members, cb.members...)
	ca.edges += cb.edges
	if cb.asks && !ca.asks {
		ca.asks, ca.mark.fresh = true, true // only a full part says it
	}
	cb.members, cb.into, cb.edges, cb.counts, cb.mark.fresh = nil, ca.key, 0, counts{}, true
	g.touchComponent(ca)
	g.touchComponent(cb)
	return nil
}

// plain tells that all of a component are one person and nothing but the number
// of values can change that.
func (g *Graph) plain(c *component) bool {
	return c.cuts == nil && !c.queued && c.rules == g.rules.Version && !g.bound(c)
}

// spokenOf tells that an operator said something of an identifier.
func (g *Graph) spokenOf(k id.Key) bool { return g.said > 0 && len(g.words.About(k)) > 0 }

// connect notes an edge at both of its ends. It tells whether it was known and
// says nothing new.
func (g *Graph) connect(a, b *node, l *seenLink) (known bool) {
	x := arc{to: b.key, ident: b.ident, first: l.first, received: l.received, last: l.first}
	y := arc{to: a.key, ident: a.ident, first: l.first, received: l.received, last: l.first}
	known = g.note(a, x)
	also := g.note(b, y)
	if a.spilled {
		return also
	}
	return known
}

// note puts an edge to a node. It tells whether it was there.
func (g *Graph) note(n *node, x arc) bool {
	if e := n.edge(x.to); e != nil {
		if x.first < e.first || x.received < e.received {
			e.first, e.received, e.changed = min(e.first, x.first), min(e.received, x.received), true
			g.touchNode(n)
		}
		return true
	}
	if n.role == identity.Hub && len(n.edges) >= inlineEdges {
		if !n.spilled {
			n.spilled, n.mark.fresh = true, true
			g.touchNode(n)
		}
		// What links say only grows, so the newest holds all that was said.
		g.more.Put(store.TableEdges, edgeKey(n.key, x.to), appendArc(nil, &x))
		return false
	}
	x.changed = true
	n.add(x)
	g.touchNode(n)
	return false
}

func (n *node) add(x arc) {
	n.edges = append(n.edges, x)
	if n.places != nil {
		n.places[x.to] = len(n.edges) - 1
	}
}

// edge finds an edge by its other end.
func (n *node) edge(to id.Key) *arc {
	if len(n.edges) < manyEdges {
		for i := range n.edges {
			if n.edges[i].to == to {
				return &n.edges[i]
			}
		}
		return nil
	}
	if n.places == nil {
		n.places = make(map[id.Key]int, len(n.edges))
		for i := range n.edges {
			n.places[n.edges[i].to] = i
		}
	}
	if i, ok := n.places[to]; ok {
		return &n.edges[i]
	}
	return nil
}

// edgeKey is the row of an edge that does not lie in its node.
func edgeKey(n, to id.Key) []byte { return append(append(make([]byte, 0, 32), n[:]...), to[:]...) }

// rerole looks whether the ends of a new edge are something else by it. A hub
// only becomes more of one.
func (g *Graph) rerole(ctx context.Context, ends ...*node) (changed bool, err error) {
	for _, n := range ends {
		if n.role != identity.Links || g.few(n) {
			continue
		}
		role, err := g.roleOf(ctx, n)
		if err != nil {
			return false, err
		}
		changed = changed || role != n.role
		g.setRole(n, role)
	}
	return changed, nil
}

// few tells that a node cannot be a hub yet, without looking closely.
func (g *Graph) few(n *node) bool {
	above := g.rules.Of(n.ident.Namespace).SharedAbove
	if above == 0 || len(n.edges) <= above {
		return true
	}
	mine, count := g.rules.Priority(n.ident.Namespace), 0
	for i := range n.edges {
		if p := g.rules.Priority(n.edges[i].ident.Namespace); p < mine && g.rules.Namespaces[p].Limit.Unique() {
			count++
		}
	}
	return count <= above
}

func (g *Graph) setRole(n *node, role identity.Role) {
	if n.role != role {
		n.role, n.mark.fresh = role, true
		g.touchNode(n)
	}
}

// roleOf decides what a node is from all of its edges.
func (g *Graph) roleOf(ctx context.Context, n *node) (identity.Role, error) {
	var bad error
	role := g.rules.Role(identity.Node{Identifier: n.ident, Key: n.key}, &g.words, func(yield func(identity.Node) bool) {
		for i := range n.edges {
			if !yield(identity.Node{Identifier: n.edges[i].ident, Key: n.edges[i].to}) {
				return
			}
		}
		if !n.spilled {
			return
		}
		bad = g.spilledEdges(ctx, n.key, func(x *arc) bool { return yield(identity.Node{Identifier: x.ident, Key: x.to}) })
	})
	return role, bad
}

// spilledEdges visits the edges of a hub that lie in rows of their own.
func (g *Graph) spilledEdges(ctx context.Context, k id.Key, visit func(*arc) bool) error {
	var bad error
	err := g.more.Scan(ctx, g.state, store.Range{Table: store.TableEdges, Prefix: k[:]}, func(_, value []byte) bool {
		r := rows.Cursor{B: value}
		x := readArc(&r)
		if r.Bad {
			bad = errGraph
			return false
		}
		return visit(&x)
	})
	if err == nil {
		err = bad
	}
	return err
}
