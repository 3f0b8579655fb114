package feel

import (
	"slices"
)

func listFunctions() []*builtin {
	elem := func(args []*Type) *Type { return orAny(sameList(args).Elem()) }
	return []*builtin{
		def("list contains", sig(BooleanType, listContains, list("list"), any1("element"))),
		def("list replace",
			inferring(sig(AnyListType, listReplaceAt, list("list"), num("position"), any1("newItem")), openList),
			inferring(sig(AnyListType, listReplaceMatch, list("list"), Param{Name: "match", Type: AnyFunctionType}, any1("newItem")), openList)),
		def("count", sig(NumberType, func(_ *Evaluator, _ *where, a []Value) Value {
			return Int(int64(len(a[0].items())))
		}, list("list"))),
		def("min", inferring(sig(nil, extreme(-1), list("list")), elem), variadic(sig(nil, spread(extreme(-1)), any1("c"), any1("c")))),
		def("max", inferring(sig(nil, extreme(1), list("list")), elem), variadic(sig(nil, spread(extreme(1)), any1("c"), any1("c")))),
		def("all", sig(BooleanType, allOf(triFalse, triTrue), list("list")), variadic(sig(BooleanType, spread(allOf(triFalse, triTrue)), any1("b"), any1("b")))),
		def("any", sig(BooleanType, allOf(triTrue, triFalse), list("list")), variadic(sig(BooleanType, spread(allOf(triTrue, triFalse)), any1("b"), any1("b")))),
		def("sublist", inferring(sig(AnyListType, sublist, list("list"), num("start position")), sameList),
			inferring(sig(AnyListType, sublist, list("list"), num("start position"), num("length")), sameList)),
		def("append", variadic(inferring(sig(AnyListType, appendItems, list("list"), any1("item")), openList))),
		def("concatenate", variadic(inferring(sig(AnyListType, concatenate, list("list")), openList))),
		def("insert before", inferring(sig(AnyListType, insertBefore, list("list"), num("position"), any1("newItem")), openList)),
		def("remove", inferring(sig(AnyListType, remove, list("list"), num("position")), sameList)),
		def("reverse", inferring(sig(AnyListType, reverse, list("list")), sameList)),
		def("index of", sig(ListType(NumberType), indexOf, list("list"), any1("match"))),
		def("union", variadic(inferring(sig(AnyListType, union, list("list")), openList))),
		def("distinct values", inferring(sig(AnyListType, union, list("list")), sameList)),
		def("flatten", sig(AnyListType, flatten, list("list"))),
		def("sort", inferring(sig(AnyListType, sortList, list("list"), optional(Param{Name: "precedes", Type: AnyFunctionType})), sameList)),
	}
}

// openList is a list whose elements may become of another type.
func openList([]*Type) *Type { return AnyListType }

// spread lets a function of a list take the items as arguments.
func spread(f runFunc) runFunc {
	return func(ev *Evaluator, w *where, a []Value) Value {
		l := [1]Value{ListOf(slices.Clone(a)...)}
		return f(ev, w, l[:])
	}
}

// same tells whether two values are equal; two of different kinds are not.
func same(a, b Value) bool { return a.kind == b.kind && equal(a, b) == triTrue }

func listContains(ev *Evaluator, _ *where, a []Value) Value {
	items := a[0].items()
	if !ev.weigh(a[0]) {
		return Null
	}
	return Bool(slices.ContainsFunc(items, func(v Value) bool { return same(v, a[1]) }))
}

// listPosition turns a position from 1, or from the end when negative, into an
// index.
func listPosition(v Value, n int) (int, bool) {
	i, ok := v.truncInt()
	if !ok {
		return 0, false
	}
	if i < 0 {
		i += int64(n) + 1
	}
	return int(i - 1), i >= 1 && i <= int64(n)
}

