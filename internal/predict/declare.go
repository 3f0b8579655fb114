package predict

import (
	"bytes"

	"rapport/internal/fault"
	"rapport/internal/predict/shape"
)

// Detect tells the format from the first bytes of a file, "" where none fits.
func Detect(raw []byte) Format {
	raw = bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")), " \t\r\n")
	head := raw[:min(len(raw), 4096)]
	switch {
	case bytes.HasPrefix(raw, []byte("tree\n")), bytes.HasPrefix(raw, []byte("tree\r\n")):
		return LightGBM
	case bytes.HasPrefix(raw, []byte("<")):
		return PMML
	case bytes.HasPrefix(raw, []byte("{")) && bytes.Contains(head, []byte(`"linear"`)):
		return Linear
	case bytes.HasPrefix(raw, []byte("{")):
		return XGBoost
	}
	return ""
}

// declare lays over the file's inputs and outputs what the caller says.
func (m *Model) declare(spec Spec) error {
	places := make(map[string]int, len(m.inputs))
	for i, in := range m.inputs {
		if _, twice := places[in.Name]; twice {
			return shape.Problemf(string(m.format), "", "two inputs are called %q", in.Name)
		}
		places[in.Name] = i
	}
	for _, d := range spec.Declared {
		i, ok := places[d.Name]
		if !ok {
			return fault.Errorf(fault.Invalid, "model_input_unknown", "the model has no input %q; it has %s", d.Name, m.names())
		}
		in := &m.inputs[i]
		if len(d.Categories) > 0 {
			if in.Kind == shape.Number || in.Kind == shape.Boolean || in.Kind == shape.Category && len(d.Categories) != len(in.Categories) {
				return fault.Errorf(fault.Invalid, "model_input_kind", "the input %q is a %s and takes no such list of categories", d.Name, in.Kind)
			}
			in.Kind, in.Categories = shape.Category, d.Categories
		}
		in.Open = in.Open || d.Open
		in.Required = in.Required || d.Required
	}
	return m.classes(spec.Classes)
}

func (m *Model) classes(names []string) error {
	if len(names) == 0 {
		return nil
	}
	if m.outputs[0].Name != "class" || len(m.outputs) != len(names)+1 {
		return fault.Errorf(fault.Invalid, "model_classes", "%d names of classes for a model with the outputs %s",
			len(names), shape.List(outputNames(m.outputs)))
	}
	m.outputs = shape.Named(names)
	return nil
}

// index prepares the look-ups by name.
func (m *Model) index() {
	m.slots = make(map[string]int, len(m.inputs))
	m.codes = make([]map[string]int, len(m.inputs))
	for i, in := range m.inputs {
		m.slots[in.Name] = i
		if in.Required {
			m.required = append(m.required, i)
		}
		if in.Kind != shape.Category {
			continue
		}
		m.codes[i] = make(map[string]int, len(in.Categories))
		for code, c := range in.Categories {
			m.codes[i][c] = code
		}
	}
}

func (m *Model) names() string {
	names := make([]string, len(m.inputs))
	for i, in := range m.inputs {
		names[i] = in.Name
	}
	return shape.List(names)
}

func outputNames(outputs []Output) []string {
	names := make([]string, len(outputs))
	for i, o := range outputs {
		names[i] = o.Name
	}
	return names
}
