package pmml

import (
	"math"
	"strconv"
	"strings"

	"rapport/internal/predict/shape"
)

// kind is what a value inside a model is. Every value is a float64: texts are
// numbered, booleans are 1 and 0.
type kind uint8

const (
	number kind = iota
	text
	boolean
)

// field is a named value with a slot.
type field struct {
	slot   int
	kind   kind
	single bool // 32 bits
}

// expr is a compiled expression over the slots.
type expr struct {
	f      func(s []float64) float64
	kind   kind
	single bool
}

// step fills a slot.
type step struct {
	slot int
	f    func(s []float64) float64
}

// compiler turns a document into a Model. The first problem is kept and ends
// the work; what is returned after it is never used.
type compiler struct {
	err       error
	texts     map[string]int
	names     []string
	inputs    []shape.Input
	feeds     []feed
	slots     int
	parts     int
	depth     int
	preds     []predicate
	sets      [][]float64
	shared    *tests // what preds and sets become
	invalid   int    // slot that is 1 where an input is invalid
	functions map[string]*element
	data      map[string]*dataField
}

// scope is where names are looked up: first here, then in the one around it.
type scope struct {
	around  *scope
	fields  map[string]field
	pending map[string]*element // derived fields that nobody has asked for yet
	steps   *[]step             // where those go once they are compiled
}

func (c *compiler) fail(e *element, msg string, args ...any) {
	if c.err == nil {
		c.err = problem(e.line, msg, args...)
	}
}

// enter counts a part and a level of nesting; false ends the work.
func (c *compiler) enter(e *element) bool {
	c.parts++
	c.depth++
	if c.parts > MaxParts || c.depth > MaxDepth {
		c.fail(e, "the model needs more than %d parts, or more than %d inside one another", MaxParts, MaxDepth)
	}
	return c.err == nil
}

func (c *compiler) leave() { c.depth-- }

func (c *compiler) slot() int {
	c.slots++
	c.parts++
	return c.slots - 1
}

// code numbers a text.
func (c *compiler) code(s string) float64 {
	n, ok := c.texts[s]
	if !ok {
		n = len(c.names)
		c.texts[s] = n
		c.names = append(c.names, s)
	}
	return float64(n)
}

// value reads a constant as a value of a kind.
func (c *compiler) value(e *element, s string, k kind, single bool) float64 {
	switch k {
	case text:
		return c.code(s)
	case boolean:
		switch strings.ToLower(s) {
		case "true", "1", "1.0":
			return 1
		case "false", "0", "0.0":
			return 0
		}
		c.fail(e, "%.60q is neither true nor false", s)
		return math.NaN()
	}
	bits := 64
	if single {
		bits = 32
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(s), bits)
	if err != nil || math.IsNaN(x) {
		c.fail(e, "%.60q is no number", s)
	}
	return x
}

// numeric reads an attribute that is a number.
func (c *compiler) numeric(e *element, name string, otherwise float64) float64 {
	s, ok := e.find(name)
	if !ok {
		return otherwise
	}
	return c.value(e, s, number, false)
}

// dataKind reads a dataType.
func (c *compiler) dataKind(e *element, dataType string) (k kind, single bool) {
	switch dataType {
	case "string":
		return text, false
	case "boolean":
		return boolean, false
	case "float":
		return number, true
	case "integer", "double":
		return number, false
	}
	c.fail(e, "the dataType %.40q is not supported; string, integer, float, double and boolean are", dataType)
	return number, false
}

// lookup finds a field by name and compiles it where it is a derived one.
func (c *compiler) lookup(sc *scope, e *element, name string) field {
	for at := sc; at != nil; at = at.around {
		if f, ok := at.fields[name]; ok {
			return f
		}
		if d, ok := at.pending[name]; ok {
			return c.derive(at, d, name)
		}
	}
	c.fail(e, "there is no field %.80q here", name)
	return field{}
}

// derive compiles a derived field into the steps of its scope.
func (c *compiler) derive(sc *scope, d *element, name string) field {
	if d == nil {
		c.err = problem(0, "the derived field %.80q is made of itself", name)
		return field{}
	}
	sc.pending[name] = nil // until it is done
	defer delete(sc.pending, name)
	body := d.body()
	for len(body) > 0 && body[0].name == "Value" {
		body = body[1:]
	}
	if len(body) == 0 {
		c.fail(d, "the derived field %.80q has no expression", name)
		return field{}
	}
	x := c.expression(sc, body[0])
	k, single := x.kind, x.single
	if t := d.attr("dataType"); t != "" {
		k, single = c.dataKind(d, t)
	}
	x = c.convert(d, x, k, single)
	f := field{slot: c.slot(), kind: k, single: single}
	*sc.steps = append(*sc.steps, step{f.slot, x.f})
	sc.fields[name] = f
	return f
}

// convert brings a value to another kind.
func (c *compiler) convert(e *element, x expr, k kind, single bool) expr {
	inner := x.f
	switch {
	case x.kind == k && (!single || x.single):
	case x.kind == text && k != text:
		numbers := c.numbersOfTexts(k)
		x.f = func(s []float64) float64 { return numbers(inner(s)) }
	case k == text && x.kind != text:
		c.fail(e, "a %s cannot become a text here", [...]string{"number", "text", "boolean"}[x.kind])
	case single && k == number:
		x.f = func(s []float64) float64 { return float64(float32(inner(s))) }
	}
	x.kind, x.single = k, single
	return x
}

// numbersOfTexts reads numbers out of texts. Texts are numbered while the
// document is compiled, so each is read when it is first met.
func (c *compiler) numbersOfTexts(k kind) func(float64) float64 {
	return func(code float64) float64 {
		if !(code >= 0 && code < float64(len(c.names))) {
			return math.NaN()
		}
		s := c.names[int(code)]
		if k == boolean {
			switch s {
			case "true":
				return 1
			case "false":
				return 0
			}
			return math.NaN()
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return math.NaN()
		}
		return x
	}
}
