package feel

import "slices"

// nameKind tells what a name was found to be.
type nameKind uint8

const (
	nameNone nameKind = iota
	nameSymbol
	nameField // of the item of a filter
	nameBuiltin
)

type found struct {
	kind nameKind
	name string
	end  int
	sym  *symbol
	typ  *Type
}

// name reads a name: the longest known one that stands here, or else all words
// up to the next keyword, which are then unknown.
func (p *parser) name() *expr {
	if e := p.nameIn(p.start); e != nil {
		return e
	}
	at := p.start
	w, end := p.words(at)
	if end == 0 {
		p.fail("a name")
		return p.constant(at, Null)
	}
	p.seek(end)
	if item := p.openItem(true); item != nil {
		item.used = true
		return p.node(expr{op: opDynMember, pos: int32(at), name: w, sym: item, kids: []*expr{nil}})
	}
	return p.problem(at, CodeUnknown, "unknown name %q", w)
}

// nameIn is the node of the known name at the offset, or nil.
func (p *parser) nameIn(at int) *expr {
	f := p.lookup(at)
	if f.kind == nameNone {
		return nil
	}
	p.seek(f.end)
	if f.kind == nameSymbol && p.tok == tokLParen && !f.callable() {
		if bi := builtinByName(f.name); bi != nil { // a variable named as a function
			f.kind = nameBuiltin
		}
	}
	switch f.kind {
	case nameField:
		n := p.variable(at, f.sym)
		return p.node(expr{op: opMember, pos: int32(at), name: f.name, typ: f.typ, kids: []*expr{n}})
	case nameBuiltin:
		return p.node(expr{op: opBuiltin, pos: int32(at), name: f.name, bi: builtinByName(f.name), typ: builtinByName(f.name).typ()})
	}
	e := p.variable(at, f.sym)
	item := p.openItem(false)
	if item == nil || p.declaredInside(f.sym) && f.sym != item {
		return e
	}
	item.used = true
	return p.node(expr{op: opDynMember, pos: int32(at), name: f.name, sym: item, kids: []*expr{e}, typ: AnyType})
}

func (f *found) callable() bool {
	return f.sym.typ.Kind() == TypeFunction || f.sym.typ.Kind() == TypeAny && builtinByName(f.name) == nil
}

// declaredInside tells whether the name was bound within the innermost filter,
// so that members of the filtered item do not hide it.
func (p *parser) declaredInside(sym *symbol) bool {
	for _, f := range slices.Backward(p.frames) {
		if f.item != nil {
			return false
		}
		if slices.Contains(f.syms, sym) {
			return true
		}
	}
	return false
}

// openItem is the item of the innermost filter whose members are not known
// before it runs. With closed, contexts of a declared type count too: their
// values may have more members than declared.
func (p *parser) openItem(closed bool) *symbol {
	for _, f := range slices.Backward(p.frames) {
		it := f.item
		if it == nil {
			continue
		}
		t := it.typ
		if t.Kind() == TypeAny || t.Kind() == TypeNull || t.Kind() == TypeContext && (closed || t.open) {
			return it
		}
	}
	return nil
}

func (p *parser) variable(at int, sym *symbol) *expr {
	sym.used = true
	return &expr{op: opVar, pos: int32(at), typ: orAny(sym.typ), sym: sym, name: sym.name, input: sym.name == "?" && sym.owner == nil}
}

func orAny(t *Type) *Type {
	if t == nil {
		return AnyType
	}
	return t
}

// lookup finds the longest known name at the offset; of equally long ones the
// innermost.
func (p *parser) lookup(at int) found {
	var best found
	for i := len(p.frames) - 1; i >= 0; i-- {
		best = p.frames[i].lookup(p.src, at, best)
		p.work += len(p.frames[i].syms)
	}
	if p.work > maxNameWork {
		p.failAt(at, "the expression introduces too many names")
	}
	if n, e := p.scope.names.match(p.src, at); e > best.end && !keywords[n] {
		best = found{nameSymbol, n, e, p.inputSymbol(n), nil}
	}
	if n, e := functions().names.match(p.src, at); e > best.end {
		best = found{kind: nameBuiltin, name: n, end: e}
	}
	if best.kind != nameNone && !p.nameEndsAt(best.end) {
		return found{}
	}
	return best
}

