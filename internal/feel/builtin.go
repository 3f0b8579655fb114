package feel

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// builtin is a function of the language, with one or more signatures.
type builtin struct {
	name   string
	impure bool // reads the clock
	sigs   []signature
	fn     Value
}

// runFunc is the body of a built-in. Arguments are of the declared types; those
// of optional parameters may be null. The slice is only valid during the call.
type runFunc func(ev *Evaluator, w *where, args []Value) Value

type signature struct {
	id       int
	params   []Param
	variadic bool // the last parameter repeats
	result   *Type
	infer    func(args []*Type) *Type
	run      runFunc
}

// param is the parameter of the i-th argument.
func (s *signature) param(i int) Param { return *s.paramAt(i) }

func (s *signature) paramAt(i int) *Param {
	return &s.params[min(i, len(s.params)-1)]
}

func (b *builtin) typ() *Type {
	s := &b.sigs[0]
	if len(b.sigs) > 1 || s.variadic {
		return AnyFunctionType
	}
	types := make([]*Type, len(s.params))
	for i, p := range s.params {
		types[i] = p.Type
	}
	return FunctionType(types, s.result)
}

func (b *builtin) value() Value { return b.fn }

// match finds the signature for arguments by position (names nil) or by name,
// and the argument for each parameter, -1 for one left out.
func (b *builtin) match(n int, names []string) (*signature, []int) {
	for i := range b.sigs {
		if order := b.sigs[i].order(n, names); order != nil {
			return &b.sigs[i], order
		}
	}
	return nil, nil
}

// pick is the signature of the same number of parameters whose types fit the
// values best: position or match, key or keys.
func (b *builtin) pick(s *signature, fits func(i int, t *Type) bool) *signature {
	if len(b.sigs) == 1 || s.variadic {
		return s
	}
	for i := range b.sigs {
		o := &b.sigs[i]
		if o.variadic || len(o.params) != len(s.params) {
			continue
		}
		all := true
		for k := range o.params {
			all = all && (o.params[k].Type == nil || fits(k, o.params[k].Type))
		}
		if all {
			return o
		}
	}
	return s
}

func (s *signature) order(n int, names []string) []int {
	if names != nil {
		return s.orderNamed(names)
	}
	if n > len(s.params) && !s.variadic || s.variadic && n < len(s.params) {
		return nil
	}
	size := max(n, len(s.params))
	order := make([]int, size)
	for i := range order {
		order[i] = i
		if i >= n {
			if !s.params[i].Optional {
				return nil
			}
			order[i] = -1
		}
	}
	return order
}

func (s *signature) orderNamed(names []string) []int {
	order := make([]int, len(s.params))
	found := 0
	for i, p := range s.params {
		order[i] = -1
		for k, n := range names {
			if n == p.Name {
				if order[i] >= 0 {
					return nil
				}
				order[i] = k
				found++
			}
		}
		if order[i] < 0 && !p.Optional {
			return nil
		}
	}
	if found != len(names) {
		return nil
	}
	return order
}

// usage lists the signatures.
func (b *builtin) usage() string {
	var parts []string
	for _, s := range b.sigs {
		var ps []string
		for _, p := range s.params {
			n := p.Name
			if p.Type != nil {
				n += ": " + p.Type.String()
			}
			if p.Optional {
				n += "?"
			}
			ps = append(ps, n)
		}
		more := ""
		if s.variadic {
			more = ", …"
		}
		parts = append(parts, b.name+"("+strings.Join(ps, ", ")+more+")")
	}
	return strings.Join(parts, " or ")
}

// library is the table of all functions of the language. It is filled on first
// use, because range() reads its text with the parser, which needs the table.
type library struct {
	byName map[string]*builtin
	names  nameIndex
}

var (
	libraryOnce sync.Once
	loaded      library
)

func functions() *library {
	libraryOnce.Do(func() {
		loaded = library{byName: map[string]*builtin{}, names: nameIndex{}}
		for _, list := range [][]*builtin{
			conversionFunctions(), stringFunctions(), patternFunctions(), listFunctions(), listMathFunctions(),
			numberFunctions(), temporalFunctions(), rangeFunctions(), contextFunctions(),
		} {
			for _, b := range list {
				for i := range b.sigs {
					b.sigs[i].id = i
				}
				b.fn = funcValue(&Function{Name: b.name, Params: b.sigs[0].params, spec: b})
				loaded.byName[b.name] = b
				loaded.names.add(b.name)
			}
		}
	})
	return &loaded
}

func builtinByName(name string) *builtin { return functions().byName[name] }

// BuiltinNames are the names of all built-in functions in alphabetical order.
func BuiltinNames() []string { return slices.Sorted(maps.Keys(functions().byName)) }

// The helpers below keep the tables of functions readable.

func def(name string, sigs ...signature) *builtin { return &builtin{name: name, sigs: sigs} }

func sig(result *Type, run runFunc, params ...Param) signature {
	return signature{params: params, result: result, run: run}
}

func variadic(s signature) signature {
	s.variadic = true
	return s
}

func inferring(s signature, infer func(args []*Type) *Type) signature {
	s.infer = infer
	return s
}

func num(name string) Param  { return Param{Name: name, Type: NumberType} }
func str(name string) Param  { return Param{Name: name, Type: StringType} }
func list(name string) Param { return Param{Name: name, Type: AnyListType} }
func any1(name string) Param { return Param{Name: name} }

func optional(p Param) Param {
	p.Optional = true
	return p
}

// sameList is the type of functions that give a list of the same elements.
func sameList(args []*Type) *Type {
	if args[0].Kind() == TypeList {
		return args[0]
	}
	return ListType(args[0])
}
