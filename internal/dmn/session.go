package dmn

import (
	"fmt"
	"slices"
	"sync"

	"rapport/internal/feel"
)

// SessionOptions are the outside of an evaluation.
type SessionOptions struct {
	Now    feel.Value  // the date and time now() gives; null makes it null
	Limits feel.Limits // budgets; zero fields take their defaults
	Trace  bool        // record every node; read it with Session.Trace
	// Clock gives nanoseconds for the times in traces; nil leaves them zero.
	Clock func() int64
	// NoDiagnostics leaves out the reasons of nulls.
	NoDiagnostics bool
	// Outside is handed to the bodies of external functions, which read it with
	// the function Outside.
	Outside any
}

// Outside is what SessionOptions.Outside was given, for the bodies of external
// functions; nil where they run in no session.
func Outside(ev *feel.Evaluator) any {
	if s, ok := ev.Host().(*Session); ok {
		return s.opts.Outside
	}
	return nil
}

// maxCalls bounds nested calls of knowledge models and services.
const maxCalls = 256

// Session is one evaluation of a model. It is not safe for concurrent use.
type Session struct {
	m        *Model
	ev       *feel.Evaluator
	opts     SessionOptions
	layer    *layer
	spare    []*layer
	mem      []feel.Value
	sp       int
	bitmem   []uint64
	bsp      int
	steps    int64
	calls    int
	current  *expr // the text that runs
	tagged   int   // diagnostics of ev that are in diags
	badTests int   // conditions of boxed filters that were not boolean
	diags    []Diagnostic
	trace    *tracer
	idle     *tracer
}

// layer holds the values of nodes. A call of a decision service has its own:
// within it, the inputs of the service take the place of the outer values.
type layer struct {
	values []feel.Value
	done   []uint32 // equal to gen where the value is known
	gen    uint32
}

func newLayer(n int) *layer {
	return &layer{values: make([]feel.Value, n), done: make([]uint32, n), gen: 1}
}

func (l *layer) reset() {
	if l.gen++; l.gen == 0 {
		clear(l.done)
		l.gen = 1
	}
}

func (l *layer) put(i int, v feel.Value) { l.values[i], l.done[i] = v, l.gen }

// NewSession starts an evaluation without any inputs.
func (m *Model) NewSession(o SessionOptions) *Session {
	s := &Session{m: m, layer: newLayer(len(m.nodes)), ev: feel.NewEvaluator(feel.Options{})}
	s.Reset(o)
	return s
}

// Reset forgets all values, diagnostics and the trace, and gives the session a
// full budget.
func (s *Session) Reset(o SessionOptions) {
	s.opts = o
	s.ev.Reset(feel.Options{Now: o.Now, Limits: o.Limits, NoDiagnostics: o.NoDiagnostics, Host: s})
	s.layer.reset()
	s.steps = o.Limits.Steps
	if s.steps <= 0 {
		s.steps = feel.DefaultLimits.Steps
	}
	s.calls, s.tagged, s.current = 0, 0, nil
	s.diags = s.diags[:0]
	if s.trace != nil {
		s.idle, s.trace = s.trace, nil
	}
	if o.Trace {
		if s.idle == nil {
			s.idle = &tracer{}
		}
		s.trace = s.idle
		s.trace.reset(s)
	}
}

// Set gives a value to an input, or to a decision in place of its own. An
// empty namespace means the model itself. It is false when there is no such
// input. A value that is not of the declared type becomes null.
func (s *Session) Set(namespace, name string, v feel.Value) bool {
	n := s.m.find(namespace, name)
	if n == nil || n.kind != InputNode && n.kind != DecisionNode {
		return false
	}
	s.SetIndex(n.index, v)
	return true
}

// SetIndex is Set by the index of the node.
func (s *Session) SetIndex(i int, v feel.Value) {
	n := s.m.nodes[i]
	if n.declared != nil {
		v = s.coerce(v, n.declared, place{n.name, n.pos})
	}
	s.layer.put(i, v)
}

