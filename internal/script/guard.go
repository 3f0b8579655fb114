package script

import (
	"errors"
	"strings"

	"github.com/dop251/goja"
)

// before looks at a call of a built-in function before it is made and may
// change its arguments; what would take too long it ends.
type before func(s *sandbox, c *goja.FunctionCall)

// guard puts counting functions in the place of the built-in ones that make
// texts and lists, or go through them without a single step of the program.
func (s *sandbox) guard() {
	global := s.vm.GlobalObject()
	prototype := func(name string) *goja.Object {
		return global.Get(name).(*goja.Object).Get("prototype").(*goja.Object)
	}
	text, list := prototype("String"), prototype("Array")
	s.wrap(text, (*sandbox).text, map[string]before{
		"repeat": repeats, "padStart": pads, "padEnd": pads, "concat": joinsTexts, "replace": replaces, "replaceAll": replaces,
		"match": patternOnly, "matchAll": patternOnly, "search": patternOnly,
	})
	s.wrap(list, (*sandbox).list, map[string]before{
		"join": joinsItems, "toString": joinsItems, "toLocaleString": joinsItems, "flat": flattens, "concat": joinsLists,
		"push": pushes, "unshift": pushes, "splice": pushes,
	})
	object := global.Get("Object").(*goja.Object)
	s.wrap(object, firstList, map[string]before{})
	array := global.Get("Array").(*goja.Object)
	s.wrap(array, nothing, map[string]before{"from": copies})
	s.wrap(global.Get("JSON").(*goja.Object), nothing, map[string]before{"stringify": plain, "parse": shallow})
	s.wrap(object.Prototype(), nothing, map[string]before{"apply": applies})
	s.arrayConstructor(global, array, list)
}

func nothing(*sandbox, *goja.FunctionCall) {}

// wrap replaces every function of an object but its constructor.
func (s *sandbox) wrap(o *goja.Object, all before, some map[string]before) {
	for _, name := range o.GetOwnPropertyNames() {
		if name == "constructor" || name == "prototype" || name == "caller" || name == "arguments" || strings.HasPrefix(name, "__") {
			continue
		}
		inner, ok := goja.AssertFunction(o.Get(name))
		if !ok {
			continue
		}
		one, special := some[name]
		if !special {
			one = nothing
		}
		_ = o.Set(name, s.counting(inner, all, one))
	}
}

func (s *sandbox) counting(inner goja.Callable, all, one before) func(goja.FunctionCall) goja.Value {
	return func(c goja.FunctionCall) goja.Value {
		if s.depth++; s.depth > s.limits.Depth {
			s.stop(errDepth)
			s.abort()
		}
		defer func() { s.depth-- }()
		s.step(1)
		all(s, &c)
		s.abort()
		one(s, &c)
		s.abort()
		out, err := inner(c.This, c.Arguments...)
		if err != nil {
			s.rethrow(err)
		}
		s.made(out)
		s.abort()
		return out
	}
}

// abort leaves a built-in function at once where a limit was reached. The
// exception is for the way out alone: the run is ended whoever catches it.
func (s *sandbox) abort() {
	if s.over != nil {
		panic(s.vm.NewTypeError("limit reached"))
	}
}

func (s *sandbox) rethrow(err error) {
	if thrown, ok := errors.AsType[*goja.Exception](err); ok {
		panic(thrown.Value())
	}
	if _, ok := errors.AsType[*goja.StackOverflowError](err); ok {
		s.stop(errDepth)
	} else if s.over == nil {
		s.stop(errTime)
	}
	s.abort()
}

func (s *sandbox) refuse(why string) { panic(s.vm.NewTypeError(why)) }

// text is the check of every function of texts: its own must be one, or
// become one without code of the program.
func (s *sandbox) text(c *goja.FunctionCall) {
	if _, ok := c.This.(*goja.Object); ok {
		s.refuse("functions of texts are for texts; use String(x) before")
	}
	s.listed(c.This)
}

// list is the check of every function of lists.
func (s *sandbox) list(c *goja.FunctionCall) {
	o, ok := c.This.(*goja.Object)
	if !ok || o.ClassName() != "Array" {
		s.refuse("functions of lists are for lists; use Array.from(x) before")
	}
	s.listed(o)
}

// firstList counts the first argument, where it is a list.
func firstList(s *sandbox, c *goja.FunctionCall) { s.listed(c.Argument(0)) }

// room ends the run where a text would become too long.
func (s *sandbox) room(n int64) {
	if n > MaxLength {
		s.stop(errBytes)
		s.abort()
	}
}

func repeats(s *sandbox, c *goja.FunctionCall) {
	n := number(c, 0)
	s.room(int64(length(c.This)) * max(0, min(n, MaxLength+1)))
}

func pads(s *sandbox, c *goja.FunctionCall) { s.room(number(c, 0)) }

