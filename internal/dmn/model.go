package dmn

import (
	"slices"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// Kind tells the nodes of a requirement graph apart.
type Kind uint8

// The kinds of nodes.
const (
	InputNode Kind = iota
	DecisionNode
	KnowledgeNode
	ServiceNode
)

var kindNames = [...]string{"input data", "decision", "business knowledge model", "decision service"}

// String is the kind as the standard spells it.
func (k Kind) String() string { return kindNames[k] }

// boxFunc is compiled logic. f is the frame of the node: the values of its
// requirements, then those of names its boxes introduce.
type boxFunc func(s *Session, f []feel.Value) feel.Value

// node is one box of the requirement graph, of this model or an imported one.
type node struct {
	kind     Kind
	index    int
	id, name string
	alias    string // name of the variable where it differs from that of the box
	part     *part
	pos      dmnxml.Pos
	typ      *feel.Type // of the variable; what dependants see
	declared *feel.Type // nil where the model declares none: nothing to coerce to
	needs    []int      // nodes that must have values first
	bind     []binding
	size     int // slots of the frame
	logic    boxFunc
	missing  bool // a decision without logic: null unless a value is given
	fn       feel.Value
	params   []feel.Param
	targets  []int // per parameter of a service, the node it gives the value of
	outputs  []int
	shape    feel.Shape // of the result of a service with several outputs
	tables   []*Table

	broken bool // a circle goes through it: always null

	state    compileState
	variable *dmnxml.Variable
	decision *dmnxml.Decision
	know     *dmnxml.BusinessKnowledgeModel
	service  *dmnxml.DecisionService
}

// binding fills one slot of a frame before the logic runs.
type binding struct {
	node   int    // -1 for an imported model's context
	name   string // of the import
	fields []binding
	shape  feel.Shape
}

// part is one model file among those that make up a Model.
type part struct {
	defs    *dmnxml.Definitions
	byID    map[string]*node
	byName  map[string]*node
	aliases map[string]*node // by the names of variables
	items   map[string]*dmnxml.ItemDefinition
	types   map[string]*feel.Type
	imports []*importedPart
	base    *feel.Scope
}

// importedPart is a part under the name it has in another.
type importedPart struct {
	name string
	part *part
}

// Model is a compiled model with all models it imports. It is immutable and
// safe for concurrent use.
type Model struct {
	root     *part
	parts    map[string]*part
	order    []*part
	nodes    []*node
	problems []Problem
	options  CompileOptions
}

// Name is the name of the model.
func (m *Model) Name() string { return m.root.defs.Name }

// Namespace is the namespace of the model.
func (m *Model) Namespace() string { return m.root.defs.Namespace }

// Problems lists what compiling found, in the order of discovery.
func (m *Model) Problems() []Problem { return m.problems }

// Node describes a node of the requirement graph.
type Node struct {
	Kind      Kind
	Index     int
	ID, Name  string
	Namespace string
	Type      *feel.Type   // nil means any
	Params    []feel.Param // of a business knowledge model or service
	Requires  []int        // indices of the nodes it needs directly
	Outputs   int          // how many output decisions a service has
	Imported  bool
	Tables    []*Table // the decision tables in its logic
}

// Nodes lists all nodes of the model and of the models it imports; the index
// of a node is its place in this list.
func (m *Model) Nodes() []Node {
	out := make([]Node, len(m.nodes))
	for i, n := range m.nodes {
		out[i] = m.describe(n)
	}
	return out
}

func (m *Model) describe(n *node) Node {
	return Node{
		Kind: n.kind, Index: n.index, ID: n.id, Name: n.name, Namespace: n.part.defs.Namespace,
		Type: n.public(), Params: n.params, Requires: n.needs, Outputs: len(n.outputs), Imported: n.part != m.root, Tables: n.tables,
	}
}

// Find gives the node of a name, or else of an id. An empty namespace means the model itself.
func (m *Model) Find(namespace, name string) (Node, bool) {
	n := m.find(namespace, name)
	if n == nil {
		return Node{}, false
	}
	return m.describe(n), true
}

func (m *Model) find(namespace, name string) *node {
	p := m.root
	if namespace != "" && namespace != p.defs.Namespace {
		if p = m.parts[namespace]; p == nil {
			return nil
		}
	}
	if n := p.byName[name]; n != nil {
		return n
	}
	if n := p.byName[spaced(name)]; n != nil {
		return n
	}
	if n := p.aliases[spaced(name)]; n != nil {
		return n
	}
	return p.byID[name]
}

// Inputs lists the input data that nodes need, directly or through others.
func (m *Model) Inputs(indices ...int) []Node {
	var out []Node
	seen := make([]bool, len(m.nodes))
	stack := slices.Clone(indices)
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i < 0 || i >= len(seen) || seen[i] {
			continue
		}
		seen[i] = true
		if m.nodes[i].kind == InputNode {
			out = append(out, m.describe(m.nodes[i]))
		}
		for _, v := range slices.Backward(m.nodes[i].needs) {
			stack = append(stack, v)
		}
	}
	return out
}

// public is the type that others see: of input data only what the model
// declares, since values of other types are taken where it declares nothing.
func (n *node) public() *feel.Type {
	if n.kind == InputNode {
		return n.declared
	}
	return n.typ
}
