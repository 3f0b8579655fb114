package feel

// primary reads an operand.
func (p *parser) primary() *expr {
	at := p.start
	switch p.tok {
	case tokNumber:
		v, ok := ParseNumber(p.text())
		if !ok {
			p.fail("a number of at most 34 digits")
		}
		p.next()
		return p.constant(at, v)
	case tokString:
		v := String(unquote(p.text()))
		p.next()
		return p.constant(at, v)
	case tokAt:
		text := unquote(p.text()[1:])
		p.next()
		v, ok := ParseTemporal(text)
		if !ok {
			return p.problem(at, CodeValue, "%q is not a date, time or duration", text)
		}
		return p.constant(at, v)
	case tokLParen:
		return p.paren()
	case tokLBracket:
		return p.bracket()
	case tokRBracket: // ]1..10]
		p.next()
		low := p.bound()
		p.expect(tokDotDot)
		return p.intervalEnd(at, low, false)
	case tokLBrace:
		return p.context()
	case tokName:
		return p.word()
	default:
		p.fail("an expression")
		return p.constant(at, Null)
	}
}

func (p *parser) constant(at int, v Value) *expr {
	return &expr{op: opConst, pos: int32(at), typ: typeOf(v), val: v}
}

// word reads an operand that starts with a word: a keyword's construct or a name.
func (p *parser) word() *expr {
	at, w := p.start, p.text()
	if !keywords[w] {
		return p.name()
	}
	if f := p.lookup(at); f.kind != nameNone && f.end > p.end {
		return p.nameIn(at) // a name that begins as a keyword does
	}
	switch w {
	case "true", "false", "null":
		p.next()
		v := Null
		if w != "null" {
			v = Bool(w == "true")
		}
		return p.constant(at, v)
	case "if":
		return p.conditional()
	case "for":
		return p.loop()
	case "some":
		return p.quantified(opSome)
	case "every":
		return p.quantified(opEvery)
	case "function":
		return p.function()
	}
	p.fail("an expression")
	return p.constant(at, Null)
}

func (p *parser) paren() *expr {
	at := p.start
	p.next()
	if p.tok >= tokEq && p.tok <= tokGreaterEq {
		t := p.tok
		p.next()
		e := p.additive()
		p.expect(tokRParen)
		return p.node(expr{op: opOpRange, tok: t, pos: int32(at), typ: RangeType(e.typ), kids: []*expr{e}})
	}
	e := p.expression()
	if p.accept(tokDotDot) {
		return p.intervalEnd(at, e, false)
	}
	p.expect(tokRParen)
	return e
}

// bracket reads a list, or an interval that holds its low end.
func (p *parser) bracket() *expr {
	at := p.start
	p.next()
	if p.accept(tokRBracket) {
		return p.node(expr{op: opList, pos: int32(at), typ: ListType(NullType)})
	}
	first := p.expression()
	if p.accept(tokDotDot) {
		return p.intervalEnd(at, first, true)
	}
	kids := []*expr{first}
	elem := first.typ
	for p.accept(tokComma) {
		k := p.expression()
		elem = join(elem, k.typ)
		kids = append(kids, k)
	}
	p.expect(tokRBracket)
	return p.node(expr{op: opList, pos: int32(at), typ: ListType(elem), kids: kids})
}

// bound reads an end of an interval.
func (p *parser) bound() *expr {
	if p.nesting++; p.nesting > maxNesting {
		p.failAt(p.start, "the expression is nested too deeply")
	}
	old := p.endpoint
	p.endpoint = true
	e := p.additive()
	p.endpoint = old
	p.nesting--
	return e
}

// intervalEnd reads the high end and the closing bracket of an interval.
func (p *parser) intervalEnd(at int, low *expr, closed bool) *expr {
	high := p.bound()
	n := expr{op: opRange, pos: int32(at), flag: closed, kids: []*expr{low, high}}
	switch p.tok {
	case tokRBracket:
		n.flag2 = true
	case tokRParen, tokLBracket:
	default:
		p.fail(`"]", ")" or "["`)
	}
	p.next()
	if low.typ.Kind() != TypeAny && high.typ.Kind() != TypeAny && !low.typ.mayBe(high.typ) {
		return p.problem(at, CodeType, "a range from %s to %s", low.typ, high.typ)
	}
	n.typ = RangeType(join(low.typ, high.typ))
	return p.node(n)
}

func (p *parser) conditional() *expr {
	at := p.start
	p.next()
	cond := p.expression()
	p.checkType(cond, BooleanType, "condition")
	p.expectWord("then")
	a := p.expression()
	p.expectWord("else")
	b := p.expression()
	return p.node(expr{op: opIf, pos: int32(at), typ: join(a.typ, b.typ), kids: []*expr{cond, a, b}})
}

// loop reads for a in x, b in y return z. The list of results so far has the
// name partial.
func (p *parser) loop() *expr {
	at := p.start
	p.next()
	n := expr{op: opFor, pos: int32(at)}
	p.iterators(&n, true)
	partial := &symbol{name: "partial", typ: AnyListType, owner: p.fn}
	p.push(nameFrame{syms: []*symbol{partial}})
	p.expectWord("return")
	body := p.expression()
	p.pop(1 + len(n.syms))
	n.kids = append(n.kids, body)
	n.syms = append(n.syms, partial)
	n.typ = ListType(body.typ)
	return p.node(n)
}

