package dmn_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/feel"
)

// cells of every form, over a small set of values so that rules often meet.
func randomCell(r *rand.Rand, kind int) string {
	atom := func(n int) string {
		switch kind {
		case 0:
			return fmt.Sprint(n)
		case 1:
			return fmt.Sprintf("%q", string(rune('a'+n)))
		case 2:
			return fmt.Sprint(n%2 == 0)
		case 3:
			return fmt.Sprintf(`date("2020-01-%02d")`, n+1)
		default:
			return fmt.Sprintf(`duration("P%dD")`, n)
		}
	}
	test := func() string {
		if kind == 1 || kind == 2 {
			return atom(r.IntN(6))
		}
		switch r.IntN(5) {
		case 0:
			return []string{"<", "<=", ">", ">=", "="}[r.IntN(5)] + " " + atom(r.IntN(6))
		case 1:
			low, high := r.IntN(6), r.IntN(6)
			if low > high {
				low, high = high, low
			}
			return "[("[r.IntN(2):][:1] + atom(low) + ".." + atom(high) + "])"[r.IntN(2):][:1]
		}
		return atom(r.IntN(6))
	}
	switch r.IntN(8) {
	case 0:
		return "-"
	case 1:
		return "not(" + test() + ", " + test() + ")"
	case 2:
		return "? = " + atom(r.IntN(6))
	case 3:
		return "null"
	case 4:
		return test() + ", " + test()
	}
	return test()
}

func randomValue(r *rand.Rand, kind int) string {
	if r.IntN(10) == 0 {
		return []string{"null", `"zz"`, "2.5", "true", "[1]", `@"2020-01-03"`}[r.IntN(6)]
	}
	c := "-"
	for strings.ContainsAny(c, "-?<>=[]()") && !strings.HasPrefix(c, "date") && !strings.HasPrefix(c, "dur") || strings.Contains(c, ",") || c == "null" || strings.Contains(c, "..") {
		c = randomCell(r, kind)
	}
	return c
}

// A table must give what its cells give when they are tested one by one.
func TestTable_IndexesAgreeWithTheCells(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		kinds := []int{r.IntN(5), r.IntN(5)}
		rules := make([][]string, 1+r.IntN(150))
		for i := range rules {
			rules[i] = []string{randomCell(r, kinds[0]), randomCell(r, kinds[1]), fmt.Sprint(i)}
		}
		m := compile(t, model(input("x", "Any")+input("y", "Any")+
			decision("D", "", table("RULE ORDER", []string{"x", "y", "=n"}, rules...), "in:x", "in:y")))
		tests := cellTests(t, rules)
		for range 20 {
			in := []feel.Value{value(t, randomValue(r, kinds[0])), value(t, randomValue(r, kinds[1]))}
			run := m.NewSession(dmn.SessionOptions{})
			run.Set("", "x", in[0])
			run.Set("", "y", in[1])
			got, _ := run.Decide("", "D")
			var want []feel.Value
			ev := feel.NewEvaluator(feel.Options{})
			for i, cells := range tests {
				if ev.Test(cells[0], in[:1]) && ev.Test(cells[1], in[1:]) {
					want = append(want, feel.Int(int64(i)))
				}
			}
			expected := feel.Null
			if want != nil {
				expected = feel.ListOf(want...)
			}
			if got.Literal() != expected.Literal() {
				t.Fatalf("x = %s, y = %s: got %s, want %s from %q", in[0].Literal(), in[1].Literal(), got.Literal(), expected.Literal(), rules)
			}
		}
	}
}

func cellTests(t *testing.T, rules [][]string) [][2]*feel.Program {
	t.Helper()
	scope := feel.NewScope(feel.Var{Name: "?"})
	out := make([][2]*feel.Program, len(rules))
	for i, rule := range rules {
		for k := range 2 {
			prog, err := feel.CompileUnaryTests(rule[k], scope, feel.CompileOptions{})
			if err != nil {
				t.Fatalf("%s: %v", rule[k], err)
			}
			out[i][k] = prog
		}
	}
	return out
}

func TestTable_VeryLarge(t *testing.T) {
	t.Parallel()
	rows := make([][]string, 6000)
	for i := range rows {
		rows[i] = []string{fmt.Sprintf("[%d..%d)", i*10, i*10+10), fmt.Sprintf("%q", fmt.Sprint("k", i)), fmt.Sprint(i)}
	}
	rows = append(rows, []string{"< 0", "-", "-1"}, []string{"? = 60000", "-", "-2"})
	m := compile(t, model(input("x", "number")+input("k", "string")+decision("D", "", table("UNIQUE", []string{"x", "k", "=n"}, rows...), "in:x", "in:k")))
	for _, i := range []int{0, 1, 63, 64, 65, 2999, 5999} {
		wants(t, m, "D", fmt.Sprint(i), map[string]string{"x": fmt.Sprint(i*10 + 9), "k": fmt.Sprintf(`"k%d"`, i)})
		wants(t, m, "D", "null", map[string]string{"x": fmt.Sprint(i*10 + 11), "k": fmt.Sprintf(`"k%d"`, i)})
	}
	wants(t, m, "D", "-1", map[string]string{"x": "-5", "k": "null"})
	wants(t, m, "D", "-2", map[string]string{"x": "60000", "k": "null"})
}

// The analysis must agree with the table: no rule fits in a gap, and some rule
// fits everywhere else.
func TestAnalyze_GapsAgreeWithTheTable(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	for range 40 {
		rules := make([][]string, 1+r.IntN(8))
		for i := range rules {
			rules[i] = []string{constantCell(r), constantCell(r), fmt.Sprint(i)}
		}
		m := compile(t, model(input("x", "number")+input("y", "number")+
			decision("D", "", table("RULE ORDER", []string{"x", "y", "=n"}, rules...), "in:x", "in:y")))
		n, _ := m.Find("", "D")
		a := n.Tables[0].Analyze()
		var regions [][]string
		for _, g := range a.Gaps {
			regions = append(regions, append(slices.Clone(g), "0"))
		}
		inGap := cellTests(t, regions)
		for x := -1; x < 14; x++ {
			for y := -1; y < 14; y++ {
				in := []feel.Value{feel.Decimal(int64(x)*5, 1), feel.Decimal(int64(y)*5, 1)}
				run := m.NewSession(dmn.SessionOptions{})
				run.Set("", "x", in[0])
				run.Set("", "y", in[1])
				got, _ := run.Decide("", "D")
				ev := feel.NewEvaluator(feel.Options{})
				hole := slices.ContainsFunc(inGap, func(c [2]*feel.Program) bool { return ev.Test(c[0], in[:1]) && ev.Test(c[1], in[1:]) })
				if got.IsNull() != hole {
					t.Fatalf("x = %s, y = %s: the table gives %s, the gaps are %v; rules %q", in[0].Literal(), in[1].Literal(), got.Literal(), a.Gaps, rules)
				}
			}
		}
	}
}

func constantCell(r *rand.Rand) string {
	for {
		if c := randomCell(r, 0); !strings.Contains(c, "?") && c != "null" {
			return c
		}
	}
}
