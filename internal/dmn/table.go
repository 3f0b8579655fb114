package dmn

import (
	"math/bits"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// Table is a compiled decision table.
type Table struct {
	Node    string // the node whose logic it is part of
	Name    string // of the box that holds it
	ID      string
	Label   string
	Pos     dmnxml.Pos
	Policy  HitPolicy
	Inputs  []InputColumn
	Outputs []OutputColumn

	at         place
	rules      []rule
	words      int
	all        []uint64 // a bit for each sound rule
	hasDefault bool
	shape      feel.Shape
	constants  bool // every output entry is a constant
}

// InputColumn is an input of a table.
type InputColumn struct {
	Label, Text string
	Type        *feel.Type

	at     place
	expr   *expr
	slot   int
	values *expr        // allowed inputs
	domain []feel.Value // values of the declared type, where it lists them
	cells  []*expr      // nil fits everything
	index  *columnIndex // nil where nothing can be indexed
	tested []uint64     // rules whose cell has to be run for each input
}

// OutputColumn is an output of a table.
type OutputColumn struct {
	Name, Label string
	Type        *feel.Type

	order    []feel.Value // output values, best first
	fallback output
}

// output is an output entry.
type output struct {
	expr     *expr
	constant bool
	value    feel.Value
	typ      *feel.Type
	at       place
}

// rule is a row.
type rule struct {
	id          string
	pos         dmnxml.Pos
	broken      bool // a cell does not compile: the rule never fits
	outputs     []output
	value       feel.Value // of all outputs, when they are constant
	annotations []string
}

// Rules is the number of rules.
func (t *Table) Rules() int { return len(t.rules) }

// Rule gives the id and the annotations of a rule, counted from 0.
func (t *Table) Rule(i int) (id string, annotations []string) {
	return t.rules[i].id, t.rules[i].annotations
}

// finish prepares what evaluation needs, once all cells are compiled.
func (t *Table) finish() {
	keys := make([]string, len(t.Outputs))
	for i, out := range t.Outputs {
		keys[i] = out.Name
	}
	t.shape = feel.NewShape(keys...)
	t.all = make([]uint64, t.words)
	t.constants = true
	for i := range t.rules {
		r := &t.rules[i]
		if !r.broken {
			t.all[i/64] |= 1 << (i % 64)
		}
		vals := make([]feel.Value, len(r.outputs))
		for k, out := range r.outputs {
			if vals[k] = out.value; !out.constant {
				t.constants = false
			}
		}
		if len(vals) == 1 {
			r.value = vals[0]
		} else {
			r.value = t.shape.Of(vals)
		}
	}
	for i := range t.Inputs {
		t.Inputs[i].buildIndex(t)
	}
}

func (t *Table) resultType() *feel.Type {
	var one *feel.Type
	if len(t.Outputs) == 1 {
		one = t.Outputs[0].Type
	} else {
		fields := make([]feel.Field, len(t.Outputs))
		for i, out := range t.Outputs {
			fields[i] = feel.Field{Name: out.Name, Type: out.Type}
		}
		one = feel.ContextType(fields...)
	}
	switch t.Policy {
	case Unique, Any, First, Priority:
		return one
	case RuleOrder, OutputOrder, Collect:
		if t.hasDefault {
			return nil // the default is not a list
		}
		return feel.ListType(one)
	}
	return nil
}

// run evaluates the table.
func (t *Table) run(s *Session, f []feel.Value) feel.Value {
	fits := s.pushBits(t.words)
	copy(fits, t.all)
	ok := true
	for i := range t.Inputs {
		if ok = t.Inputs[i].narrow(s, f, fits); !ok {
			break
		}
	}
	v := feel.Null
	if ok {
		v = t.result(s, f, fits)
	}
	s.popBits(t.words)
	return v
}

// narrow takes the rules out of fits whose cell does not hold the input. It is
// false when the input is not one that the column allows.
func (col *InputColumn) narrow(s *Session, f []feel.Value, fits []uint64) bool {
	v := feel.Null
	if col.expr != nil {
		v = s.run(col.expr, f)
		if col.Type != nil {
			v = s.coerce(v, col.Type, col.at)
		}
	}
	saved := f[col.slot]
	f[col.slot] = v
	ok := true
	if col.values != nil && !col.allows(s, f, v) {
		s.report(col.at, feel.CodeValue, "input %s is not among the input values of the column", v)
		ok = false
	} else if col.index == nil || !col.index.apply(v, fits) {
		col.runCells(s, f, fits, nil)
	} else if col.tested != nil {
		col.runCells(s, f, fits, col.tested)
	}
	f[col.slot] = saved
	return ok
}

// allows tests an input against the input values; of a list, every item.
func (col *InputColumn) allows(s *Session, f []feel.Value, v feel.Value) bool {
	if s.test(col.values, f) {
		return true
	}
	items, ok := v.AsList()
	if !ok || len(items) == 0 {
		return false
	}
	for _, item := range items {
		if f[col.slot] = item; !s.test(col.values, f) {
			return false
		}
	}
	f[col.slot] = v
	return true
}

// runCells evaluates the cells of the rules that are still in, all of them or
// those in only.
func (col *InputColumn) runCells(s *Session, f []feel.Value, fits, only []uint64) {
	for w := range fits {
		left := fits[w]
		if only != nil {
			left &= only[w]
		}
		for ; left != 0; left &= left - 1 {
			bit := bits.TrailingZeros64(left)
			cell := col.cells[w*64+bit]
			if cell != nil && !s.test(cell, f) {
				fits[w] &^= 1 << bit
			}
		}
	}
}

// outputOf gives the value of a rule's outputs.
func (t *Table) outputOf(s *Session, f []feel.Value, i int) feel.Value {
	r := &t.rules[i]
	if t.constants {
		return r.value
	}
	if len(r.outputs) == 1 {
		return r.outputs[0].run(s, f)
	}
	vals := make([]feel.Value, len(r.outputs))
	for k := range r.outputs {
		vals[k] = r.outputs[k].run(s, f)
	}
	return t.shape.Of(vals)
}

func (o *output) run(s *Session, f []feel.Value) feel.Value {
	if o.constant {
		return o.value
	}
	v := s.run(o.expr, f)
	if o.typ != nil {
		return s.coerce(v, o.typ, o.at)
	}
	return v
}

// fallback is the value of a table none of whose rules fits.
func (t *Table) fallback(s *Session, f []feel.Value) feel.Value {
	if !t.hasDefault {
		return feel.Null
	}
	if len(t.Outputs) == 1 {
		return t.Outputs[0].fallback.run(s, f)
	}
	vals := make([]feel.Value, len(t.Outputs))
	for i := range t.Outputs {
		if d := &t.Outputs[i].fallback; d.expr != nil {
			vals[i] = d.run(s, f)
		}
	}
	return t.shape.Of(vals)
}
