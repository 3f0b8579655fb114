package dmn

import (
	"strings"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// maxRules bounds a decision table; beyond it compiling would take minutes.
const maxRules = 50_000

// table compiles a decision table.
func (c *compiler) table(sc scope, e *dmnxml.Table, name string) (boxFunc, *feel.Type) {
	t := &Table{
		Node: sc.node.name, Name: name, ID: e.ID, Pos: e.Pos, Label: e.OutputLabel,
		at: place{sc.node.name, e.Pos}, rules: make([]rule, len(e.Rules)),
		words: (len(e.Rules) + 63) / 64,
	}
	var ok bool
	if t.Policy, ok = policyOf(e.HitPolicy, e.Aggregation); !ok {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "hit policy %q with aggregation %q is not known", e.HitPolicy, e.Aggregation)
		return null, nil
	}
	if len(e.Rules) > maxRules {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "the table has %d rules; the limit is %d", len(e.Rules), maxRules)
		return null, nil
	}
	if len(e.Outputs) == 0 {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "the table has no output")
		return null, nil
	}
	for _, r := range e.Rules {
		if len(r.Inputs) != len(e.Inputs) || len(r.Outputs) != len(e.Outputs) {
			c.problem(Fatal, sc.part, place{name, r.Pos}, "the rule has %d input and %d output entries; the table has %d and %d columns",
				len(r.Inputs), len(r.Outputs), len(e.Inputs), len(e.Outputs))
			return null, nil
		}
	}
	for i := range e.Inputs {
		c.inputColumn(sc, t, e, i)
	}
	c.outputColumns(sc, t, e)
	for i, r := range e.Rules {
		t.rules[i].id, t.rules[i].pos = r.ID, r.Pos
		t.rules[i].annotations = r.Annotations
	}
	t.finish()
	sc.node.tables = append(sc.node.tables, t)
	return t.run, t.resultType()
}

func (c *compiler) inputColumn(sc scope, t *Table, e *dmnxml.Table, i int) {
	in := e.Inputs[i]
	col := InputColumn{Label: in.Label, Text: strings.TrimSpace(in.Expression.Source), at: place{sc.node.name, in.Expression.Pos}}
	col.expr = c.text(sc, in.Expression.Source, in.Expression.Language, t.Name, in.Expression.Pos)
	col.Type = c.typeRef(sc.part, in.TypeRef, t.Name, in.Pos, nil)
	seen := col.Type
	if seen == nil && col.expr != nil {
		seen = col.expr.prog.Type()
	}
	cells, slots := c.with(sc, feel.Var{Name: "?", Type: seen})
	col.slot = slots[0]
	if in.Values != nil {
		col.values = c.tests(cells, in.Values.Text, in.Values.Language, t.Name, in.Values.Pos)
	}
	if col.values == nil && col.Type != nil {
		col.domain = c.enumeration(sc.part, in.TypeRef)
	}
	t.Inputs = append(t.Inputs, col)
	col.cells = make([]*expr, len(e.Rules))
	for k, r := range e.Rules {
		cell := r.Inputs[i]
		if s := strings.TrimSpace(cell.Source); s == "" || s == "-" {
			continue
		}
		x := c.tests(cells, cell.Source, cell.Language, t.Name, cell.Pos)
		if x == nil {
			t.rules[k].broken = true
			continue
		}
		if constant, ok := x.prog.Cell(); ok && constant.Any {
			continue
		}
		col.cells[k] = x
	}
	t.Inputs[i] = col
}

// tests compiles unary tests; nil when there are none or they are faulty.
func (c *compiler) tests(sc scope, source, language, where string, pos dmnxml.Pos) *expr {
	if !c.isFEEL(sc.part, language) {
		c.problem(Fatal, sc.part, place{where, pos}, "expression language %q is not FEEL", language)
		return nil
	}
	if s := strings.TrimSpace(source); s == "" || s == "-" {
		return nil
	}
	prog, err := feel.CompileUnaryTests(source, sc.feel, c.feelOptions())
	if err != nil {
		c.compileProblem(sc.part, where, pos, err)
		return nil
	}
	c.staticProblems(sc, prog, where, pos)
	return &expr{prog, place{sc.node.name, pos}}
}

