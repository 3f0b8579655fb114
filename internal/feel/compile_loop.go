package feel

import (
	"math"
	"slices"
)

// domain is what a loop runs over: the items of a list, or the numbers or dates
// of a range, which are not spelled out.
type domain struct {
	items []Value
	first Value
	step  int64
	n     int64
	dates bool
}

func (d *domain) at(i int64) Value {
	switch {
	case d.items != nil:
		return d.items[i]
	case d.dates:
		return dateFromDays(d.first.n + i*d.step)
	default:
		return addNumbers(d.first, Int(i*d.step))
	}
}

type domainFunc func(ev *Evaluator) (domain, bool)

// domain compiles the list of a loop; end is set for `first..last`.
func (c *compiler) domain(e, end *expr) domainFunc {
	of, w := c.compile(e), c.at(e)
	if end != nil {
		to := c.compile(end)
		return func(ev *Evaluator) (domain, bool) { return ev.span(w, of(ev), to(ev)) }
	}
	return func(ev *Evaluator) (domain, bool) {
		v := of(ev)
		switch v.kind {
		case KindNull:
			return domain{}, false
		case KindList:
			items := v.items()
			return domain{items: items, n: int64(len(items))}, true
		case KindRange:
			return ev.rangeDomain(w, v.rng())
		default:
			return domain{items: []Value{v}, n: 1}, true
		}
	}
}

// span runs from one number or date to another, upwards or downwards.
func (ev *Evaluator) span(w *where, from, to Value) (domain, bool) {
	if from.kind == KindDate && to.kind == KindDate {
		a, b := from.days(), to.days()
		d := domain{first: Value{n: a}, dates: true, step: 1, n: b - a + 1}
		if b < a {
			d.step, d.n = -1, a-b+1
		}
		return d, true
	}
	a, okA := from.AsInt()
	b, okB := to.AsInt()
	if !okA || !okB || magnitude(a) > math.MaxInt64/4 || magnitude(b) > math.MaxInt64/4 {
		if from.kind != KindNull && to.kind != KindNull {
			ev.fault(w, CodeType, "a loop from "+from.kind.String()+" to "+to.kind.String()+", expected whole numbers or dates")
		}
		return domain{}, false
	}
	d := domain{first: from, step: 1, n: b - a + 1}
	if b < a {
		d.step, d.n = -1, a-b+1
	}
	return d, true
}

// rangeDomain runs upwards over the values within a range.
func (ev *Evaluator) rangeDomain(w *where, r *Range) (domain, bool) {
	if r.Op != "" {
		ev.fault(w, CodeType, "a loop over a range without two ends")
		return domain{}, false
	}
	d, ok := ev.span(w, r.Low, r.High)
	if !ok || d.step < 0 {
		return domain{}, false
	}
	if !r.HighClosed {
		d.n--
	}
	if !r.LowClosed {
		d.n--
		if d.dates {
			d.first.n++
		} else {
			d.first = addNumbers(d.first, Int(1))
		}
	}
	d.n = max(d.n, 0)
	return d, true
}

// loopVars are the names a loop binds, with their domains.
type loopVars struct {
	domains []domainFunc
	slots   []int
}

func (c *compiler) loopVars(e *expr, n int) loopVars {
	var l loopVars
	for i := range n {
		l.domains = append(l.domains, c.domain(e.kids[2*i], e.kids[2*i+1]))
		e.syms[i].index = c.fn.alloc()
		l.slots = append(l.slots, e.syms[i].index)
	}
	return l
}

// each runs body for every combination, the last name fastest. It returns
// false when a domain is no list; body returns false to end the loop.
func (l *loopVars) each(ev *Evaluator, k int, body func() bool) (ok, more bool) {
	d, ok := l.domains[k](ev)
	if !ok {
		return false, false
	}
	for i := range d.n {
		if !ev.spend(1) {
			return false, false
		}
		ev.fr[l.slots[k]] = d.at(i)
		if k+1 == len(l.domains) {
			if !body() {
				return true, false
			}
			continue
		}
		if ok, more := l.each(ev, k+1, body); !ok || !more {
			return ok, more
		}
	}
	return true, true
}

func (c *compiler) loop(e *expr) node {
	n := len(e.syms) - 1
	vars := c.loopVars(e, n)
	partial := -1
	if s := e.syms[n]; s.used {
		s.index = c.fn.alloc()
		partial = s.index
	}
	body, w := c.compile(e.kids[2*n]), c.at(e)
	return func(ev *Evaluator) Value {
		out := []Value{}
		ext := extent{depth: 1}
		ok, _ := vars.each(ev, 0, func() bool {
			if partial >= 0 {
				ev.fr[partial] = listAt(slices.Clip(out), ext)
			}
			v := body(ev)
			inner := v.extent()
			ext.add(inner)
			ext.size++
			out = append(out, v)
			if inner.depth >= maxValueDepth || len(out) > ev.opts.Limits.ListLen {
				ev.newListAt(w, out, ext) // reports which limit it was
				return false
			}
			return true
		})
		if !ok {
			return Null
		}
		return ev.newListAt(w, out, ext)
	}
}

// quantified is some or every. As or and and, a deciding value wins over null.
func (c *compiler) quantified(e *expr) boolNode {
	vars := c.loopVars(e, len(e.syms))
	cond := c.cond(e.kids[len(e.kids)-1])
	stop, rest := triTrue, triFalse
	if e.op == opEvery {
		stop, rest = triFalse, triTrue
	}
	return func(ev *Evaluator) tri {
		out := rest
		ok, _ := vars.each(ev, 0, func() bool {
			switch cond(ev) {
			case stop:
				out = stop
				return false
			case triNull:
				out = triNull
			}
			return true
		})
		if !ok {
			return triNull
		}
		return out
	}
}
