package dmnxml

func (d *decoder) table(n *node) *Table {
	t := &Table{
		ExpressionBase: d.base(n, "hitPolicy", "aggregation", "preferredOrientation", "outputLabel"),
		HitPolicy:      n.attr("hitPolicy"),
		Aggregation:    n.attr("aggregation"),
		Orientation:    n.attr("preferredOrientation"),
		OutputLabel:    n.attr("outputLabel"),
	}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "input":
			t.Inputs = append(t.Inputs, d.tableInput(c))
		case "output":
			t.Outputs = append(t.Outputs, d.tableOutput(c))
		case "annotation":
			t.Annotations = append(t.Annotations, c.attr("name"))
		case "rule":
			t.Rules = append(t.Rules, d.rule(c))
		default:
			return false
		}
		return true
	})
	return t
}

func (d *decoder) tableInput(n *node) *TableInput {
	in := &TableInput{Element: d.element(n)}
	found := false
	d.each(n, func(c *node) bool {
		switch c.local {
		case "inputExpression":
			in.Expression, in.TypeRef, found = *d.text(c), d.typeRef(c, c.attr("typeRef")), true
		case "inputValues":
			in.Values = d.constraint(c, false)
		default:
			return false
		}
		return true
	})
	if !found {
		in.Expression.Pos = n.pos
		d.problem(n, "the input column has no input expression")
	}
	return in
}

func (d *decoder) tableOutput(n *node) *TableOutput {
	out := &TableOutput{Element: d.element(n, "typeRef"), TypeRef: d.typeRef(n, n.attr("typeRef"))}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "outputValues":
			out.Values = d.constraint(c, false)
		case "defaultOutputEntry":
			out.Default = d.text(c)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) rule(n *node) *Rule {
	r := &Rule{Element: d.element(n)}
	d.each(n, func(c *node) bool {
		switch c.local {
		case "inputEntry":
			r.Inputs = append(r.Inputs, d.text(c))
		case "outputEntry":
			r.Outputs = append(r.Outputs, d.text(c))
		case "annotationEntry":
			text := ""
			for _, x := range c.children {
				if x.local == "text" {
					text = x.text
				}
			}
			r.Annotations = append(r.Annotations, text)
		default:
			return false
		}
		return true
	})
	return r
}
