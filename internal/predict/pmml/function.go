package pmml

import (
	"math"
	"strconv"
	"strings"
)

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return err == nil
}

// unary are the functions of one number.
var unary = map[string]func(float64) float64{
	"log10":        math.Log10,
	"ln":           math.Log,
	"ln1p":         math.Log1p,
	"sqrt":         math.Sqrt,
	"abs":          math.Abs,
	"exp":          math.Exp,
	"expm1":        math.Expm1,
	"floor":        math.Floor,
	"ceil":         math.Ceil,
	"round":        func(x float64) float64 { return math.Floor(x + 0.5) },
	"rint":         math.RoundToEven,
	"sin":          math.Sin,
	"cos":          math.Cos,
	"tan":          math.Tan,
	"asin":         math.Asin,
	"acos":         math.Acos,
	"atan":         math.Atan,
	"sinh":         math.Sinh,
	"cosh":         math.Cosh,
	"tanh":         math.Tanh,
	"stdNormalCDF": func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 },
	"stdNormalPDF": func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) },
	"stdNormalIDF": func(x float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*x) },
}

// binary are the functions of two numbers.
func binary(name string) func(a, b float64) float64 {
	switch name {
	case "+":
		return func(a, b float64) float64 { return a + b }
	case "-":
		return func(a, b float64) float64 { return a - b }
	case "*":
		return func(a, b float64) float64 { return a * b }
	case "/":
		return func(a, b float64) float64 { return a / b }
	case "pow":
		return math.Pow
	case "hypot":
		return math.Hypot
	case "atan2":
		return math.Atan2
	case "threshold":
		return func(a, b float64) float64 { return truth(a > b) }
	case "modulo":
		return func(a, b float64) float64 { return a - math.Floor(a/b)*b }
	}
	return nil
}

// aggregates are the functions of any number of numbers, a step at a time.
// They skip what is missing.
func aggregate(name string) (step func(sum, x float64) float64, average bool) {
	switch name {
	case "min":
		return math.Min, false
	case "max":
		return math.Max, false
	case "sum":
		return func(sum, x float64) float64 { return sum + x }, false
	case "avg":
		return func(sum, x float64) float64 { return sum + x }, true
	case "product":
		return func(sum, x float64) float64 { return sum * x }, false
	}
	return nil, false
}

