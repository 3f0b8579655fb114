package dmn

import (
	"errors"
	"strings"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

var errTooDeep = errors.New("calls are nested deeper than 256")

// sessionOf gives the session a function is called in. A function that left
// its evaluation as a result and is called later gets a session of its own.
func sessionOf(ev *feel.Evaluator, m *Model) *Session {
	if s, ok := ev.Host().(*Session); ok && s.m == m {
		return s
	}
	return m.NewSession(SessionOptions{})
}

func (c *compiler) params(p *part, vars []*dmnxml.Variable, where string) []feel.Param {
	out := make([]feel.Param, len(vars))
	for i, v := range vars {
		out[i] = feel.Param{Name: spaced(v.Name), Type: c.typeRef(p, v.TypeRef, where, v.Pos, nil)}
	}
	return out
}

// resultOf gives the type of a function's result from a declared type, which is
// a function type in newer editions and the type of the result in older ones.
func resultOf(t *feel.Type) *feel.Type {
	if t.Kind() == feel.TypeFunction {
		return t.Result()
	}
	return t
}

// closure is a function whose body is a box.
type closure struct {
	node     *node
	body     boxFunc
	captured []feel.Value
	slots    []int // of the parameters
	self     int   // slot of the function itself
	value    feel.Value
}

func (cl *closure) call(s *Session, args []feel.Value) (feel.Value, error) {
	if s.calls >= maxCalls {
		return feel.Null, errTooDeep
	}
	s.calls++
	f := s.push(cl.node.size)
	copy(f, cl.captured)
	f[cl.self] = cl.value
	for i, slot := range cl.slots {
		f[slot] = args[i]
	}
	v := cl.body(s, f)
	s.pop(f)
	s.calls--
	return v, nil
}

// functionBox compiles a boxed function definition.
func (c *compiler) functionBox(sc scope, e *dmnxml.Function, name string) (boxFunc, *feel.Type) {
	params := c.params(sc.part, e.Parameters, name)
	result := resultOf(c.typeRef(sc.part, e.TypeRef, name, e.Pos, nil))
	if !isFEELKind(e.Kind) {
		native, err := c.externalBox(e, params)
		if err != nil {
			c.problem(Fatal, sc.part, place{name, e.Pos}, "%v", err)
			return null, nil
		}
		fn := feel.NewFunction(name, params, result, native)
		return func(*Session, []feel.Value) feel.Value { return fn }, typeOf(fn)
	}
	outer := sc.feel.Len()
	self, slots := c.functionScope(sc, params, name)
	body, bodyType := c.box(self.scope, e.Body, name)
	if e.Body == nil {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "the function has no body")
	}
	if result == nil {
		bodyType = nil // the checker need not trust an inferred type
	}
	m := c.m
	return func(s *Session, f []feel.Value) feel.Value {
		cl := &closure{node: sc.node, body: body, captured: append([]feel.Value(nil), f[:outer]...), slots: slots, self: self.slot}
		cl.value = feel.NewFunction(name, params, result, func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
			return cl.call(sessionOf(ev, m), args)
		})
		return cl.value
	}, functionType(params, result, bodyType)
}

func isFEELKind(kind string) bool { return kind == "" || strings.EqualFold(kind, "FEEL") }

func typeOf(fn feel.Value) *feel.Type {
	if f, ok := fn.AsFunction(); ok {
		return f.Type()
	}
	return nil
}

func functionType(params []feel.Param, result, inferred *feel.Type) *feel.Type {
	types := make([]*feel.Type, len(params))
	for i, p := range params {
		types[i] = p.Type
	}
	if result == nil {
		result = inferred
	}
	return feel.FunctionType(types, result)
}

// selfScope is the scope of a function's body with the slot of the function
// itself, which it can call by name.
type selfScope struct {
	scope
	slot int
}

func (c *compiler) functionScope(sc scope, params []feel.Param, name string) (selfScope, []int) {
	vars := []feel.Var{{Name: spaced(name), Type: functionType(params, nil, nil)}}
	for _, p := range params {
		vars = append(vars, feel.Var{Name: p.Name, Type: p.Type})
	}
	inner, slots := c.with(sc, vars...)
	return selfScope{inner, slots[0]}, slots[1:]
}