// lookup gives the name of the frame at the offset when it is longer than best.
func (f *nameFrame) lookup(src string, at int, best found) found {
	if f.item != nil {
		for _, fd := range f.item.typ.Fields() {
			if e := matchName(src, at, fd.Name); e > best.end {
				best = found{nameField, fd.Name, e, f.item, fd.Type}
			}
		}
	}
	for _, s := range slices.Backward(f.syms) {
		if s.name == "" || s.name[0] != src[at] {
			continue
		}
		if e := matchName(src, at, s.name); e > best.end {
			best = found{nameSymbol, s.name, e, s, s.typ}
		}
	}
	return best
}

// nameEndsAt tells whether the text behind a matched name can go on an
// expression. A further word cannot: then the source means a longer name.
func (p *parser) nameEndsAt(end int) bool {
	l := lexer{src: p.src}
	l.seek(end)
	return l.tok != tokName || keywords[l.text()]
}

func (p *parser) inputSymbol(name string) *symbol {
	slot := p.scope.index[name]
	if p.inputs[slot] == nil {
		p.inputs[slot] = &symbol{name: name, typ: p.scope.vars[slot].Type, slot: slot}
	}
	return p.inputs[slot]
}

// member is the node for `of.name`.
func (p *parser) member(at int, of *expr, name string) *expr {
	t, ok := memberType(of.typ, name)
	if !ok {
		return p.memberProblem(at, of, name)
	}
	return p.node(expr{op: opMember, pos: int32(at), name: name, typ: t, kids: []*expr{of}})
}

func (p *parser) memberProblem(at int, of *expr, name string) *expr {
	e := p.problem(at, CodeUnknown, "%s has no member %q", of.typ, name)
	if of.typ.Kind() == TypeContext || of.typ.Kind() == TypeList {
		// Values may have more members than their type tells.
		return p.node(expr{op: opMember, pos: int32(at), name: name, kids: []*expr{of}})
	}
	return e
}

// memberType is the type of a member and whether values of the type can have it.
func memberType(t *Type, name string) (*Type, bool) {
	switch t.Kind() {
	case TypeAny, TypeNull:
		return AnyType, true
	case TypeContext:
		if f, ok := t.Field(name); ok {
			return orAny(f), true
		}
		return AnyType, t.open
	case TypeList:
		e, ok := memberType(t.Elem(), name)
		return ListType(e), ok
	case TypeRange:
		switch name {
		case "start", "end":
			return t.Elem(), true
		case "start included", "end included":
			return BooleanType, true
		}
		return nil, false
	}
	pt, ok := propertyTypes[propertyKey{t.Kind(), name}]
	return pt, ok
}

type propertyKey struct {
	kind TypeKind
	name string
}

var propertyTypes = func() map[propertyKey]*Type {
	m := map[propertyKey]*Type{}
	set := func(k TypeKind, t *Type, names ...string) {
		for _, n := range names {
			m[propertyKey{k, n}] = t
		}
	}
	set(TypeDate, NumberType, "year", "month", "day", "weekday")
	set(TypeDateTime, NumberType, "year", "month", "day", "weekday", "hour", "minute", "second")
	set(TypeTime, NumberType, "hour", "minute", "second")
	for _, k := range []TypeKind{TypeDateTime, TypeTime} {
		set(k, DaysTimeType, "time offset")
		set(k, StringType, "timezone")
	}
	set(TypeDaysTime, NumberType, "days", "hours", "minutes", "seconds")
	set(TypeYearsMonths, NumberType, "years", "months")
	return m
}()
