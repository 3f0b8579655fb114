package feel

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Var is a name an expression may use. A nil Type means Any.
type Var struct {
	Name string
	Type *Type
}

// Scope is the list of names an expression may use, in the order of the slots
// that hold their values, and the item definitions it may name after
// `instance of`. Names may contain spaces and any other characters; runs of
// white space count as one space.
type Scope struct {
	vars    []Var
	index   map[string]int
	types   map[string]*Type
	names   nameIndex
	members nameIndex // of the types of the names, to tell `a.b - c` from a.`b - c`
	typeIDs nameIndex
}

// NewScope is the scope of the given names. The i-th name has slot i.
func NewScope(vars ...Var) *Scope {
	s := &Scope{
		index: make(map[string]int, len(vars)), types: map[string]*Type{},
		names: nameIndex{}, members: nameIndex{}, typeIDs: nameIndex{},
	}
	for _, v := range vars {
		s.Add(v)
	}
	return s
}

// Add appends a name and returns its slot. A name that is already there keeps
// its slot and gets the new type.
func (s *Scope) Add(v Var) int {
	v.Name = normalName(v.Name)
	s.addMembers(v.Type, maxTypeDepth)
	if i, ok := s.index[v.Name]; ok {
		s.vars[i] = v
		return i
	}
	s.vars = append(s.vars, v)
	s.index[v.Name] = len(s.vars) - 1
	s.names.add(v.Name)
	return len(s.vars) - 1
}

func (s *Scope) addMembers(t *Type, depth int) {
	if t == nil || depth == 0 {
		return
	}
	s.addMembers(t.elem, depth-1)
	s.addMembers(t.result, depth-1)
	for _, f := range t.fields {
		// A name that is known already ends the walk through recursive types.
		if s.members.add(f.Name) {
			s.addMembers(f.Type, depth-1)
		} else if f.Type.Kind() == TypeContext || f.Type.Kind() == TypeList {
			s.addMembers(f.Type, min(depth-1, 4))
		}
	}
}

// AddType makes an item definition known by name (also a qualified one, as
// "lib.tPerson").
func (s *Scope) AddType(name string, t *Type) {
	name = normalName(name)
	s.types[name] = t
	s.typeIDs.add(name)
}

// Slot is the slot of a name.
func (s *Scope) Slot(name string) (int, bool) {
	i, ok := s.index[normalName(name)]
	return i, ok
}

// Len is the number of slots.
func (s *Scope) Len() int { return len(s.vars) }

// Vars are the names in the order of their slots. The slice must not be changed.
func (s *Scope) Vars() []Var { return s.vars }

// Clone is a copy that can be added to on its own.
func (s *Scope) Clone() *Scope {
	return &Scope{
		vars: slices.Clone(s.vars), index: maps.Clone(s.index), types: maps.Clone(s.types),
		names: s.names.clone(), members: s.members.clone(), typeIDs: s.typeIDs.clone(),
	}
}

// nameIndex finds the longest of many names at a place in the source: names by
// their first rune, longest first.
type nameIndex map[rune][]string

// add reports whether the name is new. Scopes of large models have thousands
// of names, so finding the place takes a binary search.
func (x nameIndex) add(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	at, known := slices.BinarySearchFunc(x[r], name, longestFirst)
	if known {
		return false
	}
	x[r] = slices.Insert(x[r], at, name)
	return true
}

func longestFirst(a, b string) int {
	if d := len(b) - len(a); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

func (x nameIndex) clone() nameIndex {
	c := make(nameIndex, len(x))
	for r, list := range x {
		c[r] = slices.Clone(list)
	}
	return c
}

// match is the longest name that stands at offset i, and where it ends.
func (x nameIndex) match(src string, i int) (name string, end int) {
	r, _ := utf8.DecodeRuneInString(src[i:])
	for _, n := range x[r] {
		if e := matchName(src, i, n); e > 0 {
			return n, e
		}
	}
	return "", 0
}

// matchName is the end of the name at offset i of the source, or 0. A space in
// the name stands for any white space; a name does not end within a word.
func matchName(src string, i int, name string) int {
	start := i
	for j := 0; j < len(name); j++ {
		if name[j] != ' ' {
			if i >= len(src) || src[i] != name[j] {
				return 0
			}
			i++
			continue
		}
		before := i
		for i < len(src) {
			r, w := utf8.DecodeRuneInString(src[i:])
			if !isSpace(r) {
				break
			}
			i += w
		}
		if i == before {
			return 0
		}
	}
	last, _ := utf8.DecodeLastRuneInString(name)
	if next, _ := utf8.DecodeRuneInString(src[i:]); i < len(src) && isNamePart(last) && isNamePart(next) && last != '?' {
		return 0
	}
	if i == start {
		return 0
	}
	return i
}
