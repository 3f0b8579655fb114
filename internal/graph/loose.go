package graph

import (
	"context"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// looseEdges are edges of known identifiers whose rows are not in memory. Most
// new edges lead from somebody who is known to a device or an address that was
// never seen: nothing can follow from them but that one person has one more
// identifier. The component says all that has to be known for that, so the edge is
// added to the row of the known one without reading it.
type looseEdges struct {
	waiting map[id.Key][]arc // for the next commit
	carried map[id.Key][]arc // by a commit that is under way
}

func (l *looseEdges) add(k id.Key, x arc) {
	if l.waiting == nil {
		l.waiting = map[id.Key][]arc{}
	}
	l.waiting[k] = append(l.waiting[k], x)
}

// changes adds what the next commit carries.
func (l *looseEdges) changes(out []store.Change, room *rows.Arena) []store.Change {
	if l.carried == nil {
		l.carried = map[id.Key][]arc{}
	}
	for k, list := range l.waiting {
		b := append(room.Open(), partMore)
		for i := range list {
			b = appendArc(b, &list[i])
		}
		out = append(out, rows.Common(store.TableNodes, k[:], store.Add, room.Close(b)))
		l.carried[k] = append(l.carried[k], list...)
	}
	clear(l.waiting)
	return out
}

// committed forgets what the last commit carried.
func (l *looseEdges) committed() { clear(l.carried) }

// join gives a node that comes into memory the edges that its row may lack, and
// tells whether the node has them to write now.
func (l *looseEdges) join(n *node) (changed bool) {
	for _, x := range l.carried[n.key] {
		if n.edge(x.to) == nil {
			n.add(x)
		}
	}
	for _, x := range l.waiting[n.key] {
		x.changed, changed = true, true
		n.add(x)
	}
	delete(l.waiting, n.key)
	return changed
}

// findLoose finds the links of a batch that may be applied without the row of
// their stronger end, and reads what that takes.
func (g *Graph) findLoose(ctx context.Context) error {
	g.ends = g.ends[:0]
	for i := range g.links {
		l := &g.links[i]
		if l.loose = len(l.strong.value) > 0 && len(l.weak.value) > 0 && !l.known && !g.inMemory(l.strong.key) && !g.absent[l.strong.key]; l.loose {
			g.ends = append(g.ends, l.weak.key)
		}
	}
	if len(g.ends) == 0 {
		return nil
	}
	if err := g.loadNodes(ctx, g.ends); err != nil {
		return err
	}
	g.ends = g.ends[:0]
	for i := range g.links {
		l := &g.links[i]
		if l.loose = l.loose && !g.inMemory(l.weak.key); l.loose {
			g.ends = append(g.ends, l.strong.key)
		}
	}
	if err := g.loadComponents(ctx, g.ends); err != nil {
		return err
	}
	for i := range g.links {
		l := &g.links[i]
		l.loose = l.loose && g.wouldTake(l) != nil
	}
	return nil
}

func (g *Graph) inMemory(k id.Key) bool {
	_, ok := g.nodes.Get(k)
	return ok
}

// wouldTake gives the component that a link adds one identifier to, where
// nothing else can follow from it; nil otherwise. A component that has the key of
// an identifier has it as a member.
func (g *Graph) wouldTake(l *seenLink) *component {
	c, ok := g.components.Get(l.strong.key)
	if !ok || !c.into.IsZero() || len(c.members) == 0 || c.asks || !g.plain(c) || c.mark.due(len(c.members)) {
		return nil // where the component is due to be written whole, so is the node
	}
	strong, weak := l.strong.ident(g.rules), l.weak.ident(g.rules)
	if g.rules.Of(strong.Namespace).SharedAbove > 0 || g.spokenOf(l.strong.key) || g.rules.Blocks(strong) {
		return nil
	}
	if g.spokenOf(l.weak.key) || g.rules.Blocks(weak) || !g.hasRoom(c, weak) || g.rules.Compare(weak, c.home(g.rules)) < 0 {
		return nil
	}
	return c
}

// takeLoose applies a link without the row of its stronger end, if that is still
// possible.
func (g *Graph) takeLoose(l *seenLink, why ground) bool {
	if g.inMemory(l.strong.key) || g.inMemory(l.weak.key) {
		return false
	}
	c := g.wouldTake(l)
	if c == nil {
		return false
	}
	strong := l.strong.ident(g.rules)
	b, _ := g.node(&l.weak)
	why.a, why.b, why.event = strong, b.ident, l.event
	row := g.joinEntry(why, c.home(g.rules), b.ident)
	ref := g.keepAudit(why, &row, row.others(strong, b.ident))
	x := arc{to: b.key, ident: b.ident, first: l.first, received: l.received, last: l.first, audit: ref}
	g.loose.add(l.strong.key, x)
	x.to, x.ident = l.strong.key, strong
	g.note(b, x)
	g.told.changed(b.ident, why)
	g.told.moved(b.ident, b.ident)
	g.takeIn(c, b)
	return true
}

// hasRoom tells that one more identifier surely breaks no limit of a component.
func (g *Graph) hasRoom(c *component, one event.Identifier) bool {
	k, p := c.count(g.rules), g.rules.Priority(one.Namespace)
	if p >= len(k.of) {
		return true
	}
	most := g.rules.Namespaces[p].Limit.Count
	return most == 0 || k.of[p]+1 <= most
}

// takeIn makes a node that is in no component a member of one.
func (g *Graph) takeIn(c *component, b *node) {
	k, p := c.count(g.rules), g.rules.Priority(b.ident.Namespace)
	if g.rules.Compare(b.ident, k.home) < 0 {
		k.home = b.ident
	}
	if p < len(k.of) {
		k.of[p]++
	}
	c.members = append(c.members, b.ident)
	c.edges++
	b.component = c.key
	g.touchComponent(c)
}