func (c *compiler) compileKnowledge(n *node) {
	logic := n.know.Logic
	if logic == nil {
		c.problem(Fatal, n.part, place{n.name, n.pos}, "the business knowledge model has no logic")
		return
	}
	n.params = c.params(n.part, logic.Parameters, n.name)
	result := resultOf(c.variableType(n))
	inner := resultOf(c.typeRef(n.part, logic.TypeRef, n.name, logic.Pos, nil))
	if result == nil {
		result, inner = inner, nil
	}
	sc := c.nodeScope(n)
	if !isFEELKind(logic.Kind) {
		native, err := c.externalBox(logic, n.params)
		if err != nil {
			c.problem(Fatal, n.part, place{n.name, logic.Pos}, "%v", err)
			return
		}
		n.fn = feel.NewFunction(n.name, n.params, result, native)
		return
	}
	if logic.Body == nil {
		c.problem(Fatal, n.part, place{n.name, logic.Pos}, "the function has no body")
	}
	bound := sc.feel.Len()
	self, slots := c.functionScope(sc, n.params, n.name)
	body, _ := c.box(self.scope, logic.Body, n.name)
	body = typed(body, inner, place{n.name, logic.Pos})
	cl := &closure{node: n, slots: slots, self: self.slot}
	cl.body = func(s *Session, f []feel.Value) feel.Value {
		mark := -1
		if s.trace != nil {
			mark = s.trace.call(n, f, slots)
		}
		v := body(s, f)
		if mark >= 0 {
			s.trace.leave(mark, v)
		}
		return v
	}
	m := c.m
	n.fn = feel.NewFunction(n.name, n.params, result, func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		s := sessionOf(ev, m)
		if len(n.bind) == 0 {
			return cl.call(s, args)
		}
		captured := s.push(bound)
		s.bind(n, captured)
		call := *cl
		call.captured = captured
		v, err := call.call(s, args)
		s.pop(captured)
		return v, err
	})
	cl.value = n.fn
}

func (c *compiler) compileService(n *node) {
	result := resultOf(c.variableType(n))
	for _, i := range n.targets {
		target := c.m.nodes[i]
		n.params = append(n.params, feel.Param{Name: target.name, Type: c.variableType(target)})
	}
	keys := make([]string, len(n.outputs))
	for i, out := range n.outputs {
		keys[i] = c.m.nodes[out].name
	}
	n.shape = feel.NewShape(keys...)
	m := c.m
	n.fn = feel.NewFunction(n.name, n.params, result, func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
		return n.serve(sessionOf(ev, m), n.targets, args)
	})
}

// serve evaluates a decision service: its outputs, with the arguments in place
// of the nodes that targets names.
func (n *node) serve(s *Session, targets []int, args []feel.Value) (feel.Value, error) {
	if s.calls >= maxCalls {
		return feel.Null, errTooDeep
	}
	s.calls++
	outer := s.layer
	if k := len(s.spare); k > 0 {
		s.layer, s.spare = s.spare[k-1], s.spare[:k-1]
		s.layer.reset()
	} else {
		s.layer = newLayer(len(s.m.nodes))
	}
	for i, target := range targets {
		s.layer.put(target, args[i])
	}
	mark := -1
	if s.trace != nil {
		mark = s.trace.enter(n, args[:len(n.params)])
	}
	var v feel.Value
	if len(n.outputs) == 1 {
		v = s.node(n.outputs[0])
	} else if len(n.outputs) > 1 {
		vals := make([]feel.Value, len(n.outputs))
		for i, out := range n.outputs {
			vals[i] = s.node(out)
		}
		v = n.shape.Of(vals)
	}
	if mark >= 0 {
		s.trace.leave(mark, v)
	}
	s.spare = append(s.spare, s.layer)
	s.layer = outer
	s.calls--
	return v, nil
}

// invocation compiles a boxed invocation.
func (c *compiler) invocation(sc scope, e *dmnxml.Invocation, name string) boxFunc {
	if e.Callee == nil {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "the invocation names no function")
		return null
	}
	callee, _ := c.box(sc, e.Callee, name)
	names := make([]string, 0, len(e.Bindings))
	args := make([]boxFunc, 0, len(e.Bindings))
	for _, b := range e.Bindings {
		if b.Parameter == nil {
			c.problem(Fatal, sc.part, place{name, b.Pos}, "the binding names no parameter")
			return null
		}
		fn, _ := c.box(sc, b.Value, name)
		declared := c.typeRef(sc.part, b.Parameter.TypeRef, name, b.Pos, nil)
		names = append(names, spaced(b.Parameter.Name))
		args = append(args, typed(fn, declared, place{sc.node.name, b.Pos}))
	}
	at := place{sc.node.name, e.Pos}
	return func(s *Session, f []feel.Value) feel.Value {
		fn := callee(s, f)
		if fn.Kind() != feel.KindFunction {
			s.report(at, feel.CodeValue, "what is invoked is not a function but %s", fn)
			return feel.Null
		}
		vals := s.push(len(args))
		for i, arg := range args {
			vals[i] = arg(s, f)
		}
		v := s.ev.CallNamed(fn, names, vals)
		s.pop(vals)
		if len(s.ev.Diagnostics()) != s.tagged {
			s.tag(at)
		}
		return v
	}
}
