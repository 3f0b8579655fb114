package feel

// Limits bound one evaluation. Zero fields take the default.
type Limits struct {
	Steps       int64 // loop rounds, calls, items made; default 10,000,000
	Depth       int   // nested calls; default 1,000
	ListLen     int   // items of one list; default 1,000,000
	StringLen   int   // bytes of one string; default 16 MiB
	Diagnostics int   // diagnostics kept; default 32
}

// DefaultLimits are the limits used where none are given.
var DefaultLimits = Limits{Steps: 10_000_000, Depth: 1_000, ListLen: 1_000_000, StringLen: 16 << 20, Diagnostics: 32}

// Options are the outside of an evaluation.
type Options struct {
	// Now is the date and time now() gives; today() is its date. Null makes
	// both null.
	Now Value
	// Limits bound the evaluation.
	Limits Limits
	// NoDiagnostics leaves out the reasons of nulls, which makes faulty
	// inputs cheaper.
	NoDiagnostics bool
	// Host is for the engine around: functions written in Go find it by
	// Evaluator.Host.
	Host any
}

// Evaluator runs programs under one budget. It is not safe for concurrent use;
// it can be used again after Reset.
type Evaluator struct {
	in   []Value // slots of the running program, owned by the caller
	fr   []Value // names introduced by the running expression or function
	mem  []Value // where frames are cut from
	sp   int
	opts Options

	keepsOf *Program // whose values kept holds
	kept    []kept
	others  map[*Program][]kept

	steps     int64
	depth     int
	exhausted bool
	diags     []Diagnostic
	patterns  map[string]*pattern // compiled from texts met at run time
}

// NewEvaluator is an evaluator with the given options.
func NewEvaluator(o Options) *Evaluator {
	ev := &Evaluator{}
	ev.Reset(o)
	return ev
}

// Reset gives the evaluator new options and a full budget, and forgets its
// diagnostics.
func (ev *Evaluator) Reset(o Options) {
	o.Limits = o.Limits.withDefaults()
	ev.opts = o
	clear(ev.mem[:ev.sp])
	ev.in, ev.fr, ev.sp, ev.depth = nil, nil, 0, 0
	ev.steps = o.Limits.Steps
	ev.exhausted = false
	ev.diags = ev.diags[:0]
	ev.keepsOf, ev.kept = nil, nil
	clear(ev.others)
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	if l.Steps > 0 {
		d.Steps = l.Steps
	}
	if l.Depth > 0 {
		d.Depth = l.Depth
	}
	if l.ListLen > 0 {
		d.ListLen = l.ListLen
	}
	if l.StringLen > 0 {
		d.StringLen = l.StringLen
	}
	if l.Diagnostics > 0 {
		d.Diagnostics = l.Diagnostics
	}
	return d
}

// Run evaluates the program. slots holds a value for every name of the scope
// the program was compiled in; missing ones are null. The slice is read only
// while Run runs.
func (ev *Evaluator) Run(p *Program, slots []Value) Value {
	if len(slots) < p.minSlots {
		slots = append(make([]Value, 0, p.minSlots), slots...)[:p.minSlots]
	}
	in, fr := ev.in, ev.fr
	ev.in = slots
	of, list := ev.keepsOf, ev.kept
	if p.keeps > 0 {
		ev.keeps(p)
	}
	if p.locals > 0 {
		ev.push(p.locals)
	}
	v := p.root(ev)
	if p.locals > 0 {
		ev.pop(p.locals)
	}
	if p.keeps > 0 && in != nil {
		ev.keepsOf, ev.kept = of, list // of the program that runs around this one
	}
	ev.in, ev.fr = in, fr
	if ev.exhausted {
		return Null
	}
	return v
}

// Test is Run for conditions and unary tests: whether the result is true.
func (ev *Evaluator) Test(p *Program, slots []Value) bool {
	if p.test == nil || p.locals > 0 || p.keeps > 0 || len(slots) < p.minSlots {
		return ev.Run(p, slots).IsTrue()
	}
	in := ev.in
	ev.in = slots
	t := p.test(ev)
	ev.in = in
	return t == triTrue && !ev.exhausted
}

// Diagnostics are the reasons of nulls since the last Reset. The slice is
// valid until then.
func (ev *Evaluator) Diagnostics() []Diagnostic { return ev.diags }

// Exhausted tells whether a limit stopped the evaluation.
func (ev *Evaluator) Exhausted() bool { return ev.exhausted }

// Report adds a diagnostic, for functions written in Go.
func (ev *Evaluator) Report(d Diagnostic) {
	if !ev.quiet() {
		ev.diags = append(ev.diags, d)
	}
}

// push cuts a frame of n nulls and makes it the current one. When memory runs
// out, older frames keep the memory they were cut from.
func (ev *Evaluator) push(n int) {
	if ev.sp+n > len(ev.mem) {
		ev.mem = make([]Value, max(64, 2*len(ev.mem), ev.sp+n))
	}
	ev.fr = ev.mem[ev.sp : ev.sp+n : ev.sp+n]
	ev.sp += n
}

// pop gives the current frame back, cleared, so that nothing stays reachable.
func (ev *Evaluator) pop(n int) {
	clear(ev.fr)
	ev.sp -= n
}

// spend takes n steps off the budget and tells whether the evaluation may go on.
func (ev *Evaluator) spend(n int64) bool {
	ev.steps -= n
	if ev.steps >= 0 {
		return !ev.exhausted
	}
	ev.stop(Position{Line: 1, Column: 1}, "the evaluation took more steps than its budget")
	return false
}

// stop ends the evaluation: everything is null from here on.
func (ev *Evaluator) stop(pos Position, why string) {
	if ev.exhausted {
		return
	}
	ev.exhausted = true
	ev.diags = append(ev.diags, Diagnostic{Pos: pos, Code: CodeBudget, Message: why})
}
