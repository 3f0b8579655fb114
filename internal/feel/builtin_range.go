package feel

// rangeArg is a point or a range seen as an interval; a point is closed on both
// sides. Bounds that are null are open to infinity.
type rangeArg struct {
	low, high             Value
	lowClosed, highClosed bool
	point                 bool
}

func rangeArgOf(v Value) (rangeArg, bool) {
	switch v.kind {
	case KindNull, KindBoolean, KindContext, KindFunction, KindList:
		return rangeArg{}, false
	case KindRange:
		r := v.rng()
		if r.Op == "!=" {
			return rangeArg{}, false
		}
		return rangeArg{low: r.Low, high: r.High, lowClosed: r.LowClosed, highClosed: r.HighClosed}, true
	default:
		return rangeArg{low: v, high: v, lowClosed: true, highClosed: true, point: true}, true
	}
}

// relation holds the orders of the four pairs of bounds of two intervals a and
// b that the functions ask for.
type relation struct {
	a, b                                   rangeArg
	startStart, endEnd, endStart, startEnd int
}

// bound orders two bounds; nulls are infinite, below for starts (-1), above for
// ends (1).
func boundOrder(x Value, xSide int, y Value, ySide int) (int, bool) {
	switch {
	case x.kind == KindNull && y.kind == KindNull:
		return cmpInts(int64(xSide), int64(ySide)), true
	case x.kind == KindNull:
		return xSide, true
	case y.kind == KindNull:
		return -ySide, true
	default:
		return Compare(x, y)
	}
}

func relate(x, y Value) (r relation, ok bool) {
	var okA, okB bool
	if r.a, okA = rangeArgOf(x); !okA {
		return r, false
	}
	if r.b, okB = rangeArgOf(y); !okB {
		return r, false
	}
	var ok1, ok2, ok3, ok4 bool
	r.startStart, ok1 = boundOrder(r.a.low, -1, r.b.low, -1)
	r.endEnd, ok2 = boundOrder(r.a.high, 1, r.b.high, 1)
	r.endStart, ok3 = boundOrder(r.a.high, 1, r.b.low, -1)
	r.startEnd, ok4 = boundOrder(r.a.low, -1, r.b.high, 1)
	return r, ok1 && ok2 && ok3 && ok4
}

func (r *relation) before() bool {
	return r.endStart < 0 || r.endStart == 0 && (!r.a.highClosed || !r.b.lowClosed)
}

func (r *relation) meets() bool { return r.a.highClosed && r.b.lowClosed && r.endStart == 0 }

func (r *relation) overlaps() bool {
	return (r.endStart > 0 || r.endStart == 0 && r.a.highClosed && r.b.lowClosed) &&
		(r.startEnd < 0 || r.startEnd == 0 && r.a.lowClosed && r.b.highClosed)
}

func (r *relation) overlapsBefore() bool {
	return (r.startStart < 0 || r.startStart == 0 && r.a.lowClosed && !r.b.lowClosed) &&
		(r.endStart > 0 || r.endStart == 0 && r.a.highClosed && r.b.lowClosed) &&
		(r.endEnd < 0 || r.endEnd == 0 && (!r.a.highClosed || r.b.highClosed))
}

func (r *relation) finishes() bool {
	return r.a.highClosed == r.b.highClosed && r.endEnd == 0 &&
		(r.startStart > 0 || r.startStart == 0 && (!r.a.lowClosed || r.b.lowClosed))
}

func (r *relation) starts() bool {
	return r.a.lowClosed == r.b.lowClosed && r.startStart == 0 &&
		(r.endEnd < 0 || r.endEnd == 0 && (!r.a.highClosed || r.b.highClosed))
}

func (r *relation) includes() bool {
	return (r.startStart < 0 || r.startStart == 0 && (r.a.lowClosed || !r.b.lowClosed)) &&
		(r.endEnd > 0 || r.endEnd == 0 && (r.a.highClosed || !r.b.highClosed))
}

func (r *relation) coincides() bool {
	return r.startStart == 0 && r.endEnd == 0 && r.a.lowClosed == r.b.lowClosed && r.a.highClosed == r.b.highClosed
}

// shapes tells which of the two arguments of a range function may be points.
type shapes uint8

const (
	rangeRange shapes = 1 << iota
	pointRange
	rangePoint
	pointPoint
)

func (s shapes) allow(a, b rangeArg) bool {
	switch {
	case a.point && b.point:
		return s&pointPoint != 0
	case a.point:
		return s&pointRange != 0
	case b.point:
		return s&rangePoint != 0
	default:
		return s&rangeRange != 0
	}
}

func rangeFunctions() []*builtin {
	fn := func(name string, s shapes, swap bool, f func(*relation) bool) *builtin {
		run := func(ev *Evaluator, w *where, a []Value) Value {
			x, y := single(a[0]), single(a[1])
			if swap {
				x, y = y, x
			}
			r, ok := relate(x, y)
			allowed := s.allow(r.a, r.b)
			if swap {
				allowed = s.allow(r.b, r.a)
			}
			if !ok || !allowed {
				return ev.fault(w, CodeType, name+" is not defined for these values")
			}
			return Bool(f(&r))
		}
		b := def(name)
		for _, v := range []struct {
			shape        shapes
			first, other string
		}{
			{pointPoint, "point1", "point2"},
			{pointRange, "point", "range"},
			{rangePoint, "range", "point"},
			{rangeRange, "range1", "range2"},
		} {
			if s&v.shape != 0 {
				b.sigs = append(b.sigs, sig(BooleanType, run, any1(v.first), any1(v.other)))
			}
		}
		return b
	}
	const all = rangeRange | pointRange | rangePoint | pointPoint
	return []*builtin{
		fn("before", all, false, (*relation).before),
		fn("after", all, true, (*relation).before),
		fn("meets", rangeRange, false, (*relation).meets),
		fn("met by", rangeRange, true, (*relation).meets),
		fn("overlaps", rangeRange, false, (*relation).overlaps),
		fn("overlaps before", rangeRange, false, (*relation).overlapsBefore),
		fn("overlaps after", rangeRange, true, (*relation).overlapsBefore),
		fn("finishes", pointRange|rangeRange, false, (*relation).finishes),
		fn("finished by", rangePoint|rangeRange, true, (*relation).finishes),
		fn("includes", rangePoint|rangeRange, false, (*relation).includes),
		fn("during", pointRange|rangeRange, true, (*relation).includes),
		fn("starts", pointRange|rangeRange, false, (*relation).starts),
		fn("started by", rangePoint|rangeRange, true, (*relation).starts),
		fn("coincides", pointPoint|rangeRange, false, (*relation).coincides),
	}
}
