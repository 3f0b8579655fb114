package feel

func (c *compiler) negate(e *expr) node {
	of, w := c.compile(e.kids[0]), c.at(e)
	return func(ev *Evaluator) Value {
		v := of(ev)
		switch v.kind {
		case KindNumber:
			return negNumber(v)
		case KindYearsMonths, KindDaysTime:
			return negDuration(v)
		case KindNull:
			return Null
		default:
			return ev.fault(w, CodeType, "cannot negate "+v.kind.String())
		}
	}
}

func (c *compiler) arith(e *expr) node {
	a, b, t, w := c.compile(e.kids[0]), c.compile(e.kids[1]), e.tok, c.at(e)
	switch t {
	case tokPlus:
		return func(ev *Evaluator) Value {
			u, v := a(ev), b(ev)
			if u.kind == KindNumber && v.kind == KindNumber && u.p == nil && v.p == nil {
				return addNumbers(u, v)
			}
			return ev.arith(w, t, u, v)
		}
	case tokMinus:
		return func(ev *Evaluator) Value {
			u, v := a(ev), b(ev)
			if u.kind == KindNumber && v.kind == KindNumber && u.p == nil && v.p == nil {
				return subNumbers(u, v)
			}
			return ev.arith(w, t, u, v)
		}
	case tokStar:
		return func(ev *Evaluator) Value {
			u, v := a(ev), b(ev)
			if u.kind == KindNumber && v.kind == KindNumber && u.p == nil && v.p == nil {
				return mulNumbers(u, v)
			}
			return ev.arith(w, t, u, v)
		}
	default:
		return func(ev *Evaluator) Value { return ev.arith(w, t, a(ev), b(ev)) }
	}
}

// arith is the general case, with the reason when there is no result.
func (ev *Evaluator) arith(w *where, t token, a, b Value) Value {
	if a.kind == KindNull || b.kind == KindNull || !ev.spend(arithCost(t, a, b)) {
		return Null
	}
	if a.kind == KindString && b.kind == KindString && t == tokPlus {
		return ev.newString(w, a.str()+b.str())
	}
	v, ok := arithmetic(t, a, b)
	switch {
	case ev.quiet():
	case !ok:
		return ev.fault(w, CodeType, a.kind.String()+" "+tokenText[t]+" "+b.kind.String()+" is not defined")
	case v.kind == KindNull:
		return ev.fault(w, CodeValue, "the result of "+tokenText[t]+" is outside the range of values")
	}
	return v
}

// arithCost is the price of an operation in steps. Numbers of the slow lane
// cost more, powers of them most.
func arithCost(t token, a, b Value) int64 {
	switch {
	case t == tokStarStar && b.kind == KindNumber && (a.p != nil || b.p != nil || b.x != 0 || magnitude(b.n) > 64):
		return 1_500
	case a.kind == KindNumber && a.p != nil || b.kind == KindNumber && b.p != nil:
		return 20
	default:
		return 1
	}
}

// newString is a string made by the program, within the limit.
func (ev *Evaluator) newString(w *where, s string) Value {
	if len(s) > ev.opts.Limits.StringLen {
		ev.stop(position(w.src, int(w.pos)), "a string is longer than the limit")
		return Null
	}
	if !ev.spend(int64(len(s) >> 6)) {
		return Null
	}
	return String(s)
}

// arithmetic gives null for results out of range, and false when the operator
// is not defined for the kinds.
func arithmetic(t token, a, b Value) (v Value, ok bool) {
	if a.kind == KindNumber && b.kind == KindNumber {
		switch t {
		case tokPlus:
			return addNumbers(a, b), true
		case tokMinus:
			return subNumbers(a, b), true
		case tokStar:
			return mulNumbers(a, b), true
		case tokSlash:
			return divNumbers(a, b), true
		default:
			return powNumbers(a, b), true
		}
	}
	switch t {
	case tokPlus:
		if isDuration(a) && !isDuration(b) {
			a, b = b, a
		}
		return addTemporal(a, b)
	case tokMinus:
		return subTemporal(a, b)
	case tokStar:
		if isDuration(b) {
			a, b = b, a
		}
		if isDuration(a) && b.kind == KindNumber {
			return scaleDuration(a, b, mulNumbers), true
		}
	case tokSlash:
		if isDuration(a) && b.kind == KindNumber {
			return scaleDuration(a, b, divNumbers), true
		}
		if isDuration(a) && a.kind == b.kind {
			return divNumbers(durationNumber(a), durationNumber(b)), true
		}
	}
	return Null, false
}