func listReplaceAt(ev *Evaluator, w *where, a []Value) Value {
	items := a[0].items()
	i, ok := listPosition(a[1], len(items))
	if !ok {
		return ev.fault(w, CodeValue, "list replace: the position is outside the list")
	}
	if !ev.spend(int64(len(items))) {
		return Null
	}
	out := slices.Clone(items)
	out[i] = a[2]
	return ev.newList(w, out)
}

func listReplaceMatch(ev *Evaluator, w *where, a []Value) Value {
	f := a[1].fn()
	if f.spec == nil && len(f.Params) != 2 {
		return ev.fault(w, CodeArguments, "list replace: match does not take two arguments")
	}
	out := slices.Clone(a[0].items())
	var args [2]Value
	for i, it := range out {
		args[0], args[1] = it, a[2]
		r := ev.callFunction(w, f, args[:])
		if r.kind != KindBoolean {
			return ev.fault(w, CodeType, "list replace: match gives no boolean")
		}
		if r.IsTrue() {
			out[i] = a[2]
		}
	}
	return ev.newList(w, out)
}

func extreme(sign int) runFunc {
	return func(ev *Evaluator, w *where, a []Value) Value {
		items := a[0].items()
		if len(items) == 0 || !ev.spend(int64(len(items))) {
			return Null
		}
		best := items[0]
		if _, ok := Compare(best, best); !ok {
			return ev.fault(w, CodeType, "min or max of "+best.kind.String())
		}
		for _, it := range items[1:] {
			c, ok := Compare(it, best)
			if !ok {
				return ev.fault(w, CodeType, "min or max of "+it.kind.String()+" and "+best.kind.String())
			}
			if c*sign > 0 {
				best = it
			}
		}
		return best
	}
}

// allOf is all (stop at false) and any (stop at true).
func allOf(stop, rest tri) runFunc {
	return func(ev *Evaluator, w *where, a []Value) Value {
		out := rest
		if !ev.spend(int64(len(a[0].items()))) {
			return Null
		}
		for _, it := range a[0].items() {
			switch t := it.tri(); t {
			case stop:
				return stop.value()
			case triNull:
				if it.kind != KindNull {
					ev.fault(w, CodeType, "all or any of "+it.kind.String())
				}
				out = triNull
			}
		}
		return out.value()
	}
}

func sublist(ev *Evaluator, w *where, a []Value) Value {
	items := a[0].items()
	i, ok := listPosition(a[1], len(items))
	if !ok {
		return ev.fault(w, CodeValue, "sublist: the start position is outside the list")
	}
	end := len(items)
	if len(a) == 3 {
		n, ok := a[2].truncInt()
		if !ok || n < 0 || n > int64(len(items)-i) {
			return ev.fault(w, CodeValue, "sublist: the length reaches beyond the list")
		}
		end = i + int(n)
	}
	return ev.newList(w, items[i:end:end])
}

func appendItems(ev *Evaluator, w *where, a []Value) Value {
	return ev.newList(w, slices.Concat(a[0].items(), a[1:]))
}

func concatenate(ev *Evaluator, w *where, a []Value) Value {
	n := 0
	for _, l := range a {
		n += len(l.items())
	}
	if n > ev.opts.Limits.ListLen {
		ev.stop(position(w.src, int(w.pos)), "a list is longer than the limit")
		return Null
	}
	out := make([]Value, 0, n)
	for _, l := range a {
		out = append(out, l.items()...)
	}
	return ev.newList(w, out)
}

func insertBefore(ev *Evaluator, w *where, a []Value) Value {
	items := a[0].items()
	i, ok := listPosition(a[1], len(items))
	if !ok {
		return ev.fault(w, CodeValue, "insert before: the position is outside the list")
	}
	return ev.newList(w, slices.Insert(slices.Clone(items), i, a[2]))
}

func remove(ev *Evaluator, w *where, a []Value) Value {
	items := a[0].items()
	i, ok := listPosition(a[1], len(items))
	if !ok {
		return ev.fault(w, CodeValue, "remove: the position is outside the list")
	}
	return ev.newList(w, slices.Delete(slices.Clone(items), i, i+1))
}

