package feel_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/feel"
)

func typesScope() *feel.Scope {
	s := feel.NewScope()
	s.AddType("tAge", feel.NumberType.Constrained(func(v feel.Value) bool {
		i, _ := v.AsInt()
		return i >= 0 && i < 150
	}).Named("tAge"))
	age, _ := feel.ParseType("tAge", s)
	s.AddType("lib.tPerson", feel.ContextType(feel.Field{Name: "full name", Type: feel.StringType}, feel.Field{Name: "age", Type: age}).Named("lib.tPerson"))
	return s
}

func TestParseType_ReadsWhatStringWrites(t *testing.T) {
	t.Parallel()
	s := typesScope()
	for _, src := range []string{
		"number", "date and time", "days and time duration", "list<list<number>>", "range<date>", "context<a: number, full name: string>",
		"function<number, list<string>>->boolean", "function<>->Any", "tAge", "lib.tPerson", "list<lib.tPerson>", "Any", "Null", "context",
		"function", "list<Any>",
	} {
		typ, err := feel.ParseType(src, s)
		if err != nil || typ.String() != src {
			t.Errorf("%s: got %s, %v", src, typ, err)
		}
	}
	for _, src := range []string{"", "number number", "list<", "nothing", "context<a>", "function<number>", "list<nothing>"} {
		if typ, err := feel.ParseType(src, s); err == nil {
			t.Errorf("%s: got %s, want an error", src, typ)
		}
	}
}

func TestCoerce_FollowsTheImplicitConversions(t *testing.T) {
	t.Parallel()
	s := typesScope()
	for _, c := range []struct{ value, typ, want string }{
		{`5`, "number", `5`},
		{`"a"`, "number", `no`},
		{`[5]`, "number", `5`},
		{`["a"]`, "number", `no`},
		{`[1,2]`, "number", `no`},
		{`5`, "list<number>", `[5]`},
		{`"a"`, "list<number>", `no`},
		{`[1,"a"]`, "list<number>", `no`},
		{`[1,null]`, "list<number>", `[1, null]`},
		{`@"2020-01-01"`, "date and time", `@"2020-01-01T00:00:00Z"`},
		{`@"2020-01-01T10:00:00"`, "date", `no`},
		{`null`, "number", `null`},
		{`200`, "tAge", `no`},
		{`20`, "tAge", `20`},
		{`[20]`, "tAge", `20`},
		{`{full name: "a", age: 3, x: 1}`, "lib.tPerson", `{full name: "a", age: 3, x: 1}`},
		{`{full name: "a"}`, "lib.tPerson", `no`},
		{`{full name: "a", age: 200}`, "lib.tPerson", `no`},
		{`[[1]]`, "number", `no`},
		{`{a: 1}`, "list<context<a: number>>", `[{a: 1}]`},
		{`[1..3]`, "range<number>", `[1..3]`},
		{`[1..3]`, "range<string>", `no`},
	} {
		v, _ := run(t, c.value)
		typ, err := feel.ParseType(c.typ, s)
		if err != nil {
			t.Fatal(err)
		}
		got := "no"
		if r, ok := feel.Coerce(v, typ); ok {
			got = r.Literal()
		} else if !r.IsNull() {
			t.Errorf("%s as %s: %s without conforming", c.value, c.typ, r)
		}
		if got != c.want {
			t.Errorf("%s as %s: got %s, want %s", c.value, c.typ, got, c.want)
		}
	}
}

