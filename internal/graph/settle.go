package graph

import (
	"cmp"
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
)

// region is a part of the graph that is decided as a whole: some components,
// and everything that live edges lead to from there.
type region struct {
	nodes  []*node
	at     map[id.Key]int
	before []*component // as they are, in the order they were found
	people [][]event.Identifier
	edges  identity.Component
}

// settle decides anew who is who around some identifiers, writes the
// components that come out of it, and tells whom it concerns. A very large
// component waits for its turn and keeps the people it had until then.
func (g *Graph) settle(ctx context.Context, seeds []id.Key, why ground) error {
	if err := g.loadWhole(ctx, seeds); err != nil {
		return err
	}
	if !why.inTurn && g.queueLarge(seeds, why) {
		return nil
	}
	r, err := g.region(ctx, seeds)
	if err != nil || len(r.nodes) == 0 {
		return err
	}
	r.connect()
	out := g.rules.Resolve(r.edges, &g.words)
	after := g.write(r, &out)
	g.compare(r, &out, after, why)
	return g.askShared(ctx, r, &out)
}

// region gathers nodes in waves, each loaded at once.
func (g *Graph) region(ctx context.Context, seeds []id.Key) (*region, error) {
	r := &region{at: map[id.Key]int{}}
	known := map[*component]bool{}
	sure := map[id.Key]bool{} // in the region whatever they are
	for _, k := range seeds {
		sure[k] = true
	}
	for wave := seeds; len(wave) > 0; {
		if err := g.loadWhole(ctx, wave); err != nil {
			return nil, err
		}
		var next []id.Key
		for _, k := range wave {
			n, ok := g.nodes.Get(k)
			if _, in := r.at[k]; in || !ok || n.role != identity.Links && !sure[k] {
				continue
			}
			r.at[k] = len(r.nodes)
			r.nodes = append(r.nodes, n)
			if c := g.find(n.component); c != nil && !known[c] {
				known[c] = true
				r.before = append(r.before, c)
				r.people = append(r.people, c.people()...)
				for _, m := range c.members {
					key := m.Key()
					sure[key] = true
					next = append(next, key)
				}
			}
			next = g.neighbours(next, n, sure)
		}
		wave = next
	}
	return r, nil
}

// neighbours adds where live edges lead, and whom an operator links.
func (g *Graph) neighbours(next []id.Key, n *node, sure map[id.Key]bool) []id.Key {
	if n.role == identity.Links {
		for i := range n.edges {
			if said := g.words.Between(n.key, n.edges[i].to); said != identity.Ignore && said != identity.CannotLink {
				next = append(next, n.edges[i].to)
			}
		}
	}
	if g.said == 0 || n.role == identity.NamesNobody {
		return next
	}
	for _, f := range g.words.About(n.key) {
		if f.Op != identity.MustLink {
			continue
		}
		for _, k := range [...]id.Key{f.A.Key(), f.B.Key()} {
			if k != n.key {
				sure[k] = true
				next = append(next, k)
			}
		}
	}
	return next
}

// connect makes what is resolved of the nodes.
func (r *region) connect() {
	c := &r.edges
	seen := map[[2]int]bool{}
	for i, n := range r.nodes {
		c.Nodes = append(c.Nodes, identity.Node{Identifier: n.ident, Key: n.key})
		c.Roles = append(c.Roles, n.role)
		for j := range n.edges {
			e := &n.edges[j]
			o, in := r.at[e.to]
			pair := [2]int{min(i, o), max(i, o)}
			if !in || seen[pair] {
				continue
			}
			seen[pair] = true
			c.Edges = append(c.Edges, identity.Edge{U: i, V: o, First: e.first, Last: e.last})
		}
	}
}

// people are the members of each person of a component.
func (c *component) people() [][]event.Identifier {
	if c.cuts == nil {
		if len(c.members) == 0 {
			return nil
		}
		return [][]event.Identifier{c.members}
	}
	out := make([][]event.Identifier, 0, len(c.cuts))
	at := 0
	for _, n := range c.cuts {
		out = append(out, c.members[at:at+n])
		at += n
	}
	return out
}

// write puts the outcome into components: one for each part that anything
// connects. It gives the people, each with its strongest first.
func (g *Graph) write(r *region, out *identity.Outcome) (after [][]event.Identifier) {
	parts := map[int]*component{}
	var order []*component
	for _, p := range out.People {
		c := parts[out.Parts[p[0]]]
		if c == nil {
			c = &component{}
			parts[out.Parts[p[0]]] = c
			order = append(order, c)
		}
		one := make([]event.Identifier, len(p))
		for i, n := range p {
			one[i] = r.nodes[n].ident
			c.asks = c.asks || r.nodes[n].asks()
		}
		c.members, c.cuts = append(c.members, one...), append(c.cuts, len(p))
		after = append(after, one)
	}
	for i := range r.edges.Edges {
		parts[out.Parts[r.edges.Edges[i].U]].edges++
	}
	taken := map[id.Key]bool{}
	keep := slices.Clone(r.before)
	slices.SortStableFunc(keep, func(a, b *component) int { return cmp.Compare(len(b.members), len(a.members)) })
	for _, c := range order {
		g.place(r, c, keep, taken)
	}
	for _, c := range keep {
		if !taken[c.key] {
			g.newComponent(c.key, nil)
		}
	}
	return after
}

