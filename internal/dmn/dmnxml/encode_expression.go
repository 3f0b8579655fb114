package dmnxml

import "reflect"

// box writes the element of an expression with the attributes all share.
func (e *encoder) box(tag string, b *ExpressionBase, attrs []string, content func()) {
	e.element(tag, &b.Element, append([]string{"typeRef", e.typeRef(b.TypeRef)}, attrs...), content)
}

func (e *encoder) expression(x Expression) {
	if x == nil || reflect.ValueOf(x).IsNil() {
		return
	}
	switch x := x.(type) {
	case *Literal:
		e.box("literalExpression", &x.ExpressionBase, []string{"expressionLanguage", translate(x.Language, DMN15)}, func() {
			if !x.Missing {
				e.leaf("text", x.Source)
			}
			e.raw(x.Imported)
		})
	case *Context:
		e.context(x)
	case *List:
		e.box("list", &x.ExpressionBase, nil, func() {
			for _, item := range x.Items {
				e.expression(item)
			}
		})
	case *Relation:
		e.relation(x)
	case *Function:
		e.function("functionDefinition", x)
	case *Invocation:
		e.invocation(x)
	case *Conditional:
		e.box("conditional", &x.ExpressionBase, nil, func() {
			e.child("if", x.If)
			e.child("then", x.Then)
			e.child("else", x.Else)
		})
	case *Filter:
		e.box("filter", &x.ExpressionBase, nil, func() {
			e.child("in", x.In)
			e.child("match", x.Match)
		})
	case *Iterator:
		e.iterator(x)
	case *Table:
		e.table(x)
	}
}

func (e *encoder) child(tag string, c *Child) {
	if c != nil {
		e.element(tag, &c.Element, []string{"typeRef", e.typeRef(c.TypeRef)}, func() { e.expression(c.Value) })
	}
}

func (e *encoder) iterator(x *Iterator) {
	tag := map[IteratorKind]string{For: "for", Some: "some", Every: "every"}[x.Kind]
	body := "satisfies"
	if x.Kind == For {
		body = "return"
	}
	e.box(tag, &x.ExpressionBase, []string{"iteratorVariable", x.Variable}, func() {
		e.child("in", x.In)
		e.child(body, x.Body)
	})
}

func (e *encoder) context(x *Context) {
	e.box("context", &x.ExpressionBase, nil, func() {
		for _, entry := range x.Entries {
			e.element("contextEntry", &entry.Element, nil, func() {
				e.variable("variable", entry.Variable)
				e.expression(entry.Value)
			})
		}
	})
}

func (e *encoder) relation(x *Relation) {
	e.box("relation", &x.ExpressionBase, nil, func() {
		for _, col := range x.Columns {
			e.variable("column", col)
		}
		for _, row := range x.Rows {
			e.element("row", &row.Element, nil, func() {
				for _, cell := range row.Cells {
					e.expression(cell)
				}
			})
		}
	})
}

func (e *encoder) function(tag string, x *Function) {
	e.box(tag, &x.ExpressionBase, []string{"kind", x.Kind}, func() {
		for _, p := range x.Parameters {
			e.variable("formalParameter", p)
		}
		e.expression(x.Body)
	})
}

func (e *encoder) invocation(x *Invocation) {
	e.box("invocation", &x.ExpressionBase, nil, func() {
		e.expression(x.Callee)
		for _, b := range x.Bindings {
			e.element("binding", &b.Element, nil, func() {
				e.variable("parameter", b.Parameter)
				e.expression(b.Value)
			})
		}
	})
}

func (e *encoder) text(tag string, t *Text, typeRef string) {
	if t != nil {
		e.element(tag, &t.Element, []string{"typeRef", e.typeRef(typeRef), "expressionLanguage", translate(t.Language, DMN15)},
			func() { e.leaf("text", t.Source) })
	}
}

func (e *encoder) table(x *Table) {
	attrs := []string{
		"hitPolicy", x.HitPolicy, "aggregation", x.Aggregation,
		"preferredOrientation", x.Orientation, "outputLabel", x.OutputLabel,
	}
	e.box("decisionTable", &x.ExpressionBase, attrs, func() {
		for _, in := range x.Inputs {
			e.element("input", &in.Element, nil, func() {
				e.text("inputExpression", &in.Expression, in.TypeRef)
				e.constraint("inputValues", in.Values)
			})
		}
		for _, out := range x.Outputs {
			e.element("output", &out.Element, []string{"typeRef", e.typeRef(out.TypeRef)}, func() {
				e.constraint("outputValues", out.Values)
				e.text("defaultOutputEntry", out.Default, "")
			})
		}
		for _, name := range x.Annotations {
			e.element("annotation", &Element{Name: name}, nil, nil)
		}
		for _, r := range x.Rules {
			e.element("rule", &r.Element, nil, func() {
				for _, in := range r.Inputs {
					e.text("inputEntry", in, "")
				}
				for _, out := range r.Outputs {
					e.text("outputEntry", out, "")
				}
				for _, note := range r.Annotations {
					e.element("annotationEntry", nil, nil, func() { e.leaf("text", note) })
				}
			})
		}
	})
}
