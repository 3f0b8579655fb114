package feel

// CompileUnaryTests turns the text of a decision table cell into a program
// that gives a boolean. The scope must hold the name "?".
func CompileUnaryTests(src string, scope *Scope, o CompileOptions) (*Program, error) {
	if scope == nil {
		scope = NewScope()
	}
	p, e := readTests(src, scope, o, true)
	if p.err != nil {
		// What begins with not( may be an expression, as not(a) and b, or
		// tests: their half-open ranges keep brackets from telling which.
		if q, other := readTests(src, scope, o, false); q.err == nil {
			p, e = q, other
		}
	}
	prog, err := p.program(e)
	if err != nil {
		return nil, err
	}
	prog.cell, prog.hasCell = cellOf(e)
	return prog, nil
}

// readTests parses a cell. With negated, a leading not( holds tests.
func readTests(src string, scope *Scope, o CompileOptions, negated bool) (*parser, *expr) {
	p := newParser(src, scope, o)
	slot, ok := scope.index["?"]
	if !ok {
		p.failAt(0, `the scope has no name "?" for the input`)
		return p, nil
	}
	e := p.unaryTests(p.inputSymbol(scope.vars[slot].Name), negated)
	if p.err == nil && p.tok != tokEOF {
		p.fail(`"," or the end of the tests`)
	}
	return p, e
}

// unaryTests reads "-", not(tests) or tests.
func (p *parser) unaryTests(input *symbol, negated bool) *expr {
	at := p.start
	if p.tok == tokMinus && p.skip(p.end) == len(p.src) {
		p.next()
		return p.node(expr{op: opDash, pos: int32(at), typ: BooleanType})
	}
	if negated && p.isWord("not") && p.calls() {
		p.next()
		p.next()
		e := p.testList(at, input)
		p.expect(tokRParen)
		return p.node(expr{op: opNotTest, pos: int32(at), typ: BooleanType, kids: []*expr{e}})
	}
	return p.testList(at, input)
}

// calls tells whether a parenthesis follows the current word.
func (p *parser) calls() bool {
	l := p.lexer
	l.next()
	return l.tok == tokLParen
}

func (p *parser) testList(at int, input *symbol) *expr {
	kids := []*expr{p.variable(at, input), p.unaryTest()}
	for p.accept(tokComma) {
		kids = append(kids, p.unaryTest())
	}
	for _, k := range kids[1:] {
		p.checkTest(kids[0], k, true)
	}
	return p.node(expr{op: opIn, flag: true, pos: int32(at), typ: BooleanType, kids: kids})
}

// cellOf describes tests against constants. The tree is already folded.
func cellOf(e *expr) (Cell, bool) {
	switch e.op {
	case opDash:
		return Cell{Any: true}, true
	case opNotTest:
		c, ok := cellOf(e.kids[0])
		c.Negated = true
		return c, ok
	case opIn:
	default:
		return Cell{}, false
	}
	var c Cell
	for _, k := range e.kids[1:] {
		switch {
		case k.op == opConst && !opaque(k.val):
			if k.val.kind == KindList {
				c.Alternatives = append(c.Alternatives, k.val.items()...)
				continue
			}
			c.Alternatives = append(c.Alternatives, k.val)
		case k.op == opCmpTest && k.kids[0].op == opConst:
			c.Alternatives = append(c.Alternatives, comparisonRange(k.tok, k.kids[0].val))
		default:
			return Cell{}, false
		}
	}
	return c, true
}

// opaque tells whether a constant is more than a value or a list of values, so
// that it does not describe a cell.
func opaque(v Value) bool {
	switch v.kind {
	case KindFunction:
		return true
	case KindList:
		for _, it := range v.items() {
			if it.kind == KindList || it.kind == KindContext || opaque(it) {
				return true
			}
		}
	}
	return false
}

// comparisonRange is the range of the values for which `? op v` holds.
func comparisonRange(t token, v Value) Value {
	r := &Range{Op: tokenText[t]}
	switch t {
	case tokLess, tokLessEq:
		r.High, r.HighClosed = v, t == tokLessEq
	case tokGreater, tokGreaterEq:
		r.Low, r.LowClosed = v, t == tokGreaterEq
	default:
		r.Low, r.High = v, v
		r.LowClosed, r.HighClosed = t == tokEq, t == tokEq
	}
	return RangeOf(r)
}
