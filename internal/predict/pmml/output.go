package pmml

import "math"

// targets compiles what is done to a predicted number.
func (c *compiler) targets(e *element, p *part) {
	all := e.child("Targets").all("Target")
	if len(all) == 0 {
		return
	}
	t := all[0]
	low, high := c.numeric(t, "min", math.Inf(-1)), c.numeric(t, "max", math.Inf(1))
	factor, plus := c.numeric(t, "rescaleFactor", 1), c.numeric(t, "rescaleConstant", 0)
	otherwise := missing
	if v := t.all("TargetValue"); len(v) > 0 {
		otherwise = c.numeric(v[0], "defaultValue", missing)
	}
	cast := func(x float64) float64 { return x }
	switch kind := t.attr("castInteger"); kind {
	case "":
	case "round":
		cast = func(x float64) float64 { return math.Floor(x + 0.5) }
	case "ceiling":
		cast = math.Ceil
	case "floor":
		cast = math.Floor
	default:
		c.fail(t, "castInteger %.40q is not known", kind)
	}
	slot := p.value
	p.after = append(p.after, step{slot, func(s []float64) float64 {
		x := s[slot]
		if x != x {
			return otherwise
		}
		return cast(min(max(x, low), high)*factor + plus)
	}})
}

// output compiles the output fields. Those of features that are not known are
// left out: whoever reads them is told that there is no such field.
func (c *compiler) output(sc *scope, e *element, p *part) {
	for _, o := range e.child("Output").all("OutputField") {
		name := o.attr("name")
		if o.attr("segmentId") != "" || name == "" {
			continue
		}
		x, ok := c.feature(sc, o, p)
		if !ok {
			continue
		}
		if t, has := o.find("dataType"); has && t != "string" {
			k, single := c.dataKind(o, t)
			x = c.convert(o, x, k, single)
		}
		f := field{slot: c.slot(), kind: x.kind, single: x.single}
		p.after = append(p.after, step{f.slot, x.f})
		sc.fields[name] = f
		p.visible[name] = f
	}
}

func (c *compiler) feature(sc *scope, o *element, p *part) (expr, bool) {
	switch o.attr("feature") {
	case "", "predictedValue":
		k := number
		if len(p.classes) > 0 {
			k = text
		}
		return c.of(field{slot: p.value, kind: k}), true
	case "probability":
		return c.probability(o, p)
	case "transformedValue", "decision":
		for _, b := range o.body() {
			if b.name != "Decisions" {
				return c.expression(sc, b), true
			}
		}
	case "reasonCode":
		rank := c.numeric(o, "rank", 1)
		if rank >= 1 && rank <= float64(len(p.reasons)) {
			return c.of(field{slot: p.reasons[int(rank)-1], kind: text}), true
		}
	}
	return expr{}, false
}

func (c *compiler) probability(o *element, p *part) (expr, bool) {
	class, ok := o.find("value")
	if !ok {
		return expr{f: func(s []float64) float64 {
			for i, code := range p.classes {
				if s[p.value] == code {
					return s[p.probs+i]
				}
			}
			return missing
		}}, len(p.classes) > 0
	}
	want := c.code(class)
	for i, code := range p.classes {
		if code == want {
			return c.of(field{slot: p.probs + i}), true
		}
	}
	c.fail(o, "%.60q is no class of the model", class)
	return expr{}, false
}