// Decide gives the value of a decision. It is false when there is none of that
// name.
func (s *Session) Decide(namespace, name string) (feel.Value, bool) {
	n := s.m.find(namespace, name)
	if n == nil || n.kind != DecisionNode && n.kind != InputNode {
		return feel.Null, false
	}
	return s.node(n.index), true
}

// DecideIndex is Decide by the index of the node.
func (s *Session) DecideIndex(i int) feel.Value { return s.node(i) }

// Call invokes a business knowledge model or decision service with arguments
// by name; what a service is not given here it takes from Set, else it is null.
func (s *Session) Call(namespace, name string, args map[string]feel.Value) (feel.Value, bool) {
	n := s.m.find(namespace, name)
	if n == nil || n.kind != KnowledgeNode && n.kind != ServiceNode {
		return feel.Null, false
	}
	if n.kind == ServiceNode {
		return s.callService(n, args), true
	}
	names := make([]string, 0, len(n.params))
	vals := make([]feel.Value, 0, len(n.params))
	for _, p := range n.params {
		names = append(names, p.Name)
		vals = append(vals, args[p.Name])
	}
	v := s.ev.CallNamed(n.fn, names, vals)
	s.tag(place{n.name, n.pos})
	return v, true
}

func (s *Session) callService(n *node, args map[string]feel.Value) feel.Value {
	targets := slices.Clone(n.targets)
	for name := range args {
		// Inputs that the service does not list, but its decisions may need.
		if in := n.part.byName[spaced(name)]; in != nil && in.kind == InputNode && !slices.Contains(targets, in.index) {
			targets = append(targets, in.index)
		}
	}
	vals := make([]feel.Value, len(targets))
	for i, index := range targets {
		target := s.m.nodes[index]
		v, ok := args[target.name]
		if !ok {
			v, ok = args[target.alias]
		}
		switch {
		case ok && target.declared != nil:
			vals[i] = s.coerce(v, target.declared, place{target.name, target.pos})
		case ok:
			vals[i] = v
		case s.layer.done[index] == s.layer.gen:
			vals[i] = s.layer.values[index]
		}
	}
	v, err := n.serve(s, targets, vals)
	if err != nil {
		s.report(place{n.name, n.pos}, feel.CodeBudget, "%v", err)
		return feel.Null
	}
	if f, ok := n.fn.AsFunction(); ok && f.Result != nil {
		v = s.coerce(v, f.Result, place{n.name, n.pos})
	}
	return v
}

// Diagnostics lists why values became null since the last Reset. The slice is
// valid until the next one.
func (s *Session) Diagnostics() []Diagnostic { return s.diags }

// Exhausted tells whether a budget stopped the evaluation.
func (s *Session) Exhausted() bool { return s.steps < 0 || s.ev.Exhausted() }

// node gives the value of a node, evaluating what it needs first.
func (s *Session) node(i int) feel.Value {
	l := s.layer
	if l.done[i] == l.gen {
		return l.values[i]
	}
	n := s.m.nodes[i]
	v := n.fn
	if n.kind == DecisionNode {
		v = s.decision(n)
	}
	l.put(i, v)
	return v
}

func (s *Session) decision(n *node) feel.Value {
	if n.broken || n.missing {
		why := "the decision has no logic and no value was given"
		if n.broken {
			why = "the decision requires itself"
		}
		s.report(place{n.name, n.pos}, feel.CodeValue, "%s", why)
		return feel.Null
	}
	f := s.push(n.size)
	s.bind(n, f)
	mark := -1
	if s.trace != nil {
		mark = s.trace.enter(n, f[:len(n.bind)])
	}
	v := n.logic(s, f)
	if n.declared != nil {
		v = s.coerce(v, n.declared, place{n.name, n.pos})
	}
	if mark >= 0 {
		s.trace.leave(mark, v)
	}
	s.pop(f)
	return v
}

// bind fills a frame with the values of a node's requirements.
func (s *Session) bind(n *node, f []feel.Value) {
	for i := range n.bind {
		b := &n.bind[i]
		if b.node >= 0 {
			f[i] = s.node(b.node)
		} else if b.fields != nil {
			f[i] = s.imported(b)
		}
	}
}

