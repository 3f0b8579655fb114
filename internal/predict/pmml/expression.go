package pmml

import (
	"math"
	"strings"
)

// constant is an expression that is always the same.
func constant(x float64, k kind) expr {
	return expr{f: func([]float64) float64 { return x }, kind: k}
}

var missing = math.NaN()

// expression compiles one expression.
func (c *compiler) expression(sc *scope, e *element) expr {
	if !c.enter(e) {
		return constant(missing, number)
	}
	defer c.leave()
	switch e.name {
	case "Constant":
		return c.constant(e)
	case "FieldRef":
		return c.ref(sc, e)
	case "NormContinuous":
		return c.normContinuous(sc, e)
	case "NormDiscrete":
		return c.normDiscrete(sc, e)
	case "Discretize":
		return c.discretize(sc, e)
	case "MapValues":
		return c.mapValues(sc, e)
	case "Apply":
		return c.apply(sc, e)
	}
	c.fail(e, "the expression %.40s is not supported", e.name)
	return constant(missing, number)
}

func (c *compiler) constant(e *element) expr {
	if e.attr("missing") == "true" {
		return constant(missing, number)
	}
	k, single := number, false
	if t, ok := e.find("dataType"); ok {
		k, single = c.dataKind(e, t)
	} else if !isNumber(e.text) {
		k = text
	}
	x := constant(c.value(e, e.text, k, single), k)
	x.single = single
	return x
}

// of gives a reference to a field.
func (c *compiler) of(f field) expr {
	slot := f.slot
	return expr{f: func(s []float64) float64 { return s[slot] }, kind: f.kind, single: f.single}
}

func (c *compiler) ref(sc *scope, e *element) expr {
	x := c.of(c.lookup(sc, e, e.attr("field")))
	return c.mapMissing(e, x, x)
}

// mapMissing replaces the result of x where in is missing, as the attribute
// mapMissingTo says.
func (c *compiler) mapMissing(e *element, in, x expr) expr {
	to, ok := e.find("mapMissingTo")
	if !ok {
		return x
	}
	v := c.value(e, to, x.kind, x.single)
	source, inner := in.f, x.f
	x.f = func(s []float64) float64 {
		if in := source(s); in != in {
			return v
		}
		return inner(s)
	}
	return x
}

func (c *compiler) normContinuous(sc *scope, e *element) expr {
	in := c.of(c.lookup(sc, e, e.attr("field")))
	points := e.all("LinearNorm")
	if len(points) < 2 {
		c.fail(e, "NormContinuous needs at least 2 LinearNorm")
		return in
	}
	xs, ys := make([]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		xs[i], ys[i] = c.numeric(p, "orig", missing), c.numeric(p, "norm", missing)
		if xs[i] != xs[i] || ys[i] != ys[i] || i > 0 && !(xs[i] > xs[i-1]) {
			c.fail(p, "LinearNorm needs orig and norm, and orig must grow")
		}
	}
	outliers := e.attr("outliers")
	if outliers != "" && outliers != "asIs" && outliers != "asMissingValues" && outliers != "asExtremeValues" {
		c.fail(e, "outliers %.40q is not known", outliers)
	}
	inner, last := in.f, len(xs)-1
	out := expr{kind: number, f: func(s []float64) float64 {
		x := inner(s)
		switch {
		case x != x:
			return x
		case x >= xs[0] && x <= xs[last] || outliers != "asMissingValues" && outliers != "asExtremeValues":
		case outliers == "asMissingValues":
			return missing
		case x < xs[0]:
			return ys[0]
		default:
			return ys[last]
		}
		i := 1
		for i < last && x > xs[i] {
			i++
		}
		return ys[i-1] + (x-xs[i-1])/(xs[i]-xs[i-1])*(ys[i]-ys[i-1])
	}}
	return c.mapMissing(e, in, out)
}

func (c *compiler) normDiscrete(sc *scope, e *element) expr {
	in := c.of(c.lookup(sc, e, e.attr("field")))
	want := c.value(e, e.attr("value"), in.kind, in.single)
	inner := in.f
	return c.mapMissing(e, in, expr{kind: number, f: func(s []float64) float64 {
		switch x := inner(s); {
		case x == want:
			return 1
		case x != x:
			return x
		}
		return 0
	}})
}

// interval is a range of numbers.
type interval struct {
	low, high         float64
	openLow, openHigh bool
}

