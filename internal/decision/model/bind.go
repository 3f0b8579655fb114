package model

import (
	"bytes"
	"encoding/json"
	"strings"

	"rapport/internal/dmn"
	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Where a value of an input came from.
const (
	fromRequest  = "request"
	fromProfile  = "profile"
	fromTrait    = "trait"
	fromComputed = "computed"
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
}

// fold makes "Order Count" and "order_count" the same name.
func fold(name string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '_' || r == '-' }), "_"))
}

// WantsEvents tells whether the model reads the last events of a person.
func (m *Model) WantsEvents() bool {
	_, ok := named(m.inputs, "events")
	return ok
}

// Bound is an input with its value and where that came from.
type Bound struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
	From  string `json:"from" enum:"request,profile,trait,computed" doc:"Inputs of the request win over what is known of the person"`
}

// bind gives a run the values of its inputs. What the request says wins.
func (m *Model) bind(run *dmn.Session, q *Question) (given map[int]bool, bound []Bound, err error) {
	given = make(map[int]bool, len(m.inputs))
	for name, text := range q.Inputs {
		n, ok := named(m.inputs, name)
		if !ok {
			return nil, nil, fault.Errorf(fault.Invalid, "unknown_input", "inputs: the model has no input data %q; it has %s", name, names(m.inputs)).At("/inputs/" + name)
		}
		v, err := explicit(n, text)
		if err != nil {
			return nil, nil, err
		}
		run.SetIndex(n.Index, v)
		given[n.Index] = true
		if q.Explain {
			bound = append(bound, Bound{name, v.Go(), fromRequest})
		}
	}
	if q.Person == nil {
		return given, bound, nil
	}
	for i := range m.plan {
		b := &m.plan[i]
		if given[b.node.Index] {
			continue
		}
		v, from, err := q.Person.value(b)
		if err != nil {
			return nil, nil, err
		}
		if from == "" {
			continue
		}
		v = adapt(v, b.node.Type)
		run.SetIndex(b.node.Index, v)
		given[b.node.Index] = true
		if q.Explain {
			bound = append(bound, Bound{b.node.Name, v.Go(), from})
		}
	}
	return given, bound, nil
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
