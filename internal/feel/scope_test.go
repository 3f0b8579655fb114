package feel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rapport/internal/feel"
)

func TestScope_NamesWithSpacesAndSymbols(t *testing.T) {
	t.Parallel()
	person := feel.ContextType(
		feel.Field{Name: "Monthly Salary", Type: feel.NumberType}, feel.Field{Name: "days in stock", Type: feel.NumberType},
		feel.Field{Name: "a-b", Type: feel.NumberType})
	names := []feel.Var{
		{Name: "Guest Count"},
		{Name: "Guest"},
		{Name: "Count"},
		{Name: "a-b"},
		{Name: "a"},
		{Name: "b"},
		{Name: "days in weekend"},
		{Name: "date and time of birth"},
		{Name: "for sale"},
		{Name: "profit (net) 100%"},
		{Name: "🐎 speed"},
		{Name: "date"},
		{Name: "Pre-bureau  risk"},
		{Name: "person", Type: person},
		{Name: "any"},
		{Name: "people", Type: feel.ListType(person)},
	}
	scope := feel.NewScope(names...)
	slots := make([]feel.Value, len(names))
	for i := range slots {
		slots[i] = feel.Int(int64(100 * (i + 1)))
	}
	slots[6] = feel.ListOf(feel.Int(1), feel.Int(2))
	p := feel.ContextOf(feel.Entry{Key: "Monthly Salary", Value: feel.Int(7)}, feel.Entry{Key: "days in stock", Value: feel.Int(8)},
		feel.Entry{Key: "a-b", Value: feel.Int(9)})
	slots[13], slots[14], slots[15] = p, p, feel.ListOf(p)
	for src, want := range map[string]string{
		"Guest Count + 1": "101", "Guest  \n Count + 1": "101", "Guest + Count": "500", "a-b": "400", "a - b": "-100", "a -b": "-100",
		"for d in days in weekend return d + 1": "[2, 3]", "date and time of birth": "800", "for sale + 1": "901", "profit (net) 100% + 1": "1001",
		"🐎 speed * 2": "2200", `date("2020-01-01")`: `@"2020-01-01"`, "date + 1": "1201", "Pre-bureau risk": "1300",
		"person.Monthly Salary + 1": "8", "person.days in stock - 1": "7", "person.a-b": "9", "any.Monthly Salary": "7", "any.days in stock": "8",
		"people[Monthly Salary > 5].days in stock": "[8]", "people[days in stock > a]": "[]", "{x y: 1, z: x y + a}.z": "501",
	} {
		prog, err := feel.Compile(src, scope, feel.CompileOptions{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got, why := prog.Eval(feel.Options{}, slots...); got.Literal() != want {
			t.Errorf("%s: got %s, want %s %v", src, got.Literal(), want, why)
		}
	}
}

func TestProgram_TellsItsInputsAndType(t *testing.T) {
	t.Parallel()
	scope := feel.NewScope(feel.Var{Name: "a", Type: feel.NumberType}, feel.Var{Name: "b"}, feel.Var{Name: "c", Type: feel.StringType})
	for src, want := range map[string]string{
		`a + 1`: "[0] number false", `{f: function(x) x + a, r: c}.r`: "[0 2] string false", `1 + 2`: "[] number true",
		`now()`: "[] date and time false", `if a > 1 then [c] else []`: "[0 2] list<string> false", `b.x`: "[1] Any false",
		`for i in [1,2] return string(i)`: "[] list<string> true", `duration("P1Y")`: "[] years and months duration true",
	} {
		prog, err := feel.Compile(src, scope, feel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(prog.Inputs(), " ", prog.Type(), " ", prog.Constant()); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
}

func TestCompile_StrictFindsStaticProblems(t *testing.T) {
	t.Parallel()
	order := feel.ContextType(feel.Field{Name: "total", Type: feel.NumberType})
	scope := feel.NewScope(feel.Var{Name: "age", Type: feel.NumberType}, feel.Var{Name: "city", Type: feel.StringType},
		feel.Var{Name: "order", Type: order}, feel.Var{Name: "free"}, feel.Var{Name: "born", Type: feel.DateType})
	bad := []string{
		`age > "a"`, `city + 1`, `ages > 1`, `order.sum > 1`, `upper case(age)`, `substring(city)`, `if age then 1 else 2`,
		`age in ["a", "b"]`, `city in [1..5]`, `age between 1 and 2 and city`, `born > 5`, `order.total + order`, `abs(city: 1)`,
		`age(1)`, `[1.."a"]`, `{a: 1, a: 2}`, `age instance of tNothing`, `born + born`, `-city`, `city < true`,
	}
	for _, src := range bad {
		if src == `-city` {
			continue // left to run time
		}
		if _, err := feel.Compile(src, scope, feel.CompileOptions{Strict: true}); err == nil {
			t.Errorf("%s: no error", src)
		}
		if _, err := feel.Compile(src, scope, feel.CompileOptions{}); err != nil {
			t.Errorf("%s: %v without Strict", src, err)
		}
	}
	for _, src := range []string{
		`age > 5 and city in ["a"]`, `free.x > age`, `order.total * 2`, `upper case([city])`, `born + duration("P1D") < date("2020-01-01")`,
		`age = null`, `[order][total > 1]`, `sum([order].total)`, `years and months duration(born, born).years > age`, `age in (<5, [7..9])`,
		`some x in [age] satisfies x > 1`, `date and time(born) < date and time("2020-01-01T00:00:00")`,
	} {
		if _, err := feel.Compile(src, scope, feel.CompileOptions{Strict: true}); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestCompileUnaryTests(t *testing.T) {
	t.Parallel()
	scope := feel.NewScope(feel.Var{Name: "limit"}, feel.Var{Name: "?"})
	for _, c := range []struct {
		src   string
		input feel.Value
		want  string
	}{
		{`-`, feel.Null, "true"},
		{`< 10`, feel.Int(5), "true"},
		{`>= limit`, feel.Int(5), "false"},
		{`"a", "b"`, feel.String("b"), "true"},
		{`not("a", "b")`, feel.String("b"), "false"},
		{`not("a")`, feel.String("b"), "true"},
		{`[1..5], 9`, feel.Int(9), "true"},
		{`? > 3 and ? < limit`, feel.Int(5), "true"},
		{`null`, feel.Null, "true"},
		{`["a", "b"]`, feel.String("a"), "true"},
		{`starts with(?, "a")`, feel.String("abc"), "true"},
		{`true`, feel.True, "true"},
		{`true`, feel.Int(1), "null"},
		{`limit > 5`, feel.Int(1), "true"},
		{`false`, feel.True, "false"},
		{`limit`, feel.Int(8), "true"},
		{`limit - 1`, feel.Int(7), "true"},
		{`-5`, feel.Int(-5), "true"},
		{`> 3`, feel.Null, "null"},
		{`!= 3`, feel.Int(4), "true"},
		{`= 3`, feel.Int(3), "true"},
		{`(1..5)`, feel.Int(5), "false"},
		{`]1..5]`, feel.Int(5), "true"},
		{`not(? = 1)`, feel.Int(2), "true"},
		{`not(1) or true`, feel.Int(2), "true"},
		{`@"2020-01-01"`, feel.String("a"), "null"},
		{`count(?) > 1`, feel.ListOf(feel.Int(1), feel.Int(2)), "true"},
		{`-, 1`, feel.Int(1), "error"},
		{``, feel.Int(1), "error"},
		{`<`, feel.Int(1), "error"},
	} {
		prog, err := feel.CompileUnaryTests(c.src, scope, feel.CompileOptions{})
		if err != nil {
			if c.want != "error" {
				t.Errorf("%s: %v", c.src, err)
			}
			continue
		}
		got, why := prog.Eval(feel.Options{}, feel.Int(8), c.input)
		if got.Literal() != c.want {
			t.Errorf("%s of %s: got %s, want %s %v", c.src, c.input.Literal(), got.Literal(), c.want, why)
		}
		if ev := feel.NewEvaluator(feel.Options{}); ev.Test(prog, []feel.Value{feel.Int(8), c.input}) != got.IsTrue() {
			t.Errorf("%s: Test and Eval differ", c.src)
		}
	}
	if _, err := feel.CompileUnaryTests("-", feel.NewScope(), feel.CompileOptions{}); err == nil {
		t.Error("a scope without ? is accepted")
	}
}

func TestProgram_CellDescribesConstantTests(t *testing.T) {
	t.Parallel()
	scope := feel.NewScope(feel.Var{Name: "x"}, feel.Var{Name: "?"})
	for src, want := range map[string]string{
		`-`: "any", `"a", "b"`: `["a", "b"]`, `not(1, 2)`: `not [1, 2]`, `< 5, [7..9)`: `[(< 5), [7..9)]`, `["a", "b"]`: `["a", "b"]`,
		`x`: "none", `? > 5`: "none", `date("2020-01-01")`: `[@"2020-01-01"]`, `-5`: `[-5]`, `= 3`: `[(= 3)]`, `5 + 1`: `[6]`,
	} {
		prog, err := feel.CompileUnaryTests(src, scope, feel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		cell, ok := prog.Cell()
		got := "none"
		switch {
		case ok && cell.Any:
			got = "any"
		case ok:
			got = feel.ListOf(cell.Alternatives...).Literal()
			if cell.Negated {
				got = "not " + got
			}
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
}

func TestEvaluator_CallsFunctionsWrittenInGo(t *testing.T) {
	t.Parallel()
	add := feel.NewFunction("add", []feel.Param{{Name: "left side", Type: feel.NumberType}, {Name: "b", Optional: true}}, feel.StringType,
		func(_ *feel.Evaluator, args []feel.Value) (feel.Value, error) {
			if args[1].IsNull() {
				return feel.Null, fmt.Errorf("nothing to add")
			}
			return feel.ListOf(feel.String(args[0].String() + "+" + args[1].String())), nil
		})
	f, _ := add.AsFunction()
	scope := feel.NewScope(feel.Var{Name: "add", Type: f.Type()})
	for src, want := range map[string]string{
		`add(1, 2)`: `"1+2"`, `add(b: 2, left side: [1])`: `"1+2"`, `add("x", 2)`: `null`, `add(1)`: `null`, `add(b: 2)`: `null`,
	} {
		prog, err := feel.Compile(src, scope, feel.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := prog.Eval(feel.Options{}, add); got.Literal() != want {
			t.Errorf("%s: got %s, want %s", src, got.Literal(), want)
		}
	}
	ev := feel.NewEvaluator(feel.Options{})
	if v := ev.CallNamed(add, []string{"b", "left side"}, []feel.Value{feel.Int(2), feel.Int(1)}); v.String() != "1+2" {
		t.Errorf("got %s", v)
	}
	if v := ev.Call(feel.Int(1)); !v.IsNull() || len(ev.Diagnostics()) == 0 {
		t.Errorf("got %s", v)
	}
}

func TestCompile_ExternalFunctionsAskTheHook(t *testing.T) {
	t.Parallel()
	opts := feel.CompileOptions{External: func(params []feel.Param, spec feel.Value) (feel.NativeFunc, error) {
		c, _ := spec.AsContext()
		if _, ok := c.Get("java"); !ok || len(params) != 1 {
			return nil, fmt.Errorf("only java")
		}
		return func(_ *feel.Evaluator, args []feel.Value) (feel.Value, error) { return args[0], nil }, nil
	}}
	for src, want := range map[string]string{
		`{f: function(x: number) external {java: {class: "A", method signature: "f(int)"}}, r: f(4)}.r`: "4",
		`{f: function(x: number) external {python: 1}, r: f(4)}.r`:                                      "null",
	} {
		prog, err := feel.Compile(src, nil, opts)
		if err != nil {
			t.Fatal(err)
		}
		if got, why := prog.Eval(feel.Options{}); got.Literal() != want {
			t.Errorf("%s: got %s %v", src, got, why)
		}
	}
}

func TestBuiltinNames_HoldsTheStandard(t *testing.T) {
	t.Parallel()
	names := feel.BuiltinNames()
	if len(names) < 75 || !slices.IsSorted(names) {
		t.Errorf("%d names: %s", len(names), strings.Join(names, ", "))
	}
}
