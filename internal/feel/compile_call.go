package feel

import "slices"

// lambda is the compiled body of a function literal.
type lambda struct {
	body   node
	frame  int   // slots: parameters first, then captured and local names
	slots  []int // of the captured names, in the order of Function.bound
	result *Type
}

func (c *compiler) function(e *expr) node {
	inner := &compiler{src: c.src, fn: e.fn, opts: c.opts, reads: c.reads, minSlots: c.minSlots, impure: c.impure, keeps: c.keeps}
	for _, s := range e.syms {
		s.index = e.fn.alloc()
	}
	l := &lambda{result: e.typ.result}
	l.body = inner.compile(e.kids[0])
	l.frame = e.fn.size
	loads := make([]node, len(e.fn.captured))
	for i, s := range e.fn.captured {
		l.slots = append(l.slots, e.fn.index[s])
		loads[i] = c.load(s)
	}
	params := e.params
	return func(ev *Evaluator) Value {
		f := &Function{Params: params, lambda: l}
		if len(loads) > 0 {
			f.bound = make([]Value, len(loads))
			for i, ld := range loads {
				f.bound[i] = ld(ev)
			}
		}
		return funcValue(f)
	}
}

func (c *compiler) external(e *expr) node {
	spec, params, w, resolve := c.compile(e.kids[0]), e.params, c.at(e), c.opts.External
	return func(ev *Evaluator) Value {
		if resolve == nil {
			return ev.fault(w, CodeExternal, "external functions are not available here")
		}
		body, err := resolve(params, spec(ev))
		if err != nil {
			return ev.fault(w, CodeExternal, err.Error())
		}
		return NewFunction("", params, nil, body)
	}
}

// take cuts n values for arguments; give returns them.
func (ev *Evaluator) take(n int) []Value {
	fr := ev.fr
	ev.push(n)
	args := ev.fr
	ev.fr = fr
	return args
}

func (ev *Evaluator) give(args []Value) {
	clear(args)
	ev.sp -= len(args)
}

func (c *compiler) invoke(e *expr) node {
	callee, args, names, w := c.compile(e.kids[0]), c.compileAll(e.kids[1:]), e.names, c.at(e)
	return func(ev *Evaluator) Value {
		f := callee(ev)
		if f.kind != KindFunction {
			if f.kind == KindNull {
				return ev.fault(w, CodeType, "call of null")
			}
			return ev.fault(w, CodeType, f.kind.String()+" is not a function")
		}
		vals := ev.take(len(args))
		for i, a := range args {
			vals[i] = a(ev)
		}
		var out Value
		if names != nil {
			out = ev.callNamed(w, f.fn(), names, vals)
		} else {
			out = ev.callFunction(w, f.fn(), vals)
		}
		ev.give(vals)
		return out
	}
}

var nowhere = &where{}

// Call calls a function value with arguments by position.
func (ev *Evaluator) Call(fn Value, args ...Value) Value {
	if fn.kind != KindFunction {
		return ev.fault(nowhere, CodeType, fn.kind.String()+" is not a function")
	}
	return ev.callFunction(nowhere, fn.fn(), args)
}

// CallNamed calls a function value with arguments by name.
func (ev *Evaluator) CallNamed(fn Value, names []string, args []Value) Value {
	if fn.kind != KindFunction {
		return ev.fault(nowhere, CodeType, fn.kind.String()+" is not a function")
	}
	return ev.callNamed(nowhere, fn.fn(), names, args)
}

func (ev *Evaluator) callNamed(w *where, f *Function, names []string, args []Value) Value {
	if f.spec != nil {
		sig, order := f.spec.match(len(args), names)
		if sig == nil {
			return ev.fault(w, CodeArguments, f.spec.name+" does not take these arguments, expected "+f.spec.usage())
		}
		return ev.applyOrdered(w, f.spec, sig, args, order)
	}
	sorted := ev.take(len(f.Params))
	defer ev.give(sorted)
	given := 0
	for i, n := range names {
		k := paramIndex(f.Params, n)
		if k < 0 {
			return ev.fault(w, CodeArguments, "unknown parameter "+n)
		}
		sorted[k] = args[i]
		given++
	}
	for _, p := range f.Params {
		if !p.Optional && !contains(names, p.Name) {
			return ev.fault(w, CodeArguments, "no argument for parameter "+p.Name)
		}
	}
	if given > len(f.Params) {
		return ev.fault(w, CodeArguments, "too many arguments")
	}
	return ev.callFunction(w, f, sorted)
}

func contains(names []string, name string) bool {
	return slices.Contains(names, name)
}

func paramIndex(params []Param, name string) int {
	for i := range params {
		if params[i].Name == name {
			return i
		}
	}
	return -1
}

