package feel

// ParseType reads a type as written after `instance of`: a simple type, a
// name of the scope's types, or list<…>, range<…>, context<a: …>,
// function<…>->….
func ParseType(src string, scope *Scope) (*Type, error) {
	if scope == nil {
		scope = NewScope()
	}
	p := newParser(src, scope, CompileOptions{})
	at := p.start
	t, ok := p.parseType()
	if p.err == nil && p.tok != tokEOF {
		p.fail("the end of the type")
	}
	if p.err == nil && !ok {
		p.err = &Diagnostic{Pos: position(src, at), Code: CodeUnknown, Message: "unknown type"}
	}
	if p.err != nil {
		return nil, &CompileError{Source: src, Issues: []Diagnostic{*p.err}}
	}
	return t, nil
}

var simpleTypes = map[string]*Type{
	"Any": AnyType, "Null": NullType, "boolean": BooleanType, "number": NumberType, "string": StringType,
	"date": DateType, "time": TimeType, "date and time": DateTimeType, "dateTime": DateTimeType,
	"days and time duration": DaysTimeType, "dayTimeDuration": DaysTimeType,
	"years and months duration": YearsMonthsType, "yearMonthDuration": YearsMonthsType,
	"list": AnyListType, "context": AnyContextType, "range": AnyRangeType, "function": AnyFunctionType,
}

var simpleTypeNames = func() nameIndex {
	x := nameIndex{}
	for n := range simpleTypes {
		x.add(n)
	}
	return x
}()

// parseType reads a type; ok is false for an unknown name.
func (p *parser) parseType() (t *Type, ok bool) {
	if p.tok != tokName {
		p.fail("a type")
		return nil, false
	}
	if p.nesting++; p.nesting > maxNesting {
		p.failAt(p.start, "the type is nested too deeply")
	}
	defer func() { p.nesting-- }()
	name, end := p.scope.typeIDs.match(p.src, p.start)
	simple, simpleEnd := simpleTypeNames.match(p.src, p.start)
	if end >= simpleEnd && end > 0 {
		p.seek(end)
		return p.scope.types[name], true
	}
	if simpleEnd == 0 {
		p.unknownType()
		return nil, false
	}
	p.seek(simpleEnd)
	if p.tok == tokLess {
		return p.genericType(simple)
	}
	return simpleTypes[simple], true
}

// unknownType skips the words of a type nobody declared.
func (p *parser) unknownType() {
	_, end := p.words(p.start)
	p.seek(max(end, p.end))
	for p.accept(tokDot) {
		if p.tok == tokName {
			p.next()
		}
	}
}

func (p *parser) genericType(name string) (*Type, bool) {
	switch name {
	case "list", "range":
		p.next()
		elem, ok := p.parseType()
		p.expect(tokGreater)
		if name == "list" {
			return ListType(elem), ok
		}
		return RangeType(elem), ok
	case "context":
		return p.contextTypeBody()
	case "function":
		return p.functionTypeBody()
	default:
		return simpleTypes[name], true
	}
}

func (p *parser) contextTypeBody() (*Type, bool) {
	p.next()
	var fields []Field
	all := true
	for p.tok != tokGreater && p.err == nil {
		name := p.key()
		p.expect(tokColon)
		t, ok := p.parseType()
		all = all && ok
		fields = append(fields, Field{Name: name, Type: t})
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(tokGreater)
	return ContextType(fields...), all
}

func (p *parser) functionTypeBody() (*Type, bool) {
	p.next()
	var params []*Type
	all := true
	for p.tok != tokGreater && p.err == nil {
		t, ok := p.parseType()
		all = all && ok
		params = append(params, t)
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(tokGreater)
	p.expect(tokArrow)
	result, ok := p.parseType()
	return FunctionType(params, result), all && ok
}
