package pmml

import "slices"

// predicate is one test of a flat list. A compound one holds those from first
// on, count of them.
type predicate struct {
	op           op
	slot         int32
	first, count int32
	value        float64
}

type op uint8

const (
	always op = iota
	never
	equal
	notEqual
	less
	lessOrEqual
	greater
	greaterOrEqual
	isMissing
	isNotMissing
	isIn
	isNotIn
	allOf
	anyOf
	oneOf // an odd number of them
	surrogate
)

// verdict is true, false or unknown.
type verdict int8

const (
	no      verdict = 0
	yes     verdict = 1
	perhaps verdict = -1
)

// tests are all predicates of a model.
type tests struct {
	list []predicate
	sets [][]float64
}

func decide(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// try judges one predicate.
func (t *tests) try(at int32, s []float64) verdict {
	p := &t.list[at]
	if p.op >= allOf {
		return t.compound(p, s)
	}
	x := s[p.slot]
	switch p.op {
	case always:
		return yes
	case never:
		return no
	case isMissing:
		return decide(x != x)
	case isNotMissing:
		return decide(x == x)
	}
	if x != x {
		return perhaps
	}
	switch p.op {
	case equal:
		return decide(x == p.value)
	case notEqual:
		return decide(x != p.value)
	case less:
		return decide(x < p.value)
	case lessOrEqual:
		return decide(x <= p.value)
	case greater:
		return decide(x > p.value)
	case greaterOrEqual:
		return decide(x >= p.value)
	}
	_, found := slices.BinarySearch(t.sets[p.first], x)
	return decide(found == (p.op == isIn))
}

func (t *tests) compound(p *predicate, s []float64) verdict {
	odd, unknown := false, false
	for i := p.first; i < p.first+p.count; i++ {
		v := t.try(i, s)
		switch {
		case v == perhaps && p.op == oneOf:
			return perhaps
		case v == perhaps:
			unknown = true
		case p.op == surrogate:
			return v
		case p.op == allOf && v == no, p.op == anyOf && v == yes:
			return v
		case v == yes:
			odd = !odd
		}
	}
	switch {
	case unknown:
		return perhaps
	case p.op == oneOf:
		return decide(odd)
	}
	return decide(p.op == allOf)
}

// place compiles a predicate and gives its place in the list.
func (c *compiler) place(sc *scope, e *element) int32 {
	at := int32(len(c.preds))
	c.preds = append(c.preds, predicate{})
	c.fill(sc, e, at)
	return at
}

// findPredicate is the child of an element that is a predicate.
func (c *compiler) findPredicate(sc *scope, e *element) int32 {
	for _, k := range e.children {
		switch k.name {
		case "True", "False", "SimplePredicate", "SimpleSetPredicate", "CompoundPredicate":
			return c.place(sc, k)
		}
	}
	c.fail(e, "%s has no predicate", e.name)
	return 0
}

func (c *compiler) fill(sc *scope, e *element, at int32) {
	if !c.enter(e) {
		return
	}
	defer c.leave()
	switch e.name {
	case "True":
		c.preds[at].op = always
	case "False":
		c.preds[at].op = never
	case "SimplePredicate":
		c.simple(sc, e, at)
	case "SimpleSetPredicate":
		c.set(sc, e, at)
	case "CompoundPredicate":
		c.compound(sc, e, at)
	default:
		c.fail(e, "the predicate %.40s is not supported", e.name)
	}
}

func (c *compiler) simple(sc *scope, e *element, at int32) {
	operators := map[string]op{
		"equal": equal, "notEqual": notEqual, "lessThan": less, "lessOrEqual": lessOrEqual,
		"greaterThan": greater, "greaterOrEqual": greaterOrEqual, "isMissing": isMissing, "isNotMissing": isNotMissing,
	}
	o, ok := operators[e.attr("operator")]
	if !ok {
		c.fail(e, "the operator %.40q is not known", e.attr("operator"))
		return
	}
	f := c.lookup(sc, e, e.attr("field"))
	if f.kind == text && o >= less && o <= greaterOrEqual {
		c.fail(e, "the field %.60q holds texts, which have no order", e.attr("field"))
	}
	p := predicate{op: o, slot: int32(f.slot)}
	if o < isMissing {
		p.value = c.value(e, e.attr("value"), f.kind, f.single)
	}
	c.preds[at] = p
}

func (c *compiler) set(sc *scope, e *element, at int32) {
	o := isIn
	switch e.attr("booleanOperator") {
	case "isIn":
	case "isNotIn":
		o = isNotIn
	default:
		c.fail(e, "the operator %.40q is not known", e.attr("booleanOperator"))
	}
	f := c.lookup(sc, e, e.attr("field"))
	var set []float64
	for _, w := range words(e.child("Array").text) {
		set = append(set, c.value(e, w, f.kind, f.single))
	}
	slices.Sort(set)
	c.preds[at] = predicate{op: o, slot: int32(f.slot), first: int32(len(c.sets))}
	c.sets = append(c.sets, set)
}

func (c *compiler) compound(sc *scope, e *element, at int32) {
	operators := map[string]op{"and": allOf, "or": anyOf, "xor": oneOf, "surrogate": surrogate}
	o, ok := operators[e.attr("booleanOperator")]
	parts := e.body()
	if !ok || len(parts) < 1 {
		c.fail(e, "a CompoundPredicate needs and, or, xor or surrogate, and predicates inside")
		return
	}
	first := int32(len(c.preds))
	c.preds = append(c.preds, make([]predicate, len(parts))...)
	c.preds[at] = predicate{op: o, first: first, count: int32(len(parts))}
	for i, p := range parts {
		c.fill(sc, p, first+int32(i))
	}
}
