package dmn

import (
	"slices"
	"strings"

	"rapport/internal/dmn/dmnxml"
)

// maxRequirements bounds the arrows that end at one box.
const maxRequirements = 2000

// edge is a resolved requirement.
type edge struct {
	to  *node
	pos dmnxml.Pos
}

// requirements resolves the arrows of the diagram.
func (c *compiler) requirements() {
	c.edges = make([][]edge, len(c.m.nodes))
	for _, n := range c.m.nodes {
		var reqs []*dmnxml.Requirement
		switch {
		case n.decision != nil:
			reqs = n.decision.Requirements
		case n.know != nil:
			reqs = n.know.Requirements
		case n.service != nil:
			c.serviceEdges(n)
		}
		for _, r := range reqs {
			c.requirement(n, r)
		}
	}
}

func (c *compiler) requirement(n *node, r *dmnxml.Requirement) {
	if r.Kind == dmnxml.RequiresAuthority {
		return
	}
	to, err := c.resolve(n.part, r.Href)
	if err != nil {
		c.problem(Fatal, n.part, place{n.name, r.Pos}, "%v", err)
		return
	}
	callable := to.kind == KnowledgeNode || to.kind == ServiceNode
	if callable != (r.Kind == dmnxml.RequiresKnowledge) {
		c.problem(Warning, n.part, place{n.name, r.Pos}, "the requirement on %s %q has the wrong kind of arrow", to.kind, to.name)
	}
	if len(c.edges[n.index]) >= maxRequirements {
		c.problem(Fatal, n.part, place{n.name, r.Pos}, "more than %d requirements", maxRequirements)
		return
	}
	if slices.ContainsFunc(c.edges[n.index], func(e edge) bool { return e.to == to }) {
		return
	}
	c.edges[n.index] = append(c.edges[n.index], edge{to, r.Pos})
}

// serviceEdges makes a service depend on its outputs, so that a cycle through
// a service is found.
func (c *compiler) serviceEdges(n *node) {
	target := func(href string, decision bool) *node {
		to, err := c.resolve(n.part, href)
		if err != nil {
			c.problem(Fatal, n.part, place{n.name, n.pos}, "%v", err)
			return nil
		}
		if (to.kind == DecisionNode) != decision {
			c.problem(Fatal, n.part, place{n.name, n.pos}, "%q is a %s, which has no place there in a decision service", to.name, to.kind)
			return nil
		}
		return to
	}
	for _, href := range n.service.InputData {
		if to := target(href, false); to != nil {
			n.targets = append(n.targets, to.index)
		}
	}
	for _, href := range n.service.InputDecisions {
		if to := target(href, true); to != nil {
			n.targets = append(n.targets, to.index)
		}
	}
	for _, href := range n.service.Encapsulated {
		target(href, true)
	}
	for _, href := range n.service.Outputs {
		if to := target(href, true); to != nil {
			n.outputs = append(n.outputs, to.index)
			c.edges[n.index] = append(c.edges[n.index], edge{to, n.pos})
		}
	}
	if len(n.outputs) == 0 {
		c.problem(Fatal, n.part, place{n.name, n.pos}, "the decision service has no output decision")
	}
}

// cycles removes requirements that close a circle, and reports them. Arrows
// that start at an input decision of a service end there when the service is
// called, but a circle on paper is a mistake all the same.
func (c *compiler) cycles() {
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(c.m.nodes))
	type frame struct{ n, next int }
	for start := range c.m.nodes {
		if state[start] != unseen {
			continue
		}
		stack := []frame{{start, 0}}
		state[start] = open
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next >= len(c.edges[top.n]) {
				state[top.n] = done
				stack = stack[:len(stack)-1]
				continue
			}
			e := c.edges[top.n][top.next]
			if state[e.to.index] == open && !c.mayRecurse(c.m.nodes[top.n], e) {
				names := make([]string, 0, maxPathNames)
				for i := len(stack) - 1; i >= 0 && len(names) < maxPathNames; i-- {
					names = append(names, c.m.nodes[stack[i].n].name)
					if stack[i].n == e.to.index {
						break
					}
				}
				slices.Reverse(names)
				c.circle(c.m.nodes[top.n], e, names)
				c.edges[top.n] = append(c.edges[top.n][:top.next:top.next], c.edges[top.n][top.next+1:]...)
				continue
			}
			top.next++
			if state[e.to.index] == unseen {
				state[e.to.index] = open
				stack = append(stack, frame{e.to.index, 0})
			}
		}
	}
}

// maxPathNames bounds how much of a circle is told.
const maxPathNames = 20

// mayRecurse lets knowledge models call themselves and one another: that is
// recursion, and its depth is bounded when it runs.
func (c *compiler) mayRecurse(n *node, e edge) bool {
	if n.kind != KnowledgeNode || e.to.kind != KnowledgeNode {
		return false
	}
	if n != e.to {
		c.problem(Warning, n.part, place{n.name, e.pos}, "%q and %q require one another", n.name, e.to.name)
	}
	return true
}

// circle reports a requirement that closes a circle.
func (c *compiler) circle(n *node, e edge, names []string) {
	path := strings.Join(names, " → ") + " → " + e.to.name
	if len(names) > 0 && names[0] != e.to.name {
		path = e.to.name + " → … → " + path
	}
	c.problem(Fatal, n.part, place{n.name, e.pos}, "the requirement closes a circle: %s", path)
	if n.kind != ServiceNode {
		n.broken = true
	}
}
