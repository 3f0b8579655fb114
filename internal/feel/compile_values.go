package feel

func (c *compiler) list(e *expr) node {
	kids := c.compileAll(e.kids)
	w := c.at(e)
	return func(ev *Evaluator) Value {
		items := make([]Value, len(kids))
		for i, k := range kids {
			items[i] = k(ev)
		}
		return ev.newList(w, items)
	}
}

const (
	maxValueDepth = 1_000 // bounds the recursion of everything that walks values
	maxSizeFactor = 4     // values in all, in lengths of the longest list
)

// newList is a list made by the program, within the limits.
func (ev *Evaluator) newList(w *where, items []Value) Value {
	return ev.newListAt(w, items, extentOf(items))
}

func (ev *Evaluator) newListAt(w *where, items []Value, e extent) Value {
	if !ev.spend(int64(len(items))) || !ev.fits(w, e) {
		return Null
	}
	if len(items) > ev.opts.Limits.ListLen {
		ev.stop(position(w.src, int(w.pos)), "a list is longer than the limit")
		return Null
	}
	return listAt(items, e)
}

func (ev *Evaluator) newContext(w *where, s *shape, vals []Value) Value {
	v := contextValue(s, vals)
	if !ev.fits(w, v.extent()) {
		return Null
	}
	return v
}

// fits tells whether a value is small enough, and stops the evaluation if not.
func (ev *Evaluator) fits(w *where, e extent) bool {
	switch {
	case e.depth > maxValueDepth:
		ev.stop(position(w.src, int(w.pos)), "a value is nested too deeply")
	case int64(e.size) > maxSizeFactor*int64(ev.opts.Limits.ListLen):
		ev.stop(position(w.src, int(w.pos)), "a value holds more than the limit")
	default:
		return true
	}
	return false
}

// weigh takes the walk through a value off the budget.
func (ev *Evaluator) weigh(v Value) bool {
	if v.kind != KindList && v.kind != KindContext {
		return true
	}
	return ev.spend(int64(v.extent().size))
}

func (c *compiler) context(e *expr) node {
	shape := newShape(e.names)
	kids := make([]node, len(e.kids))
	slots := make([]int, len(e.kids))
	for i, k := range e.kids {
		kids[i] = c.compile(k)
		slots[i] = -1
		if e.syms[i].used {
			e.syms[i].index = c.fn.alloc()
			slots[i] = e.syms[i].index
		}
	}
	w := c.at(e)
	return func(ev *Evaluator) Value {
		vals := make([]Value, len(kids))
		for i, k := range kids {
			vals[i] = k(ev)
			if slots[i] >= 0 {
				ev.fr[slots[i]] = vals[i]
			}
		}
		return ev.newContext(w, shape, vals)
	}
}

func (c *compiler) rangeOf(e *expr) node {
	low, high, w := c.compile(e.kids[0]), c.compile(e.kids[1]), c.at(e)
	lc, hc := e.flag, e.flag2
	return func(ev *Evaluator) Value {
		r := &Range{Low: low(ev), High: high(ev), LowClosed: lc, HighClosed: hc}
		return ev.checkedRange(w, r)
	}
}

// checkedRange is the range, or null when its bounds do not go together.
func (ev *Evaluator) checkedRange(w *where, r *Range) Value {
	if r.Low.kind == KindNull || r.High.kind == KindNull {
		return Null
	}
	order, ok := Compare(r.Low, r.High)
	switch {
	case !ok:
		return ev.fault(w, CodeType, "a range from "+r.Low.kind.String()+" to "+r.High.kind.String())
	case order > 0:
		return ev.fault(w, CodeValue, "a range whose start is behind its end")
	}
	return RangeOf(r)
}

func (c *compiler) opRange(e *expr) node {
	of, t := c.compile(e.kids[0]), e.tok
	return func(ev *Evaluator) Value { return comparisonRange(t, of(ev)) }
}

func (c *compiler) conditional(e *expr) node {
	cond, a, b := c.cond(e.kids[0]), c.compile(e.kids[1]), c.compile(e.kids[2])
	return func(ev *Evaluator) Value {
		if cond(ev) == triTrue {
			return a(ev)
		}
		return b(ev)
	}
}

func (c *compiler) member(e *expr) node {
	of, name, w := c.compile(e.kids[0]), e.name, c.at(e)
	prop := properties[name]
	if input, i := c.inputSlot(e.kids[0]); input {
		return func(ev *Evaluator) Value {
			if v := &ev.in[i]; v.kind == KindContext {
				m, _ := v.ctx().Get(name)
				return m
			}
			return ev.memberOf(w, ev.in[i], name, prop)
		}
	}
	return func(ev *Evaluator) Value {
		v := of(ev)
		if v.kind == KindContext {
			if m, ok := v.ctx().Get(name); ok {
				return m
			}
		}
		return ev.memberOf(w, v, name, prop)
	}
}

