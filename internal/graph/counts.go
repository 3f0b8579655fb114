package graph

import (
	"rapport/internal/event"
	"rapport/internal/identity"
)

// counts are how many values a component has in each namespace with a limit:
// enough to see that no limit can be broken.
type counts struct {
	rules int
	ready bool
	of    []int
	home  event.Identifier
	said  int // the number of facts when bound was found out
	bound bool
}

func (c *component) count(r *identity.Rules) *counts {
	if c.counts.ready && c.counts.rules == r.Version {
		return &c.counts
	}
	k := counts{rules: r.Version, ready: true, of: make([]int, len(r.Namespaces)), said: c.counts.said, bound: c.counts.bound}
	for i, m := range c.members {
		if p := r.Priority(m.Namespace); p < len(k.of) {
			k.of[p]++
		}
		if i == 0 || r.Compare(m, k.home) < 0 {
			k.home = m
		}
	}
	c.counts = k
	return &c.counts
}

// home is the strongest identifier of a component that is one person.
func (c *component) home(r *identity.Rules) event.Identifier { return c.count(r).home }

// join adds the counts of another component, before its members are added.
func (k *counts) join(o *counts, r *identity.Rules) {
	for i := range k.of {
		k.of[i] += o.of[i]
	}
	k.bound = k.bound || o.bound
	if r.Compare(o.home, k.home) < 0 {
		k.home = o.home
	}
}

// fits tells that the members of two components are surely within the limits.
func (g *Graph) fits(a, b *component) bool {
	ka := a.count(g.rules)
	kb := &counts{of: make([]int, len(ka.of))}
	if a != b {
		kb = b.count(g.rules)
	}
	for i := range ka.of {
		if l := g.rules.Namespaces[i].Limit.Count; l > 0 && ka.of[i]+kb.of[i] > l {
			return false
		}
	}
	return true
}

// bound tells that an operator said something of a member that holds them
// together or apart.
func (g *Graph) bound(c *component) bool {
	if g.said == 0 {
		return false
	}
	k := c.count(g.rules)
	if k.said == g.said {
		return k.bound
	}
	k.said, k.bound = g.said, false
	for _, m := range c.members {
		if g.spokenOf(m.Key()) {
			k.bound = true
			break
		}
	}
	return k.bound
}
