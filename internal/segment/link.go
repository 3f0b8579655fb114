package segment

import (
	"slices"

	"rapport/internal/feel"
	"rapport/internal/segment/condition"
)

// attach tells what a leaf reads that the leaf has to know of its changes.
func (c *compiler) attach(at int32) {
	l := &c.set.leaves[at]
	if l.band != nil {
		c.climb(l, at)
		return
	}
	if l.node.Kind == condition.Events && l.rises() {
		c.rise(l, at)
		return
	}
	for _, s := range l.sources {
		src := &c.set.sources[s]
		if !slices.Contains(src.leaves, at) {
			src.leaves = append(src.leaves, at)
		}
		if src.what == condition.OrderLine {
			c.set.ordering = append(c.set.ordering, at)
		}
	}
	switch {
	case l.field >= 0:
		c.set.fields[l.field].attach(at, l.node)
	case l.node.Kind == condition.Events && l.node.Events.What == condition.Order:
		c.set.ordering = append(c.set.ordering, at)
	case l.trait >= 0:
		t := &c.set.traits[l.trait]
		c.compare(t, at)
		if t.program != nil {
			c.read(at, t.program)
		}
	case l.affinity >= 0:
		a := &c.set.affinities[l.affinity]
		c.set.sources[a.source].leaves = append(c.set.sources[a.source].leaves, at)
	case l.program != nil:
		c.read(at, l.program)
	}
}

// read tells when a leaf that runs a program has to look again.
func (c *compiler) read(at int32, p *feel.Program) {
	slots := inputs(p)
	if slots[slotComputed] {
		for i := range c.set.traits {
			t := &c.set.traits[i]
			c.compare(t, at)
			inner := inputs(t.program)
			slots[slotTraits] = slots[slotTraits] || inner[slotTraits]
			slots[slotProfile] = slots[slotProfile] || inner[slotProfile]
		}
	}
	if slots[slotTraits] {
		c.set.speaking = append(c.set.speaking, at)
	}
	if slots[slotProfile] {
		c.set.restless = append(c.set.restless, at)
	}
}

func inputs(p *feel.Program) (in [slots]bool) {
	if p != nil {
		for _, slot := range p.Inputs() {
			in[slot] = true
		}
	}
	return in
}

// compare lets a computed trait find a leaf that reads it.
func (c *compiler) compare(t *trait, at int32) {
	t.leaves = append(t.leaves, at)
	if t.program == nil && t.node.Events.What != condition.Event {
		c.set.ordering = append(c.set.ordering, at)
	}
}

// finish sorts the sources by id, builds the index, and tells every leaf which
// segments it can change.
func (c *compiler) finish() {
	s := c.set
	order := make([]int32, len(s.sources))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if s.sources[a].id < s.sources[b].id {
			return -1
		}
		return 1
	})
	place := make([]int32, len(order))
	sorted := make([]source, len(order))
	for i, o := range order {
		place[o], sorted[i] = int32(i), s.sources[o]
	}
	s.sources = sorted
	for i := range s.leaves {
		for k, src := range s.leaves[i].sources {
			s.leaves[i].sources[k] = place[src]
		}
	}
	for i := range s.traits {
		if s.traits[i].source >= 0 {
			s.traits[i].source = place[s.traits[i].source]
		}
	}
	for i := range s.affinities {
		s.affinities[i].source = place[s.affinities[i].source]
	}
	for i := range s.ladders {
		src := &s.sources[place[s.ladders[i].source]]
		src.ladders = append(src.ladders, int32(i))
	}
	s.index = indexOf(s.sources)
	c.reach()
	for i := range s.segments {
		left := maxExplained
		s.segments[i].told = c.tell(nil, s.segments[i].cond, &left)
	}
	for i := range s.ladders {
		l := &s.ladders[i]
		l.steps, l.rest = s.lazy(l.steps)
	}
	for i := range s.rises {
		r := &s.rises[i]
		r.steps, r.rest = s.lazy(r.steps)
		s.only(r)
	}
}

// reach tells the leaves about the segments above them.
func (c *compiler) reach() {
	s := c.set
	seen := make([]int32, len(s.nodes))
	var stack []int32
	for i := range s.segments {
		mark := int32(i + 1)
		stack = append(stack[:0], s.segments[i].root)
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[n] == mark {
				continue
			}
			seen[n] = mark
			if l := s.nodes[n].leaf; l >= 0 {
				s.leaves[l].segments = append(s.leaves[l].segments, int32(i))
			}
			stack = append(stack, s.nodes[n].kids...)
		}
	}
}

// lazy sorts out the leaves that alone are all that their segments ask: only of
// these is it known that what delays a change of the leaf delays that of the
// segment, so that a timer that is set too early does no harm.
func (s *Set) lazy(steps []step) (alone, rest []step) {
	for _, x := range steps {
		if slices.ContainsFunc(s.leaves[x.at].segments, func(i int32) bool { return !s.asksOnly(s.segments[i].root, x.at) }) {
			rest = append(rest, x)
		} else {
			alone = append(alone, x)
		}
	}
	slices.SortStableFunc(alone, compareSteps)
	slices.SortStableFunc(rest, compareSteps)
	return alone, rest
}

func (s *Set) asksOnly(root, leaf int32) bool {
	n := &s.nodes[root]
	for n.kind == condition.Not {
		n = &s.nodes[n.kids[0]]
	}
	return n.leaf == leaf
}

// tell lists the nodes of a condition in the order in which they are explained.
func (c *compiler) tell(list []told, n *condition.Node, left *int) []told {
	*left--
	x := told{kind: n.Kind, node: c.written[n]}
	var asked *condition.Node
	if i, ok := c.set.Find(n.Ref); ok && n.Kind == condition.Segment {
		x.id, asked = c.set.segments[i].id, c.set.segments[i].cond
	}
	list = append(list, x)
	switch n.Kind {
	case condition.All, condition.Any, condition.Not:
		for _, k := range n.Nodes {
			if *left <= 0 {
				break
			}
			list = c.tell(list, k, left)
		}
	case condition.Segment:
		if *left > 0 {
			list = c.tell(list, asked, left)
		}
	}
	return list
}
