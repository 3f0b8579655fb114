package feel

import "strings"

// Equal is FEEL's `a = b`: true, false, or null when they cannot be compared.
func Equal(a, b Value) Value { return equal(a, b).value() }

func equal(a, b Value) tri {
	if a.kind != b.kind {
		if a.kind == KindNull || b.kind == KindNull {
			return triFalse
		}
		return triNull
	}
	switch a.kind {
	case KindNull:
		return triTrue
	case KindBoolean, KindYearsMonths, KindDate:
		return triOf(a.n == b.n)
	case KindNumber:
		if a.p == nil && b.p == nil {
			return triOf(a.n == b.n && a.x == b.x) // no trailing zeros on the fast lane
		}
		return triOf(cmpNumbers(a, b) == 0)
	case KindString:
		return triOf(a.str() == b.str())
	case KindDaysTime:
		return triOf(a.n == b.n && a.x == b.x)
	case KindTime, KindDateTime:
		return equalClock(a, b)
	case KindList:
		if a.p == b.p {
			return triTrue
		}
		return equalLists(a.items(), b.items())
	case KindContext:
		if a.p == b.p {
			return triTrue
		}
		return equalContexts(a.ctx(), b.ctx())
	case KindRange:
		return equalRanges(a.rng(), b.rng())
	default:
		return triOf(a.p == b.p)
	}
}

// equalClock compares by the properties FEEL gives times, whose seconds are
// whole.
func equalClock(a, b Value) tri {
	if (a.zone() == nil) != (b.zone() == nil) {
		return triNull
	}
	return triOf(a.seconds() == b.seconds())
}

// seconds places a time or a date and time on the UTC axis, in whole seconds.
func (v Value) seconds() int64 {
	if v.kind == KindDateTime {
		return v.instant()
	}
	return v.n/nanosPerSec - v.timeOffset()
}

func equalLists(a, b []Value) tri {
	if len(a) != len(b) {
		return triFalse
	}
	out := triTrue
	for i := range a {
		switch equal(a[i], b[i]) {
		case triFalse:
			return triFalse
		case triNull:
			out = triNull
		}
	}
	return out
}

func equalContexts(a, b *Context) tri {
	if len(a.vals) != len(b.vals) {
		return triFalse
	}
	out := triTrue
	for i, k := range a.shape.keys {
		o, ok := b.Get(k)
		if !ok {
			return triFalse
		}
		switch equal(a.vals[i], o) {
		case triFalse:
			return triFalse
		case triNull:
			out = triNull
		}
	}
	return out
}

func equalRanges(a, b *Range) tri {
	if a.Op != b.Op || a.LowClosed != b.LowClosed || a.HighClosed != b.HighClosed {
		return triFalse
	}
	return andTri(equal(a.Low, b.Low), equal(a.High, b.High))
}

func andTri(a, b tri) tri {
	switch {
	case a == triFalse || b == triFalse:
		return triFalse
	case a == triTrue && b == triTrue:
		return triTrue
	default:
		return triNull
	}
}

// Same is FEEL's is(a, b): same kind and same representation.
func Same(a, b Value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case KindTime, KindDateTime:
		return a.n == b.n && a.x == b.x && a.zone().same(b.zone())
	case KindList:
		x, y := a.items(), b.items()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !Same(x[i], y[i]) {
				return false
			}
		}
		return true
	case KindContext:
		return sameContexts(a.ctx(), b.ctx())
	case KindRange:
		x, y := a.rng(), b.rng()
		return x.Op == y.Op && x.LowClosed == y.LowClosed && x.HighClosed == y.HighClosed &&
			Same(x.Low, y.Low) && Same(x.High, y.High)
	default:
		return equal(a, b) == triTrue
	}
}

func sameContexts(a, b *Context) bool {
	if len(a.vals) != len(b.vals) {
		return false
	}
	for i, k := range a.shape.keys {
		if o, ok := b.Get(k); !ok || !Same(a.vals[i], o) {
			return false
		}
	}
	return true
}

// Compare orders two values of one ordered kind: -1, 0 or 1, and whether they
// can be ordered.
func Compare(a, b Value) (int, bool) {
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case KindNumber:
		return cmpNumbers(a, b), true
	case KindString:
		return strings.Compare(a.str(), b.str()), true
	case KindDate, KindYearsMonths:
		return cmpInts(a.n, b.n), true
	case KindDaysTime:
		return cmpPair(a.n, b.n, a.x, b.x), true
	case KindTime:
		if (a.zone() == nil) != (b.zone() == nil) {
			return 0, false
		}
		return cmpPair(a.seconds(), b.seconds(), int32(a.n%nanosPerSec), int32(b.n%nanosPerSec)), true
	case KindDateTime:
		if (a.zone() == nil) != (b.zone() == nil) {
			return 0, false
		}
		return cmpPair(a.instant(), b.instant(), a.x, b.x), true
	default:
		return 0, false
	}
}

func cmpInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

func cmpPair(a, b int64, x, y int32) int {
	if a != b {
		return cmpInts(a, b)
	}
	return cmpInts(int64(x), int64(y))
}

// compareOp applies an ordering operator.
func compareOp(op token, a, b Value) tri {
	c, ok := Compare(a, b)
	if !ok {
		return triNull
	}
	switch op {
	case tokLess:
		return triOf(c < 0)
	case tokGreater:
		return triOf(c > 0)
	case tokLessEq:
		return triOf(c <= 0 || equal(a, b) == triTrue)
	default:
		return triOf(c >= 0 || equal(a, b) == triTrue)
	}
}

// Contains tells whether v is in r: True, False, or Null when it cannot be told.
func Contains(r *Range, v Value) Value { return r.contains(v).value() }

func (r *Range) contains(v Value) tri {
	switch r.Op {
	case "=":
		return equal(v, r.Low)
	case "!=":
		return notTri(equal(v, r.Low))
	}
	low, high := triTrue, triTrue
	if r.Op == "" || r.Op == ">" || r.Op == ">=" {
		low = compareOp(pick(r.LowClosed, tokGreaterEq, tokGreater), v, r.Low)
	}
	if r.Op == "" || r.Op == "<" || r.Op == "<=" {
		high = compareOp(pick(r.HighClosed, tokLessEq, tokLess), v, r.High)
	}
	return andTri(low, high)
}

func pick(c bool, a, b token) token {
	if c {
		return a
	}
	return b
}

func notTri(t tri) tri {
	switch t {
	case triTrue:
		return triFalse
	case triFalse:
		return triTrue
	default:
		return triNull
	}
}
