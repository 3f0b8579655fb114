package dmn

import (
	"slices"
	"strings"
	"sync"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// types makes FEEL types of all item definitions.
func (c *compiler) types() {
	for _, p := range c.m.order {
		for _, item := range p.defs.ItemDefinitions {
			name := spaced(item.Name)
			if p.items[name] != nil {
				c.problem(Warning, p, place{name, item.Pos}, "there are two item definitions of this name; the first one is used")
				continue
			}
			p.items[name] = item
		}
	}
	for _, p := range c.m.order {
		p.base = feel.NewScope()
		for _, item := range p.defs.ItemDefinitions {
			name := spaced(item.Name)
			if t := c.namedType(p, name, nil); t != nil {
				p.base.AddType(name, t)
			}
		}
		c.importedTypes(p, p, "", nil)
	}
}

// importedTypes makes the types of imports known under all names that lead to
// them; above lists the models on the way, which end circles of imports.
func (c *compiler) importedTypes(p, from *part, prefix string, above []*part) {
	above = append(above, from)
	for _, imp := range from.imports {
		if slices.Contains(above, imp.part) || len(above) > maxImportPath || c.work > maxScopeWork {
			continue
		}
		inner := prefix
		if imp.name != "" {
			inner += imp.name + "."
		}
		c.work += len(imp.part.items)
		for _, item := range imp.part.defs.ItemDefinitions {
			name := spaced(item.Name)
			if t := c.namedType(imp.part, name, nil); t != nil {
				p.base.AddType(inner+name, t)
			}
		}
		c.importedTypes(p, imp.part, inner, above)
	}
}

// maxImportPath bounds the names before a type, as in a.b.c.tPerson.
const maxImportPath = 8

// namedType gives the type of an item definition. open lists the definitions
// that are being resolved without a context in between: meeting one again is a
// definition in terms of itself.
func (c *compiler) namedType(p *part, name string, open []string) *feel.Type {
	if t, ok := p.types[name]; ok {
		return t
	}
	item := p.items[name]
	if item == nil {
		return nil
	}
	if slices.Contains(open, name) {
		c.problem(Fatal, p, place{name, item.Pos}, "the type is defined in terms of itself")
		return feel.AnyType
	}
	return c.itemType(p, item, name, append(open, name))
}

// itemType makes the type of a definition or component. name is empty for
// components, which have no name of their own to register.
func (c *compiler) itemType(p *part, item *dmnxml.ItemDefinition, name string, open []string) *feel.Type {
	if len(open) > 200 {
		c.problem(Fatal, p, place{item.Name, item.Pos}, "types are nested deeper than 200")
		return feel.AnyType
	}
	allowed := c.constraint(p, item, item.Allowed)
	whole := c.constraint(p, item, item.Constraint)
	if len(item.Components) > 0 {
		return c.contextType(p, item, name, allowed, whole)
	}
	var t *feel.Type
	switch {
	case item.Function != nil:
		t = c.functionType(p, item)
	case item.TypeRef == "":
		t = feel.AnyType
	default:
		t = c.typeRef(p, item.TypeRef, item.Name, item.Pos, open)
	}
	if allowed != nil {
		t = t.Constrained(allowed)
	}
	if item.Collection {
		t = feel.ListType(t)
	}
	if whole != nil {
		t = t.Constrained(whole)
	}
	if name != "" {
		t = t.Named(name)
		p.types[name] = t
	}
	return t
}

// contextType registers the type before it looks at the components, so that
// they may refer to it.
func (c *compiler) contextType(p *part, item *dmnxml.ItemDefinition, name string, allowed, whole func(feel.Value) bool) *feel.Type {
	inner := feel.ContextType()
	if allowed != nil {
		inner = inner.Constrained(allowed)
	}
	t := inner
	if item.Collection {
		if name != "" {
			inner = inner.Named(name)
		}
		t = feel.ListType(inner)
	}
	if whole != nil {
		t = t.Constrained(whole)
	}
	if name != "" {
		t = t.Named(name)
		p.types[name] = t
	}
	if !item.Collection {
		inner = t
	}
	fields := make([]feel.Field, 0, len(item.Components))
	for _, comp := range item.Components {
		fields = append(fields, feel.Field{Name: spaced(comp.Name), Type: c.itemType(p, comp, "", nil)})
	}
	inner.SetFields(fields...)
	return t
}

func (c *compiler) functionType(p *part, item *dmnxml.ItemDefinition) *feel.Type {
	f := item.Function
	if f.OutputTypeRef == "" && len(f.Parameters) == 0 {
		return feel.AnyFunctionType
	}
	params := make([]*feel.Type, len(f.Parameters))
	for i, v := range f.Parameters {
		params[i] = feel.AnyType
		if v.TypeRef != "" {
			params[i] = c.typeRef(p, v.TypeRef, item.Name, v.Pos, nil)
		}
	}
	result := feel.AnyType
	if f.OutputTypeRef != "" {
		result = c.typeRef(p, f.OutputTypeRef, item.Name, f.Pos, nil)
	}
	return feel.FunctionType(params, result)
}

// typeRef gives the type of a reference; nil when there is no reference.
func (c *compiler) typeRef(p *part, ref, where string, pos dmnxml.Pos, open []string) *feel.Type {
	if ref == "" {
		return nil
	}
	if t := c.lookupType(p, ref, open); t != nil {
		return t
	}
	c.problem(Warning, p, place{where, pos}, "type %q is not known; any value is accepted", ref)
	return feel.AnyType
}

func (c *compiler) lookupType(p *part, ref string, open []string) *feel.Type {
	if rest, ok := strings.CutPrefix(ref, "{"); ok {
		uri, local, _ := strings.Cut(rest, "}")
		if q := c.m.parts[uri]; q != nil && q != p {
			return c.lookupType(q, local, nil)
		}
		ref = local
	}
	name := spaced(ref)
	if t := c.namedType(p, name, open); t != nil {
		return t
	}
	if t, ok := simpleTypes[name]; ok {
		return t
	}
	for _, imp := range p.imports {
		if t := c.importedType(imp, name); t != nil {
			return t
		}
	}
	if strings.Contains(name, "<") {
		known := p.base
		if known == nil { // types are still being made
			known = feel.NewScope()
		}
		if t, err := feel.ParseType(name, known); err == nil {
			return t
		}
	}
	return nil
}

// importedType looks a type up in an import: under its name, or directly when
// the import has none.
func (c *compiler) importedType(imp *importedPart, name string) *feel.Type {
	if imp.name == "" {
		return c.namedType(imp.part, name, nil)
	}
	if rest, ok := strings.CutPrefix(name, imp.name+"."); ok {
		return c.lookupType(imp.part, rest, nil)
	}
	return nil
}

// simpleTypes are the type names of FEEL with the spellings of older editions.
var simpleTypes = map[string]*feel.Type{
	"Any": feel.AnyType, "any": feel.AnyType, "<Undefined>": feel.AnyType, "Null": feel.NullType,
	"number": feel.NumberType, "string": feel.StringType, "boolean": feel.BooleanType,
	"date": feel.DateType, "time": feel.TimeType,
	"date and time": feel.DateTimeType, "dateTime": feel.DateTimeType,
	"days and time duration": feel.DaysTimeType, "dayTimeDuration": feel.DaysTimeType,
	"years and months duration": feel.YearsMonthsType, "yearMonthDuration": feel.YearsMonthsType,
	"list": feel.AnyListType, "context": feel.AnyContextType,
	"range": feel.AnyRangeType, "function": feel.AnyFunctionType,
}

// evaluators are for the checks of allowed values, which types ask for without
// a session at hand.
var evaluators = sync.Pool{New: func() any { return feel.NewEvaluator(feel.Options{}) }}

// constraint compiles allowed values to a check.
func (c *compiler) constraint(p *part, item *dmnxml.ItemDefinition, tc *dmnxml.TypeConstraint) func(feel.Value) bool {
	if tc == nil || strings.TrimSpace(tc.Text) == "" {
		return nil
	}
	prog, err := feel.CompileUnaryTests(tc.Text, feel.NewScope(feel.Var{Name: "?"}), feel.CompileOptions{})
	if err != nil {
		c.compileProblem(p, item.Name, tc.Pos, err)
		return nil
	}
	return testWith(prog)
}

func testWith(prog *feel.Program) func(feel.Value) bool {
	return func(v feel.Value) bool {
		ev := evaluators.Get().(*feel.Evaluator)
		ev.Reset(feel.Options{NoDiagnostics: true, Limits: feel.Limits{Steps: 20_000}})
		slots := [1]feel.Value{v}
		ok := ev.Test(prog, slots[:])
		evaluators.Put(ev)
		return ok
	}
}
