package feel

import "slices"

// kept is the value of a part of a program that is worked out once.
type kept struct {
	value Value
	done  bool
}

// keep compiles a part that reads nothing but inputs of which the caller says
// that they stay the same: its value is worked out when it is needed first and
// kept until the evaluator is reset. Nil: it is no such part, or one that costs
// no more than looking the value up.
func (c *compiler) keep(e *expr) node {
	if c.keeping || e.op == opConst || e.op == opVar || !c.stays(e) {
		return nil
	}
	c.keeping = true // what it consists of is not kept on its own
	work := c.compile(e)
	c.keeping = false
	i := *c.keeps
	*c.keeps++
	return func(ev *Evaluator) Value {
		if ev.kept[i].done {
			return ev.kept[i].value
		}
		v := work(ev)
		ev.kept[i] = kept{v, true}
		return v
	}
}

// stays tells whether a part is the same as long as the fixed inputs are.
func (c *compiler) stays(e *expr) bool {
	if len(c.opts.Fixed) == 0 || c.fn.outer != nil {
		return false
	}
	switch e.op {
	case opConst:
		return true
	case opVar:
		return e.sym.owner == nil && slices.Contains(c.opts.Fixed, e.sym.slot)
	case opMember, opCall, opArith, opNeg, opCompare, opAnd, opOr, opBetween, opIf, opList:
		for _, k := range e.kids {
			if k == nil || !c.stays(k) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// keeps gives the running program the values that it kept.
func (ev *Evaluator) keeps(p *Program) {
	if ev.keepsOf == p {
		return
	}
	if ev.others == nil {
		ev.others = map[*Program][]kept{}
	}
	list := ev.others[p]
	if list == nil {
		list = make([]kept, p.keeps)
		ev.others[p] = list
	}
	ev.keepsOf, ev.kept = p, list
}
