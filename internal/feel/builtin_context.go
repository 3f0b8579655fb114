package feel

func contextFunctions() []*builtin {
	ctx := func(name string) Param { return Param{Name: name, Type: AnyContextType} }
	return []*builtin{
		def("get value", sig(nil, getValue, ctx("m"), str("key")), sig(nil, getValue, ctx("context"), list("keys"))),
		def("get entries", sig(ListType(ContextType(Field{"key", StringType}, Field{"value", nil})), getEntries, ctx("m"))),
		def("context", sig(AnyContextType, contextFrom, list("entries"))),
		def("context put", sig(AnyContextType, contextPut, ctx("context"), str("key"), any1("value")),
			sig(AnyContextType, contextPut, ctx("context"), list("keys"), any1("value"))),
		def("context merge", sig(AnyContextType, contextMerge, list("contexts"))),
	}
}

func getValue(ev *Evaluator, w *where, a []Value) Value {
	keys := a[1:2]
	if a[1].kind == KindList {
		if keys = a[1].items(); len(keys) == 0 {
			return ev.fault(w, CodeArguments, "get value: no keys")
		}
	}
	v := a[0]
	for _, k := range keys {
		if k.kind != KindString || v.kind != KindContext {
			return ev.fault(w, CodeValue, "get value: the context has no such entry")
		}
		m, ok := v.ctx().Get(k.str())
		if !ok {
			return ev.fault(w, CodeValue, "get value: the context has no entry "+k.str())
		}
		v = m
	}
	return v
}

var entryShape = newShape([]string{"key", "value"})

func getEntries(ev *Evaluator, w *where, a []Value) Value {
	c := a[0].ctx()
	out := make([]Value, c.Len())
	for i := range out {
		k, v := c.At(i)
		out[i] = contextValue(entryShape, []Value{String(k), v})
	}
	return ev.newList(w, out)
}

func contextFrom(ev *Evaluator, w *where, a []Value) Value {
	entries := a[0].items()
	b := NewContextBuilder(len(entries))
	for _, e := range entries {
		if e.kind != KindContext || !ev.spend(1) {
			return ev.fault(w, CodeType, "context: an entry is no context")
		}
		k, ok1 := e.ctx().Get("key")
		v, ok2 := e.ctx().Get("value")
		if !ok1 || !ok2 || k.kind != KindString {
			return ev.fault(w, CodeType, "context: an entry without key or value")
		}
		if b.find(k.str()) >= 0 {
			return ev.fault(w, CodeDuplicate, "context: the key "+k.str()+" occurs twice")
		}
		b.Put(k.str(), v)
	}
	return ev.newContext(w, newShape(b.keys), b.vals)
}

func contextPut(ev *Evaluator, w *where, a []Value) Value {
	keys := []Value{a[1]}
	if a[1].kind == KindList {
		keys = a[1].items()
	}
	v, ok := putPath(a[0], keys, a[2])
	if !ok {
		return ev.fault(w, CodeValue, "context put: there is no such path")
	}
	return ev.newContext(w, v.ctx().shape, v.ctx().vals)
}

// putPath is a copy of the context with one entry set. The path is not longer
// than values are deep, because every step needs a context.
func putPath(in Value, keys []Value, v Value) (Value, bool) {
	if in.kind != KindContext || len(keys) == 0 || keys[0].kind != KindString {
		return Null, false
	}
	c := in.ctx()
	if len(keys) > 1 {
		inner, ok := c.Get(keys[0].str())
		if !ok {
			return Null, false
		}
		if v, ok = putPath(inner, keys[1:], v); !ok {
			return Null, false
		}
	}
	return withEntry(c, keys[0].str(), v), true
}

func withEntry(c *Context, key string, v Value) Value {
	if i := c.shape.find(key); i >= 0 {
		vals := append([]Value(nil), c.vals...)
		vals[i] = v
		return contextValue(c.shape, vals)
	}
	keys := append(append(make([]string, 0, len(c.vals)+1), c.shape.keys...), key)
	vals := append(append(make([]Value, 0, len(c.vals)+1), c.vals...), v)
	return contextValue(newShape(keys), vals)
}

func contextMerge(ev *Evaluator, w *where, a []Value) Value {
	b := NewContextBuilder(8)
	for _, it := range a[0].items() {
		if it.kind != KindContext {
			return ev.fault(w, CodeType, "context merge: an item is "+it.kind.String())
		}
		c := it.ctx()
		if !ev.spend(int64(c.Len())) {
			return Null
		}
		for i := range c.vals {
			b.Put(c.At(i))
		}
	}
	return ev.newContext(w, newShape(b.keys), b.vals)
}