func TestLanguage_InstanceOf(t *testing.T) {
	t.Parallel()
	check(t,
		`null instance of Any`, `false`, `null instance of Null`, `true`, `1 instance of Any`, `true`, `[1] instance of number`, `false`,
		`[1, "a"] instance of list<number>`, `false`, `[1, null] instance of list<number>`, `true`, `{a: null} instance of context<a: number>`, `true`,
		`{a: 1, b: 2} instance of context<a: number>`, `true`, `{} instance of context<a: number>`, `false`, `[1..2] instance of range<number>`, `true`,
		`(function(a: number) "x") instance of function<number>->string`, `true`, `(function(a: number) "x") instance of function<string>->string`, `false`,
		`(function() 1) instance of function<number>->number`, `false`, `(function(a) a) instance of function<number>->Any`, `true`,
		`-1 instance of number`, `true`, `1 + 1 instance of number`, `null`, `@"P1Y" instance of years and months duration`, `true`,
		`1 instance of list`, `false`, `[1] instance of list`, `true`,
	)
	s := typesScope()
	prog, err := feel.Compile(`[200 instance of tAge, {full name: "a", age: 1} instance of lib.tPerson]`, s, feel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := prog.Eval(feel.Options{}); v.Literal() != "[true, true]" {
		t.Errorf("got %s: constraints do not count for instance of", v)
	}
}

func TestType_RecursiveDefinitionsEnd(t *testing.T) {
	t.Parallel()
	node := feel.ContextType()
	node.SetFields(feel.Field{Name: "value", Type: feel.NumberType}, feel.Field{Name: "next", Type: node})
	other := feel.ContextType()
	other.SetFields(feel.Field{Name: "value", Type: feel.NumberType}, feel.Field{Name: "next", Type: other})
	_ = node.String()
	_ = node.ConformsTo(other)
	scope := feel.NewScope(feel.Var{Name: "n", Type: node})
	prog, err := feel.Compile(`n.next.next.value + 1`, scope, feel.CompileOptions{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	leaf := feel.ContextOf(feel.Entry{Key: "value", Value: feel.Int(4)}, feel.Entry{Key: "next"})
	for range 2 {
		leaf = feel.ContextOf(feel.Entry{Key: "value", Value: feel.Int(1)}, feel.Entry{Key: "next", Value: leaf})
	}
	if !feel.Conforms(leaf, node) {
		t.Error("the value does not conform")
	}
	if v, _ := prog.Eval(feel.Options{}, leaf); v.String() != "5" {
		t.Errorf("got %s", v)
	}
}

func TestFromGo_AndBack(t *testing.T) {
	t.Parallel()
	in := `{"a":[1,2.50,null,true,"x"],"b":{"c":{}}}`
	var data any
	d := json.NewDecoder(strings.NewReader(in))
	d.UseNumber()
	if err := d.Decode(&data); err != nil {
		t.Fatal(err)
	}
	v, err := feel.FromGo(data)
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v.Go())
	if err != nil || string(out) != `{"a":[1,2.5,null,true,"x"],"b":{"c":{}}}` {
		t.Errorf("got %s, %v", out, err)
	}
	if v, _ := feel.FromGo(90 * time.Second); v.String() != "PT1M30S" {
		t.Errorf("got %s", v)
	}
	if _, err := feel.FromGo(make(chan int)); err == nil {
		t.Error("a channel has a value")
	}
	deep := any(1)
	for range 2_000 {
		deep = []any{deep}
	}
	if _, err := feel.FromGo(deep); err == nil {
		t.Error("a value of any depth is taken")
	}
}

// anyValue draws values of all kinds that have a literal.
func anyValue(depth int) *rapid.Generator[feel.Value] {
	simple := []*rapid.Generator[feel.Value]{
		rapid.Just(feel.Null), rapid.Map(rapid.Bool(), feel.Bool), rapid.Map(rapid.Int64(), feel.Int),
		rapid.Map(rapid.String(), func(s string) feel.Value { return feel.String(s) }),
		rapid.Map(rapid.Int64Range(-1<<40, 1<<40), feel.YearsMonthsOf),
		rapid.Map(rapid.Int64Range(-1e11, 1e11), func(s int64) feel.Value { return feel.FromTime(time.Unix(s, 0).UTC()) }),
		rapid.Map(rapid.Int64Range(0, 86_399), func(s int64) feel.Value {
			v, _ := feel.TimeOf(s*1_000_000_000, feel.OffsetZone(3600))
			return v
		}),
	}
	if depth > 0 {
		simple = append(simple,
			rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[feel.Value] { return anyValue(depth - 1) }), 0, 4),
				func(vs []feel.Value) feel.Value { return feel.ListOf(vs...) }),
			rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-z][a-z +]{0,6}|true|"`), anyValue(depth-1), 0, 4), func(m map[string]feel.Value) feel.Value {
				es := make([]feel.Entry, 0, len(m))
				for k, v := range m {
					es = append(es, feel.Entry{Key: k, Value: v})
				}
				return feel.ContextOf(es...)
			}))
	}
	return rapid.OneOf(simple...)
}

func TestValue_LiteralsReadBackAsTheValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(3).Draw(t, "value")
		prog, err := feel.Compile(v.Literal(), nil, feel.CompileOptions{})
		if err != nil {
			t.Fatalf("%s: %v", v.Literal(), err)
		}
		back, why := prog.Eval(feel.Options{})
		if !feel.Same(v, back) || back.Literal() != v.Literal() {
			t.Fatalf("%s is read as %s %v", v.Literal(), back.Literal(), why)
		}
	})
}

func TestEqualAndCompare_AreLawful(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyValue(2).Draw(t, "a"), anyValue(2).Draw(t, "b"), anyValue(2).Draw(t, "c")
		if !feel.Equal(a, a).IsTrue() || !feel.Same(a, a) {
			t.Fatalf("%s differs from itself", a)
		}
		if feel.Equal(a, b).Literal() != feel.Equal(b, a).Literal() {
			t.Fatalf("%s = %s depends on the side", a, b)
		}
		ab, ok := feel.Compare(a, b)
		ba, ok2 := feel.Compare(b, a)
		if ok != ok2 || ab != -ba {
			t.Fatalf("%s and %s: %d and %d", a, b, ab, ba)
		}
		bc, okBC := feel.Compare(b, c)
		if ac, okAC := feel.Compare(a, c); ok && okBC && ab <= 0 && bc <= 0 && (!okAC || ac > 0) {
			t.Fatalf("%s, %s, %s are not in order", a, b, c)
		}
	})
}

func TestProgram_CellAgreesWithTheTest(t *testing.T) {
	t.Parallel()
	scope := feel.NewScope(feel.Var{Name: "?"})
	point := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"1", "2.5", "-3", `"a"`, `"b"`, `@"2020-01-01"`, "true", "null", `@"P1D"`}).Draw(t, "point")
	})
	part := rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return rapid.SampledFrom([]string{"<", "<=", ">", ">=", "=", "!="}).Draw(t, "op") + point.Draw(t, "end")
		case 1:
			return rapid.SampledFrom([]string{"[1..2.5]", "(-3..1]", `["a".."b")`, `]@"2019-01-01"..@"2021-01-01"[`}).Draw(t, "range")
		case 2:
			return "[" + point.Draw(t, "a") + "," + point.Draw(t, "b") + "]"
		default:
			return point.Draw(t, "value")
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		src := strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "parts"), ", ")
		if rapid.Bool().Draw(t, "negated") {
			src = "not(" + src + ")"
		}
		input, _ := feel.Compile(point.Draw(t, "input"), nil, feel.CompileOptions{})
		v, _ := input.Eval(feel.Options{})
		prog, err := feel.CompileUnaryTests(src, scope, feel.CompileOptions{})
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		cell, ok := prog.Cell()
		if !ok {
			t.Fatalf("%s has no constant form", src)
		}
		fits := false
		for _, a := range cell.Alternatives {
			r, isRange := a.AsRange()
			fits = fits || isRange && feel.Contains(r, v).IsTrue() || !isRange && feel.Equal(v, a).IsTrue()
		}
		got := feel.NewEvaluator(feel.Options{}).Test(prog, []feel.Value{v})
		if !cell.Negated && got != fits || cell.Negated && got && fits {
			t.Fatalf("%s of %s: the test says %t, the cell %t", src, v.Literal(), got, fits)
		}
	})
}
