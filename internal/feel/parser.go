package feel

import (
	"fmt"
	"strings"
)

const (
	defaultMaxSource = 1 << 20
	maxNesting       = 500   // of the source, bounds the recursion of the parser
	maxTreeDepth     = 1_000 // of the tree, bounds the recursion of closures
	maxNameWork      = 5_000_000
	maxLocalNames    = 2_000
)

// parser reads an expression, resolves its names and tells static types.
type parser struct {
	lexer
	scope    *Scope
	opts     CompileOptions
	frames   []nameFrame
	fn       *fnScope
	inputs   []*symbol // by slot
	local    nameIndex // member names met in the source itself
	learned  int
	err      *Diagnostic
	problems []Diagnostic
	nesting  int
	work     int  // names compared so far
	endpoint bool // within a bound of an interval: `[` may close it
}

func newParser(src string, scope *Scope, o CompileOptions) *parser {
	p := &parser{lexer: lexer{src: src}, scope: scope, opts: o, fn: &fnScope{}}
	p.inputs = make([]*symbol, len(scope.vars))
	limit := o.MaxSource
	if limit <= 0 {
		limit = defaultMaxSource
	}
	if len(src) > limit {
		p.err = &Diagnostic{Pos: Position{Line: 1, Column: 1}, Code: CodeSyntax, Message: "the expression is too long"}
		p.src = ""
	}
	p.lexer.seek(0)
	return p
}

// fail records the first syntax error and ends the source, so that every loop
// of the parser ends too.
func (p *parser) fail(expected string) {
	p.failAt(p.start, "found "+p.found()+", expected "+expected)
}

func (p *parser) failAt(offset int, message string) {
	if p.err == nil {
		p.err = &Diagnostic{Pos: position(p.src, offset), Code: CodeSyntax, Message: message}
	}
	p.lexer.seek(len(p.src))
}

// seek makes the token at offset i the current one; after an error the source
// stays at its end.
func (p *parser) seek(i int) {
	if p.err == nil {
		p.lexer.seek(i)
	}
}

func (p *parser) found() string {
	switch p.tok {
	case tokEOF:
		return "the end of the expression"
	case tokBad:
		if strings.HasPrefix(p.src[p.start:], `"`) || strings.HasPrefix(p.src[p.start:], `@"`) {
			return "a string without end"
		}
		return fmt.Sprintf("the character %q", p.text())
	default:
		return fmt.Sprintf("%q", p.text())
	}
}

// problem records a static problem; the node it returns is null at run time.
func (p *parser) problem(at int, code Code, format string, args ...any) *expr {
	message := fmt.Sprintf(format, args...)
	if len(p.problems) < DefaultLimits.Diagnostics {
		p.problems = append(p.problems, Diagnostic{Pos: position(p.src, at), Code: code, Message: message})
	}
	return &expr{op: opNull, pos: int32(at), typ: AnyType, name: message, names: []string{string(code)}}
}

func (p *parser) expect(t token) {
	if p.tok != t {
		p.fail(fmt.Sprintf("%q", tokenText[t]))
		return
	}
	p.next()
}

func (p *parser) accept(t token) bool {
	if p.tok == t {
		p.next()
		return true
	}
	return false
}

// isWord tells whether the current token is the given keyword.
func (p *parser) isWord(w string) bool { return p.tok == tokName && p.text() == w }

