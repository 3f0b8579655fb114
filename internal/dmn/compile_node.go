package dmn

import (
	"errors"
	"slices"
	"strings"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

type compileState uint8

const (
	untouched compileState = iota
	compiling
	compiled
)

// place is where a piece of logic is, for diagnostics.
type place struct {
	node string
	pos  dmnxml.Pos
}

// scope is what a piece of logic can see, and the frame its values lie in.
type scope struct {
	feel *feel.Scope
	node *node
	part *part
}

// maxScopeWork bounds the names copied while scopes are made. Models that
// people draw need some thousands.
const maxScopeWork = 20_000_000

// with gives the scope with further names, and their slots. A name that is
// already there keeps its slot: whoever sets it puts the old value back.
func (c *compiler) with(sc scope, vars ...feel.Var) (scope, []int) {
	inner := sc
	inner.feel = sc.feel.Clone()
	c.work += sc.feel.Len() + len(sc.part.types) + len(vars)
	slots := make([]int, len(vars))
	for i, v := range vars {
		slots[i] = inner.add(v)
	}
	return inner, slots
}

// add gives a scope that nobody else holds a further name.
func (sc scope) add(v feel.Var) int {
	slot := sc.feel.Add(v)
	sc.node.size = max(sc.node.size, sc.feel.Len())
	return slot
}

// tooLarge reports, once, that the model takes too much work to compile.
func (c *compiler) tooLarge(sc scope, pos dmnxml.Pos) bool {
	if c.work <= maxScopeWork {
		return false
	}
	if !c.gaveUp {
		c.gaveUp = true
		c.problem(Fatal, sc.part, place{sc.node.name, pos}, "the model has too many names in too many boxes; the rest of it is left out")
	}
	return true
}

func (c *compiler) compileProblem(p *part, where string, pos dmnxml.Pos, err error) {
	ce, ok := errors.AsType[*feel.CompileError](err)
	if !ok {
		c.problem(Fatal, p, place{where, pos}, "%v", err)
		return
	}
	for _, issue := range ce.Issues {
		c.problem(Fatal, p, place{where, within(pos, issue.Pos)}, "%s", issue.Message)
	}
}

// compileNode compiles a node after those it needs, whose types it sees.
// Requirements have no circles any more, so this ends; the recursion is as
// deep as the graph.
func (c *compiler) compileNode(n *node) {
	if n.state != untouched {
		return
	}
	n.state = compiling
	for _, e := range c.edges[n.index] {
		c.compileNode(e.to)
		n.needs = append(n.needs, e.to.index)
	}
	switch n.kind {
	case InputNode:
		n.declared = c.variableType(n)
		n.typ = n.declared
		if ask := c.m.options.InputType; n.typ == nil && ask != nil && n.part == c.m.root {
			n.typ = ask(n.name)
		}
	case DecisionNode:
		c.compileDecision(n)
	case KnowledgeNode:
		c.compileKnowledge(n)
	case ServiceNode:
		c.compileService(n)
	}
	n.state = compiled
}

func (c *compiler) variableType(n *node) *feel.Type {
	if n.variable == nil {
		return nil
	}
	return c.typeRef(n.part, n.variable.TypeRef, n.name, n.variable.Pos, nil)
}

func (c *compiler) compileDecision(n *node) {
	n.declared = c.variableType(n)
	n.typ = n.declared
	if n.decision.Logic == nil {
		n.missing = true
		c.problem(Warning, n.part, place{n.name, n.pos}, "the decision has no logic; it is null unless a value is given")
		return
	}
	sc := c.nodeScope(n)
	fn, t := c.box(sc, n.decision.Logic, n.name)
	n.logic = fn
	if n.declared == nil {
		n.typ = t
	}
}

// nodeScope makes the scope of a node's logic: the names of its requirements,
// those of other models under the name of their import.
func (c *compiler) nodeScope(n *node) scope {
	fs := n.part.base.Clone()
	c.work += len(n.part.types) + len(c.edges[n.index])
	imported := &importTree{}
	for _, e := range c.edges[n.index] {
		path, ok := importPath(n.part, e.to.part)
		if !ok {
			c.problem(Fatal, n.part, place{n.name, e.pos}, "%q is in a model that is not imported", e.to.name)
			continue
		}
		for _, name := range []string{e.to.name, e.to.alias} {
			if name == "" {
				continue
			}
			if len(path) > 0 {
				imported.add(path, name, e.to)
				continue
			}
			slot := fs.Add(feel.Var{Name: name, Type: c.seenType(e.to)})
			n.bind = setBinding(n.bind, slot, binding{node: e.to.index})
		}
	}
	for _, branch := range imported.branches {
		b, t := branch.binding(c)
		b.name = branch.name
		slot := fs.Add(feel.Var{Name: branch.name, Type: t})
		n.bind = setBinding(n.bind, slot, b)
	}
	n.size = max(n.size, fs.Len())
	return scope{feel: fs, node: n, part: n.part}
}

func setBinding(list []binding, slot int, b binding) []binding {
	for len(list) <= slot {
		list = append(list, binding{node: -1})
	}
	list[slot] = b
	return list
}

func (c *compiler) seenType(n *node) *feel.Type {
	if f, ok := n.fn.AsFunction(); ok {
		return f.Type()
	}
	return n.typ
}

// importTree groups required elements of other models by the names that lead
// to them.
type importTree struct {
	name     string
	leaves   []importLeaf
	branches []*importTree
}

type importLeaf struct {
	name string
	node *node
}

func (t *importTree) add(path []string, name string, n *node) {
	if len(path) == 0 {
		t.leaves = append(t.leaves, importLeaf{name, n})
		return
	}
	for _, b := range t.branches {
		if b.name == path[0] {
			b.add(path[1:], name, n)
			return
		}
	}
	b := &importTree{name: path[0]}
	t.branches = append(t.branches, b)
	b.add(path[1:], name, n)
}

func (t *importTree) binding(c *compiler) (binding, *feel.Type) {
	b := binding{node: -1}
	var keys []string
	var fields []feel.Field
	put := func(name string, inner binding, typ *feel.Type) {
		if slices.Contains(keys, name) {
			return
		}
		keys = append(keys, name)
		fields = append(fields, feel.Field{Name: name, Type: typ})
		b.fields = append(b.fields, inner)
	}
	for _, leaf := range t.leaves {
		put(leaf.name, binding{node: leaf.node.index}, c.seenType(leaf.node))
	}
	for _, branch := range t.branches {
		inner, typ := branch.binding(c)
		put(branch.name, inner, typ)
	}
	b.shape = feel.NewShape(keys...)
	return b, feel.ContextType(fields...)
}

// expr is a compiled text with its place.
type expr struct {
	prog *feel.Program
	at   place
}

// text compiles FEEL text; nil when it cannot be, which is reported.
func (c *compiler) text(sc scope, source, language, where string, pos dmnxml.Pos) *expr {
	if !c.isFEEL(sc.part, language) {
		c.problem(Fatal, sc.part, place{where, pos}, "expression language %q is not FEEL", language)
		return nil
	}
	if strings.TrimSpace(source) == "" {
		c.problem(Warning, sc.part, place{where, pos}, "the expression is empty; it is null")
		return nil
	}
	prog, err := feel.Compile(source, sc.feel, c.feelOptions())
	if err != nil {
		c.compileProblem(sc.part, where, pos, err)
		return nil
	}
	c.staticProblems(sc, prog, where, pos)
	return &expr{prog, place{sc.node.name, pos}}
}

func (c *compiler) staticProblems(sc scope, prog *feel.Program, where string, pos dmnxml.Pos) {
	for _, issue := range prog.Problems() {
		c.problem(Warning, sc.part, place{where, within(pos, issue.Pos)}, "%s", issue.Message)
	}
}

func (c *compiler) feelOptions() feel.CompileOptions {
	return feel.CompileOptions{External: c.externalContext}
}

func (c *compiler) isFEEL(p *part, language string) bool {
	if language == "" {
		language = p.defs.ExpressionLanguage
	}
	return language == "" || strings.EqualFold(language, "feel") || dmnxml.IsFEELNamespace(language) ||
		dmnxml.IsModelNamespace(language)
}