func (s *Session) imported(b *binding) feel.Value {
	vals := make([]feel.Value, len(b.fields))
	for i := range b.fields {
		if inner := &b.fields[i]; inner.node >= 0 {
			vals[i] = s.node(inner.node)
		} else {
			vals[i] = s.imported(inner)
		}
	}
	return b.shape.Of(vals)
}

// run evaluates text in a frame.
func (s *Session) run(x *expr, f []feel.Value) feel.Value {
	outer := s.enter(x)
	v := s.ev.Run(x.prog, f)
	s.leave(outer)
	return v
}

func (s *Session) test(x *expr, f []feel.Value) bool {
	outer := s.enter(x)
	ok := s.ev.Test(x.prog, f)
	s.leave(outer)
	return ok
}

// enter notes which text runs. What the text around it was told so far belongs
// to that one.
func (s *Session) enter(x *expr) *expr {
	outer := s.current
	if outer != nil && len(s.ev.Diagnostics()) != s.tagged {
		s.tag(outer.at)
	}
	s.current = x
	return outer
}

func (s *Session) leave(outer *expr) {
	if len(s.ev.Diagnostics()) != s.tagged {
		s.tag(s.current.at)
	}
	s.current = outer
}

// tag gives the place in the file to the diagnostics that FEEL added.
func (s *Session) tag(at place) {
	all := s.ev.Diagnostics()
	for _, d := range all[s.tagged:] {
		s.diags = append(s.diags, Diagnostic{at.node, within(at.pos, d.Pos), d.Code, d.Message})
	}
	s.tagged = len(all)
}

func (s *Session) report(at place, code feel.Code, format string, args ...any) {
	if s.opts.NoDiagnostics || len(s.diags) >= 100 {
		return
	}
	for i, a := range args {
		if v, ok := a.(feel.Value); ok {
			args[i] = shorten(v)
		}
	}
	s.diags = append(s.diags, Diagnostic{at.node, at.pos, code, fmt.Sprintf(format, args...)})
}

func shorten(v feel.Value) string {
	if items, ok := v.AsList(); ok && len(items) > 20 {
		return fmt.Sprintf("a list of %d items", len(items))
	}
	if ctx, ok := v.AsContext(); ok && ctx.Len() > 20 {
		return fmt.Sprintf("a context of %d entries", ctx.Len())
	}
	text := []rune(v.Literal())
	if len(text) > 80 {
		return string(text[:79]) + "…"
	}
	return string(text)
}

// coerce gives v as a value of type t, or null with a diagnostic.
func (s *Session) coerce(v feel.Value, t *feel.Type, at place) feel.Value {
	if v.IsNull() {
		return v
	}
	out, ok := feel.Coerce(v, t)
	if !ok {
		s.report(at, feel.CodeType, "%s is not of type %s", v, t)
		return feel.Null
	}
	return out
}

// step takes one loop round off the budget.
func (s *Session) step() bool {
	if s.steps--; s.steps == -1 {
		s.report(place{}, feel.CodeBudget, "the evaluation took more steps than its budget")
	}
	return s.steps >= 0 && !s.ev.Exhausted()
}

// rangeItems lists the members of a range, as FEEL's own loop does.
var rangeItems = sync.OnceValue(func() *feel.Program {
	scope := feel.NewScope(feel.Var{Name: "r"})
	prog, err := feel.Compile("for i in r return i", scope, feel.CompileOptions{})
	if err != nil {
		panic("dmn: " + err.Error()) // the text is ours
	}
	return prog
})

// items gives what a boxed iterator goes through. One value that is not a list
// is a list of one.
func (s *Session) items(v feel.Value, at place) ([]feel.Value, bool) {
	if list, ok := v.AsList(); ok {
		return list, true
	}
	switch v.Kind() {
	case feel.KindNull:
		s.report(at, feel.CodeValue, "there is no list to go through")
		return nil, false
	case feel.KindRange:
		return s.run(&expr{rangeItems(), at}, []feel.Value{v}).AsList()
	}
	return []feel.Value{v}, true
}
