package feel

// invoke reads the arguments behind a function and makes the call.
func (p *parser) invoke(at int, callee *expr) *expr {
	p.next()
	args, names := p.arguments(at)
	if callee.op == opNull {
		return callee
	}
	if callee.op == opBuiltin {
		return p.builtinCall(at, callee, args, names)
	}
	t := callee.typ
	if t.Kind() != TypeFunction && t.Kind() != TypeAny {
		return p.problem(at, CodeType, "%s is not a function", t)
	}
	n := expr{op: opInvoke, pos: int32(at), kids: append([]*expr{callee}, args...), names: names}
	if t.Kind() == TypeFunction {
		n.typ = t.result
		if !t.anyFn && names == nil {
			p.checkArguments(at, t, args)
		}
	}
	return p.node(n)
}

func (p *parser) checkArguments(at int, t *Type, args []*expr) {
	if len(t.params) != len(args) {
		p.problem(at, CodeArguments, "%d arguments, expected %d", len(args), len(t.params))
		return
	}
	for i, a := range args {
		p.checkType(a, orAny(t.params[i]), "argument")
	}
}

// arguments reads up to the closing parenthesis; names is nil for arguments by
// position.
func (p *parser) arguments(at int) (args []*expr, names []string) {
	for p.tok != tokRParen && p.err == nil {
		if name, ok := p.argumentName(); ok {
			names = append(names, name)
		} else if names != nil {
			p.fail("a named argument")
		}
		args = append(args, p.expression())
		if names != nil && len(names) != len(args) {
			p.failAt(at, "arguments by name and by position are mixed")
		}
		if !p.accept(tokComma) {
			break
		}
	}
	p.expect(tokRParen)
	return args, names
}

// argumentName reads `name :` when the argument has one.
func (p *parser) argumentName() (string, bool) {
	save := p.lexer
	if p.tok == tokString {
		s := unquote(p.text())
		if p.next(); p.accept(tokColon) {
			return s, true
		}
		p.rewind(save)
		return "", false
	}
	from, to := p.start, p.start
	for p.tok == tokName || p.start > from && p.nameSymbol() {
		to = p.end
		p.next()
	}
	if to > from && p.accept(tokColon) {
		return normalName(save.src[from:to]), true
	}
	p.rewind(save)
	return "", false
}

// rewind goes back to a token read before, unless there was an error since.
func (p *parser) rewind(to lexer) {
	if p.err == nil {
		p.lexer = to
	}
}

// builtinCall puts the arguments in the order of the parameters of the
// signature that fits.
func (p *parser) builtinCall(at int, callee *expr, args []*expr, names []string) *expr {
	bi := callee.bi
	sig, order := bi.match(len(args), names)
	if sig == nil {
		return p.problem(int(callee.pos), CodeArguments, "%s does not take these arguments, expected %s", bi.name, bi.usage())
	}
	kids := make([]*expr, len(order))
	for i, from := range order {
		if from < 0 {
			kids[i] = p.constant(at, Null)
			kids[i].flag = true // left out
			continue
		}
		kids[i] = args[from]
	}
	if names == nil {
		sig = bi.pick(sig, func(i int, t *Type) bool {
			return kids[i].flag || kids[i].typ.Kind() == TypeAny || kids[i].typ.Kind() == t.kind
		})
	}
	for i, k := range kids {
		if q := sig.param(i); !k.flag {
			p.checkArgument(bi, q, k)
		}
	}
	t := sig.result
	if sig.infer != nil {
		types := make([]*Type, len(kids))
		for i, k := range kids {
			types[i] = k.typ
		}
		t = sig.infer(types)
	}
	if bi.name == "duration" && kids[0].op == opConst && kids[0].val.kind == KindString {
		if d, ok := parseDuration(kids[0].val.str()); ok {
			t = typeOf(d)
		}
	}
	n := expr{op: opCall, pos: callee.pos, name: bi.name, bi: bi, kids: kids, typ: orAny(t)}
	n.val, n.names = Int(int64(sig.id)), names
	return p.node(n)
}

