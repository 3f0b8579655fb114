package graph

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// ground is why something changes in the graph.
type ground struct {
	at       store.Position
	received clock.Instant
	a, b     event.Identifier // the edge, where one did it
	event    store.Position   // that showed it
	fact     *identity.Fact   // an operator's, where one did it
	sweep    bool             // other rules did it
	inTurn   bool             // it waited for its turn: the size does not matter
}

func causeOf(r *store.Record) ground { return ground{at: r.Position, received: r.Received} }

// concerns is whom a batch concerns: people who changed, by one of their
// identifiers, and identifiers with the home that they had before the batch.
type concerns struct {
	people   map[id.Key]bool
	was      map[event.Identifier]event.Identifier
	at       store.Position
	received clock.Instant
	audited  store.Position // the last cause that is in the audit, and how often
	audits   uint32
}

// manyConcerned is from when on the room of a batch is not kept for the next.
const manyConcerned = 4096

// begin forgets whom the batch before concerned.
func (t *concerns) begin() {
	people, was := t.people, t.was
	if people == nil || len(people)+len(was) > manyConcerned {
		people, was = map[id.Key]bool{}, map[event.Identifier]event.Identifier{}
	}
	clear(people)
	clear(was)
	*t = concerns{people: people, was: was}
}

// changed notes that somebody's identifiers changed, or what of a shared one is
// theirs.
func (t *concerns) changed(member event.Identifier, why ground) {
	t.people[member.Key()] = true
	t.at, t.received = max(t.at, why.at), max(t.received, why.received)
}

// moved notes that an identifier gets another home.
func (t *concerns) moved(member, from event.Identifier) {
	if _, ok := t.was[member]; !ok {
		t.was[member] = from
	}
}

// joined notes that two people, each of a home and members, are about to become
// one. The members of the one with the weaker home get another home.
func (t *concerns) joined(rules *identity.Rules, ha, hb event.Identifier, a, b []event.Identifier, why ground) {
	if rules.Compare(hb, ha) < 0 {
		b, ha, hb = a, hb, ha
	}
	t.changed(ha, why)
	for _, m := range b {
		t.moved(m, hb)
	}
}

// Publish tells the homes of whom a batch concerns who belongs to them, and the
// anchors that got another home where it is. What else follows from the batch
// goes with it.
func (g *Graph) Publish(ctx context.Context) ([]store.Record, error) {
	out := slices.Clip(g.asked) // they stay asked where this fails
	if len(g.told.people) == 0 {
		g.asked, g.halfway, g.half = nil, false, nil
		return out, nil
	}
	out = slices.Grow(out, len(g.told.people)+len(g.told.was))
	homes := make(map[event.Identifier]bool, len(g.told.people))
	keys := make([]id.Key, 0, len(g.told.people))
	for k := range g.told.people {
		keys = append(keys, k)
	}
	keys = rows.SortedKeys(keys)
	if err := g.loadWhole(ctx, keys); err != nil {
		return nil, err
	}
	for _, k := range keys {
		n, ok := g.nodes.Get(k)
		if !ok {
			continue
		}
		c := g.find(n.component)
		if c == nil {
			continue
		}
		p := c.personOf(n.ident)
		home := g.homeOf(c, p)
		if homes[home] {
			continue
		}
		homes[home] = true
		var err error
		if out, err = g.publishPerson(ctx, out, c, p); err != nil {
			return nil, err
		}
	}
	g.told.begin()
	g.asked, g.halfway, g.half = nil, false, nil
	return out, nil
}

// personOf are the members of the person that has an identifier.
func (c *component) personOf(i event.Identifier) []event.Identifier {
	if c.cuts == nil {
		return c.members
	}
	for _, p := range c.people() {
		if slices.Contains(p, i) {
			return p
		}
	}
	return []event.Identifier{i}
}

// homeOf is the strongest identifier of one of the people of a component.
func (g *Graph) homeOf(c *component, members []event.Identifier) event.Identifier {
	if c.cuts == nil {
		return c.home(g.rules)
	}
	return slices.MinFunc(members, g.rules.Compare)
}

func (g *Graph) publishPerson(ctx context.Context, out []store.Record, c *component, members []event.Identifier) ([]store.Record, error) {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, g.rules.Compare)
	home := sorted[0]
	p := Person{To: home.Key(), Version: g.told.at, Home: home, Members: sorted}
	if c.asks || c.cuts != nil || len(members) == 1 {
		var err error
		if p.Shared, err = g.sharedOf(ctx, sorted); err != nil {
			return nil, err
		}
	}
	out = append(out, p.Record(g.told.received))
	for _, m := range sorted[1:] {
		if was, ok := g.told.was[m]; ok && was != home {
			away := Person{To: m.Key(), Version: g.told.at, Home: home}
			out = append(out, away.Record(g.told.received))
		}
	}
	return out, nil
}
