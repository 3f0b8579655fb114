package pmml

import (
	"slices"

	"rapport/internal/predict/shape"
)

// Read reads a whole document. What is wrong with it is a fault that names the
// line. Of several models the first is meant.
func Read(raw []byte) (*Model, error) {
	root, err := parse(raw)
	if err != nil {
		return nil, err
	}
	version := root.attr("version")
	known := slices.Contains([]string{"4.0", "4.1", "4.2", "4.2.1", "4.3", "4.4", "4.4.1"}, version)
	if root.name != "PMML" || !known {
		return nil, problem(root.line, "it is <%.40s version=%.20q>, want <PMML> of version 4.0 to 4.4", root.name, version)
	}
	e := findModel(root)
	if e == nil {
		return nil, problem(root.line, "there is no model in the document")
	}
	c := &compiler{texts: map[string]int{}, functions: map[string]*element{}, shared: &tests{}}
	c.invalid = c.slot()
	c.dictionary(root)
	global := &scope{fields: map[string]field{}, pending: map[string]*element{}}
	t := root.child("TransformationDictionary")
	for _, d := range t.all("DerivedField") {
		global.pending[d.attr("name")] = d
	}
	for _, d := range t.all("DefineFunction") {
		c.functions[d.attr("name")] = d
	}
	var main *part
	if c.err == nil {
		main = c.model(global, e, true)
	}
	if c.err != nil {
		return nil, c.err
	}
	return c.finish(e, main), nil
}

// finish makes the model of what was compiled.
func (c *compiler) finish(e *element, main *part) *Model {
	*c.shared = tests{list: c.preds, sets: c.sets}
	m := &Model{inputs: c.inputs, feeds: c.feeds, main: main, invalid: c.invalid, slots: c.slots}
	for i := range m.inputs {
		in := &m.inputs[i]
		if in.Kind != shape.Category {
			continue
		}
		if len(in.Categories) == 0 {
			in.Categories = slices.Clone(c.names)
		}
		for _, s := range in.Categories {
			m.feeds[i].texts = append(m.feeds[i].texts, float64(c.texts[s]))
		}
	}
	if len(main.classes) == 0 {
		m.add(shape.Output{Name: "score"}, result{slot: main.value})
	} else {
		names := make([]string, len(main.classes))
		places := make([]float64, len(c.names))
		for i := range places {
			places[i] = missing
		}
		for i, code := range main.classes {
			names[i] = c.names[int(code)]
			places[int(code)] = float64(i)
		}
		for i, o := range shape.Named(names) {
			if i == 0 {
				m.add(o, result{slot: main.value, places: places})
			} else {
				m.add(o, result{slot: main.probs + i - 1})
			}
		}
	}
	c.fieldOutputs(e, main, m)
	c.data, c.functions = nil, nil
	return m
}

func (m *Model) add(o shape.Output, r result) {
	m.outputs = append(m.outputs, o)
	m.results = append(m.results, r)
}

// fieldOutputs adds the output fields that the document names and that are
// not among the outputs already, and the reasons of a scorecard that names none.
func (c *compiler) fieldOutputs(e *element, main *part, m *Model) {
	every := make([]float64, len(c.names))
	for i := range every {
		every[i] = float64(i)
	}
	add := func(name string, f field) {
		if slices.ContainsFunc(m.outputs, func(o shape.Output) bool { return o.Name == name }) {
			return
		}
		switch f.kind {
		case text:
			m.add(shape.Output{Name: name, Kind: shape.Category, Categories: slices.Clone(c.names)}, result{slot: f.slot, places: every})
		case boolean:
			m.add(shape.Output{Name: name, Kind: shape.Boolean}, result{slot: f.slot})
		default:
			m.add(shape.Output{Name: name}, result{slot: f.slot})
		}
	}
	for _, o := range e.child("Output").all("OutputField") {
		if f, ok := main.visible[o.attr("name")]; ok && o.attr("isFinalResult") != "false" {
			add(o.attr("name"), f)
		}
	}
	if len(e.child("Output").children) > 0 {
		return
	}
	for i, slot := range main.reasons {
		add("reason_"+string(rune('1'+i)), field{slot: slot, kind: text})
		if i == 8 {
			return
		}
	}
}
