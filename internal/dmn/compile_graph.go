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
	w := &graphWalk{c: c, state: make([]walkState, len(c.m.nodes))}
	for start := range c.m.nodes {
		if w.state[start] == unseen {
			w.from(start)
		}
	}
}

type walkState uint8

const (
	unseen walkState = iota
	onPath
	finished
)

// graphWalk goes through the graph depth first, with its path on a list of its
// own: a chain of many thousands must not fill the stack.
type graphWalk struct {
	c     *compiler
	state []walkState
	path  []walkStep
}

type walkStep struct{ node, next int }

func (w *graphWalk) from(start int) {
	w.enter(start)
	for len(w.path) > 0 {
		top := &w.path[len(w.path)-1]
		edges := w.c.edges[top.node]
		if top.next >= len(edges) {
			w.state[top.node] = finished
			w.path = w.path[:len(w.path)-1]
			continue
		}
		n, e := w.c.m.nodes[top.node], edges[top.next]
		if w.state[e.to.index] == onPath && !w.c.mayRecurse(n, e) {
			w.c.circle(n, e, w.names(e.to))
			w.c.edges[top.node] = slices.Delete(edges, top.next, top.next+1)
			continue
		}
		top.next++
		if w.state[e.to.index] == unseen {
			w.enter(e.to.index)
		}
	}
}

func (w *graphWalk) enter(i int) {
	w.state[i] = onPath
	w.path = append(w.path, walkStep{i, 0})
}

// names lists the end of the path, back to a node on it.
func (w *graphWalk) names(back *node) []string {
	names := make([]string, 0, maxPathNames)
	for i := len(w.path) - 1; i >= 0 && len(names) < maxPathNames; i-- {
		names = append(names, w.c.m.nodes[w.path[i].node].name)
		if w.path[i].node == back.index {
			break
		}
	}
	slices.Reverse(names)
	return names
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
