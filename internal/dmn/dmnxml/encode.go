package dmnxml

import (
	"bytes"
	"strings"
)

// Encode writes a model as DMN 1.5. Diagram layout, vendor extensions and
// artifacts are copied byte for byte.
func Encode(d *Definitions) []byte {
	e := &encoder{defs: d}
	if d.Prefix != "" {
		e.prefix = d.Prefix + ":"
	}
	e.b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	e.definitions(d)
	e.b.WriteByte('\n')
	return e.b.Bytes()
}

type encoder struct {
	b      bytes.Buffer
	defs   *Definitions
	prefix string
	depth  int
}

var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
)

func (e *encoder) line() {
	e.b.WriteByte('\n')
	for range e.depth {
		e.b.WriteString("  ")
	}
}

func (e *encoder) attr(name, value string) {
	e.b.WriteByte(' ')
	e.b.WriteString(name)
	e.b.WriteString(`="`)
	e.b.WriteString(attrEscapes.Replace(value))
	e.b.WriteByte('"')
}

// element writes an element around its content. attrs are pairs of name and
// value; empty values are left out.
func (e *encoder) element(tag string, el *Element, attrs []string, content func()) {
	if e.b.Len() > 0 && e.b.Bytes()[e.b.Len()-1] != '\n' {
		e.line()
	}
	e.b.WriteString("<" + e.prefix + tag)
	if el != nil {
		attrs = append([]string{"id", el.ID, "name", el.Name, "label", el.Label}, attrs...)
	}
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			e.attr(attrs[i], attrs[i+1])
		}
	}
	if el != nil {
		for _, a := range el.Foreign {
			e.attr(a.Name, e.declared(a))
		}
	}
	e.b.WriteByte('>')
	before := e.b.Len()
	e.depth++
	if el != nil {
		if el.Description != "" {
			e.leaf("description", el.Description)
		}
		e.raw(el.Extension)
	}
	if content != nil {
		content()
	}
	e.depth--
	if e.b.Len() == before {
		e.b.Truncate(before - 1)
		e.b.WriteString("/>")
		return
	}
	e.line()
	e.b.WriteString("</" + e.prefix + tag + ">")
}

// declared brings the namespaces of the standard to the edition written.
func (e *encoder) declared(a Attr) string {
	if holdsNamespace(a) {
		return translate(a.Value, DMN15)
	}
	return a.Value
}

// leaf writes an element that holds text and nothing else.
func (e *encoder) leaf(tag, text string) {
	e.line()
	e.b.WriteString("<" + e.prefix + tag + ">")
	e.b.WriteString(textEscapes.Replace(text))
	e.b.WriteString("</" + e.prefix + tag + ">")
}

func (e *encoder) raw(src []byte) {
	if len(src) > 0 {
		e.line()
		e.b.Write(src)
	}
}

func (e *encoder) href(tag, href string) {
	e.element(tag, nil, []string{"href", href}, nil)
}

// typeRef writes a type the way of later editions: import's name, dot, type.
func (e *encoder) typeRef(ref string) string {
	rest, ok := strings.CutPrefix(ref, "{")
	if !ok {
		return ref
	}
	uri, local, _ := strings.Cut(rest, "}")
	for _, imp := range e.defs.Imports {
		if imp.Namespace == uri && imp.Name != "" {
			return imp.Name + "." + local
		}
	}
	return local
}

func (e *encoder) definitions(d *Definitions) {
	root := d.Element
	if !declaresModel(d) {
		name := "xmlns"
		if d.Prefix != "" {
			name += ":" + d.Prefix
		}
		root.Foreign = append([]Attr{{name, DMN15.ModelNamespace()}}, root.Foreign...)
	}
	attrs := []string{
		"namespace", d.Namespace, "expressionLanguage", translate(d.ExpressionLanguage, DMN15),
		"typeLanguage", translate(d.TypeLanguage, DMN15), "exporter", d.Exporter, "exporterVersion", d.ExporterVersion,
	}
	e.element("definitions", &root, attrs, func() {
		for _, imp := range d.Imports {
			e.element("import", &imp.Element, []string{"namespace", imp.Namespace, "importType", translate(imp.Type, DMN15), "locationURI", imp.Location}, nil)
		}
		for _, item := range d.ItemDefinitions {
			e.itemDefinition("itemDefinition", item)
		}
		e.drgElements(d)
		for _, other := range d.Others {
			e.raw(other)
		}
		e.raw(d.Diagram)
	})
}

// declaresModel tells whether the root declares the prefix elements are
// written with.
func declaresModel(d *Definitions) bool {
	name := "xmlns"
	if d.Prefix != "" {
		name += ":" + d.Prefix
	}
	for _, a := range d.Foreign {
		if a.Name == name && IsModelNamespace(a.Value) {
			return true
		}
	}
	return false
}

func (e *encoder) itemDefinition(tag string, item *ItemDefinition) {
	collection := ""
	if item.Collection {
		collection = "true"
	}
	attrs := []string{"typeLanguage", translate(item.TypeLanguage, DMN15), "isCollection", collection}
	e.element(tag, &item.Element, attrs, func() {
		if item.TypeRef != "" {
			e.leaf("typeRef", e.typeRef(item.TypeRef))
		}
		e.constraint("allowedValues", item.Allowed)
		e.constraint("typeConstraint", item.Constraint)
		for _, c := range item.Components {
			e.itemDefinition("itemComponent", c)
		}
		if f := item.Function; f != nil {
			e.element("functionItem", &f.Element, []string{"outputTypeRef", e.typeRef(f.OutputTypeRef)}, func() {
				for _, p := range f.Parameters {
					e.variable("parameters", p)
				}
			})
		}
	})
}

func (e *encoder) constraint(tag string, c *TypeConstraint) {
	if c == nil {
		return
	}
	e.element(tag, &c.Element, []string{"expressionLanguage", translate(c.Language, DMN15)}, func() {
		e.leaf("text", c.Text)
	})
}

func (e *encoder) variable(tag string, v *Variable) {
	if v != nil {
		e.element(tag, &v.Element, []string{"typeRef", e.typeRef(v.TypeRef)}, nil)
	}
}
