package feel_test

import (
	"testing"
	"time"

	"rapport/internal/feel"
)

// seeds are expressions that reach every construct of the language.
var seeds = []string{
	`1 + 2 * -3 ** 2`, `x > 10 and y in ["a","b"] or not(z)`, `if x then 1 else 2`,
	`for i in 1..3, j in [1,2] return partial[-1]`, `some a in [1,2] satisfies a > x`, `every a in [1..3] satisfies a > x`,
	`{a: 1, "b c": a + 1, c: {d: [1,2]}}.c.d[1]`, `[{a: 1}, {a: 2}][a > 1].a`, `[1,2,3][item > 1]`,
	`(function(a: number, b) a + b)(b: 1, a: 2)`, `function(x) external {java: {class: "a"}}`,
	`@"2020-01-01T10:00:00@Europe/Paris" - @"P1D"`, `date("2020-02-29") + duration("P1Y")`, `time(10, 20, 30.5, @"PT1H")`,
	`x instance of function<list<number>, context<a: string>>->range<date>`, `x between 1 and y`,
	`5 in (<3, [1..2], ]1..5[, (> 2))`, `(= 10)`, `matches("abab", "(ab)\1", "i")`, `replace("abc", "[a-z-[b]]", "$0x")`,
	`split("a;b", ";")`, `sort([3,1,2], function(a, b) a < b)`, `string([1, "a", {b: null}])`, `range("[1..3]")`,
	`context put({a: {b: 1}}, ["a", "b"], 2)`, `mode([1,1,2])`, `"\u00e9\U01F40E\n" = "x"`, `// c
/* d */ 1`, `before([1..2], 3)`, `decimal(1/3, 5)`, `modulo(-10, 3)`, `is(@"12:00:00Z", x)`, `10 ** 6000 * 10 ** 6000`,
	`{f: function(g) g(g), r: f(f)}.r`, `for i in 1..1000000000000 return i`, `[[[[[[[[[[1]]]]]]]]]]`, `1e5 + .5`,
	`["a".."c"] = ["a".."c"]`, `a b c.d e`, `list replace([1,2], function(i, n) i = 1, 5)`, `-- - -x`, `date and time(x, y)`,
}

func fuzzScope() *feel.Scope {
	return feel.NewScope(
		feel.Var{Name: "x", Type: feel.NumberType}, feel.Var{Name: "y", Type: feel.StringType}, feel.Var{Name: "z"},
		feel.Var{Name: "long name - with symbols"},
		feel.Var{Name: "c", Type: feel.ContextType(feel.Field{Name: "in stock", Type: feel.BooleanType})},
		feel.Var{Name: "?"},
	)
}

func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	scope := fuzzScope()
	f.Fuzz(func(t *testing.T, src string) {
		for _, compile := range []func(string, *feel.Scope, feel.CompileOptions) (*feel.Program, error){
			feel.Compile, feel.CompileUnaryTests,
		} {
			prog, err := compile(src, scope, feel.CompileOptions{MaxSource: 4_000})
			if (prog == nil) == (err == nil) {
				t.Fatalf("program %v, error %v", prog, err)
			}
		}
		_, _ = feel.ParseType(src, scope)
	})
}

func FuzzEval(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "11", "b")
	}
	scope := fuzzScope()
	now, _ := feel.ParseTemporal("2026-01-02T03:04:05Z")
	opts := feel.Options{Now: now, Limits: feel.Limits{Steps: 100_000, ListLen: 10_000, StringLen: 100_000, Depth: 100}}
	f.Fuzz(func(t *testing.T, src, number, text string) {
		prog, err := feel.Compile(src, scope, feel.CompileOptions{MaxSource: 4_000})
		if err != nil {
			return
		}
		x, _ := feel.ParseNumber(number)
		list := feel.ListOf(feel.ContextOf(feel.Entry{Key: "a", Value: x}), feel.String(text))
		slots := []feel.Value{x, feel.String(text), list, x, feel.Null, x}
		start := time.Now()
		v, diags := prog.Eval(opts, slots...)
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("took %s", took)
		}
		again, _ := prog.Eval(opts, slots...)
		if v.Kind() != feel.KindFunction && v.Literal() != again.Literal() {
			t.Fatalf("%s, then %s", v.Literal(), again.Literal())
		}
		for _, d := range diags {
			if d.Message == "" || d.Pos.Line < 1 {
				t.Fatalf("diagnostic without place or text: %+v", d)
			}
		}
	})
}
