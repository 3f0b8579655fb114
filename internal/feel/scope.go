package feel

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
	vars  []Var
	index map[string]int
	types map[string]*Type
}

// NewScope is the scope of the given names. The i-th name has slot i.
func NewScope(vars ...Var) *Scope {
	s := &Scope{index: make(map[string]int, len(vars)), types: map[string]*Type{}}
	for _, v := range vars {
		s.Add(v)
	}
	return s
}

// Add appends a name and returns its slot. A name that is already there keeps
// its slot and gets the new type.
func (s *Scope) Add(v Var) int {
	v.Name = normalName(v.Name)
	if i, ok := s.index[v.Name]; ok {
		s.vars[i] = v
		return i
	}
	s.vars = append(s.vars, v)
	s.index[v.Name] = len(s.vars) - 1
	return len(s.vars) - 1
}

// AddType makes an item definition known by name (also a qualified one, as
// "lib.tPerson").
func (s *Scope) AddType(name string, t *Type) { s.types[normalName(name)] = t }

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
	c := NewScope(s.vars...)
	for n, t := range s.types {
		c.types[n] = t
	}
	return c
}