func reverse(ev *Evaluator, w *where, a []Value) Value {
	out := slices.Clone(a[0].items())
	slices.Reverse(out)
	return ev.newList(w, out)
}

func indexOf(ev *Evaluator, w *where, a []Value) Value {
	out := []Value{}
	if !ev.weigh(a[0]) {
		return Null
	}
	for i, it := range a[0].items() {
		if same(it, a[1]) {
			out = append(out, Int(int64(i+1)))
		}
	}
	return ev.newList(w, out)
}

// union joins lists without repeating values.
func union(ev *Evaluator, w *where, a []Value) Value {
	d := distinct{seen: map[distinctKey]struct{}{}}
	for _, l := range a {
		for _, it := range l.items() {
			if !d.add(ev, it) {
				return Null
			}
		}
	}
	return ev.newList(w, d.out)
}

// distinct collects values that differ. Those with a simple key are found by
// it, others by comparing.
type distinct struct {
	seen        map[distinctKey]struct{}
	others, out []Value
}

// add returns false when the budget is spent.
func (d *distinct) add(ev *Evaluator, v Value) bool {
	k, keyed := keyOf(v)
	if keyed {
		if _, dup := d.seen[k]; !dup {
			d.seen[k] = struct{}{}
			d.out = append(d.out, v)
		}
		return ev.spend(1)
	}
	if !ev.spend(1 + int64(len(d.others))*(1+int64(v.extent().size))/8) {
		return false
	}
	if !slices.ContainsFunc(d.others, func(o Value) bool { return same(o, v) }) {
		d.others = append(d.others, v)
		d.out = append(d.out, v)
	}
	return true
}

type distinctKey struct {
	kind Kind
	n    int64
	x    int32
	s    string
}

// keyOf is a key equal exactly for equal values, for the kinds that have one.
func keyOf(v Value) (distinctKey, bool) {
	switch v.kind {
	case KindNull, KindBoolean, KindDate, KindYearsMonths, KindDaysTime:
		return distinctKey{kind: v.kind, n: v.n, x: v.x}, true
	case KindNumber:
		return distinctKey{kind: v.kind, n: v.n, x: v.x}, v.p == nil
	case KindString:
		return distinctKey{kind: v.kind, s: v.str()}, true
	default:
		return distinctKey{}, false
	}
}

func flatten(ev *Evaluator, w *where, a []Value) Value {
	out := flattenInto(ev, []Value{}, a[0].items())
	return ev.newList(w, out)
}

func flattenInto(ev *Evaluator, out, items []Value) []Value {
	for _, it := range items {
		if len(out) > ev.opts.Limits.ListLen || !ev.spend(1) {
			return out
		}
		if it.kind == KindList {
			out = flattenInto(ev, out, it.items())
			continue
		}
		out = append(out, it)
	}
	return out
}

// sortList is stable. Without a function the natural order counts. A function
// that gives no boolean, or values without an order, make the result null.
func sortList(ev *Evaluator, w *where, a []Value) Value {
	out := slices.Clone(a[0].items())
	bad := false
	var args [2]Value
	f := a[1]
	slices.SortStableFunc(out, func(x, y Value) int {
		if bad || !ev.spend(1) {
			return 0
		}
		if f.kind == KindNull {
			c, ok := Compare(x, y)
			bad = bad || !ok
			return c
		}
		args[0], args[1] = x, y
		r := ev.callFunction(w, f.fn(), args[:])
		if r.kind != KindBoolean {
			bad = true
			return 0
		}
		if r.IsTrue() {
			return -1
		}
		args[0], args[1] = y, x
		if ev.callFunction(w, f.fn(), args[:]).IsTrue() {
			return 1
		}
		return 0
	})
	if bad {
		return ev.fault(w, CodeType, "sort: the items have no order")
	}
	return ev.newList(w, out)
}
