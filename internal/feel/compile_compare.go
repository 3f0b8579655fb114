package feel

// Comparisons and membership. The common shapes, an input against constants,
// get closures of their own that read the slot in place.

import "slices"

// compareMask tells by -1, 0, 1 (bits 0, 1, 2) which orders an operator accepts.
var compareMask = map[token]uint8{
	tokLess: 1, tokLessEq: 3, tokGreater: 4, tokGreaterEq: 6, tokEq: 2, tokNotEq: 5,
}

func applyCompare(t token, a, b Value) tri {
	switch t {
	case tokEq:
		return equal(a, b)
	case tokNotEq:
		return notTri(equal(a, b))
	default:
		return compareOp(t, a, b)
	}
}

var flipped = map[token]token{
	tokLess: tokGreater, tokLessEq: tokGreaterEq, tokGreater: tokLess, tokGreaterEq: tokLessEq,
	tokEq: tokEq, tokNotEq: tokNotEq,
}

func (c *compiler) compare(e *expr) boolNode {
	a, b, t := e.kids[0], e.kids[1], e.tok
	if a.op == opConst && b.op != opConst {
		a, b, t = b, a, flipped[t]
	}
	if b.op == opConst {
		if n := c.compareConst(a, t, b.val, c.at(e)); n != nil {
			return n
		}
	}
	x, y, w := c.compile(a), c.compile(b), c.at(e)
	mask := compareMask[t]
	return func(ev *Evaluator) tri {
		u := x(ev)
		v := y(ev)
		if u.kind == KindNumber && v.kind == KindNumber && u.p == nil && v.p == nil && u.x == v.x {
			return maskTri(mask, u.n, v.n)
		}
		if !ev.weigh(u) {
			return triNull
		}
		r := applyCompare(t, u, v)
		if r == triNull {
			ev.incomparable(w, t, u, v)
		}
		return r
	}
}

func maskTri(mask uint8, a, b int64) tri {
	bit := uint8(2)
	if a < b {
		bit = 1
	} else if a > b {
		bit = 4
	}
	if mask&bit != 0 {
		return triTrue
	}
	return triFalse
}

// incomparable reports operands that do not go together; null goes silently.
func (ev *Evaluator) incomparable(w *where, t token, a, b Value) {
	if a.kind == KindNull || b.kind == KindNull || ev.quiet() {
		return
	}
	ev.fault(w, CodeType, "cannot compare "+a.kind.String()+" "+tokenText[t]+" "+b.kind.String())
}

// compareConst is a comparison with a number or a string, or nil.
func (c *compiler) compareConst(a *expr, t token, k Value, w *where) boolNode {
	slow := func(ev *Evaluator, v Value) tri {
		r := applyCompare(t, v, k)
		if r == triNull {
			ev.incomparable(w, t, v, k)
		}
		return r
	}
	mask := compareMask[t]
	switch {
	case k.kind == KindNumber && k.p == nil:
		n, x := k.n, k.x
		if input, i := c.inputSlot(a); input {
			return func(ev *Evaluator) tri {
				v := &ev.in[i]
				if v.kind == KindNumber && v.x == x && v.p == nil {
					return maskTri(mask, v.n, n)
				}
				return slow(ev, *v)
			}
		}
		of := c.compile(a)
		return func(ev *Evaluator) tri {
			v := of(ev)
			if v.kind == KindNumber && v.x == x && v.p == nil {
				return maskTri(mask, v.n, n)
			}
			return slow(ev, v)
		}
	case k.kind == KindString && (t == tokEq || t == tokNotEq):
		s, of := k.str(), c.compile(a)
		return func(ev *Evaluator) tri {
			v := of(ev)
			if v.kind == KindString {
				return triOf((v.str() == s) == (t == tokEq))
			}
			return slow(ev, v)
		}
	default:
		return nil
	}
}

// inputSlot tells whether the node is an input of the program itself.
func (c *compiler) inputSlot(e *expr) (bool, int) {
	if e.op != opVar {
		return false, 0
	}
	return c.variable(e.sym)
}

func (c *compiler) between(e *expr) boolNode {
	x, low, high := c.compile(e.kids[0]), c.compile(e.kids[1]), c.compile(e.kids[2])
	w := c.at(e)
	return func(ev *Evaluator) tri {
		v, l, h := x(ev), low(ev), high(ev)
		a, b := compareOp(tokGreaterEq, v, l), compareOp(tokLessEq, v, h)
		if a == triNull {
			ev.incomparable(w, tokGreaterEq, v, l)
		}
		if b == triNull {
			ev.incomparable(w, tokLessEq, v, h)
		}
		return andTri(a, b)
	}
}

// test is a compiled unary test: whether it accepts v.
type test func(ev *Evaluator, v Value) tri