func (p *parser) checkArgument(bi *builtin, q Param, k *expr) {
	if q.Type == nil || k.typ.mayBe(q.Type) {
		return
	}
	p.problem(int(k.pos), CodeType, "%s of %s is %s, expected %s", q.Name, bi.name, k.typ, q.Type)
}

// checkType records a problem when a node cannot be of the type.
func (p *parser) checkType(e *expr, t *Type, what string) {
	if !e.typ.mayBe(t) {
		p.problem(int(e.pos), CodeType, "%s is %s, expected %s", what, e.typ, t)
	}
}

func (p *parser) checkComparable(at int, t token, a, b *expr) {
	x, y := a.typ.Kind(), b.typ.Kind()
	if x == TypeAny || y == TypeAny || x == TypeNull || y == TypeNull {
		return
	}
	if x != y || t >= tokLess && (x == TypeList || x == TypeContext || x == TypeFunction || x == TypeBoolean || x == TypeRange) {
		p.problem(at, CodeType, "%s cannot be compared with %s by %s", a.typ, b.typ, tokenText[t])
	}
}

// checkTest records a problem when the tested value can never fit the test.
func (p *parser) checkTest(x, test *expr, cell bool) {
	t := test.typ
	switch {
	case test.op == opCmpTest:
		p.checkComparable(int(test.pos), test.tok, x, test.kids[0])
		return
	case cell && (test.input || t.Kind() == TypeBoolean):
		return
	case t.Kind() == TypeRange:
		t = t.Elem()
	case t.Kind() == TypeList && x.typ.Kind() != TypeList:
		if t = t.Elem(); t.Kind() == TypeRange {
			t = t.Elem()
		}
	}
	if !x.typ.mayBe(t) && !t.mayBe(x.typ) {
		p.problem(int(test.pos), CodeType, "%s is never in %s", x.typ, test.typ)
	}
}

type arithKey struct {
	op   token
	a, b TypeKind
}

// arithTypes are the results of arithmetic by the types of the operands.
var arithTypes = func() map[arithKey]*Type {
	m := map[arithKey]*Type{}
	set := func(t token, a, b, r *Type) { m[arithKey{t, a.kind, b.kind}] = r }
	for _, t := range []token{tokPlus, tokMinus, tokStar, tokSlash, tokStarStar} {
		set(t, NumberType, NumberType, NumberType)
	}
	set(tokPlus, StringType, StringType, StringType)
	for _, d := range []*Type{DaysTimeType, YearsMonthsType} {
		set(tokPlus, d, d, d)
		set(tokMinus, d, d, d)
		set(tokStar, d, NumberType, d)
		set(tokStar, NumberType, d, d)
		set(tokSlash, d, NumberType, d)
		set(tokSlash, d, d, NumberType)
		for _, at := range []*Type{DateType, DateTimeType} {
			set(tokPlus, at, d, at)
			set(tokPlus, d, at, at)
			set(tokMinus, at, d, at)
		}
	}
	set(tokPlus, TimeType, DaysTimeType, TimeType)
	set(tokPlus, DaysTimeType, TimeType, TimeType)
	set(tokMinus, TimeType, DaysTimeType, TimeType)
	set(tokMinus, TimeType, TimeType, DaysTimeType)
	for _, a := range []*Type{DateType, DateTimeType} {
		for _, b := range []*Type{DateType, DateTimeType} {
			set(tokMinus, a, b, DaysTimeType)
		}
	}
	return m
}()

func (p *parser) arithType(at int, t token, a, b *expr) *Type {
	x, y := a.typ.Kind(), b.typ.Kind()
	if r, ok := arithTypes[arithKey{t, x, y}]; ok {
		return r
	}
	if x == TypeAny || y == TypeAny || x == TypeNull || y == TypeNull {
		return AnyType
	}
	p.problem(at, CodeType, "%s %s %s is not defined", a.typ, tokenText[t], b.typ)
	return AnyType
}
