package feel

import "slices"

// where is the place in the source that diagnostics name. Line and column are
// worked out only when one is made.
type where struct {
	src string
	pos int32
}

// compiler turns the tree of one function body into closures.
type compiler struct {
	src      string
	fn       *fnScope
	opts     CompileOptions
	reads    map[int]bool // input slots
	minSlots *int
	impure   *bool // reads the clock
	keeps    *int  // parts that are worked out once
	keeping  bool  // within such a part
}

func (c *compiler) at(e *expr) *where { return &where{c.src, e.pos} }

func (f *fnScope) alloc() int {
	f.size++
	return f.size - 1
}

// Compile turns an expression into a program.
func Compile(src string, scope *Scope, o CompileOptions) (*Program, error) {
	if scope == nil {
		scope = NewScope()
	}
	p := newParser(src, scope, o)
	e := p.expression()
	if p.err == nil && p.tok != tokEOF {
		p.fail("an operator or the end of the expression")
	}
	return p.program(e)
}

func (p *parser) program(e *expr) (*Program, error) {
	if p.err != nil {
		return nil, &CompileError{Source: p.src, Issues: []Diagnostic{*p.err}}
	}
	if p.opts.Strict && len(p.problems) > 0 {
		return nil, &CompileError{Source: p.src, Issues: p.problems}
	}
	prog := &Program{source: p.src, typ: orAny(e.typ), problems: p.problems}
	c := &compiler{src: p.src, fn: p.fn, opts: p.opts, reads: map[int]bool{}, minSlots: &prog.minSlots, impure: new(bool), keeps: &prog.keeps}
	c.fold(e)
	if e.typ.Kind() == TypeBoolean {
		prog.test = c.cond(e)
		test := prog.test
		prog.root = func(ev *Evaluator) Value { return test(ev).value() }
	} else {
		prog.root = c.compile(e)
	}
	prog.locals = p.fn.size
	for s := range c.reads {
		prog.inputs = append(prog.inputs, s)
	}
	slices.Sort(prog.inputs)
	prog.constant = len(prog.inputs) == 0 && !*c.impure && len(p.problems) == 0
	return prog, nil
}

// variable is a reference to a name from the body being compiled: an input of
// the program, or a slot of the body's frame. Names of outer bodies are captured.
func (c *compiler) variable(s *symbol) (input bool, index int) {
	if s.owner == nil && c.fn.outer == nil {
		c.reads[s.slot] = true
		*c.minSlots = max(*c.minSlots, s.slot+1)
		return true, s.slot
	}
	if s.owner == c.fn {
		return false, s.index
	}
	if i, ok := c.fn.index[s]; ok {
		return false, i
	}
	if c.fn.index == nil {
		c.fn.index = map[*symbol]int{}
	}
	i := c.fn.alloc()
	c.fn.index[s] = i
	c.fn.captured = append(c.fn.captured, s)
	return false, i
}

func (c *compiler) load(s *symbol) node {
	input, i := c.variable(s)
	if input {
		return func(ev *Evaluator) Value { return ev.in[i] }
	}
	return func(ev *Evaluator) Value { return ev.fr[i] }
}

// fold replaces parts that are the same at every run by their value.
func (c *compiler) fold(e *expr) {
	if e == nil || e.op == opConst {
		return
	}
	all := true
	for _, k := range e.kids {
		c.fold(k)
		all = all && k != nil && k.op == opConst
	}
	if !all || !e.foldable() {
		return
	}
	ev := NewEvaluator(Options{Limits: Limits{Steps: 10_000, ListLen: 10_000, StringLen: 100_000}})
	cc := &compiler{src: c.src, fn: &fnScope{}, reads: map[int]bool{}, minSlots: new(int), impure: new(bool)}
	v := cc.compile(e)(ev)
	if len(ev.diags) > 0 || ev.exhausted {
		return
	}
	e.op, e.val, e.kids = opConst, v, nil
}

func (e *expr) foldable() bool {
	switch e.op {
	case opArith, opCompare, opNeg, opAnd, opOr, opBetween, opList, opRange, opOpRange, opInstance, opContext, opMember, opIf:
		return e.op != opContext || !slices.ContainsFunc(e.syms, func(s *symbol) bool { return s.used })
	case opCall:
		return !e.bi.impure
	default:
		return false
	}
}

