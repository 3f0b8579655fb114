package dmnxml

import (
	"slices"
	"strings"
)

// Decode reads a model. An error is a *SyntaxError with the place; what can be
// lived with is listed in Problems.
func Decode(src []byte) (*Definitions, error) {
	root, err := parse(src)
	if err != nil {
		return nil, err
	}
	if root.local != "definitions" {
		return nil, errorAt(root.pos, "the root element is <%s>; a DMN file has <definitions>", root.local)
	}
	v := versionOf(root.space)
	if v == UnknownVersion {
		return nil, errorAt(root.pos, "namespace %q is no edition of DMN from 1.1 to 1.6", root.space)
	}
	d := &decoder{version: v}
	return d.definitions(root), nil
}

type decoder struct {
	version  Version
	problems []Problem
	path     []string // names of the enclosing named elements
}

func (d *decoder) problem(n *node, message string) {
	name := ""
	if len(d.path) > 0 {
		name = d.path[len(d.path)-1]
	}
	if len(d.problems) < 1000 {
		d.problems = append(d.problems, Problem{n.pos, name, message})
	}
}

// inModel reports whether n belongs to the standard rather than to a vendor.
func (d *decoder) inModel(n *node) bool { return versionOf(n.space) != UnknownVersion }

// element reads the shared parts; attributes that neither it nor known name
// are kept as foreign ones.
func (d *decoder) element(n *node, known ...string) Element {
	e := Element{ID: n.attr("id"), Name: n.attr("name"), Label: n.attr("label"), Pos: n.pos}
	for _, a := range n.attrs {
		if a.Name == "id" || a.Name == "name" || a.Name == "label" || contains(known, a.Name) {
			continue
		}
		if a.Name == "xmlns" {
			continue // elements are written in the one model namespace
		}
		e.Foreign = append(e.Foreign, a)
	}
	for _, c := range n.children {
		if !d.inModel(c) {
			continue
		}
		switch c.local {
		case "description":
			e.Description = c.text
		case "extensionElements":
			e.Extension = c.raw()
		}
	}
	return e
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}

// each calls f for the children that belong to the standard, skipping those
// that element has read.
func (d *decoder) each(n *node, f func(c *node) bool) {
	for _, c := range n.children {
		if c.local == "description" || c.local == "extensionElements" {
			continue
		}
		if !d.inModel(c) {
			if isDiagramNamespace(c.space) {
				f(c)
			}
			continue
		}
		if !f(c) {
			d.problem(c, "<"+c.local+"> is not expected in <"+n.local+"> and is left out")
		}
	}
}

func (d *decoder) definitions(n *node) *Definitions {
	out := &Definitions{
		Element:            d.element(n, "namespace", "expressionLanguage", "typeLanguage", "exporter", "exporterVersion"),
		Namespace:          n.attr("namespace"),
		ExpressionLanguage: n.attr("expressionLanguage"),
		TypeLanguage:       n.attr("typeLanguage"),
		Exporter:           n.attr("exporter"),
		ExporterVersion:    n.attr("exporterVersion"),
		Version:            d.version,
	}
	if prefix, _, ok := strings.Cut(n.name, ":"); ok {
		out.Prefix = prefix
	}
	// Parts that are copied byte for byte need the declarations they were
	// written under, the default one too.
	if uri := n.attr("xmlns"); uri != "" {
		out.Foreign = append([]Attr{{"xmlns", uri}}, out.Foreign...)
	}
	if out.Namespace == "" {
		d.problem(n, "the model has no namespace; other models cannot import it")
	}
	d.each(n, func(c *node) bool { return d.drgElement(out, c) })
	out.Problems = d.problems
	return out
}