// comparison are the functions that compare two values.
func comparison(name string) func(a, b float64) bool {
	switch name {
	case "equal":
		return func(a, b float64) bool { return a == b }
	case "notEqual":
		return func(a, b float64) bool { return a != b }
	case "lessThan":
		return func(a, b float64) bool { return a < b }
	case "lessOrEqual":
		return func(a, b float64) bool { return a <= b }
	case "greaterThan":
		return func(a, b float64) bool { return a > b }
	case "greaterOrEqual":
		return func(a, b float64) bool { return a >= b }
	}
	return nil
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// apply compiles the call of a built-in function or of one that the document
// defines.
func (c *compiler) apply(sc *scope, e *element) expr {
	name, body := e.attr("function"), e.body()
	args := make([]expr, len(body))
	for i, b := range body {
		args[i] = c.expression(sc, b)
	}
	if c.err != nil {
		return constant(missing, number)
	}
	x, strict, ok := c.builtin(e, name, args)
	if !ok {
		x, ok = c.defined(name, args)
	}
	if !ok {
		c.fail(e, "the function %.60q is not known, or not with %d arguments", name, len(args))
		return constant(missing, number)
	}
	if _, mapped := e.find("mapMissingTo"); strict || mapped {
		x = c.mapAnyMissing(e, args, x)
	}
	if v, ok := e.find("defaultValue"); ok {
		otherwise, inner := c.value(e, v, x.kind, x.single), x.f
		x.f = func(s []float64) float64 {
			if y := inner(s); y == y {
				return y
			}
			return otherwise
		}
	}
	return x
}

// builtin compiles the call of a built-in function; strict ones are missing
// where an argument is.
func (c *compiler) builtin(e *element, name string, args []expr) (x expr, strict, ok bool) {
	if f := unary[name]; f != nil && len(args) == 1 {
		a := c.numbers(e, args)[0]
		return expr{f: func(s []float64) float64 { return f(a(s)) }, kind: number}, true, true
	}
	if f := binary(name); f != nil && len(args) == 2 {
		fs := c.numbers(e, args)
		a, b := fs[0], fs[1]
		return expr{f: func(s []float64) float64 { return f(a(s), b(s)) }, kind: number, single: args[0].single && args[1].single}, true, true
	}
	if f := comparison(name); f != nil && len(args) == 2 {
		a, b := c.same(e, args[0], args[1])
		if a.kind == text && name != "equal" && name != "notEqual" {
			c.fail(e, "texts have no order for %s", name)
		}
		return expr{f: func(s []float64) float64 { return truth(f(a.f(s), b.f(s))) }, kind: boolean}, true, true
	}
	if f, average := aggregate(name); f != nil && len(args) > 0 {
		return c.aggregate(e, args, f, average), false, true
	}
	x, ok = c.logic(e, name, args)
	return x, false, ok
}

func (c *compiler) numbers(e *element, args []expr) []func([]float64) float64 {
	out := make([]func([]float64) float64, len(args))
	for i, a := range args {
		if a.kind == text {
			a = c.convert(e, a, number, false)
		}
		out[i] = a.f
	}
	return out
}

// same brings two values to one kind, so that they can be compared.
func (c *compiler) same(e *element, a, b expr) (expr, expr) {
	switch {
	case a.kind == b.kind:
	case a.kind == text:
		a = c.convert(e, a, b.kind, false)
	case b.kind == text:
		b = c.convert(e, b, a.kind, false)
	}
	return a, b
}

func (c *compiler) aggregate(e *element, args []expr, f func(sum, x float64) float64, average bool) expr {
	fs := c.numbers(e, args)
	return expr{kind: number, f: func(s []float64) float64 {
		sum, n := missing, 0.0
		for _, g := range fs {
			x := g(s)
			switch {
			case x != x:
				continue
			case n == 0:
				sum = x
			default:
				sum = f(sum, x)
			}
			n++
		}
		if average {
			return sum / n
		}
		return sum
	}}
}

// logic compiles the functions that treat missing values in their own way.
func (c *compiler) logic(e *element, name string, args []expr) (expr, bool) {
	switch {
	case (name == "isMissing" || name == "isNotValid") && len(args) == 1:
		a := args[0].f
		return expr{kind: boolean, f: func(s []float64) float64 { x := a(s); return truth(x != x) }}, true
	case (name == "isNotMissing" || name == "isValid") && len(args) == 1:
		a := args[0].f
		return expr{kind: boolean, f: func(s []float64) float64 { x := a(s); return truth(x == x) }}, true
	case name == "not" && len(args) == 1:
		a := args[0].f
		return expr{kind: boolean, f: func(s []float64) float64 { return 1 - a(s) }}, true
	case (name == "and" || name == "or") && len(args) >= 1:
		return connect(args, truth(name == "or")), true
	case (name == "isIn" || name == "isNotIn") && len(args) >= 2:
		return c.isIn(e, args, truth(name == "isIn")), true
	case name == "if" && (len(args) == 2 || len(args) == 3):
		return c.choose(e, args), true
	}
	return expr{}, false
}

// connect is "or" where one true decides, "and" where one false does.
func connect(args []expr, decides float64) expr {
	return expr{kind: boolean, f: func(s []float64) float64 {
		result := 1 - decides
		for i := range args {
			x := args[i].f(s)
			if x == decides {
				return x
			}
			result += x - x // missing stays, where nothing decides
		}
		return result
	}}
}

func (c *compiler) isIn(e *element, args []expr, found float64) expr {
	list := make([]expr, len(args)-1)
	for i := range list {
		_, list[i] = c.same(e, args[0], args[i+1])
	}
	in := args[0].f
	return expr{kind: boolean, f: func(s []float64) float64 {
		x := in(s)
		if x != x {
			return x
		}
		for i := range list {
			if list[i].f(s) == x {
				return found
			}
		}
		return 1 - found
	}}
}

func (c *compiler) choose(e *element, args []expr) expr {
	yes, no := args[1], constant(missing, args[1].kind)
	if len(args) == 3 {
		yes, no = c.same(e, args[1], args[2])
	}
	when, a, b := args[0].f, yes.f, no.f
	return expr{kind: yes.kind, single: yes.single && no.single, f: func(s []float64) float64 {
		switch w := when(s); {
		case w != w:
			return w
		case w != 0:
			return a(s)
		}
		return b(s)
	}}
}

// defined puts the body of a function of the document in the place of its
// call, so a function that calls itself ends at the limits.
func (c *compiler) defined(name string, args []expr) (expr, bool) {
	d, ok := c.functions[name]
	if !ok {
		return expr{}, false
	}
	params := d.all("ParameterField")
	if len(params) != len(args) {
		return expr{}, false
	}
	sc := &scope{fields: make(map[string]field, len(params))}
	steps := make([]step, len(params))
	for i, p := range params {
		a := args[i]
		if t, ok := p.find("dataType"); ok {
			k, single := c.dataKind(p, t)
			a = c.convert(p, a, k, single)
		}
		f := field{slot: c.slot(), kind: a.kind, single: a.single}
		sc.fields[p.attr("name")] = f
		steps[i] = step{f.slot, a.f}
	}
	for _, b := range d.body() {
		if b.name == "ParameterField" {
			continue
		}
		x := c.expression(sc, b)
		if t, ok := d.find("dataType"); ok {
			k, single := c.dataKind(d, t)
			x = c.convert(d, x, k, single)
		}
		// Each argument is worked out once, however often the body reads it.
		body := x.f
		x.f = func(s []float64) float64 {
			for i := range steps {
				s[steps[i].slot] = steps[i].f(s)
			}
			return body(s)
		}
		return x, true
	}
	c.fail(d, "the function %.60q has no body", name)
	return expr{}, true
}
