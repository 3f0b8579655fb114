package feel_test

import (
	"testing"

	"cel.dev/cel-go/cel"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"rapport/internal/feel"
)

// The benchmarks run the same condition in three languages. The others get
// their fastest documented form: a struct or map environment, compiled once.

func BenchmarkCondition_FEEL(b *testing.B) {
	scope := feel.NewScope(feel.Var{Name: "x", Type: feel.NumberType}, feel.Var{Name: "y", Type: feel.StringType})
	prog, err := feel.Compile(`x > 10 and y in ["a","b"]`, scope, feel.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ev := feel.NewEvaluator(feel.Options{})
	slots := []feel.Value{feel.Int(11), feel.String("b")}
	b.ReportAllocs()
	for b.Loop() {
		if !ev.Test(prog, slots) {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkCondition_FEEL_Run(b *testing.B) {
	scope := feel.NewScope(feel.Var{Name: "x"}, feel.Var{Name: "y"})
	prog, err := feel.Compile(`x > 10 and y in ["a","b"]`, scope, feel.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ev := feel.NewEvaluator(feel.Options{})
	slots := []feel.Value{feel.Int(11), feel.String("b")}
	b.ReportAllocs()
	for b.Loop() {
		if !ev.Run(prog, slots).IsTrue() {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkCondition_Expr(b *testing.B) {
	type env struct {
		X int    `expr:"x"`
		Y string `expr:"y"`
	}
	prog, err := expr.Compile(`x > 10 and y in ["a","b"]`, expr.Env(env{}), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	e := env{X: 11, Y: "b"}
	var machine vm.VM
	b.ReportAllocs()
	for b.Loop() {
		out, err := machine.Run(prog, e)
		if err != nil || out != true {
			b.Fatal(out, err)
		}
	}
}

func BenchmarkCondition_CEL(b *testing.B) {
	env, err := cel.NewEnv(cel.Variable("x", cel.IntType), cel.Variable("y", cel.StringType))
	if err != nil {
		b.Fatal(err)
	}
	ast, iss := env.Compile(`x > 10 && y in ["a","b"]`)
	if iss.Err() != nil {
		b.Fatal(iss.Err())
	}
	prog, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		b.Fatal(err)
	}
	vars := map[string]any{"x": int64(11), "y": "b"}
	b.ReportAllocs()
	for b.Loop() {
		out, _, err := prog.Eval(vars)
		if err != nil || out.Value() != true {
			b.Fatal(out, err)
		}
	}
}

func benchRun(b *testing.B, src string, scope *feel.Scope, slots ...feel.Value) {
	b.Helper()
	prog, err := feel.Compile(src, scope, feel.CompileOptions{Strict: true})
	if err != nil {
		b.Fatal(err)
	}
	ev := feel.NewEvaluator(feel.Options{Limits: feel.Limits{Steps: 1 << 60}})
	if v := ev.Run(prog, slots); v.IsNull() {
		b.Fatal(ev.Diagnostics())
	}
	b.ReportAllocs()
	for b.Loop() {
		ev.Run(prog, slots)
	}
}

func BenchmarkArithmetic(b *testing.B) {
	scope := feel.NewScope(feel.Var{Name: "price", Type: feel.NumberType}, feel.Var{Name: "rate", Type: feel.NumberType})
	benchRun(b, `price * (1 + rate) - 2.5`, scope, feel.Decimal(1999, 2), feel.Decimal(7, 2))
}

func BenchmarkDivisionSlowLane(b *testing.B) {
	benchRun(b, `a / 3`, feel.NewScope(feel.Var{Name: "a"}), feel.Int(10))
}

func BenchmarkMemberPath(b *testing.B) {
	v, _ := feel.FromGo(map[string]any{"address": map[string]any{"city": "Bern", "zip": "3000"}, "age": 41})
	city := feel.ContextType(feel.Field{Name: "city", Type: feel.StringType}, feel.Field{Name: "zip", Type: feel.StringType})
	typ := feel.ContextType(feel.Field{Name: "address", Type: city}, feel.Field{Name: "age", Type: feel.NumberType})
	benchRun(b, `p.address.city = "Bern" and p.age >= 18`, feel.NewScope(feel.Var{Name: "p", Type: typ}), v)
}

func BenchmarkFilterAndSum(b *testing.B) {
	var items []feel.Value
	for i := range int64(100) {
		items = append(items, feel.ContextOf(feel.Entry{Key: "amount", Value: feel.Int(i)}))
	}
	order := feel.ListType(feel.ContextType(feel.Field{Name: "amount", Type: feel.NumberType}))
	benchRun(b, `sum(orders[amount > 50].amount)`, feel.NewScope(feel.Var{Name: "orders", Type: order}), feel.ListOf(items...))
}

func BenchmarkLambdaCall(b *testing.B) {
	benchRun(b, `{f: function(x: number) x + a, r: f(1) + f(2)}.r`, feel.NewScope(feel.Var{Name: "a"}), feel.Int(10))
}

func BenchmarkDateComparison(b *testing.B) {
	d, _ := feel.ParseTemporal("2026-03-01")
	benchRun(b, `d + duration("P10D") > date("2026-01-01")`, feel.NewScope(feel.Var{Name: "d", Type: feel.DateType}), d)
}

func BenchmarkCompile(b *testing.B) {
	scope := feel.NewScope(feel.Var{Name: "x", Type: feel.NumberType}, feel.Var{Name: "y", Type: feel.StringType})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := feel.Compile(`x > 10 and y in ["a","b"]`, scope, feel.CompileOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
