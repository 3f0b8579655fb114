package pmml

import "slices"

// treeNode is one node of a flat tree; its children stand side by side.
type treeNode struct {
	test         int32
	first, count int32
	otherwise    int32 // the default child, -1 where there is none
	dist         int32 // of the first probability, -1 where there is none
	score        float64
}

type tree struct {
	tests    *tests
	nodes    []treeNode
	dists    []float64
	value    int
	probs    int
	classes  int
	missing  missingStrategy
	keepLast bool
}

type missingStrategy uint8

const (
	treatAsFalse missingStrategy = iota
	lastPrediction
	nullPrediction
	defaultChild
)

// walk finds the node whose score is the answer; -1 where there is none.
func (t *tree) walk(s []float64) int32 {
	if t.tests.try(t.nodes[0].test, s) != yes {
		return -1
	}
	at := int32(0)
	for {
		n := &t.nodes[at]
		if n.count == 0 {
			return at
		}
		next := t.step(n, s)
		switch {
		case next == stay:
			return at
		case next < 0:
			return -1
		}
		at = next
	}
}

// What step says where no child follows.
const (
	nowhere int32 = -1
	stay    int32 = -2
)

func (t *tree) step(n *treeNode, s []float64) int32 {
	for at := n.first; at < n.first+n.count; at++ {
		switch t.tests.try(t.nodes[at].test, s) {
		case yes:
			return at
		case perhaps:
			switch t.missing {
			case lastPrediction:
				return stay
			case nullPrediction:
				return nowhere
			case defaultChild:
				return n.otherwise
			}
		}
	}
	if t.keepLast {
		return stay
	}
	return nowhere
}

func (t *tree) eval(s []float64) bool {
	at := t.walk(s)
	if at < 0 {
		return false
	}
	n := &t.nodes[at]
	s[t.value] = n.score
	if t.classes == 0 {
		return n.score == n.score
	}
	if n.dist < 0 {
		return false
	}
	copy(s[t.probs:t.probs+t.classes], t.dists[n.dist:int(n.dist)+t.classes])
	return true
}

// growing is a tree while it is compiled.
type growing struct {
	c        *compiler
	sc       *scope
	t        *tree
	p        *part
	classify bool
	single   bool
	at       map[float64]int // place of each class
}

func (c *compiler) tree(sc *scope, e *element, p *part, classify bool) {
	t := &tree{value: p.value, tests: c.shared, keepLast: e.attr("noTrueChildStrategy") == "returnLastPrediction"}
	strategies := map[string]missingStrategy{
		"": treatAsFalse, "none": treatAsFalse, "lastPrediction": lastPrediction, "nullPrediction": nullPrediction, "defaultChild": defaultChild,
	}
	strategy, ok := strategies[e.attr("missingValueStrategy")]
	if !ok {
		c.fail(e, "the missingValueStrategy %.40q is not supported; none, lastPrediction, nullPrediction and defaultChild are", e.attr("missingValueStrategy"))
	}
	t.missing = strategy
	root := e.child("Node")
	g := &growing{c: c, sc: sc, t: t, p: p, classify: classify, single: e.attr("x-mathContext") == "float", at: map[float64]int{}}
	if classify {
		g.classes(root)
		classes := make([]float64, len(g.at))
		for code, i := range g.at {
			classes[i] = code
		}
		c.probabilities(p, classes)
		t.probs, t.classes = p.probs, len(classes)
	}
	t.nodes = append(t.nodes, treeNode{})
	g.node(root, 0)
	p.eval = t.eval
}

// classes collects the classes in the order in which they are met.
func (g *growing) classes(e *element) {
	for _, d := range e.all("ScoreDistribution") {
		g.class(d.attr("value"))
	}
	if s, ok := e.find("score"); ok {
		g.class(s)
	}
	for _, k := range e.all("Node") {
		g.classes(k)
	}
}

func (g *growing) class(s string) {
	code := g.c.code(s)
	if _, ok := g.at[code]; !ok {
		g.at[code] = len(g.at)
	}
}

// node compiles a node and those below into their places.
func (g *growing) node(e *element, at int) {
	c := g.c
	if !c.enter(e) {
		return
	}
	defer c.leave()
	n := treeNode{test: c.findPredicate(g.sc, e), otherwise: -1, dist: -1, score: missing}
	for _, m := range e.children {
		if m.name == "Regression" || m.name == "DecisionTree" || m.name == "Partition" && g.t.missing == defaultChild {
			c.fail(m, "%s within a node is not supported", m.name)
		}
	}
	g.score(e, &n)
	children := e.all("Node")
	n.first, n.count = int32(len(g.t.nodes)), int32(len(children))
	g.t.nodes = append(g.t.nodes, make([]treeNode, len(children))...)
	if id, ok := e.find("defaultChild"); ok {
		i := slices.IndexFunc(children, func(k *element) bool { return k.attr("id") == id })
		if i < 0 {
			c.fail(e, "the default child %.40q is no child of its node", id)
		}
		n.otherwise = n.first + int32(i)
	}
	g.t.nodes[at] = n
	for i, k := range children {
		g.node(k, int(n.first)+i)
	}
}

// score reads a node's score and, for classes, their probabilities.
func (g *growing) score(e *element, n *treeNode) {
	c := g.c
	s, ok := e.find("score")
	if !g.classify {
		if ok {
			n.score = c.value(e, s, number, g.single)
		}
		return
	}
	dist := make([]float64, g.t.classes)
	sum, top := 0.0, -1
	given := false
	for _, d := range e.all("ScoreDistribution") {
		i := g.at[c.code(d.attr("value"))]
		dist[i] = c.numeric(d, "recordCount", 0)
		if p, has := d.find("probability"); has {
			dist[i], given = c.value(d, p, number, false), true
		}
		if top < 0 || dist[i] > dist[top] {
			top = i
		}
		sum += dist[i]
	}
	switch {
	case ok && top < 0:
		dist[g.at[c.code(s)]] = 1
	case top < 0:
		return
	case !given && sum > 0:
		for i := range dist {
			dist[i] /= sum
		}
	}
	if !ok {
		n.score = g.p.classes[top]
	} else {
		n.score = c.code(s)
	}
	n.dist = int32(len(g.t.dists))
	g.t.dists = append(g.t.dists, dist...)
}
