package dmn

import (
	"fmt"
	"slices"

	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// child compiles a part of a boxed expression, such as the "then" of an "if".
func (c *compiler) child(sc scope, e *dmnxml.Child, name, role string, pos dmnxml.Pos) (boxFunc, *feel.Type) {
	if e == nil || e.Value == nil {
		c.problem(Fatal, sc.part, place{name, pos}, "the part %q is missing", role)
		return null, nil
	}
	fn, t := c.box(sc, e.Value, name)
	if declared := c.typeRef(sc.part, e.TypeRef, name, e.Pos, nil); declared != nil {
		return typed(fn, declared, place{sc.node.name, e.Pos}), declared
	}
	return fn, t
}

func (c *compiler) conditional(sc scope, e *dmnxml.Conditional, name string) (boxFunc, *feel.Type) {
	cond, _ := c.child(sc, e.If, name, "if", e.Pos)
	then, t := c.child(sc, e.Then, name, "then", e.Pos)
	otherwise, u := c.child(sc, e.Else, name, "else", e.Pos)
	if t == nil || u == nil || !t.ConformsTo(u) || !u.ConformsTo(t) {
		t = nil
	}
	at := place{sc.node.name, e.Pos}
	return func(s *Session, f []feel.Value) feel.Value {
		switch v := cond(s, f); {
		case v.IsTrue():
			return then(s, f)
		case v.IsFalse(), v.IsNull():
			return otherwise(s, f)
		default:
			s.report(at, feel.CodeType, "the condition is %s, which is not a boolean", v)
			return feel.Null
		}
	}, t
}

// filter is the FEEL filter with boxes for its parts. When the condition is
// text it is compiled as a FEEL filter, which knows how to let the members of
// an item be named directly.
func (c *compiler) filter(sc scope, e *dmnxml.Filter, name string) (boxFunc, *feel.Type) {
	in, t := c.child(sc, e.In, name, "in", e.Pos)
	if e.Match != nil {
		if text, ok := e.Match.Value.(*dmnxml.Literal); ok && !text.Missing && c.isFEEL(sc.part, text.Language) {
			return c.textFilter(sc, in, t, text, name)
		}
	}
	inner, slots := c.with(sc, feel.Var{Name: "item", Type: t.Elem()})
	match, _ := c.child(inner, e.Match, name, "match", e.Pos)
	slot, at := slots[0], place{sc.node.name, e.Pos}
	return func(s *Session, f []feel.Value) feel.Value {
		items, ok := s.items(in(s, f), at)
		if !ok {
			return feel.Null
		}
		saved := f[slot]
		var out []feel.Value
		for _, item := range items {
			if !s.step() {
				break
			}
			f[slot] = item
			v := match(s, f)
			if notBoolean(v) {
				s.report(at, feel.CodeType, "the condition is %s, which is not a boolean", v)
				f[slot] = saved
				return feel.Null
			}
			if v.IsTrue() {
				out = append(out, item)
			}
		}
		f[slot] = saved
		return feel.ListOf(out...)
	}, t
}

// notBoolean reports whether a value cannot be the result of a test. Null can:
// it is what comparing with a missing value gives.
func notBoolean(v feel.Value) bool { return !v.IsNull() && v.Kind() != feel.KindBoolean }

// What the list of a filter and the check of its condition are called in its
// FEEL form: names that nobody will give to anything else.
const (
	filteredName  = "__list_of_boxed_filter__"
	conditionName = "__condition_of_boxed_filter__"
)

// textFilter compiles list[condition(text)]: the function keeps numbers from
// being taken as positions, and notes results that are not boolean.
func (c *compiler) textFilter(sc scope, in boxFunc, t *feel.Type, text *dmnxml.Literal, name string) (boxFunc, *feel.Type) {
	m := c.m
	check := feel.NewFunction("condition", []feel.Param{{Name: "result"}}, feel.BooleanType,
		func(ev *feel.Evaluator, args []feel.Value) (feel.Value, error) {
			if notBoolean(args[0]) {
				sessionOf(ev, m).badTests++
				return feel.Null, fmt.Errorf("%s is not a boolean", shorten(args[0]))
			}
			return args[0], nil
		})
	inner, slots := c.with(sc, feel.Var{Name: filteredName, Type: t}, feel.Var{Name: conditionName, Type: typeOf(check)})
	prefix := filteredName + "[" + conditionName + "("
	pos := text.Pos
	pos.Column -= len(prefix)
	// The line break ends a comment that the text may close with.
	x := c.text(inner, prefix+text.Source+"\n)]", text.Language, name, pos)
	if x == nil {
		return null, nil
	}
	return func(s *Session, f []feel.Value) feel.Value {
		before := s.badTests
		f[slots[0]], f[slots[1]] = in(s, f), check
		v := s.run(x, f)
		f[slots[0]], f[slots[1]] = feel.Null, feel.Null
		if s.badTests != before {
			return feel.Null
		}
		return v
	}, t
}

func (c *compiler) iterator(sc scope, e *dmnxml.Iterator, name string) (boxFunc, *feel.Type) {
	in, t := c.child(sc, e.In, name, "in", e.Pos)
	variable := spaced(e.Variable)
	if variable == "" {
		c.problem(Fatal, sc.part, place{name, e.Pos}, "the iterator has no variable")
		return null, nil
	}
	vars := []feel.Var{{Name: variable}}
	if t.Kind() == feel.TypeList {
		vars[0].Type = t.Elem()
	}
	if e.Kind == dmnxml.For {
		vars = append(vars, feel.Var{Name: "partial", Type: feel.AnyListType})
	}
	inner, slots := c.with(sc, vars...)
	role := "satisfies"
	if e.Kind == dmnxml.For {
		role = "return"
	}
	body, bt := c.child(inner, e.Body, name, role, e.Pos)
	it := &iteration{in: in, body: body, slot: slots[0], at: place{sc.node.name, e.Pos}}
	switch e.Kind {
	case dmnxml.For:
		it.partial = slots[1]
		return it.each, feel.ListType(bt)
	case dmnxml.Some:
		return it.some, feel.BooleanType
	default:
		return it.every, feel.BooleanType
	}
}

// iteration is a compiled boxed iterator.
type iteration struct {
	in, body      boxFunc
	slot, partial int
	at            place
}

func (it *iteration) each(s *Session, f []feel.Value) feel.Value {
	items, ok := s.items(it.in(s, f), it.at)
	if !ok {
		return feel.Null
	}
	saved, savedPartial := f[it.slot], f[it.partial]
	out := make([]feel.Value, 0, len(items))
	for _, item := range items {
		if !s.step() {
			break
		}
		f[it.slot] = item
		f[it.partial] = feel.ListOf(slices.Clip(out)...)
		out = append(out, it.body(s, f))
	}
	f[it.slot], f[it.partial] = saved, savedPartial
	return feel.ListOf(out...)
}

func (it *iteration) some(s *Session, f []feel.Value) feel.Value {
	return it.quantify(s, f, true)
}

func (it *iteration) every(s *Session, f []feel.Value) feel.Value {
	return it.quantify(s, f, false)
}

// quantify is "or" over the items when decisive is true, "and" otherwise: one
// decisive result decides, else a null makes it null. A result that is not a
// boolean ends it.
func (it *iteration) quantify(s *Session, f []feel.Value, decisive bool) feel.Value {
	items, ok := s.items(it.in(s, f), it.at)
	if !ok {
		return feel.Null
	}
	saved := f[it.slot]
	result := feel.Bool(!decisive)
	for _, item := range items {
		if !s.step() {
			result = feel.Null
			break
		}
		f[it.slot] = item
		v := it.body(s, f)
		if notBoolean(v) {
			s.report(it.at, feel.CodeType, "the test gives %s, which is not a boolean", v)
			result = feel.Null
			break
		}
		if v.IsNull() {
			result = feel.Null
		} else if v.IsTrue() == decisive {
			result = feel.Bool(decisive)
			break
		}
	}
	f[it.slot] = saved
	return result
}
