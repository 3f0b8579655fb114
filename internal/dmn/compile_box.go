package dmn

import (
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// null is logic that failed to compile: the reason is among the problems.
func null(*Session, []feel.Value) feel.Value { return feel.Null }

// box compiles a boxed expression, and gives the type of its values as far as
// it is known. name is what the box is called, for diagnostics.
func (c *compiler) box(sc scope, e dmnxml.Expression, name string) (boxFunc, *feel.Type) {
	var fn boxFunc
	var t *feel.Type
	if e != nil && c.tooLarge(sc, e.Common().Pos) {
		return null, nil
	}
	switch e := e.(type) {
	case nil:
		return null, nil
	case *dmnxml.Literal:
		fn, t = c.literal(sc, e, name)
	case *dmnxml.Context:
		fn, t = c.context(sc, e, name)
	case *dmnxml.List:
		fn, t = c.list(sc, e, name)
	case *dmnxml.Relation:
		fn, t = c.relation(sc, e, name)
	case *dmnxml.Function:
		return c.functionBox(sc, e, name)
	case *dmnxml.Invocation:
		fn = c.invocation(sc, e, name)
	case *dmnxml.Conditional:
		fn, t = c.conditional(sc, e, name)
	case *dmnxml.Filter:
		fn, t = c.filter(sc, e, name)
	case *dmnxml.Iterator:
		fn, t = c.iterator(sc, e, name)
	case *dmnxml.Table:
		fn, t = c.table(sc, e, name)
	}
	base := e.Common()
	declared := c.typeRef(sc.part, base.TypeRef, name, base.Pos, nil)
	if declared == nil {
		return fn, t
	}
	return typed(fn, declared, place{sc.node.name, base.Pos}), declared
}

// typed adds the check of a declared type to logic.
func typed(fn boxFunc, t *feel.Type, at place) boxFunc {
	if t == nil || t == feel.AnyType {
		return fn
	}
	return func(s *Session, f []feel.Value) feel.Value {
		return s.coerce(fn(s, f), t, at)
	}
}

func (c *compiler) literal(sc scope, e *dmnxml.Literal, name string) (boxFunc, *feel.Type) {
	if e.Imported != nil {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "imported values are not supported")
		return null, nil
	}
	x := c.text(sc, e.Source, e.Language, name, e.Pos)
	if x == nil {
		return null, nil
	}
	return func(s *Session, f []feel.Value) feel.Value { return s.run(x, f) }, x.prog.Type()
}

// contextEntry is a compiled entry of a boxed context.
type contextEntry struct {
	fn     boxFunc
	slot   int
	shadow bool // the slot had a value before; it must be put back
}

func (c *compiler) context(sc scope, e *dmnxml.Context, name string) (boxFunc, *feel.Type) {
	var entries []contextEntry
	var keys []string
	var fields []feel.Field
	var result boxFunc
	var resultType *feel.Type
	seen := map[string]bool{}
	inner, _ := c.with(sc)
	for _, entry := range e.Entries {
		if entry.Value == nil {
			c.problem(Warning, sc.part, place{name, entry.Pos}, "the context entry has no expression; it is null")
		}
		if entry.Variable == nil || spaced(entry.Variable.Name) == "" {
			if result != nil {
				c.problem(Warning, sc.part, place{name, entry.Pos}, "the context has more than one result; the last one is used")
			}
			result, resultType = c.box(inner, entry.Value, name)
			continue
		}
		key := spaced(entry.Variable.Name)
		if seen[key] {
			c.problem(Fatal, sc.part, place{name, entry.Pos}, "key %q occurs twice in the context", key)
			return null, nil
		}
		seen[key] = true
		fn, t := c.contextValue(inner, entry, key)
		_, shadow := inner.feel.Slot(key)
		entries = append(entries, contextEntry{fn, inner.add(feel.Var{Name: key, Type: t}), shadow})
		keys = append(keys, key)
		fields = append(fields, feel.Field{Name: key, Type: t})
	}
	if result != nil {
		return contextResult(entries, result), resultType
	}
	return contextValues(entries, feel.NewShape(keys...)), feel.ContextType(fields...)
}

