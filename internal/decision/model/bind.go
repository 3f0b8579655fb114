package model

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Where a value of an input came from.
const (
	fromRequest    = "request"
	fromConnection = "connection"
	fromContext    = "context"
	fromItem       = "item"
	fromProfile    = "profile"
	fromTrait      = "trait"
	fromComputed   = "computed"
)

// binding says how an input data finds its value in a person.
type binding struct {
	node   dmn.Node
	folded string
}

// bindings prepares the inputs of the model itself.
func (m *Model) bindings() {
	for _, n := range m.inputs {
		m.plan = append(m.plan, binding{n, fold(n.Name)})
	}
	m.all = m.neededBy(slices.Concat(m.decisions, m.services))
}

// needed tells which input data some of the targets need.
func (m *Model) needed(targets []dmn.Node) []bool {
	if len(targets) == len(m.decisions) {
		return m.all
	}
	return m.neededBy(targets)
}

func (m *Model) neededBy(targets []dmn.Node) []bool {
	indices := make([]int, len(targets))
	for i, n := range targets {
		indices[i] = n.Index
	}
	out := make([]bool, m.size)
	for _, in := range m.dmn.Inputs(indices...) {
		out[in.Index] = true
	}
	return out
}

// fold makes "Order Count" and "order_count" the same name.
func fold(name string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), "_"))
}

// Wants tells which of the given input data the decisions that are asked for
// need, of what the product gives by name or a caller gives by the settings.
func (m *Model) Wants(q *Question, name string) bool {
	n, ok := named(m.inputs, name)
	if !ok {
		return false
	}
	if _, given := q.Inputs[name]; given {
		return false
	}
	targets, err := m.targets(q)
	return err == nil && m.needed(targets)[n.Index]
}

// WantsEvents tells whether the model reads the last events of a person.
func (m *Model) WantsEvents() bool { return m.reads(inputEvents) }

// WantsItem tells whether the model reads a catalog item.
func (m *Model) WantsItem() bool { return m.reads(inputItem) }

func (m *Model) reads(name string) bool {
	_, ok := named(m.inputs, name)
	return ok
}

// Read is an input with the value that it had, and where that came from.
type Read struct {
	Name  string
	From  string
	Value feel.Value
}

// Bound is an input as it is shown.
type Bound struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	From  string `json:"from" enum:"request,connection,context,item,profile,trait,computed" doc:"Inputs of the request win over what is known"`
}

// bind gives a run the values of its inputs: first those of the request, then
// what the question brings, then what is known of the person.
func (m *Model) bind(run *dmn.Session, q *Question, needed []bool) (read []Read, err error) {
	if q.Exactly != nil {
		m.repeat(run, q.Exactly)
		return q.Exactly, nil
	}
	read = make([]Read, 0, len(m.inputs))
	for name, text := range q.Inputs {
		n, ok := named(m.inputs, name)
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "unknown_input", "inputs: the model has no input data %q; it has %s", name, names(m.inputs)).At("/inputs/" + name)
		}
		v, err := explicit(n, text)
		if err != nil {
			return nil, err
		}
		run.SetIndex(n.Index, v)
		read = append(read, Read{name, fromRequest, v})
	}
	for i := range m.plan {
		b := &m.plan[i]
		if !needed[b.node.Index] {
			continue
		}
		if _, given := q.Inputs[b.node.Name]; given {
			continue
		}
		v, from, err := q.value(b)
		if err != nil {
			return nil, err
		}
		if from == "" {
			continue
		}
		v = adapt(v, b.node.Type)
		run.SetIndex(b.node.Index, v)
		read = append(read, Read{b.node.Name, from, v})
	}
	return read, nil
}

// repeat gives a run the values that another one had. An input that the model
// no longer has is left out.
func (m *Model) repeat(run *dmn.Session, exactly []Read) {
	for _, r := range exactly {
		if n, ok := named(m.inputs, r.Name); ok {
			run.SetIndex(n.Index, adapt(r.Value, n.Type))
		}
	}
}

// value finds the value of an input in what the question brings.
func (q *Question) value(b *binding) (v feel.Value, from string, err error) {
	if v, ok := q.Given[b.node.Name]; ok {
		return v, fromConnection, nil
	}
	switch b.node.Name {
	case inputRequest:
		v, err = q.context()
		return v, fromContext, err
	case inputItem:
		if q.Item == nil {
			return feel.Null, "", nil
		}
		v, err = jsonValue(q.Item)
		return v, fromItem, err
	}
	if q.Person == nil {
		return feel.Null, "", nil
	}
	return q.Person.value(b)
}

// explicit reads a value that a request gives. One of another type than the
// model declares is the caller's mistake.
func explicit(n dmn.Node, text json.RawMessage) (feel.Value, error) {
	v, err := valueOf(text)
	if err != nil {
		return v, fault.Errorf(fault.Invalid, "invalid_input", "inputs: %q cannot be read: %v", n.Name, err).At("/inputs/" + n.Name)
	}
	v = dmn.Adapt(v, n.Type)
	if n.Type == nil || v.IsNull() {
		return v, nil
	}
	out, ok := feel.Coerce(v, n.Type)
	if !ok {
		return v, fault.Errorf(fault.Invalid, "invalid_input", "inputs: %q is %s, the model wants %s", n.Name, short(v), typeName(n.Type)).At("/inputs/" + n.Name)
	}
	return out, nil
}

func short(v feel.Value) string {
	text := []rune(v.Literal())
	if len(text) > 60 {
		return string(text[:59]) + "…"
	}
	return string(text)
}

// adapt fits what is known of a person to the declared type as far as that can
// be done; what does not fit is left to the run, which says so.
func adapt(v feel.Value, t *feel.Type) feel.Value {
	if t != nil && t.Kind() == feel.TypeString && v.Kind() == feel.KindDateTime {
		return feel.String(v.String())
	}
	return dmn.Adapt(v, t)
}

// valueOf reads JSON as a value of FEEL; numbers keep all their digits.
func valueOf(text []byte) (feel.Value, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return feel.Null, err
	}
	return feel.FromGo(x)
}

// jsonValue is what the API shows of something, as a value of FEEL.
func jsonValue(shown any) (feel.Value, error) {
	text, err := json.Marshal(shown)
	if err != nil {
		return feel.Null, err
	}
	return valueOf(text)
}

// Part gives a part of what the question brings, for formulas that run before
// the decision: profile, item, request or inputs; null where there is none.
func (m *Model) Part(q *Question, name string) (feel.Value, error) {
	if name == "inputs" {
		b := feel.NewContextBuilder(len(q.Inputs))
		for _, input := range sortedNames(q.Inputs) {
			v, err := valueOf(q.Inputs[input])
			if err != nil {
				return feel.Null, err
			}
			b.Put(input, v)
		}
		return b.Value(), nil
	}
	v, _, err := q.value(&binding{node: dmn.Node{Name: name}, folded: name})
	return v, err
}