// callFunction calls with arguments by position.
func (ev *Evaluator) callFunction(w *where, f *Function, args []Value) Value {
	if !ev.spend(1) {
		return Null
	}
	if f.spec != nil {
		sig, order := f.spec.match(len(args), nil)
		if sig == nil {
			return ev.fault(w, CodeArguments, f.spec.name+" does not take these arguments, expected "+f.spec.usage())
		}
		if len(args) == len(order) {
			sig = f.spec.pick(sig, fitting(args))
		}
		return ev.applyOrdered(w, f.spec, sig, args, order)
	}
	if ev.depth >= ev.opts.Limits.Depth {
		ev.stop(position(w.src, int(w.pos)), "calls are nested too deeply")
		return Null
	}
	if len(args) > len(f.Params) {
		return ev.fault(w, CodeArguments, "too many arguments")
	}
	frame := len(f.Params)
	if f.lambda != nil {
		frame = f.lambda.frame
	}
	fr, in := ev.fr, ev.in
	ev.push(frame)
	own := ev.fr
	out := Null
	if ev.bind(w, f, own, args) {
		ev.depth++
		out = ev.body(w, f, own)
		ev.depth--
	}
	clear(own)
	ev.sp -= frame
	ev.fr, ev.in = fr, in
	return out
}

// bind puts the arguments into the frame of a function, coerced.
func (ev *Evaluator) bind(w *where, f *Function, frame, args []Value) bool {
	for i := range f.Params {
		p := &f.Params[i]
		if i >= len(args) {
			if !p.Optional {
				ev.fault(w, CodeArguments, "no argument for parameter "+p.Name)
				return false
			}
			continue
		}
		v := args[i]
		if p.Type != nil && v.kind != KindNull && p.Type.kind != TypeAny {
			if !ev.weigh(v) {
				return false
			}
			var ok bool
			if v, ok = Coerce(v, p.Type); !ok {
				ev.fault(w, CodeArguments, "argument "+p.Name+" is not "+p.Type.String())
				return false
			}
		}
		frame[i] = v
	}
	return true
}

func (ev *Evaluator) body(w *where, f *Function, frame []Value) Value {
	var out Value
	if l := f.lambda; l != nil {
		for i, s := range l.slots {
			frame[s] = f.bound[i]
		}
		out = l.body(ev)
	} else {
		v, err := f.native(ev, frame)
		if err != nil {
			return ev.fault(w, CodeExternal, err.Error())
		}
		out = v
	}
	if f.Result == nil || ev.exhausted {
		return out
	}
	if !ev.weigh(out) {
		return Null
	}
	r, ok := Coerce(out, f.Result)
	if !ok {
		return ev.fault(w, CodeType, "the result is not "+f.Result.String())
	}
	return r
}

// applyOrdered calls a built-in with arguments put in the order of the
// signature; -1 stands for one left out.
func (ev *Evaluator) applyOrdered(w *where, bi *builtin, sig *signature, args []Value, order []int) Value {
	sorted := ev.take(len(order))
	for i, k := range order {
		if k >= 0 {
			sorted[i] = args[k]
		}
	}
	out := ev.apply(w, bi, sig, sorted)
	ev.give(sorted)
	return out
}

// call compiles the call of a built-in. The parser found the signature.
func (c *compiler) call(e *expr) node {
	bi, w := e.bi, c.at(e)
	id, _ := e.val.AsInt()
	sig := &bi.sigs[id]
	if bi.impure {
		*c.impure = true
	}
	args := c.compileAll(e.kids)
	if n := patternCall(bi, sig, e, args, w); n != nil {
		return n
	}
	if len(bi.sigs) > 1 && e.names == nil {
		return func(ev *Evaluator) Value {
			vals := ev.take(len(args))
			for i, a := range args {
				vals[i] = a(ev)
			}
			out := ev.apply(w, bi, bi.pick(sig, fitting(vals)), vals)
			ev.give(vals)
			return out
		}
	}
	return func(ev *Evaluator) Value {
		vals := ev.take(len(args))
		for i, a := range args {
			vals[i] = a(ev)
		}
		out := ev.apply(w, bi, sig, vals)
		ev.give(vals)
		return out
	}
}

// fitting tells for a choice of signature whether values are of the types.
func fitting(vals []Value) func(i int, t *Type) bool {
	return func(i int, t *Type) bool { return vals[i].kind == KindNull || vals[i].kind == t.valueKind() }
}

// apply coerces the arguments in place and runs the built-in. Null for a
// parameter that needs a value makes the result null.
func (ev *Evaluator) apply(w *where, bi *builtin, sig *signature, args []Value) Value {
	if !ev.spend(1) {
		return Null
	}
	for i := range args {
		p := sig.paramAt(i)
		if p.Type == nil {
			continue
		}
		v := &args[i]
		if v.kind == KindNull {
			if p.Optional {
				continue
			}
			return ev.fault(w, CodeArguments, bi.name+": "+p.Name+" is null")
		}
		if v.kind == p.Type.valueKind() && p.Type.elem == nil {
			continue
		}
		c, ok := Coerce(*v, p.Type)
		if !ok {
			if ev.quiet() {
				return Null
			}
			return ev.fault(w, CodeArguments, bi.name+": "+p.Name+" is "+v.kind.String()+", expected "+p.Type.String())
		}
		*v = c
	}
	return sig.run(ev, w, args)
}
