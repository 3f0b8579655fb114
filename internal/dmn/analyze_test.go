package dmn_test

import (
	"fmt"
	"slices"
	"testing"

	"rapport/internal/dmn"
)

func analyze(t testing.TB, typ, policy string, header []string, rows ...[]string) dmn.Analysis {
	t.Helper()
	types := `<itemDefinition name="tColour"><typeRef>string</typeRef><allowedValues><text>"red","green","blue"</text></allowedValues></itemDefinition>`
	logic := table(policy, header, rows...)
	m := compile(t, model(types+input("x", typ)+input("y", "boolean")+decision("D", "", logic, "in:x", "in:y")))
	n, _ := m.Find("", "D")
	if len(n.Tables) != 1 {
		t.Fatalf("tables: %v; problems %v", n.Tables, m.Problems())
	}
	return n.Tables[0].Analyze()
}

func gaps(a dmn.Analysis) []string {
	var out []string
	for _, g := range a.Gaps {
		out = append(out, g.String())
	}
	return out
}

func TestAnalyze_FindsGaps(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		header []string
		rows   [][]string
		want   []string
	}{
		{"complete", []string{"x", "=n"}, [][]string{{"< 18", "1"}, {">= 18", "2"}}, nil},
		{"a point", []string{"x", "=n"}, [][]string{{"< 18", "1"}, {"> 18", "2"}}, []string{"18"}},
		{"between", []string{"x", "=n"}, [][]string{{"[0..10]", "1"}, {"[20..30)", "2"}}, []string{"< 0, (10..20), >= 30"}},
		{"bounded", []string{"x|[0..30)", "=n"}, [][]string{{"[0..10]", "1"}, {"(10..30)", "2"}}, nil},
		{"strings", []string{"x", "=n"}, [][]string{{`"a"`, "1"}, {`"b"`, "2"}}, []string{`not("a", "b")`}},
		{"listed strings", []string{`x|"a","b","c"`, "=n"}, [][]string{{`"a"`, "1"}, {`"b"`, "2"}}, []string{`"c"`}},
		{"negated", []string{`x|"a","b","c"`, "=n"}, [][]string{{`not("a")`, "1"}}, []string{`"a"`}},
		{"two columns", []string{"x", "y", "=n"}, [][]string{{"< 5", "true", "1"}, {">= 5", "-", "2"}}, []string{"< 5 | false"}},
		{"booleans", []string{"y", "=n"}, [][]string{{"true", "1"}, {"false", "2"}}, nil},
		{"dates", []string{"x", "=n"}, [][]string{{`<= date("2020-01-31")`, "1"}, {`>= date("2020-02-01")`, "2"}}, nil},
		{"days between", []string{"x", "=n"}, [][]string{{`<= date("2020-01-30")`, "1"}, {`>= date("2020-02-01")`, "2"}}, []string{`(@"2020-01-30"..@"2020-02-01")`}},
		{"no rules", []string{"x", "=n"}, nil, []string{"-"}},
	}
	for _, c := range cases {
		a := analyze(t, "Any", "UNIQUE", c.header, c.rows...)
		if got := gaps(a); !slices.Equal(got, c.want) {
			t.Errorf("%s: gaps are %q, want %q", c.name, got, c.want)
		}
		if len(a.Overlaps) != 0 || a.Truncated || len(a.Skipped) != 0 {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

func TestAnalyze_KnowsTheValuesOfATypes(t *testing.T) {
	t.Parallel()
	types := `<itemDefinition name="tColour"><typeRef>string</typeRef><allowedValues><text>"red","green","blue"</text></allowedValues></itemDefinition>`
	logic := `<decisionTable><input><inputExpression typeRef="tColour"><text>x</text></inputExpression></input><output/>` +
		`<rule><inputEntry><text>"red"</text></inputEntry><outputEntry><text>1</text></outputEntry></rule>` +
		`<rule><inputEntry><text>"pink"</text></inputEntry><outputEntry><text>1</text></outputEntry></rule></decisionTable>`
	m := compile(t, model(types+input("x", "tColour")+decision("D", "", logic, "in:x")))
	n, _ := m.Find("", "D")
	a := n.Tables[0].Analyze()
	if got := gaps(a); !slices.Equal(got, []string{`"green", "blue"`}) && !slices.Equal(got, []string{`"blue", "green"`}) {
		t.Errorf("gaps: %q", got)
	}
	if !slices.Equal(a.Unreachable, []int{1}) {
		t.Errorf("unreachable: %v", a.Unreachable)
	}
}

func TestAnalyze_FindsOverlaps(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"[0..10]", "true", "1"}, {"[5..20]", "-", "1"}, {"[8..9]", "false", "2"}}
	want := map[string]string{
		"UNIQUE": "[{0 1 [5..10] | true true} {1 2 [8..9] | false true}]",
		"ANY":    "[{0 1 [5..10] | true false} {1 2 [8..9] | false true}]",
	}
	for policy, text := range want {
		a := analyze(t, "number", policy, []string{"x", "y", "=n"}, rows...)
		if got := fmt.Sprint(a.Overlaps); got != text {
			t.Errorf("%s: %s, want %s", policy, got, text)
		}
	}
	if a := analyze(t, "number", "FIRST", []string{"x", "y", "=n"}, rows...); len(a.Overlaps) != 0 || !slices.Equal(a.Masked, []int{2}) {
		t.Errorf("masked: %+v", a)
	}
	if a := analyze(t, "number", "COLLECT", []string{"x", "y", "=n"}, rows...); len(a.Overlaps) != 0 {
		t.Errorf("overlaps of a collecting table: %+v", a.Overlaps)
	}
}

func TestAnalyze_LeavesOutWhatIsNotConstant(t *testing.T) {
	t.Parallel()
	a := analyze(t, "number", "UNIQUE", []string{"x", "=n"}, []string{"< 5", "1"}, []string{"? * 2 > 20", "2"})
	if fmt.Sprint(a.Skipped) != "[{1 0}]" || !slices.Equal(gaps(a), []string{">= 5"}) {
		t.Errorf("%+v", a)
	}
}

func TestAnalyze_EndsOnLargeTables(t *testing.T) {
	t.Parallel()
	var rows [][]string
	header := []string{}
	for c := range 12 {
		header = append(header, fmt.Sprintf("x + %d", c))
	}
	header = append(header, "=n")
	for r := range 200 {
		var row []string
		for c := range 12 {
			row = append(row, fmt.Sprintf("[%d..%d]", (r*7+c*13)%50, (r*7+c*13)%50+r%20))
		}
		rows = append(rows, append(row, "1"))
	}
	if a := analyze(t, "number", "UNIQUE", header, rows...); !a.Truncated {
		t.Error("the analysis says that it is complete")
	}
}