func (c *compiler) contextValue(sc scope, entry *dmnxml.ContextEntry, key string) (boxFunc, *feel.Type) {
	var fn boxFunc
	var t *feel.Type
	if f, ok := entry.Value.(*dmnxml.Function); ok {
		fn, t = c.functionBox(sc, f, key) // checks the type of its results itself
		return fn, t
	}
	fn, t = c.box(sc, entry.Value, key)
	if declared := c.typeRef(sc.part, entry.Variable.TypeRef, key, entry.Pos, nil); declared != nil {
		return typed(fn, declared, place{sc.node.name, entry.Pos}), declared
	}
	return fn, t
}

// fill evaluates the entries into their slots, and gives the values that were
// in shadowed ones.
func fill(entries []contextEntry, s *Session, f []feel.Value) []feel.Value {
	var saved []feel.Value
	for i := range entries {
		e := &entries[i]
		v := e.fn(s, f)
		if e.shadow {
			saved = append(saved, f[e.slot])
		}
		f[e.slot] = v
	}
	return saved
}

func restore(entries []contextEntry, f, saved []feel.Value) {
	for i := len(entries) - 1; i >= 0 && len(saved) > 0; i-- {
		if entries[i].shadow {
			f[entries[i].slot] = saved[len(saved)-1]
			saved = saved[:len(saved)-1]
		}
	}
}

func contextResult(entries []contextEntry, result boxFunc) boxFunc {
	return func(s *Session, f []feel.Value) feel.Value {
		saved := fill(entries, s, f)
		v := result(s, f)
		restore(entries, f, saved)
		return v
	}
}

func contextValues(entries []contextEntry, shape feel.Shape) boxFunc {
	return func(s *Session, f []feel.Value) feel.Value {
		saved := fill(entries, s, f)
		vals := make([]feel.Value, len(entries))
		for i := range entries {
			vals[i] = f[entries[i].slot]
		}
		restore(entries, f, saved)
		return shape.Of(vals)
	}
}

func (c *compiler) list(sc scope, e *dmnxml.List, name string) (boxFunc, *feel.Type) {
	items := make([]boxFunc, len(e.Items))
	for i, item := range e.Items {
		items[i], _ = c.box(sc, item, name)
	}
	return func(s *Session, f []feel.Value) feel.Value {
		vals := make([]feel.Value, len(items))
		for i, item := range items {
			vals[i] = item(s, f)
		}
		return feel.ListOf(vals...)
	}, feel.AnyListType
}

func (c *compiler) relation(sc scope, e *dmnxml.Relation, name string) (boxFunc, *feel.Type) {
	keys := make([]string, len(e.Columns))
	types := make([]*feel.Type, len(e.Columns))
	fields := make([]feel.Field, len(e.Columns))
	for i, col := range e.Columns {
		keys[i] = spaced(col.Name)
		types[i] = c.typeRef(sc.part, col.TypeRef, name, col.Pos, nil)
		fields[i] = feel.Field{Name: keys[i], Type: types[i]}
	}
	rows := make([][]boxFunc, len(e.Rows))
	for i, row := range e.Rows {
		if len(row.Cells) != len(keys) {
			c.problem(Fatal, sc.part, place{name, row.Pos}, "the row has %d cells; the relation has %d columns", len(row.Cells), len(keys))
			return null, nil
		}
		for k, cell := range row.Cells {
			fn, _ := c.box(sc, cell, name)
			rows[i] = append(rows[i], typed(fn, types[k], place{sc.node.name, cell.Common().Pos}))
		}
	}
	shape := feel.NewShape(keys...)
	return func(s *Session, f []feel.Value) feel.Value {
		out := make([]feel.Value, len(rows))
		for i, row := range rows {
			vals := make([]feel.Value, len(row))
			for k, cell := range row {
				vals[k] = cell(s, f)
			}
			out[i] = shape.Of(vals)
		}
		return feel.ListOf(out...)
	}, feel.ListType(feel.ContextType(fields...))
}