// place gives a component its key, that of one of its members: of one that was
// a component's before if there is one, so that few nodes change.
func (g *Graph) place(r *region, c *component, keep []*component, taken map[id.Key]bool) {
	in := make(map[id.Key]bool, len(c.members))
	var key id.Key
	for _, m := range c.members {
		k := m.Key()
		in[k] = true
		if key.IsZero() || slices.Compare(k[:], key[:]) < 0 {
			key = k
		}
	}
	for _, old := range keep {
		if in[old.key] {
			key = old.key
			break
		}
	}
	taken[key] = true
	cuts := c.cuts
	if len(cuts) == 1 {
		cuts = nil
	}
	made := g.newComponent(key, c.members)
	made.cuts, made.edges, made.asks = cuts, c.edges, c.asks
	for k := range in {
		if n := r.nodes[r.at[k]]; n.component != key {
			n.component, n.mark.fresh = key, true
			g.touchNode(n)
		}
	}
}

func (n *node) asks() bool { return slices.ContainsFunc(n.edges, func(e arc) bool { return e.asked }) }

// compare finds who changed, notes whom to tell, and writes the audit.
func (g *Graph) compare(r *region, out *identity.Outcome, after [][]event.Identifier, why ground) {
	was := make(map[event.Identifier]int, len(r.nodes))
	var homes []event.Identifier
	for i, p := range r.people {
		homes = append(homes, slices.MinFunc(p, g.rules.Compare))
		for _, m := range p {
			was[m] = i
		}
	}
	left := make([]int, len(r.people)) // members that each of them had and that are not accounted for
	for i, p := range r.people {
		left[i] = len(p)
	}
	var from, to [][]event.Identifier
	named := map[int]bool{}
	for _, p := range after {
		first, one := was[p[0]], true
		for _, m := range p {
			one = one && was[m] == first
		}
		if one && left[first] == len(p) {
			continue // the same people as before
		}
		g.told.changed(p[0], why)
		to = append(to, []event.Identifier{p[0]})
		for _, m := range p {
			i := was[m]
			if !named[i] {
				named[i] = true
				from = append(from, []event.Identifier{homes[i]})
			}
			if homes[i] != p[0] {
				g.told.moved(m, homes[i])
			}
		}
	}
	if len(to) > 0 {
		g.audit(why, r.rule(out, why, len(to) > 1, was), from, to)
	}
}

// ruleSeen is the rule of a merge that no operator asked for.
const ruleSeen = "seen_together"

// rule says what decided: of people held apart why the edge that was seen does
// not link, or the first that held together who is apart now.
func (r *region) rule(out *identity.Outcome, why ground, apart bool, was map[event.Identifier]int) string {
	if !apart {
		return ruleSeen
	}
	first := ""
	for _, x := range out.Refused {
		e := r.edges.Edges[x.Edge]
		u, v := r.nodes[e.U].ident, r.nodes[e.V].ident
		if u == why.a && v == why.b || u == why.b && v == why.a {
			return string(x.Reason)
		}
		if first == "" && was[u] == was[v] {
			first = string(x.Reason)
		}
	}
	if first == "" && len(out.Refused) > 0 {
		first = string(out.Refused[0].Reason)
	}
	return cmp.Or(first, ruleSeen)
}

// queueLarge lets a component wait that is too large to be replayed with every
// edge. What is newly connected to it stands beside the people there were.
func (g *Graph) queueLarge(seeds []id.Key, why ground) bool {
	var all []*component
	edges := 0
	for _, k := range seeds {
		n, ok := g.nodes.Get(k)
		if !ok {
			continue
		}
		if c := g.find(n.component); c != nil && !slices.Contains(all, c) {
			all = append(all, c)
			edges += c.edges
		}
	}
	if edges <= g.large {
		return false
	}
	slices.SortStableFunc(all, func(a, b *component) int { return cmp.Compare(len(b.members), len(a.members)) })
	c := all[0]
	for _, o := range all[1:] {
		people := append(c.people(), o.people()...)
		c.cuts = nil
		for _, p := range people {
			c.cuts = append(c.cuts, len(p))
		}
		c.members, c.asks, c.edges = append(c.members, o.members...), c.asks || o.asks, c.edges+o.edges
		o.members, o.cuts, o.into, o.counts, o.mark.fresh = nil, nil, c.key, counts{}, true
		g.touchComponent(o)
	}
	c.edges++
	c.counts.ready, c.mark.fresh = false, true
	if !c.queued {
		c.queued = true
		g.count.Oversized++
		g.log.Warn("a component of the identity graph is too large to be resolved at once; it waits for its turn",
			"identifiers", len(c.members), "edges", c.edges)
		g.asked = append(g.asked, resolveRecord(why, c.key))
	}
	g.touchComponent(c)
	return true
}
