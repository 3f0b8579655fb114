package feel_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/feel"
)

// deadline is far above what the budgets allow, because test machines are
// shared; without budgets none of these would end.
const deadline = 30 * time.Second

func TestEval_BudgetsEndWhatWouldNotEnd(t *testing.T) {
	t.Parallel()
	laughs := `{a0: [1,1,1,1,1,1,1,1]`
	for i := 1; i < 20; i++ {
		p, n := string(rune('a'+i-1)), string(rune('a'+i))
		if i == 1 {
			p = "a0"
		}
		laughs += ", " + n + ": [" + strings.Repeat(p+",", 7) + p + "]"
	}
	for name, src := range map[string]string{
		"long loop":       `for i in 1..1000000000000 return i`,
		"long quantifier": `every i in 1..1000000000000 satisfies i > 0`,
		"recursion":       `{f: function(g) g(g), r: f(f)}.r`,
		"shared values":   laughs + `}`,
		"deep values":     `for i in 1..100000 return [partial[-1]]`,
		"long strings":    `for i in 1..1000 return if i = 1 then "0123456789" else partial[-1] + partial[-1]`,
		"nested loops":    `for a in 1..10000, b in 1..10000, c in 1..10000 return 1`,
		"powers":          `for i in 1..1000000 return 1.0000001 ** (i + 0.5)`,
		"remainders":      `for i in 1..1000000 return modulo(10 ** 6000, 3 * 10 ** -6000)`,
		"exponentials":    `for i in 1..1000000 return exp(i)`,
		"list copies":     `{l: for i in 1..100000 return i, r: for i in 1..100000 return reverse(l)[1]}.r`,
		"comparisons":     `{l: for i in 1..100000 return [i], m: for i in 1..100000 return [i], r: for i in 1..100000 return l = m}.r`,
		"distinct":        `distinct values(for i in 1..100000 return [i])`,
		"back references": `matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "(a*)*\1b")`,
		"many patterns":   `for i in 1..1000000 return matches("a", "[\w]{" + string(i) + "}")`,
		"joined strings":  `for i in 1..1000000 return string join(for k in 1..1000 return "abcdefgh", string(i))`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prog, err := feel.Compile(src, nil, feel.CompileOptions{})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			v, diags := prog.Eval(feel.Options{Limits: feel.Limits{Steps: 1_000_000}})
			took := time.Since(start)
			t.Logf("%s", took)
			if took > deadline {
				t.Errorf("took %s", took)
			}
			if !v.IsNull() || len(diags) == 0 || diags[len(diags)-1].Code != feel.CodeBudget {
				t.Errorf("got kind %s and %v, want null and a budget diagnostic", v.Kind(), diags)
			}
		})
	}
}

func TestEval_RegexBombIsLinear(t *testing.T) {
	t.Parallel()
	prog, err := feel.Compile(`matches(s, "(a+)+$")`, feel.NewScope(feel.Var{Name: "s"}), feel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v, diags := prog.Eval(feel.Options{}, feel.String(strings.Repeat("a", 100_000)+"!"))
	if !v.IsFalse() {
		t.Errorf("got %s %v", v, diags)
	}
}

func TestCompile_DeepNestingIsAnErrorNotACrash(t *testing.T) {
	t.Parallel()
	const n = 100_000
	for name, src := range map[string]string{
		"parentheses": strings.Repeat("(", n), "lists": strings.Repeat("[", n), "contexts": strings.Repeat("{a:", n),
		"signs": strings.Repeat("-", n) + "1", "sums": strings.Repeat("1+", n) + "1", "calls": strings.Repeat("abs(", n),
		"filters": "x" + strings.Repeat("[x", n), "members": "{a: 1}" + strings.Repeat(".a", n),
		"conditions": strings.Repeat("if ", n), "loops": strings.Repeat("for i in ", n),
		"functions": strings.Repeat("function() ", n), "types": "1 instance of " + strings.Repeat("list<", n),
		"invocations": "f" + strings.Repeat("()", n), "negations": strings.Repeat("not(", n),
		"ranges": strings.Repeat("]1..", n), "powers": strings.Repeat("2**", n) + "2",
		"instances": "1" + strings.Repeat(" instance of number", n),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, compile := range []func(string, *feel.Scope, feel.CompileOptions) (*feel.Program, error){
				feel.Compile, feel.CompileUnaryTests,
			} {
				if _, err := compile(src, feel.NewScope(feel.Var{Name: "?"}), feel.CompileOptions{}); err == nil {
					t.Error("no error")
				}
			}
		})
	}
}

func TestCompile_LongChainsOfConditionsAreFlat(t *testing.T) {
	t.Parallel()
	src := strings.Repeat("x = 1 or ", 20_000) + "x = 2"
	prog, err := feel.Compile(src, feel.NewScope(feel.Var{Name: "x"}), feel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := prog.Eval(feel.Options{}, feel.Int(2)); !v.IsTrue() {
		t.Errorf("got %s", v)
	}
}

func TestCompile_ManyNamesEndInTime(t *testing.T) {
	t.Parallel()
	var wide, chain strings.Builder
	wide.WriteString("{a0: 1")
	chain.WriteString("{a0: 1")
	for i := range 60_000 {
		n := strconv.Itoa(i)
		wide.WriteString(", a" + n + "x: 1")
		chain.WriteString(", b" + n + ": a0")
	}
	for name, src := range map[string]string{
		"wide": wide.String() + "}", "chain": chain.String() + "}", "words": strings.Repeat("a ", 400_000),
		"arguments": "abs(" + strings.Repeat("a + ", 200_000) + "1)", "commas": "[" + strings.Repeat("a,", 200_000) + "a]",
		"tests": strings.Repeat(`"a",`, 200_000) + `"a"`, "comments": strings.Repeat("/* */", 150_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, err := feel.Compile(src, nil, feel.CompileOptions{})
			_, err2 := feel.CompileUnaryTests(src, feel.NewScope(feel.Var{Name: "?"}), feel.CompileOptions{})
			if took := time.Since(start); took > deadline {
				t.Errorf("took %s (%v, %v)", took, err, err2)
			}
			t.Log(time.Since(start))
		})
	}
}
