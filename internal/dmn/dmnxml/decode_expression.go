package dmnxml

// expression reads any boxed expression; nil when n is none.
func (d *decoder) expression(n *node) Expression {
	switch n.local {
	case "literalExpression":
		return d.literal(n)
	case "context":
		return d.context(n)
	case "decisionTable":
		return d.table(n)
	case "list":
		return d.list(n)
	case "relation":
		return d.relation(n)
	case "functionDefinition":
		return d.function(n)
	case "invocation":
		return d.invocation(n)
	case "conditional":
		return d.conditional(n)
	case "filter":
		return d.filter(n)
	case "for":
		return d.iterator(n, For, "return")
	case "some":
		return d.iterator(n, Some, "satisfies")
	case "every":
		return d.iterator(n, Every, "satisfies")
	}
	return nil
}

func (d *decoder) base(n *node, known ...string) ExpressionBase {
	return ExpressionBase{
		Element: d.element(n, append(known, "typeRef")...),
		TypeRef: d.typeRef(n, n.attr("typeRef")),
	}
}

func (d *decoder) literal(n *node) *Literal {
	e := &Literal{ExpressionBase: d.base(n, "expressionLanguage"), Language: n.attr("expressionLanguage"), Missing: true}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "text":
			e.Source, e.Missing, e.Pos = c.text, false, c.textPos()
		case "importedValues":
			e.Imported = c.raw()
		default:
			return false
		}
		return true
	})
	return e
}

// textPos is where the text of an element starts: just after its start tag.
// Messages of the expression compiler count from there.
func (n *node) textPos() Pos {
	p := n.pos
	for _, r := range string(n.source[n.start:n.tagEnd]) {
		if p.Column++; r == '\n' {
			p = Pos{p.Line + 1, 1}
		}
	}
	return p
}

func (d *decoder) text(n *node) *Text {
	t := &Text{Element: d.element(n, "expressionLanguage", "typeRef"), Language: n.attr("expressionLanguage")}
	d.each(n, func(c *node) bool {
		if c.local == "text" {
			t.Source, t.Pos = c.text, c.textPos()
		}
		return c.local == "text"
	})
	return t
}

func (d *decoder) context(n *node) *Context {
	e := &Context{ExpressionBase: d.base(n)}
	d.each(n, func(c *node) bool {
		if c.local != "contextEntry" {
			return false
		}
		entry := &ContextEntry{Element: d.element(c)}
		d.each(c, func(x *node) bool {
			if x.local == "variable" {
				entry.Variable = d.variable(x)
				return true
			}
			return d.logic(x, &entry.Value)
		})
		e.Entries = append(e.Entries, entry)
		return true
	})
	return e
}

func (d *decoder) list(n *node) *List {
	e := &List{ExpressionBase: d.base(n)}
	d.each(n, func(c *node) bool {
		item := d.expression(c)
		if item != nil {
			e.Items = append(e.Items, item)
		}
		return item != nil
	})
	return e
}

func (d *decoder) relation(n *node) *Relation {
	e := &Relation{ExpressionBase: d.base(n)}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "column":
			e.Columns = append(e.Columns, d.variable(c))
		case "row":
			row := &RelationRow{Element: d.element(c)}
			d.each(c, func(x *node) bool {
				cell := d.expression(x)
				if cell != nil {
					row.Cells = append(row.Cells, cell)
				}
				return cell != nil
			})
			e.Rows = append(e.Rows, row)
		default:
			return false
		}
		return true
	})
	return e
}

func (d *decoder) function(n *node) *Function {
	e := &Function{ExpressionBase: d.base(n, "kind"), Kind: n.attr("kind")}
	d.each(n, func(c *node) bool {
		if c.local == "formalParameter" {
			e.Parameters = append(e.Parameters, d.variable(c))
			return true
		}
		return d.logic(c, &e.Body)
	})
	return e
}

func (d *decoder) invocation(n *node) *Invocation {
	e := &Invocation{ExpressionBase: d.base(n)}
	d.each(n, func(c *node) bool {
		if c.local != "binding" {
			return d.logic(c, &e.Callee)
		}
		b := &Binding{Element: d.element(c)}
		d.each(c, func(x *node) bool {
			if x.local == "parameter" {
				b.Parameter = d.variable(x)
				return true
			}
			return d.logic(x, &b.Value)
		})
		e.Bindings = append(e.Bindings, b)
		return true
	})
	return e
}

func (d *decoder) child(n *node) *Child {
	out := &Child{Element: d.element(n, "typeRef"), TypeRef: d.typeRef(n, n.attr("typeRef"))}
	d.each(n, func(c *node) bool { return d.logic(c, &out.Value) })
	return out
}

func (d *decoder) conditional(n *node) *Conditional {
	e := &Conditional{ExpressionBase: d.base(n)}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "if":
			e.If = d.child(c)
		case "then":
			e.Then = d.child(c)
		case "else":
			e.Else = d.child(c)
		default:
			return false
		}
		return true
	})
	return e
}

func (d *decoder) filter(n *node) *Filter {
	e := &Filter{ExpressionBase: d.base(n)}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "in":
			e.In = d.child(c)
		case "match":
			e.Match = d.child(c)
		default:
			return false
		}
		return true
	})
	return e
}

func (d *decoder) iterator(n *node, kind IteratorKind, body string) *Iterator {
	e := &Iterator{ExpressionBase: d.base(n, "iteratorVariable"), Kind: kind, Variable: n.attr("iteratorVariable")}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "in":
			e.In = d.child(c)
		case body:
			e.Body = d.child(c)
		default:
			return false
		}
		return true
	})
	return e
}
