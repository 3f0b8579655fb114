package pipeline

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
)

// joins is what a batch joined: by each component that took part, the anchors
// that may have got another home by it.
type joins map[id.Key]*joining

type joining struct {
	at       store.Position // of the last link that joined it to another
	received clock.Instant
	moved    []event.Identifier
}

// note says that two components are about to become one. The members of the one
// with the weaker home get another home.
func (j joins) note(a, b *component, received clock.Instant, at store.Position, rules *identity.Rules) {
	ha, hb := a.strongest(rules), b.strongest(rules)
	if rules.Compare(hb, ha) < 0 {
		a, b = b, a
	}
	x, y := j.of(a.key), j.of(b.key)
	moved := append(append(x.moved, y.moved...), b.members...)
	// Which of the two keys the joined component has is not known here.
	j[a.key] = &joining{at, received, moved}
	j[b.key] = j[a.key]
}

func (j joins) of(k id.Key) *joining {
	if x := j[k]; x != nil {
		return x
	}
	return &joining{}
}

// strongest is the home of a component.
func (c *component) strongest(rules *identity.Rules) event.Identifier {
	return slices.MinFunc(c.members, rules.Compare)
}

// publish tells the homes of what was joined who belongs to them, and the
// anchors that got another home where it is.
func (g *graph) publish() []store.Record {
	if len(g.joined) == 0 {
		return nil
	}
	components := make([]*component, 0, len(g.joined))
	for k := range g.joined {
		if c, ok := g.components.get(k); ok && c.into.IsZero() {
			components = append(components, c)
		}
	}
	slices.SortFunc(components, func(a, b *component) int { return slices.Compare(a.key[:], b.key[:]) })
	var out []store.Record
	for _, c := range components {
		out = g.publishPerson(out, c, g.joined[c.key])
	}
	clear(g.joined)
	return out
}

func (g *graph) publishPerson(out []store.Record, c *component, j *joining) []store.Record {
	home := c.strongest(g.rules)
	p := personRecord{to: home.Key(), version: j.at, home: home, members: slices.SortedFunc(slices.Values(c.members), g.rules.Compare)}
	out = append(out, p.record(j.received))
	for _, m := range j.moved {
		if m != home {
			away := personRecord{to: m.Key(), version: j.at, home: home}
			out = append(out, away.record(j.received))
		}
	}
	return out
}
