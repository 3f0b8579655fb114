package predict

import (
	"slices"

	"rapport/internal/fault"
	"rapport/internal/predict/shape"
)

// Value is what a caller hands over or gets back: a number, a text, a boolean,
// or nothing. The zero Value is nothing.
type Value struct {
	text   string
	number float64
	kind   valueKind
}

type valueKind uint8

const (
	nothing valueKind = iota
	isNumber
	isText
	isBool
)

// Number makes a Value of a number.
func Number(x float64) Value { return Value{number: x, kind: isNumber} }

// Text makes a Value of a text.
func Text(s string) Value { return Value{text: s, kind: isText} }

// Bool makes a Value of a boolean.
func Bool(b bool) Value {
	if b {
		return Value{number: 1, kind: isBool}
	}
	return Value{kind: isBool}
}

// Missing tells whether there is no value.
func (v Value) Missing() bool { return v.kind == nothing }

// Number gives the number, false where the value is none.
func (v Value) Number() (float64, bool) { return v.number, v.kind == isNumber }

// Text gives the text, false where the value is none.
func (v Value) Text() (string, bool) { return v.text, v.kind == isText }

// Bool gives the boolean, false where the value is none.
func (v Value) Bool() (value, ok bool) { return v.number != 0, v.kind == isBool }

// Binding says which input each argument of a caller is. It is made once, when
// the caller is compiled, is immutable and may be shared.
type Binding struct {
	model *Model
	slots []int
}

// Bind finds the inputs that a caller names. It refuses names that are no
// inputs, names given twice, and to go without an input that must be there.
func (m *Model) Bind(names ...string) (*Binding, error) {
	b := &Binding{model: m, slots: make([]int, len(names))}
	for i, name := range names {
		slot, ok := m.slots[name]
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "model_input_unknown", "the model %q has no input %q; it has %s", m.name, name, m.names()).At(name)
		}
		if slices.Contains(names[:i], name) {
			return nil, fault.Errorf(fault.Invalid, "model_input_twice", "the input %q of the model %q is given twice", name, m.name).At(name)
		}
		b.slots[i] = slot
	}
	for _, slot := range m.required {
		if name := m.inputs[slot].Name; !slices.Contains(names, name) {
			return nil, fault.Errorf(fault.Invalid, "model_input_missing", "the model %q needs the input %q, which is not given", m.name, name).At(name)
		}
	}
	return b, nil
}

// BindAll binds every input in the order of Inputs.
func (m *Model) BindAll() *Binding {
	b := &Binding{model: m, slots: make([]int, len(m.inputs))}
	for i := range b.slots {
		b.slots[i] = i
	}
	return b
}

// Score sets the arguments in the order of the names that were bound and
// scores. A missing Value and what was not bound are missing inputs. The run
// must be one of the binding's model; its outputs are good until its next use.
func (b *Binding) Score(r *Run, args []Value) ([]float64, error) {
	if len(args) != len(b.slots) || r.model != b.model {
		return nil, fault.Errorf(fault.Internal, "model_binding", "%d arguments for %d bound inputs, or the run of another model", len(args), len(b.slots))
	}
	r.Reset()
	for i, slot := range b.slots {
		if err := r.set(slot, args[i]); err != nil {
			return nil, err
		}
	}
	return r.Score()
}

func (r *Run) set(slot int, v Value) error {
	switch v.kind {
	case isNumber:
		return r.SetNumber(slot, v.number)
	case isText:
		return r.SetText(slot, v.text)
	case isBool:
		return r.SetBool(slot, v.number != 0)
	}
	return nil
}

// Output gives one output of the last scoring as a Value: the text of a
// category, a number, or nothing where the model gave none.
func (r *Run) Output(i int) Value {
	x, out := r.out[i], &r.model.outputs[i]
	switch {
	case x != x:
		return Value{}
	case out.Kind == shape.Category:
		if x >= 0 && x < float64(len(out.Categories)) {
			return Text(out.Categories[int(x)])
		}
		return Value{}
	case out.Kind == shape.Boolean:
		return Bool(x != 0)
	}
	return Number(x)
}