func (c *compiler) in(e *expr) boolNode {
	if n := c.inSet(e); n != nil {
		return n
	}
	x := c.compile(e.kids[0])
	tests := make([]test, len(e.kids)-1)
	for i, k := range e.kids[1:] {
		tests[i] = c.test(k, e.flag)
	}
	if len(tests) == 1 {
		only := tests[0]
		return func(ev *Evaluator) tri { return only(ev, x(ev)) }
	}
	return func(ev *Evaluator) tri {
		v := x(ev)
		out := triFalse
		for _, t := range tests {
			switch t(ev, v) {
			case triTrue:
				return triTrue
			case triNull:
				out = triNull
			}
		}
		return out
	}
}

// test compiles one unary test. In a cell an expression that reads the input
// is a condition, and so is one that gives a boolean for other inputs.
func (c *compiler) test(e *expr, cell bool) test {
	if e.op == opCmpTest {
		return c.cmpTest(e)
	}
	if e.input && cell {
		cond := c.compile(e)
		return func(ev *Evaluator, v Value) tri {
			r := cond(ev)
			if r.kind == KindBoolean {
				return r.tri()
			}
			if !ev.weigh(r) {
				return triNull
			}
			return member(v, r)
		}
	}
	of := c.compile(e)
	if e.op == opConst && e.val.kind == KindRange {
		r := e.val.rng()
		return func(_ *Evaluator, v Value) tri { return r.contains(v) }
	}
	condition := cell && e.op != opConst
	return func(ev *Evaluator, v Value) tri {
		k := of(ev)
		if !ev.weigh(k) {
			return triNull
		}
		if condition && k.kind == KindBoolean && v.kind != KindBoolean && v.kind != KindNull {
			return k.tri()
		}
		return member(v, k)
	}
}

// cmpTest compiles a comparison without left side.
func (c *compiler) cmpTest(e *expr) test {
	of, t, w := c.compile(e.kids[0]), e.tok, c.at(e)
	return func(ev *Evaluator, v Value) tri {
		k := of(ev)
		if !ev.weigh(k) {
			return triNull
		}
		r := applyCompare(t, v, k)
		if r == triNull {
			ev.incomparable(w, t, v, k)
		}
		return r
	}
}

// member is `v in k` for the value of an expression: within a range, within a
// list, or equal.
func member(v, k Value) tri {
	switch k.kind {
	case KindRange:
		if v.kind == KindRange {
			if t := equal(v, k); t == triTrue {
				return t
			}
		}
		return k.rng().contains(v)
	case KindList:
		return memberOfList(v, k)
	case KindNull:
		if v.kind == KindNull {
			return triTrue
		}
		return triNull
	default:
		return equal(v, k)
	}
}

func memberOfList(v, list Value) tri {
	out := triFalse
	for _, it := range list.items() {
		t := triFalse
		if it.kind == KindRange && v.kind != KindRange {
			t = it.rng().contains(v)
		} else if it.kind == v.kind {
			t = equal(v, it)
		}
		switch t {
		case triTrue:
			return triTrue
		case triNull:
			out = triNull
		}
	}
	if out != triTrue && v.kind == KindList && equal(v, list) == triTrue {
		return triTrue
	}
	return out
}

const smallSet = 8

// inSet is membership in a constant list of strings, or nil: the shape of most
// conditions people write.
func (c *compiler) inSet(e *expr) boolNode {
	var words []string
	other := triFalse // for values that are no strings
	for _, k := range e.kids[1:] {
		if k.op != opConst {
			return nil
		}
		items := []Value{k.val}
		if k.val.kind == KindList {
			items = k.val.items()
		} else {
			other = triNull
		}
		for _, it := range items {
			if it.kind != KindString {
				return nil
			}
			words = append(words, it.str())
		}
	}
	input, i := c.inputSlot(e.kids[0])
	if !input {
		of := c.compile(e.kids[0])
		return func(ev *Evaluator) tri {
			v := of(ev)
			return inWords(&v, words, other)
		}
	}
	if len(words) <= smallSet {
		return func(ev *Evaluator) tri { return inWords(&ev.in[i], words, other) }
	}
	set := make(map[string]struct{}, len(words))
	for _, w := range words {
		set[w] = struct{}{}
	}
	return func(ev *Evaluator) tri {
		v := &ev.in[i]
		if v.kind != KindString {
			return inWords(v, nil, other)
		}
		_, ok := set[v.str()]
		return triOf(ok)
	}
}

func inWords(v *Value, words []string, other tri) tri {
	if v.kind != KindString {
		if v.kind == KindNull {
			return triFalse
		}
		return other
	}
	s := v.str()
	if slices.Contains(words, s) {
		return triTrue
	}
	return triFalse
}