func (ev *Evaluator) memberOf(w *where, v Value, name string, prop property) Value {
	switch v.kind {
	case KindNull:
		return Null
	case KindContext:
		m, ok := v.ctx().Get(name)
		if !ok && !ev.quiet() {
			return ev.fault(w, CodeUnknown, "the context has no entry "+name)
		}
		return m
	case KindList:
		items := v.items()
		out := make([]Value, len(items))
		for i, it := range items {
			out[i] = ev.memberOf(w, it, name, prop)
		}
		return ev.newList(w, out)
	}
	if prop != nil {
		if m, ok := prop(v); ok {
			return m
		}
	}
	return ev.fault(w, CodeUnknown, v.kind.String()+" has no property "+name)
}

// dynMember is a name within a filter that is a member of the item if the item
// has it, and the outer name otherwise.
func (c *compiler) dynMember(e *expr) node {
	item, name := c.load(e.sym), e.name
	outer := func(*Evaluator) Value { return Null }
	if e.kids[0] != nil {
		outer = c.compile(e.kids[0])
	}
	return func(ev *Evaluator) Value {
		if it := item(ev); it.kind == KindContext {
			if m, ok := it.ctx().Get(name); ok {
				return m
			}
		}
		return outer(ev)
	}
}

func (c *compiler) filter(e *expr) node {
	sym := e.syms[0]
	list := c.compile(e.kids[0])
	sym.index = c.fn.alloc()
	slot, w := sym.index, c.at(e)
	condExpr := e.kids[1]
	if condExpr.typ.Kind() == TypeNumber {
		index := c.compile(condExpr)
		return func(ev *Evaluator) Value {
			v := list(ev)
			if v.kind == KindNull {
				return Null
			}
			ev.fr[slot] = Null // an index has no item
			return ev.indexed(w, v, index(ev))
		}
	}
	if condExpr.typ.Kind() == TypeBoolean {
		cond := c.cond(condExpr)
		return func(ev *Evaluator) Value { return ev.filtered(w, list(ev), slot, cond) }
	}
	cond := c.compile(condExpr)
	return func(ev *Evaluator) Value { return ev.filteredOrIndexed(w, list(ev), slot, cond) }
}

func (ev *Evaluator) indexed(w *where, v, index Value) Value {
	i, ok := index.AsInt()
	if !ok {
		return ev.fault(w, CodeValue, "an index that is no whole number")
	}
	if v.kind != KindList {
		if i == 1 || i == -1 {
			return v
		}
		return ev.fault(w, CodeValue, "an index outside the list")
	}
	items := v.items()
	if i < 0 {
		i += int64(len(items)) + 1
	}
	if i < 1 || i > int64(len(items)) {
		return ev.fault(w, CodeValue, "an index outside the list")
	}
	return items[i-1]
}

// asItems is the list's items; any other value is a list of itself.
func asItems(v Value, one *[1]Value) []Value {
	if v.kind == KindList {
		return v.items()
	}
	one[0] = v
	return one[:]
}

func (ev *Evaluator) filtered(w *where, v Value, slot int, cond boolNode) Value {
	if v.kind == KindNull {
		return Null
	}
	var one [1]Value
	var out []Value
	for _, it := range asItems(v, &one) {
		if !ev.spend(1) {
			return Null
		}
		ev.fr[slot] = it
		if cond(ev) == triTrue {
			out = append(out, it)
		}
	}
	return ev.newList(w, out)
}

// filteredOrIndexed learns from the value whether the brackets hold a condition
// or an index.
func (ev *Evaluator) filteredOrIndexed(w *where, v Value, slot int, cond node) Value {
	if v.kind == KindNull {
		return Null
	}
	var one [1]Value
	var out []Value
	items := asItems(v, &one)
	if len(items) == 0 {
		ev.fr[slot] = Null
		if i := cond(ev); i.kind == KindNumber {
			return ev.indexed(w, v, i)
		}
	}
	for _, it := range items {
		if !ev.spend(1) {
			return Null
		}
		ev.fr[slot] = it
		r := cond(ev)
		if r.kind == KindNumber {
			return ev.indexed(w, v, r)
		}
		if r.IsTrue() {
			out = append(out, it)
		}
	}
	return ev.newList(w, out)
}