func (d *decoder) drgElement(out *Definitions, c *node) bool {
	name := c.attr("name")
	if name == "" {
		name = c.attr("id")
	}
	d.path = append(d.path, name)
	defer func() { d.path = d.path[:len(d.path)-1] }()
	switch c.local {
	case "import":
		out.Imports = append(out.Imports, d.importElement(c))
	case "itemDefinition":
		out.ItemDefinitions = append(out.ItemDefinitions, d.itemDefinition(c))
	case "inputData":
		out.Inputs = append(out.Inputs, d.inputData(c))
	case "decision":
		out.Decisions = append(out.Decisions, d.decision(c))
	case "businessKnowledgeModel":
		out.Knowledge = append(out.Knowledge, d.knowledge(c))
	case "decisionService":
		out.Services = append(out.Services, d.service(c))
	case "knowledgeSource":
		out.Sources = append(out.Sources, d.knowledgeSource(c))
	case "DMNDI":
		if isDiagramNamespace(c.space) {
			out.Diagram = c.raw()
		}
	case "textAnnotation", "association", "group", "elementCollection",
		"performanceIndicator", "organizationUnit", "artifact", "businessContextElement":
		out.Others = append(out.Others, c.raw())
	default:
		return false
	}
	return true
}

func (d *decoder) importElement(n *node) *Import {
	return &Import{
		Element:   d.element(n, "namespace", "importType", "locationURI"),
		Namespace: n.attr("namespace"),
		Type:      n.attr("importType"),
		Location:  n.attr("locationURI"),
	}
}

// typeRef gives a type name without a namespace prefix. DMN 1.1 wrote types as
// qualified names; later editions write the import's name before a dot, and a
// colon can then be part of a name.
func (d *decoder) typeRef(n *node, ref string) string {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return ""
	}
	if local, ok := strings.CutPrefix(ref, "{"); ok {
		if uri, name, found := strings.Cut(local, "}"); found {
			return qualified(uri, name)
		}
	}
	prefix, local, found := strings.Cut(ref, ":")
	if !found {
		return ref
	}
	uri, declared := n.scope.lookup(prefix)
	if !declared {
		return ref
	}
	return qualified(uri, local)
}

// qualified writes a type of another namespace as {namespace}name, which the
// engine resolves against its imports.
func qualified(uri, local string) string {
	if IsFEELNamespace(uri) {
		return local
	}
	return "{" + uri + "}" + local
}

func (d *decoder) constraint(n *node, whole bool) *TypeConstraint {
	c := &TypeConstraint{
		Element:  d.element(n, "expressionLanguage"),
		Language: n.attr("expressionLanguage"),
		OnWhole:  whole,
	}
	d.each(n, func(t *node) bool {
		if t.local == "text" {
			c.Text, c.Pos = t.text, t.textPos()
		}
		return t.local == "text"
	})
	return c
}

func (d *decoder) itemDefinition(n *node) *ItemDefinition {
	item := &ItemDefinition{
		Element:      d.element(n, "typeLanguage", "isCollection"),
		TypeLanguage: n.attr("typeLanguage"),
		Collection:   isTrue(n.attr("isCollection")),
	}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "typeRef":
			item.TypeRef = d.typeRef(c, c.text)
		case "allowedValues":
			item.Allowed = d.constraint(c, false)
		case "typeConstraint":
			item.Constraint = d.constraint(c, true)
		case "itemComponent":
			item.Components = append(item.Components, d.itemDefinition(c))
		case "functionItem":
			item.Function = d.functionItem(c)
		default:
			return false
		}
		return true
	})
	return item
}

func isTrue(s string) bool { s = strings.TrimSpace(s); return s == "true" || s == "1" }

func (d *decoder) functionItem(n *node) *FunctionItem {
	f := &FunctionItem{
		Element:       d.element(n, "outputTypeRef"),
		OutputTypeRef: d.typeRef(n, n.attr("outputTypeRef")),
	}
	d.each(n, func(c *node) bool {
		if c.local == "parameters" {
			f.Parameters = append(f.Parameters, d.variable(c))
		}
		return c.local == "parameters"
	})
	return f
}

func (d *decoder) variable(n *node) *Variable {
	v := &Variable{Element: d.element(n, "typeRef"), TypeRef: d.typeRef(n, n.attr("typeRef"))}
	for _, c := range n.children { // DMN 1.1 allowed the type as an element
		if v.TypeRef == "" && c.local == "typeRef" {
			v.TypeRef = d.typeRef(c, c.text)
		}
	}
	return v
}