// compile makes the closure of a node.
func (c *compiler) compile(e *expr) node { //nolint:funlen // a table: one line for each operator
	if n := c.keep(e); n != nil {
		return n
	}
	switch e.op {
	case opConst:
		v := e.val
		return func(*Evaluator) Value { return v }
	case opVar:
		return c.load(e.sym)
	case opBuiltin:
		if e.bi.impure {
			*c.impure = true
		}
		v := e.bi.value()
		return func(*Evaluator) Value { return v }
	case opMember:
		return c.member(e)
	case opDynMember:
		return c.dynMember(e)
	case opCall:
		return c.call(e)
	case opInvoke:
		return c.invoke(e)
	case opArith:
		return c.arith(e)
	case opNeg:
		return c.negate(e)
	case opIf:
		return c.conditional(e)
	case opFor:
		return c.loop(e)
	case opFilter:
		return c.filter(e)
	case opList:
		return c.list(e)
	case opContext:
		return c.context(e)
	case opRange:
		return c.rangeOf(e)
	case opOpRange:
		return c.opRange(e)
	case opFunction:
		return c.function(e)
	case opExternal:
		return c.external(e)
	case opNull:
		w, code, why := c.at(e), Code(e.names[0]), e.name
		return func(ev *Evaluator) Value { return ev.fault(w, code, why) }
	default:
		cond := c.cond(e)
		return func(ev *Evaluator) Value { return cond(ev).value() }
	}
}

func (c *compiler) compileAll(es []*expr) []node {
	out := make([]node, len(es))
	for i, e := range es {
		out[i] = c.compile(e)
	}
	return out
}

// cond makes the closure of a condition, without boxing of truth values.
func (c *compiler) cond(e *expr) boolNode {
	if n := c.keep(e); n != nil {
		return func(ev *Evaluator) tri { return n(ev).tri() }
	}
	switch e.op {
	case opConst:
		t := e.val.tri()
		return func(*Evaluator) tri { return t }
	case opAnd, opOr:
		return c.logic(e)
	case opCompare:
		return c.compare(e)
	case opBetween:
		return c.between(e)
	case opIn:
		return c.in(e)
	case opDash:
		return func(*Evaluator) tri { return triTrue }
	case opNotTest:
		inner := c.cond(e.kids[0])
		return func(ev *Evaluator) tri { return notTri(inner(ev)) }
	case opSome, opEvery:
		return c.quantified(e)
	case opInstance:
		of, t := c.compile(e.kids[0]), e.params[0].Type
		return func(ev *Evaluator) tri {
			v := of(ev)
			if !ev.weigh(v) {
				return triNull
			}
			return triOf(InstanceOf(v, t))
		}
	case opVar:
		if input, i := c.variable(e.sym); input {
			return func(ev *Evaluator) tri { return ev.in[i].tri() }
		}
	case opCall:
		if e.bi.name == "not" {
			inner := c.cond(e.kids[0])
			return func(ev *Evaluator) tri { return notTri(inner(ev)) }
		}
	}
	n := c.compile(e)
	return func(ev *Evaluator) tri { return n(ev).tri() }
}

func (c *compiler) logic(e *expr) boolNode {
	kids := make([]boolNode, len(e.kids))
	for i, k := range e.kids {
		kids[i] = c.cond(k)
	}
	stop, rest := triFalse, triTrue
	if e.op == opOr {
		stop, rest = triTrue, triFalse
	}
	if len(kids) == 2 {
		a, b := kids[0], kids[1]
		return func(ev *Evaluator) tri {
			x := a(ev)
			if x == stop {
				return stop
			}
			y := b(ev)
			if y == stop {
				return stop
			}
			if x == triNull {
				return triNull
			}
			return y
		}
	}
	return func(ev *Evaluator) tri {
		out := rest
		for _, k := range kids {
			switch k(ev) {
			case stop:
				return stop
			case triNull:
				out = triNull
			}
		}
		return out
	}
}

// fault is null with a diagnostic saying why.
func (ev *Evaluator) fault(w *where, code Code, message string) Value {
	if !ev.quiet() {
		ev.diags = append(ev.diags, Diagnostic{Pos: position(w.src, int(w.pos)), Code: code, Message: message})
	}
	return Null
}

// quiet tells whether diagnostics would be thrown away, so that their text
// need not be made.
func (ev *Evaluator) quiet() bool {
	return ev.exhausted || ev.opts.NoDiagnostics || len(ev.diags) >= ev.opts.Limits.Diagnostics
}
