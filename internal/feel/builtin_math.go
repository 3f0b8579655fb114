package feel

import (
	"slices"

	"github.com/cockroachdb/apd/v3"
)

func listMathFunctions() []*builtin {
	stat := func(name string, f runFunc) *builtin {
		return def(name, sig(NumberType, numbersOnly(name, f), list("list")),
			variadic(sig(NumberType, spread(numbersOnly(name, f)), any1("n"), any1("n"))))
	}
	m := stat("mode", mode)
	m.sigs[0].result, m.sigs[1].result = ListType(NumberType), ListType(NumberType)
	return []*builtin{
		stat("sum", sum), stat("product", product), stat("mean", mean),
		stat("median", median), stat("stddev", stddev), m,
	}
}

// numbersOnly makes the result null when an item is no number.
func numbersOnly(name string, f runFunc) runFunc {
	return func(ev *Evaluator, w *where, a []Value) Value {
		items := a[0].items()
		if !ev.spend(int64(len(items))) {
			return Null
		}
		for i := range items {
			if items[i].kind != KindNumber {
				return ev.fault(w, CodeType, name+": an item is "+items[i].kind.String())
			}
		}
		if len(items) == 0 && name != "mode" {
			return ev.fault(w, CodeValue, name+" of an empty list")
		}
		return f(ev, w, a)
	}
}

func foldNumbers(items []Value, op func(a, b Value) Value) Value {
	acc := items[0]
	for _, it := range items[1:] {
		if acc = op(acc, it); acc.kind != KindNumber {
			return Null
		}
	}
	return acc
}

func sum(_ *Evaluator, _ *where, a []Value) Value { return foldNumbers(a[0].items(), addNumbers) }

func product(_ *Evaluator, _ *where, a []Value) Value { return foldNumbers(a[0].items(), mulNumbers) }

func mean(_ *Evaluator, _ *where, a []Value) Value {
	items := a[0].items()
	s := foldNumbers(items, addNumbers)
	if s.kind != KindNumber {
		return Null
	}
	return divNumbers(s, Int(int64(len(items))))
}

func sortedNumbers(items []Value) []Value {
	out := slices.Clone(items)
	slices.SortStableFunc(out, cmpNumbers)
	return out
}

func median(_ *Evaluator, _ *where, a []Value) Value {
	s := sortedNumbers(a[0].items())
	mid := len(s) / 2
	if len(s)%2 == 1 {
		return s[mid]
	}
	if t := addNumbers(s[mid-1], s[mid]); t.kind == KindNumber {
		return divNumbers(t, Int(2))
	}
	return Null
}

// stddev is that of a sample.
func stddev(ev *Evaluator, w *where, a []Value) Value {
	items := a[0].items()
	if len(items) < 2 {
		return ev.fault(w, CodeValue, "stddev of fewer than two numbers")
	}
	m := mean(ev, w, a)
	if m.kind != KindNumber {
		return Null
	}
	acc := Int(0)
	for _, it := range items {
		d := subNumbers(it, m)
		if d.kind != KindNumber {
			return Null
		}
		if d = mulNumbers(d, d); d.kind != KindNumber {
			return Null
		}
		if acc = addNumbers(acc, d); acc.kind != KindNumber {
			return Null
		}
	}
	return slow1(divNumbers(acc, Int(int64(len(items)-1))), decCtx.Sqrt)
}

// mode are the most frequent numbers in ascending order.
func mode(ev *Evaluator, w *where, a []Value) Value {
	s := sortedNumbers(a[0].items())
	out := []Value{}
	best := 0
	for i := 0; i < len(s); {
		j := i + 1
		for j < len(s) && cmpNumbers(s[i], s[j]) == 0 {
			j++
		}
		switch n := j - i; {
		case n > best:
			best, out = n, append(out[:0], s[i])
		case n == best:
			out = append(out, s[i])
		}
		i = j
	}
	return ev.newList(w, out)
}

func numberFunctions() []*builtin {
	return []*builtin{
		rounding("decimal", apd.RoundHalfEven, false),
		rounding("floor", apd.RoundFloor, true), rounding("ceiling", apd.RoundCeiling, true),
		rounding("round up", apd.RoundUp, false), rounding("round down", apd.RoundDown, false),
		rounding("round half up", apd.RoundHalfUp, false), rounding("round half down", apd.RoundHalfDown, false),
		def("abs", inferring(sig(nil, absolute, any1("n")), func(t []*Type) *Type { return t[0] })),
		def("modulo", sig(NumberType, modulo, num("dividend"), num("divisor"))),
		ofNumber("sqrt", func(v Value) Value {
			if numberSign(v) < 0 {
				return Null
			}
			return slow1(v, decCtx.Sqrt)
		}),
		ofNumber("log", func(v Value) Value {
			if numberSign(v) <= 0 {
				return Null
			}
			return slow1(v, decCtx.Ln)
		}),
		ofNumber("exp", expNumber),
		parity("odd", 1), parity("even", 0),
	}
}

// rounding is a function that rounds to a scale, which short forms leave out.
func rounding(name string, mode apd.Rounder, short bool) *builtin {
	run := func(ev *Evaluator, w *where, a []Value) Value {
		scale := int64(0)
		if len(a) == 2 {
			var ok bool
			if scale, ok = a[1].truncInt(); !ok {
				return ev.fault(w, CodeValue, name+": the scale is outside -6111..6176")
			}
		}
		if v := roundNumber(a[0], scale, mode); v.kind != KindNull {
			return v
		}
		return ev.fault(w, CodeValue, name+": the scale is outside -6111..6176")
	}
	long := sig(NumberType, run, num("n"), num("scale"))
	if short {
		return def(name, sig(NumberType, run, num("n")), long)
	}
	return def(name, long)
}

// ofNumber is a function of one number that is null where it is not defined.
func ofNumber(name string, f func(v Value) Value) *builtin {
	return def(name, sig(NumberType, func(ev *Evaluator, w *where, a []Value) Value {
		if !ev.spend(3_000) {
			return Null
		}
		if v := f(a[0]); v.kind != KindNull {
			return v
		}
		return ev.fault(w, CodeValue, name+": not defined for this number")
	}, num("number")))
}

func parity(name string, odd int64) *builtin {
	return def(name, sig(BooleanType, func(_ *Evaluator, _ *where, a []Value) Value {
		if !isInteger(a[0]) {
			return False
		}
		r, ok := moduloNumbers(a[0], Int(2)).AsInt()
		return Bool(ok && r == odd)
	}, num("number")))
}

func modulo(ev *Evaluator, w *where, a []Value) Value {
	if (a[0].p != nil || a[1].p != nil) && !ev.spend(10_000) {
		return Null
	}
	if v := moduloNumbers(a[0], a[1]); v.kind != KindNull {
		return v
	}
	return ev.fault(w, CodeValue, "modulo by zero")
}

func absolute(ev *Evaluator, w *where, a []Value) Value {
	v := a[0]
	if v.kind == KindList && len(v.items()) == 1 {
		v = v.items()[0]
	}
	switch v.kind {
	case KindNumber:
		if numberSign(v) < 0 {
			return negNumber(v)
		}
		return v
	case KindDaysTime, KindYearsMonths:
		if v.n < 0 {
			return negDuration(v)
		}
		return v
	default:
		return ev.fault(w, CodeType, "abs of "+v.kind.String())
	}
}