func (p *parser) acceptWord(w string) bool {
	if p.isWord(w) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectWord(w string) {
	if !p.acceptWord(w) {
		p.fail(fmt.Sprintf("%q", w))
	}
}

// node makes a tree node and bounds the depth of the tree.
func (p *parser) node(e expr) *expr {
	if e.typ == nil {
		e.typ = AnyType
	}
	for _, k := range e.kids {
		if k != nil {
			e.depth = max(e.depth, k.depth+1)
			e.input = e.input || k.input
		}
	}
	if e.depth > maxTreeDepth {
		p.failAt(int(e.pos), "the expression is nested too deeply")
	}
	return &e
}

// expression reads any expression.
func (p *parser) expression() *expr {
	if p.nesting++; p.nesting > maxNesting {
		p.failAt(p.start, "the expression is nested too deeply")
	}
	endpoint := p.endpoint
	p.endpoint = false
	e := p.disjunction()
	p.endpoint = endpoint
	p.nesting--
	return e
}

func (p *parser) disjunction() *expr { return p.logic("or", opOr, p.conjunction) }

func (p *parser) conjunction() *expr { return p.logic("and", opAnd, p.comparison) }

// logic reads a chain of one operator into one node, so that long generated
// conditions stay flat.
func (p *parser) logic(word string, o op, operand func() *expr) *expr {
	at := p.start
	e := operand()
	if !p.isWord(word) {
		return e
	}
	kids := []*expr{e}
	for p.acceptWord(word) {
		kids = append(kids, operand())
	}
	for _, k := range kids {
		p.checkType(k, BooleanType, "operand of "+word)
	}
	return p.node(expr{op: o, pos: int32(at), typ: BooleanType, kids: kids})
}

func (p *parser) comparison() *expr {
	e := p.additive()
	for {
		at := p.start
		switch {
		case p.tok >= tokEq && p.tok <= tokGreaterEq:
			t := p.tok
			p.next()
			r := p.additive()
			p.checkComparable(at, t, e, r)
			e = p.node(expr{op: opCompare, tok: t, pos: int32(at), typ: BooleanType, kids: []*expr{e, r}})
		case p.acceptWord("between"):
			low := p.additive()
			p.expectWord("and")
			e = p.node(expr{op: opBetween, pos: int32(at), typ: BooleanType, kids: []*expr{e, low, p.additive()}})
		case p.acceptWord("in"):
			kids := append([]*expr{e}, p.inTests()...)
			for _, k := range kids[1:] {
				p.checkTest(e, k, false)
			}
			e = p.node(expr{op: opIn, pos: int32(at), typ: BooleanType, kids: kids})
		default:
			return e
		}
	}
}

// inTests reads what stands behind `in`: one test, or several in parentheses.
func (p *parser) inTests() []*expr {
	if p.tok != tokLParen {
		return []*expr{p.test(p.additive)}
	}
	start := p.start
	p.next()
	first := p.unaryTest()
	if p.accept(tokDotDot) {
		return []*expr{p.intervalEnd(start, first, false)}
	}
	tests := []*expr{first}
	for p.accept(tokComma) {
		tests = append(tests, p.unaryTest())
	}
	p.expect(tokRParen)
	return tests
}

// unaryTest reads one of the tests between parentheses, or of a cell.
func (p *parser) unaryTest() *expr { return p.test(p.expression) }

// test reads a comparison without left side, or an operand.
func (p *parser) test(operand func() *expr) *expr {
	at := p.start
	if p.tok >= tokEq && p.tok <= tokGreaterEq {
		t := p.tok
		p.next()
		return p.node(expr{op: opCmpTest, tok: t, pos: int32(at), typ: BooleanType, kids: []*expr{p.additive()}})
	}
	return operand()
}

func (p *parser) additive() *expr {
	e := p.multiplicative()
	for p.tok == tokPlus || p.tok == tokMinus {
		at, t := p.start, p.tok
		p.next()
		e = p.arith(at, t, e, p.multiplicative())
	}
	return e
}

func (p *parser) multiplicative() *expr {
	e := p.power()
	for p.tok == tokStar || p.tok == tokSlash {
		at, t := p.start, p.tok
		p.next()
		e = p.arith(at, t, e, p.power())
	}
	return e
}

func (p *parser) power() *expr {
	e := p.instanceOf()
	for p.tok == tokStarStar {
		at := p.start
		p.next()
		e = p.arith(at, tokStarStar, e, p.instanceOf())
	}
	return e
}

func (p *parser) arith(at int, t token, a, b *expr) *expr {
	return p.node(expr{op: opArith, tok: t, pos: int32(at), typ: p.arithType(at, t, a, b), kids: []*expr{a, b}})
}

func (p *parser) negation() *expr {
	if p.tok != tokMinus {
		return p.postfix(p.primary())
	}
	at := p.start
	p.next()
	if p.nesting++; p.nesting > maxNesting {
		p.failAt(at, "the expression is nested too deeply")
	}
	e := p.negation()
	p.nesting--
	if e.op == opConst && e.val.kind == KindNumber {
		e.val = negNumber(e.val)
		return e
	}
	return p.node(expr{op: opNeg, pos: int32(at), typ: e.typ, kids: []*expr{e}})
}

func (p *parser) instanceOf() *expr {
	e := p.negation()
	for p.isWord("instance") {
		at := p.start
		p.next()
		p.expectWord("of")
		t, ok := p.parseType()
		if !ok {
			e = p.problem(at, CodeUnknown, "unknown type")
			continue
		}
		n := p.node(expr{op: opInstance, pos: int32(at), typ: BooleanType, kids: []*expr{e}})
		n.params = []Param{{Type: t}}
		e = n
	}
	return e
}

// postfix reads members, filters and calls behind an operand.
func (p *parser) postfix(e *expr) *expr {
	for range maxTreeDepth {
		at := p.start
		switch p.tok {
		case tokDot:
			p.next()
			name, ok := p.memberName(e.typ)
			if !ok {
				p.fail("a name")
				return e
			}
			e = p.member(at, e, name)
		case tokLBracket:
			if p.endpoint && p.bracketCloses() {
				return e
			}
			p.next()
			e = p.filter(at, e)
			p.expect(tokRBracket)
		case tokLParen:
			e = p.invoke(at, e)
		default:
			return e
		}
	}
	p.failAt(p.start, "the expression is nested too deeply")
	return e
}

// bracketCloses tells whether `[` ends an interval: nothing that starts an
// expression follows.
func (p *parser) bracketCloses() bool {
	l := p.lexer
	l.next()
	switch l.tok {
	case tokNumber, tokString, tokAt, tokLParen, tokLBracket, tokLBrace, tokMinus:
		return false
	case tokName:
		w := l.text()
		return keywords[w] && w != "true" && w != "false" && w != "null" && w != "if" && w != "some" && w != "every" && w != "for"
	default:
		return true
	}
}