func (c *compiler) outputColumns(sc scope, t *Table, e *dmnxml.Table) {
	for i, out := range e.Outputs {
		col := OutputColumn{Name: spaced(out.Name), Label: out.Label}
		col.Type = c.typeRef(sc.part, out.TypeRef, t.Name, out.Pos, nil)
		if len(e.Outputs) > 1 && col.Name == "" {
			c.problem(Warning, sc.part, place{t.Name, out.Pos}, "one of several output columns has no name")
		}
		if out.Values != nil && strings.TrimSpace(out.Values.Text) != "" {
			col.order = c.order(sc, out.Values.Text, t.Name, out.Values.Pos)
		}
		if col.order == nil {
			ref := out.TypeRef
			if ref == "" && len(e.Outputs) == 1 {
				ref = tableTypeRef(sc.node, e)
			}
			col.order = c.enumeration(sc.part, ref)
		}
		if out.Default != nil && strings.TrimSpace(out.Default.Source) != "" {
			col.fallback = c.output(sc, out.Default, col.Type, t.Name)
			t.hasDefault = true
		}
		t.Outputs = append(t.Outputs, col)
		for k, r := range e.Rules {
			t.rules[k].outputs = append(t.rules[k].outputs, c.outputEntry(sc, t, &col, r.Outputs[i]))
		}
	}
}

// outputEntry compiles what a rule says of a column.
func (c *compiler) outputEntry(sc scope, t *Table, col *OutputColumn, text *dmnxml.Text) output {
	entry := c.output(sc, text, col.Type, t.Name)
	if entry.constant && !entry.value.IsNull() && col.order != nil && col.rank(entry.value) == len(col.order) {
		c.problem(Warning, sc.part, place{t.Name, text.Pos}, "%s is not among the output values", shorten(entry.value))
	}
	return entry
}

// tableTypeRef is the declared type of a single-output table's values: its own,
// or that of the decision whose whole logic it is.
func tableTypeRef(n *node, e *dmnxml.Table) string {
	if e.TypeRef != "" {
		return e.TypeRef
	}
	if n.decision != nil && n.decision.Logic == dmnxml.Expression(e) && n.variable != nil {
		return n.variable.TypeRef
	}
	return ""
}

// output compiles an output entry. Constant ones are evaluated once, here.
func (c *compiler) output(sc scope, text *dmnxml.Text, t *feel.Type, where string) output {
	out := output{typ: t, at: place{sc.node.name, text.Pos}}
	if s := strings.TrimSpace(text.Source); s == "" || s == "-" {
		out.constant = true
		return out
	}
	out.expr = c.text(sc, text.Source, text.Language, where, text.Pos)
	if out.expr == nil {
		out.constant = true
		return out
	}
	if out.expr.prog.Constant() {
		v, diags := out.expr.prog.Eval(feel.Options{Limits: feel.Limits{Steps: 50_000}})
		if len(diags) > 0 {
			return out // say so again at each evaluation
		}
		if t != nil && t != feel.AnyType {
			coerced, ok := feel.Coerce(v, t)
			if !ok {
				c.problem(Warning, sc.part, place{where, text.Pos}, "%s is not of the output's type %s; it is null", v.Literal(), t)
				return out
			}
			v = coerced
		}
		out.constant, out.value = true, v
	}
	return out
}

// order gives the values of an enumeration in their order.
func (c *compiler) order(sc scope, source, where string, pos dmnxml.Pos) []feel.Value {
	withInput, _ := c.with(sc, feel.Var{Name: "?"})
	x := c.tests(withInput, source, "", where, pos)
	if x == nil {
		return nil
	}
	if cell, ok := x.prog.Cell(); ok && !cell.Negated {
		return cell.Alternatives
	}
	return nil
}

// enumeration gives the allowed values of a named type, in their order.
func (c *compiler) enumeration(p *part, ref string) []feel.Value {
	for depth := 0; depth < 100 && ref != ""; depth++ {
		item := p.items[spaced(ref)]
		if item == nil {
			return c.importedEnumeration(p, spaced(ref))
		}
		for _, tc := range []*dmnxml.TypeConstraint{item.Allowed, item.Constraint} {
			if values := alternatives(tc); values != nil {
				return values
			}
		}
		ref = item.TypeRef
	}
	return nil
}

func (c *compiler) importedEnumeration(p *part, ref string) []feel.Value {
	for _, imp := range p.imports {
		if rest, ok := strings.CutPrefix(ref, imp.name+"."); ok && imp.name != "" {
			return c.enumeration(imp.part, rest)
		}
	}
	return nil
}

// alternatives lists what a constraint allows, where that is a list. Faults in
// it are reported with the type.
func alternatives(tc *dmnxml.TypeConstraint) []feel.Value {
	if tc == nil || strings.TrimSpace(tc.Text) == "" {
		return nil
	}
	prog, err := feel.CompileUnaryTests(tc.Text, feel.NewScope(feel.Var{Name: "?"}), feel.CompileOptions{})
	if err != nil {
		return nil
	}
	if cell, ok := prog.Cell(); ok && !cell.Negated {
		return cell.Alternatives
	}
	return nil
}