// number makes a number of an argument, so that it is asked only once.
func number(c *goja.FunctionCall, i int) int64 {
	if i >= len(c.Arguments) {
		return 0
	}
	f := c.Arguments[i].ToNumber()
	c.Arguments[i] = f
	return f.ToInteger()
}

// texts makes texts of all arguments, so that they are asked only once, and
// gives how long they are together.
func texts(c *goja.FunctionCall, from int) (n int64) {
	for i := from; i < len(c.Arguments); i++ {
		c.Arguments[i] = c.Arguments[i].ToString()
		n += int64(length(c.Arguments[i]))
	}
	return n
}

func joinsTexts(s *sandbox, c *goja.FunctionCall) { s.room(int64(length(c.This)) + texts(c, 0)) }

// replaces takes the worst case: the replacement at every place, with all of
// the text for every $ in it.
func replaces(s *sandbox, c *goja.FunctionCall) {
	if len(c.Arguments) < 2 {
		return
	}
	if _, ok := c.Arguments[0].(*goja.Object); ok && !isPattern(c.Arguments[0]) {
		s.refuse("what is replaced must be a text or a /pattern/")
	}
	if f, ok := goja.AssertFunction(c.Arguments[1]); ok {
		// What the program gives is counted as it comes.
		c.Arguments[1] = s.vm.ToValue(func(in goja.FunctionCall) goja.Value {
			v, err := f(in.This, in.Arguments...)
			if err != nil {
				s.rethrow(err)
			}
			v = v.ToString()
			s.made(v)
			s.abort()
			return v
		})
		return
	}
	texts(c, 1)
	replacement := c.Arguments[1].String()
	own := int64(length(c.This))
	const most = 16 << 20
	if (own+1)*(int64(len(replacement))+int64(strings.Count(replacement, "$"))*own) > most {
		s.stop(errBytes)
	}
}

func isPattern(v goja.Value) bool {
	o, ok := v.(*goja.Object)
	return ok && o.ClassName() == "RegExp"
}

// patternOnly refuses patterns made of texts, which nobody has looked at.
func patternOnly(s *sandbox, c *goja.FunctionCall) {
	if !isPattern(c.Argument(0)) {
		s.refuse("write the pattern as a /regular expression/")
	}
}

// joinsItems counts the texts that a list holds before they are joined.
func joinsItems(s *sandbox, c *goja.FunctionCall) {
	texts(c, 0)
	o := c.This.(*goja.Object)
	sum, n := int64(0), length(o)
	each := int64(1)
	if len(c.Arguments) > 0 {
		each = int64(length(c.Arguments[0]))
	}
	for i := range n {
		sum += each + int64(length(o.Get(index(i))))
	}
	s.step(n)
	s.room(sum)
}

func flattens(s *sandbox, c *goja.FunctionCall) {
	depth := int64(1)
	if len(c.Arguments) > 0 {
		depth = min(number(c, 0), int64(s.limits.Depth))
		c.Arguments[0] = s.vm.ToValue(depth)
	}
	s.items(c.This, int(depth))
}

// items counts the items of a list and of those in it.
func (s *sandbox) items(v goja.Value, depth int) {
	o, ok := v.(*goja.Object)
	if !ok || o.ClassName() != "Array" || depth < 0 {
		return
	}
	for i := range length(o) {
		if !s.step(1) {
			s.abort()
		}
		s.items(o.Get(index(i)), depth-1)
	}
}

func joinsLists(s *sandbox, c *goja.FunctionCall) {
	for _, a := range c.Arguments {
		s.listed(a)
	}
}

func pushes(s *sandbox, c *goja.FunctionCall) {
	s.room(int64(length(c.This)) + int64(len(c.Arguments)))
	s.take(perItem * len(c.Arguments))
}

// copies makes a list of what only looks like one, so that its length is asked
// only once.
func copies(s *sandbox, c *goja.FunctionCall) {
	o, ok := c.Argument(0).(*goja.Object)
	if !ok || o.ClassName() != "Object" || o.Get("length") == nil {
		s.listed(c.Argument(0))
		return
	}
	n := o.Get("length").ToInteger()
	s.room(n)
	s.step(int(max(0, n)))
	s.abort()
	items := make([]any, max(0, n))
	for i := range items {
		items[i] = o.Get(index(i))
	}
	c.Arguments[0] = s.vm.NewArray(items...)
}

// applies counts the arguments that a list holds.
func applies(s *sandbox, c *goja.FunctionCall) {
	v := c.Argument(1)
	if o, ok := v.(*goja.Object); ok {
		if o.ClassName() != "Array" {
			s.refuse("apply takes a list of arguments")
		}
		s.listed(o)
		if length(o) > maxArguments {
			s.stop(errBytes)
		}
	}
}
