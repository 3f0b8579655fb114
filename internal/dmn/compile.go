package dmn

import (
	"fmt"
	"slices"
	"strings"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// CompileOptions are the outside of a compilation.
type CompileOptions struct {
	// Import gives the model of a namespace that another one imports. An
	// error makes what depends on the import null.
	Import func(namespace, location string) (*dmnxml.Definitions, error)
	// External makes the body of functions of kinds other than FEEL, such as
	// PMML. It is asked first; Java methods that it does not know are looked
	// up in a fixed table of native equivalents.
	External func(ExternalFunction) (feel.NativeFunc, error)
	// InputType gives the type of input data of the model itself that declares
	// none; nil where it is not known. It serves the checks of compiling alone:
	// values of another type are taken all the same.
	InputType func(name string) *feel.Type
	// MaxNodes bounds the requirement graph, imports included; 0 means 20,000.
	MaxNodes int
}

// ExternalFunction describes a function whose body is not FEEL.
type ExternalFunction struct {
	Kind   string            // "Java", "PMML" or a vendor's own
	Fields map[string]string // as {"class": …, "method signature": …}
	Params []feel.Param
}

// Compile checks a model and makes it ready for evaluation. Faults of single
// nodes are listed by Problems; an error means that nothing can be evaluated.
func Compile(defs *dmnxml.Definitions, o CompileOptions) (*Model, error) {
	if o.MaxNodes <= 0 {
		o.MaxNodes = 20_000
	}
	c := &compiler{
		m:       &Model{parts: map[string]*part{}, options: o},
		results: map[string]error{},
	}
	c.m.root = c.addPart(defs)
	if err := c.nodes(); err != nil {
		return nil, err
	}
	c.types()
	c.requirements()
	c.cycles()
	for _, n := range c.m.nodes {
		c.compileNode(n)
	}
	return c.m, nil
}

type compiler struct {
	m       *Model
	results map[string]error // namespaces that could not be imported
	edges   [][]edge
	work    int // names copied into scopes
	gaveUp  bool
}

func (c *compiler) problem(s Severity, p *part, at place, format string, args ...any) {
	if len(c.m.problems) >= 10_000 {
		return
	}
	c.m.problems = append(c.m.problems, Problem{
		Severity: s, Namespace: p.defs.Namespace, Node: at.node, Pos: at.pos, Message: fmt.Sprintf(format, args...),
	})
}

// addPart adds a model and, depth first, all that it imports.
func (c *compiler) addPart(defs *dmnxml.Definitions) *part {
	p := &part{
		defs:   defs,
		byID:   map[string]*node{},
		byName: map[string]*node{}, aliases: map[string]*node{},
		items: map[string]*dmnxml.ItemDefinition{},
		types: map[string]*feel.Type{},
	}
	c.m.parts[defs.Namespace] = p
	c.m.order = append(c.m.order, p)
	for _, warning := range defs.Problems {
		c.problem(Warning, p, place{warning.Element, warning.Pos}, "%s", warning.Message)
	}
	for _, imp := range defs.Imports {
		if imp.Type != "" && !dmnxml.IsModelNamespace(imp.Type) {
			continue // PMML and XML schema documents are for External to know
		}
		if q := c.importPart(p, imp); q != nil {
			p.imports = append(p.imports, &importedPart{spaced(imp.Name), q})
		}
	}
	return p
}

func (c *compiler) importPart(p *part, imp *dmnxml.Import) *part {
	if q := c.m.parts[imp.Namespace]; q != nil {
		return q
	}
	err, tried := c.results[imp.Namespace]
	var defs *dmnxml.Definitions
	if !tried {
		switch {
		case c.m.options.Import == nil:
			err = fmt.Errorf("no models to import from were given")
		case len(c.m.order) >= 1000:
			err = fmt.Errorf("more than 1000 models are imported")
		default:
			defs, err = c.m.options.Import(imp.Namespace, imp.Location)
			if err == nil && defs == nil {
				err = fmt.Errorf("there is no such model")
			}
		}
		c.results[imp.Namespace] = err
	}
	if err != nil {
		c.problem(Fatal, p, place{imp.Name, imp.Pos}, "cannot import model %q: %v", imp.Namespace, err)
		return nil
	}
	if q := c.m.parts[defs.Namespace]; q != nil {
		return q // the resolver was lenient about the namespace
	}
	return c.addPart(defs)
}

// nodes lists the boxes of all parts.
func (c *compiler) nodes() error {
	for _, p := range c.m.order {
		for _, in := range p.defs.Inputs {
			c.addNode(p, &node{kind: InputNode, name: in.Name, pos: in.Pos, id: in.ID, variable: in.Variable})
		}
		for _, d := range p.defs.Decisions {
			c.addNode(p, &node{kind: DecisionNode, name: d.Name, pos: d.Pos, id: d.ID, variable: d.Variable, decision: d})
		}
		for _, b := range p.defs.Knowledge {
			c.addNode(p, &node{kind: KnowledgeNode, name: b.Name, pos: b.Pos, id: b.ID, variable: b.Variable, know: b})
		}
		for _, s := range p.defs.Services {
			c.addNode(p, &node{kind: ServiceNode, name: s.Name, pos: s.Pos, id: s.ID, variable: s.Variable, service: s})
		}
		if len(c.m.nodes) > c.m.options.MaxNodes {
			return &CompileError{[]Problem{{
				Fatal, p.defs.Namespace, p.defs.Name, p.defs.Pos,
				fmt.Sprintf("the requirement graph has more than %d nodes", c.m.options.MaxNodes),
			}}}
		}
	}
	return nil
}

func (c *compiler) addNode(p *part, n *node) {
	n.part, n.index, n.name = p, len(c.m.nodes), spaced(n.name)
	if n.variable != nil {
		n.alias = spaced(n.variable.Name)
	}
	if n.name == "" {
		n.name = n.alias
	}
	if n.alias == n.name {
		n.alias = ""
	}
	if n.name == "" {
		c.problem(Warning, p, place{n.id, n.pos}, "the %s has no name; nothing can refer to it by name", n.kind)
	}
	c.m.nodes = append(c.m.nodes, n)
	if n.id != "" {
		if old := p.byID[n.id]; old != nil {
			c.problem(Warning, p, place{n.name, n.pos}, "id %q is used by %q too", n.id, old.name)
		} else {
			p.byID[n.id] = n
		}
	}
	if n.alias != "" {
		p.aliases[n.alias] = n
	}
	if old := p.byName[n.name]; old != nil {
		if n.name != "" {
			c.problem(Warning, p, place{n.name, n.pos}, "there are two elements of this name; the first one is used")
		}
		return
	}
	p.byName[n.name] = n
}

// spaced makes runs of white space one space, as names are compared.
func spaced(s string) string {
	if !strings.ContainsAny(s, "\t\n\r\u00a0") && !strings.Contains(s, "  ") && strings.TrimSpace(s) == s {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// resolve gives the node an href points at.
func (c *compiler) resolve(p *part, href string) (*node, error) {
	namespace, id, found := strings.Cut(href, "#")
	if !found {
		namespace, id = "", href
	}
	target := p
	if namespace != "" && namespace != p.defs.Namespace {
		target = c.m.parts[namespace]
		if target == nil {
			return nil, fmt.Errorf("href %q points into a model that is not imported", href)
		}
	}
	if n := target.byID[id]; n != nil {
		return n, nil
	}
	if n := target.byName[spaced(id)]; n != nil { // some tools write names
		return n, nil
	}
	return nil, fmt.Errorf("href %q points at nothing", href)
}

// importPath gives the names by which expressions of p reach elements of q,
// such as ["Model B", "modelA"].
func importPath(p, q *part) ([]string, bool) {
	type step struct {
		part *part
		path []string
	}
	queue, seen := []step{{p, nil}}, map[*part]bool{p: true}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at.part == q {
			return at.path, true
		}
		for _, imp := range at.part.imports {
			if seen[imp.part] {
				continue
			}
			seen[imp.part] = true
			path := slices.Clone(at.path)
			if imp.name != "" {
				path = append(path, imp.name)
			}
			queue = append(queue, step{imp.part, path})
		}
	}
	return nil, false
}
