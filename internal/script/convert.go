package script

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/dop251/goja"
)

func index(i int) string { return strconv.Itoa(i) }

// in makes a value of the realm of a Go value. Keys are set in their order, so
// that a program always goes through them in the same.
func (s *sandbox) in(v any, depth int) (goja.Value, error) {
	if depth > s.limits.Depth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case nil:
		return goja.Null(), nil
	case bool, string, float64, int, int64:
		return s.vm.ToValue(v), nil
	case []any:
		items := make([]any, len(v))
		for i, e := range v {
			item, err := s.in(e, depth+1)
			if err != nil {
				return nil, err
			}
			items[i] = item
		}
		return s.vm.NewArray(items...), nil
	case map[string]any:
		o := s.vm.NewObject()
		for _, key := range slices.Sorted(maps.Keys(v)) {
			item, err := s.in(v[key], depth+1)
			if err != nil {
				return nil, err
			}
			if err := o.DefineDataProperty(key, item, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE); err != nil {
				return nil, fmt.Errorf("set %q: %w", key, err)
			}
		}
		return o, nil
	}
	return nil, fmt.Errorf("a value of the type %T cannot be handed to a script", v)
}

// out makes a Go value of one of the realm. Functions are left out of objects
// and refused elsewhere; a Date becomes its ISO text.
func (s *sandbox) out(v goja.Value, depth int) (any, error) {
	if depth > s.limits.Depth {
		return nil, errDepth
	}
	if !s.step(1) {
		return nil, s.over
	}
	o, ok := v.(*goja.Object)
	if !ok {
		return s.scalar(v)
	}
	switch {
	case o.ClassName() == "Array":
		return s.outList(o, depth)
	case o.ClassName() == "Date":
		iso, _ := goja.AssertFunction(o.Get("toISOString"))
		if iso == nil {
			return nil, fmt.Errorf("a Date without toISOString cannot be the result")
		}
		text, err := iso(o)
		if err != nil {
			return nil, err
		}
		return s.scalar(text)
	case o.ClassName() != "Object":
		return nil, fmt.Errorf("a %s cannot be the result; give numbers, texts, booleans, lists and objects", o.ClassName())
	}
	m := map[string]any{}
	for _, key := range o.Keys() {
		member := o.Get(key)
		if _, isFunction := goja.AssertFunction(member); isFunction {
			continue
		}
		item, err := s.out(member, depth+1)
		if err != nil {
			return nil, err
		}
		m[key] = item
	}
	return m, nil
}

func (s *sandbox) outList(o *goja.Object, depth int) (any, error) {
	n := length(o)
	if n > MaxLength {
		return nil, errBytes
	}
	items := make([]any, 0, min(n, 1024))
	for i := range n {
		item, err := s.out(o.Get(index(i)), depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (s *sandbox) scalar(v goja.Value) (any, error) {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		return nil, nil
	}
	switch x := v.Export().(type) {
	case bool, string, int64:
		return x, nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, nil // as in JSON
		}
		return x, nil
	default:
		return nil, fmt.Errorf("a value of the type %T cannot be the result", x)
	}
}

// plain copies what is to become JSON into objects that run no code, so that
// how deep and how large it is can be told before.
func plain(s *sandbox, c *goja.FunctionCall) {
	if len(c.Arguments) > 1 {
		if _, ok := goja.AssertFunction(c.Arguments[1]); ok {
			s.refuse("JSON.stringify takes no function here")
		}
	}
	if len(c.Arguments) > 0 {
		size := 0
		c.Arguments[0] = s.copy(c.Arguments[0], 0, &size)
	}
}

func (s *sandbox) copy(v goja.Value, depth int, size *int) goja.Value {
	if depth > s.limits.Depth {
		s.stop(errDepth)
	}
	*size += length(v) + 8
	s.step(1)
	s.room(int64(*size))
	s.abort()
	o, ok := v.(*goja.Object)
	if !ok {
		return v
	}
	if _, isFunction := goja.AssertFunction(v); isFunction {
		return goja.Undefined()
	}
	switch o.ClassName() {
	case "Array":
		items := make([]any, length(o))
		for i := range items {
			items[i] = s.copy(o.Get(index(i)), depth+1, size)
		}
		return s.vm.NewArray(items...)
	case "Date":
		text, err := s.out(o, depth)
		if err != nil {
			s.rethrow(err)
		}
		return s.vm.ToValue(text)
	}
	out := s.vm.NewObject()
	for _, key := range o.Keys() {
		*size += len(key)
		_ = out.DefineDataProperty(key, s.copy(o.Get(key), depth+1, size), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
	}
	return out
}

// shallow refuses texts that nest too deep to be read.
func shallow(s *sandbox, c *goja.FunctionCall) {
	if len(c.Arguments) == 0 {
		return
	}
	text := c.Arguments[0].ToString()
	c.Arguments[0] = text
	s.room(int64(length(text)))
	if nesting(text.String()) > s.limits.Depth {
		s.stop(errDepth)
	}
	s.step(length(text) / 16)
}

// arrayConstructor makes Array(n) ask for room.
func (s *sandbox) arrayConstructor(global, inner, prototype *goja.Object) {
	outer := s.vm.ToValue(func(c goja.ConstructorCall) *goja.Object {
		if len(c.Arguments) == 1 {
			if _, ok := c.Arguments[0].(*goja.Object); !ok {
				s.room(c.Arguments[0].ToInteger())
			}
		}
		s.take(perItem * len(c.Arguments))
		s.abort()
		out, err := s.vm.New(inner, c.Arguments...)
		if err != nil {
			s.rethrow(err)
		}
		return out
	}).(*goja.Object)
	for _, name := range []string{"from", "of", "isArray"} {
		_ = outer.Set(name, inner.Get(name))
	}
	_ = outer.Set("prototype", prototype)
	_ = prototype.Set("constructor", outer)
	_ = global.Set("Array", outer)
}

// message is the text of what a program threw, which may be code of its own:
// it runs under the limits, and what it throws in turn is dropped.
func (s *sandbox) message(thrown *goja.Exception) (text string) {
	text = "an exception whose text cannot be told"
	defer func() {
		if r := recover(); r != nil && s.over == nil {
			s.over = errTime
		}
	}()
	if thrown := s.vm.Try(func() { text = thrown.Value().String() }); thrown != nil {
		return "an exception whose text is an exception"
	}
	return text
}