func (i *interval) holds(x float64) bool {
	return (x > i.low || x == i.low && !i.openLow) && (x < i.high || x == i.high && !i.openHigh)
}

func (c *compiler) interval(e *element) interval {
	i := interval{low: c.numeric(e, "leftMargin", math.Inf(-1)), high: c.numeric(e, "rightMargin", math.Inf(1))}
	switch closure := e.attr("closure"); closure {
	case "openOpen":
		i.openLow, i.openHigh = true, true
	case "openClosed":
		i.openLow = true
	case "closedOpen":
		i.openHigh = true
	case "closedClosed":
	default:
		c.fail(e, "the closure %.40q is not known", closure)
	}
	return i
}

// resultKind is the kind that a table of values gives.
func (c *compiler) resultKind(e *element) (kind, bool) {
	if t, ok := e.find("dataType"); ok {
		return c.dataKind(e, t)
	}
	return text, false
}

// defaults reads the attribute defaultValue, missing where it is not there.
func (c *compiler) defaults(e *element, k kind, single bool) float64 {
	if v, ok := e.find("defaultValue"); ok {
		return c.value(e, v, k, single)
	}
	return missing
}

func (c *compiler) discretize(sc *scope, e *element) expr {
	in := c.of(c.lookup(sc, e, e.attr("field")))
	k, single := c.resultKind(e)
	otherwise := c.defaults(e, k, single)
	var bins []interval
	var values []float64
	for _, b := range e.all("DiscretizeBin") {
		bins = append(bins, c.interval(b.child("Interval")))
		values = append(values, c.value(b, b.attr("binValue"), k, single))
	}
	inner := in.f
	return c.mapMissing(e, in, expr{kind: k, single: single, f: func(s []float64) float64 {
		x := inner(s)
		if x != x {
			return x
		}
		for i := range bins {
			if bins[i].holds(x) {
				return values[i]
			}
		}
		return otherwise
	}})
}

// mapValues compiles a look-up in a table by one or more columns.
func (c *compiler) mapValues(sc *scope, e *element) expr {
	k, single := c.resultKind(e)
	otherwise := c.defaults(e, k, single)
	pairs, rows := e.all("FieldColumnPair"), e.child("InlineTable").all("row")
	ins := make([]expr, len(pairs))
	for i, p := range pairs {
		ins[i] = c.of(c.lookup(sc, p, p.attr("field")))
	}
	width := len(pairs)
	if width == 0 || len(rows) == 0 {
		c.fail(e, "MapValues needs a FieldColumnPair and an InlineTable with rows; other tables are not supported")
		return constant(missing, k)
	}
	keys, values := make([]float64, 0, width*len(rows)), make([]float64, len(rows))
	for r, row := range rows {
		for i, p := range pairs {
			keys = append(keys, c.value(row, c.cell(row, p.attr("column")), ins[i].kind, ins[i].single))
		}
		values[r] = c.value(row, c.cell(row, e.attr("outputColumn")), k, single)
	}
	x := expr{kind: k, single: single, f: func(s []float64) float64 {
		return find(s, ins, keys, values, otherwise)
	}}
	return c.mapAnyMissing(e, ins, x)
}

// cell is the text of a row's column, which may be named with its prefix.
func (c *compiler) cell(row *element, column string) string {
	if i := strings.LastIndexByte(column, ':'); i >= 0 {
		column = column[i+1:]
	}
	for _, k := range row.children {
		if k.name == column {
			return k.text
		}
	}
	c.fail(row, "the row has no column %.60q", column)
	return ""
}

func find(s []float64, ins []expr, keys, values []float64, otherwise float64) float64 {
	width := len(ins)
	first := ins[0].f(s)
rows:
	for r := range values {
		if keys[r*width] != first {
			continue
		}
		for i := 1; i < width; i++ {
			if keys[r*width+i] != ins[i].f(s) {
				continue rows
			}
		}
		return values[r]
	}
	return otherwise
}

// mapAnyMissing is mapMissing for several inputs; without the attribute a
// missing input gives a missing result.
func (c *compiler) mapAnyMissing(e *element, ins []expr, x expr) expr {
	to := missing
	if v, ok := e.find("mapMissingTo"); ok {
		to = c.value(e, v, x.kind, x.single)
	}
	inner := x.f
	x.f = func(s []float64) float64 {
		for i := range ins {
			if v := ins[i].f(s); v != v {
				return to
			}
		}
		return inner(s)
	}
	return x
}