// iterators reads `name in list` parts. kids gets two nodes for each: the
// domain, and the end of a range or nil.
func (p *parser) iterators(n *expr, ranges bool) {
	for {
		name := p.binding("in")
		p.expectWord("in")
		e := p.domain()
		var end *expr
		t := e.typ.Elem()
		if ranges && p.accept(tokDotDot) {
			end = p.domain()
			t = join(e.typ, end.typ)
		} else if e.typ.Kind() != TypeList && e.typ.Kind() != TypeRange {
			t = AnyType
		}
		sym := &symbol{name: name, typ: t, owner: p.fn}
		p.push(nameFrame{syms: []*symbol{sym}})
		n.kids = append(n.kids, e, end)
		n.syms = append(n.syms, sym)
		if !p.accept(tokComma) {
			return
		}
	}
}

// domain reads a list to iterate, or a bound of a range.
func (p *parser) domain() *expr {
	if p.nesting++; p.nesting > maxNesting {
		p.failAt(p.start, "the expression is nested too deeply")
	}
	e := p.disjunction()
	p.nesting--
	return e
}

func (p *parser) quantified(o op) *expr {
	at := p.start
	p.next()
	n := expr{op: o, pos: int32(at), typ: BooleanType}
	p.iterators(&n, true)
	p.expectWord("satisfies")
	body := p.expression()
	p.pop(len(n.syms))
	n.kids = append(n.kids, body)
	return p.node(n)
}

// binding reads a new name up to the given keyword or to a token that cannot be
// part of it.
func (p *parser) binding(stop string) string {
	from, to := p.start, p.start
	for p.tok == tokName && p.text() != stop || p.start > from && p.nameSymbol() {
		to = p.end
		p.next()
	}
	if to == from {
		p.fail("a name")
		return ""
	}
	return normalName(p.src[from:to])
}

// nameSymbol tells whether the current token may stand within a name.
func (p *parser) nameSymbol() bool {
	switch p.tok {
	case tokNumber, tokPlus, tokMinus, tokStar, tokStarStar, tokSlash, tokDot:
		return true
	case tokBad:
		return p.text() == "'"
	default:
		return false
	}
}

func (p *parser) push(f nameFrame) { p.frames = append(p.frames, f) }

func (p *parser) pop(n int) { p.frames = p.frames[:len(p.frames)-n] }

// context reads {key: value, …}. Every entry sees those before it.
func (p *parser) context() *expr {
	at := p.start
	p.next()
	n := expr{op: opContext, pos: int32(at)}
	var fields []Field
	seen := map[string]bool{}
	duplicate := ""
	p.push(nameFrame{})
	top := len(p.frames) - 1
	for p.tok != tokRBrace {
		key := p.key()
		p.learn(key)
		p.expect(tokColon)
		e := p.expression()
		if seen[key] {
			duplicate = key
		}
		seen[key] = true
		sym := &symbol{name: normalName(key), typ: e.typ, owner: p.fn}
		p.frames[top].syms = append(p.frames[top].syms, sym)
		n.names, n.kids, n.syms = append(n.names, key), append(n.kids, e), append(n.syms, sym)
		fields = append(fields, Field{Name: key, Type: e.typ})
		if !p.accept(tokComma) {
			break
		}
	}
	p.pop(1)
	p.expect(tokRBrace)
	if duplicate != "" {
		return p.problem(at, CodeDuplicate, "the key %q occurs twice", duplicate)
	}
	n.typ = ContextType(fields...)
	return p.node(n)
}

func (p *parser) key() string {
	if p.tok == tokString {
		k := unquote(p.text())
		p.next()
		return k
	}
	if p.tok != tokName {
		p.fail("a key")
		return ""
	}
	return p.binding("")
}

// function reads function(a: type, b) body.
func (p *parser) function() *expr {
	at := p.start
	p.next()
	p.expect(tokLParen)
	outer := p.fn
	p.fn = &fnScope{outer: outer}
	n := expr{op: opFunction, pos: int32(at), fn: p.fn}
	for p.tok != tokRParen && p.err == nil {
		name := p.binding("")
		param := Param{Name: name}
		if p.accept(tokColon) {
			t, ok := p.parseType()
			if !ok {
				p.problem(p.start, CodeUnknown, "unknown type of parameter %s", name)
			}
			param.Type = t
		}
		n.params = append(n.params, param)
		n.syms = append(n.syms, &symbol{name: name, typ: param.Type, owner: p.fn})
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(tokRParen)
	if p.accept(tokColon) { // a declared result, as some dialects write it
		n.typ, _ = p.parseType()
	}
	p.push(nameFrame{syms: n.syms})
	external := p.acceptWord("external")
	if external {
		p.fn = outer
	}
	body := p.expression()
	p.pop(1)
	p.fn = outer
	result := n.typ
	if result == nil && !external {
		result = body.typ
	}
	types := make([]*Type, len(n.params))
	for i, q := range n.params {
		types[i] = q.Type
	}
	if external {
		n.op = opExternal
	}
	n.kids, n.typ = []*expr{body}, FunctionType(types, result)
	return p.node(n)
}

// filter reads what stands between the brackets of a filter.
func (p *parser) filter(at int, list *expr) *expr {
	elem := list.typ
	if elem.Kind() == TypeList {
		elem = elem.Elem()
	}
	item := &symbol{name: "item", typ: elem, owner: p.fn}
	p.push(nameFrame{syms: []*symbol{item}, item: item})
	cond := p.expression()
	p.pop(1)
	t := ListType(elem)
	switch {
	case cond.typ.Kind() == TypeNumber:
		t = elem
	case cond.typ.Kind() != TypeBoolean:
		t = AnyType
	}
	return p.node(expr{op: opFilter, pos: int32(at), typ: t, kids: []*expr{list, cond}, syms: []*symbol{item}})
}
