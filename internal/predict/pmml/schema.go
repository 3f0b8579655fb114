package pmml

import (
	"math"
	"slices"
	"strings"

	"rapport/internal/predict/shape"
)

// dataField is an entry of the DataDictionary.
type dataField struct {
	kind      kind
	single    bool
	texts     []string  // the valid ones, in order
	valid     []float64 // sorted; any value is valid where this and intervals are empty
	wrong     []float64 // invalid, sorted
	absent    []float64 // missing, sorted
	intervals []interval
}

func (c *compiler) dictionary(root *element) {
	c.data = map[string]*dataField{}
	for _, e := range root.child("DataDictionary").all("DataField") {
		d := &dataField{}
		name := e.attr("name")
		if _, twice := c.data[name]; twice || name == "" {
			c.fail(e, "every DataField needs a name of its own, %.60q has none", name)
		}
		t := e.attr("dataType")
		if !slices.Contains([]string{"string", "integer", "float", "double", "boolean"}, t) {
			continue // refused where a model reads it
		}
		d.kind, d.single = c.dataKind(e, t)
		for _, v := range e.all("Value") {
			if v.attr("property") == "missing" && strings.EqualFold(v.attr("value"), "nan") {
				continue // NaN is missing everywhere
			}
			x := c.value(v, v.attr("value"), d.kind, d.single)
			switch v.attr("property") {
			case "missing":
				d.absent = append(d.absent, x)
			case "invalid":
				d.wrong = append(d.wrong, x)
			default:
				d.valid = append(d.valid, x)
				d.texts = append(d.texts, v.attr("value"))
			}
		}
		for _, i := range e.all("Interval") {
			d.intervals = append(d.intervals, c.interval(i))
		}
		slices.Sort(d.valid)
		slices.Sort(d.wrong)
		slices.Sort(d.absent)
		c.data[name] = d
	}
}

func within(sorted []float64, x float64) bool {
	_, ok := slices.BinarySearch(sorted, x)
	return ok
}

func (d *dataField) accepts(x float64) bool {
	if within(d.wrong, x) {
		return false
	}
	if len(d.valid) == 0 && len(d.intervals) == 0 || within(d.valid, x) {
		return true
	}
	return slices.ContainsFunc(d.intervals, func(i interval) bool { return i.holds(x) })
}

// treatment is what a MiningField does to a value before the model sees it.
type treatment struct {
	data          *dataField // nil within an ensemble
	invalid       string
	invalidValue  float64
	replacement   float64 // of a missing value
	low, high     float64
	outliers      string
	strict        bool // a missing value is invalid
	source, flags int
}

func (t *treatment) apply(s []float64) float64 {
	x := s[t.source]
	if x == x && t.data != nil && within(t.data.absent, x) {
		x = missing
	}
	if x == x && t.data != nil && !t.data.accepts(x) {
		switch t.invalid {
		case "", "returnInvalid":
			s[t.flags] = 1
			return missing
		case "asMissing":
			x = missing
		case "asValue":
			x = t.invalidValue
		}
	}
	if x < t.low || x > t.high {
		if t.outliers == "asExtremeValues" {
			x = min(max(x, t.low), t.high)
		} else {
			x = missing
		}
	}
	if x == x {
		return x
	}
	if t.strict {
		s[t.flags] = 1
	}
	return t.replacement
}

func (c *compiler) treatment(e *element, k kind, single bool, data *dataField) *treatment {
	t := &treatment{
		data: data, invalid: e.attr("invalidValueTreatment"), replacement: missing, flags: c.invalid,
		low: math.Inf(-1), high: math.Inf(1), strict: e.attr("missingValueTreatment") == "returnInvalid",
	}
	if v, ok := e.find("missingValueReplacement"); ok {
		t.replacement = c.value(e, v, k, single)
	}
	switch t.invalid {
	case "", "returnInvalid", "asIs", "asMissing":
	case "asValue":
		t.invalidValue = c.value(e, e.attr("invalidValueReplacement"), k, single)
	default:
		c.fail(e, "the invalidValueTreatment %.40q is not known", t.invalid)
	}
	switch t.outliers = e.attr("outliers"); t.outliers {
	case "", "asIs":
	case "asMissingValues", "asExtremeValues":
		t.low, t.high = c.numeric(e, "lowValue", t.low), c.numeric(e, "highValue", t.high)
	default:
		c.fail(e, "outliers %.40q is not known", t.outliers)
	}
	return t
}

// idle tells a treatment that leaves every value as it is.
func (t *treatment) idle() bool {
	checked := t.data != nil && len(t.data.valid)+len(t.data.wrong)+len(t.data.absent)+len(t.data.intervals) > 0
	return !checked && t.replacement != t.replacement && math.IsInf(t.low, -1) && math.IsInf(t.high, 1) && !t.strict
}

// schema makes the scope of a model: its mining fields, treated, and its local
// derived fields. The outermost model's fields are the inputs.
func (c *compiler) schema(around *scope, e *element, p *part, outermost bool) *scope {
	sc := &scope{around: around, fields: map[string]field{}, pending: map[string]*element{}, steps: &p.before}
	into := sc
	if outermost {
		around.steps = &p.before
		into = around // the document's derived fields see treated inputs
	}
	for _, m := range e.child("MiningSchema").all("MiningField") {
		usage := m.attr("usageType")
		if usage != "" && usage != "active" {
			continue
		}
		name := m.attr("name")
		var f field
		var data *dataField
		if outermost {
			data = c.data[name]
			if data == nil {
				c.fail(m, "the DataDictionary has no field %.60q of a supported dataType", name)
				return sc
			}
			f = field{slot: c.slot(), kind: data.kind, single: data.single}
		} else {
			f = c.lookup(around, m, name)
		}
		t := c.treatment(m, f.kind, f.single, data)
		t.source = f.slot
		if outermost {
			c.input(m, f, data, t)
		}
		if !t.idle() {
			f.slot = c.slot()
			p.before = append(p.before, step{f.slot, t.apply})
		}
		into.fields[name] = f
	}
	for _, d := range e.child("LocalTransformations").all("DerivedField") {
		sc.pending[d.attr("name")] = d
	}
	return sc
}

// input notes an input of the document. The categories of one that lists none
// are only known when everything is compiled.
func (c *compiler) input(m *element, f field, data *dataField, t *treatment) {
	in := shape.Input{Name: m.attr("name"), Required: t.strict}
	switch data.kind {
	case text:
		in.Kind = shape.Category
		in.Categories = data.texts
		in.Open = len(data.texts) == 0 || t.invalid != "" && t.invalid != "returnInvalid"
	case boolean:
		in.Kind = shape.Boolean
	}
	c.inputs = append(c.inputs, in)
	c.feeds = append(c.feeds, feed{slot: f.slot, single: f.single})
}
