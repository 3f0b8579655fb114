package dmn_test

import (
	"strings"
	"testing"
)

func TestTable_HitPolicies(t *testing.T) {
	t.Parallel()
	rows := [][]string{
		{">= 10", `"B"`, "1"},
		{">= 20", `"A"`, "5"},
		{">= 30", `"C"`, "3"},
	}
	same := [][]string{{">= 10", `"A"`, "1"}, {">= 20", `"A"`, "1"}, {">= 30", `"C"`, "1"}}
	cases := []struct {
		policy string
		rows   [][]string
		x      string
		want   string
	}{
		{"UNIQUE", rows, "15", `{o: "B", n: 1}`},
		{"UNIQUE", rows, "25", "null"},
		{"", rows, "1", `{o: "none", n: null}`},
		{"ANY", same, "25", `{o: "A", n: 1}`},
		{"ANY", same, "35", "null"},
		{"PRIORITY", rows, "35", `{o: "A", n: 5}`},
		{"FIRST", rows, "35", `{o: "B", n: 1}`},
		{"RULE ORDER", rows, "35", `[{o: "B", n: 1}, {o: "A", n: 5}, {o: "C", n: 3}]`},
		{"OUTPUT ORDER", rows, "35", `[{o: "A", n: 5}, {o: "B", n: 1}, {o: "C", n: 3}]`},
		{"COLLECT", rows, "25", `[{o: "B", n: 1}, {o: "A", n: 5}]`},
		{"COLLECT/COUNT", rows, "35", "3"},
	}
	for _, c := range cases {
		m := compile(t, model(input("x", "number")+decision("D", "", table(c.policy, []string{"x", `=o|"A","B","C"|"none"`, "=n"}, c.rows...), "in:x")))
		wants(t, m, "D", c.want, map[string]string{"x": c.x})
	}
}

func TestTable_SingleOutput(t *testing.T) {
	t.Parallel()
	rows := [][]string{{">= 10", "7"}, {">= 20", "x * 2"}, {">= 30", "5"}}
	cases := []struct{ policy, x, want string }{
		{"COLLECT/SUM", "25", "57"},
		{"COLLECT/MIN", "35", "5"},
		{"COLLECT/MAX", "35", "70"},
		{"COLLECT/COUNT", "25", "2"},
		{"COLLECT", "35", "[7, 70, 5]"},
		{"COLLECT/SUM", "1", "null"},
		{"FIRST", "25", "7"},
		{"RULE ORDER", "25", "[7, 50]"},
		{"UNIQUE", "12", "7"},
		{"UNIQUE", `"text"`, "null"},
		{"UNIQUE", "null", "null"},
	}
	for _, c := range cases {
		m := compile(t, model(input("x", "Any")+decision("D", "", table(c.policy, []string{"x", "=n"}, rows...), "in:x")))
		wants(t, m, "D", c.want, map[string]string{"x": c.x})
	}
}

func TestTable_PriorityByAllowedValuesOfTheType(t *testing.T) {
	t.Parallel()
	m := compile(t, model(`<itemDefinition name="tRisk"><typeRef>string</typeRef><allowedValues><text>"HIGH","LOW"</text></allowedValues></itemDefinition>`+
		input("x", "number")+
		decision("D", "tRisk", table("PRIORITY", []string{"x", "=r"}, []string{">0", `"LOW"`}, []string{">5", `"HIGH"`}), "in:x")))
	wants(t, m, "D", `"HIGH"`, map[string]string{"x": "6"})
	wants(t, m, "D", `"LOW"`, map[string]string{"x": "3"})
}

func TestTable_Cells(t *testing.T) {
	t.Parallel()
	cases := []struct{ cell, x, want string }{
		{"-", "null", "1"},
		{"", "5", "1"},
		{`"a","b"`, `"b"`, "1"},
		{`"a","b"`, `"c"`, "null"},
		{`not("a","b")`, `"c"`, "1"},
		{`not("a","b")`, `"a"`, "null"},
		{"[1..5]", "5", "1"},
		{"[1..5)", "5", "null"},
		{"(1..5]", "1", "null"},
		{"]1..5[", "2.5", "1"},
		{"<1, >5", "0.99", "1"},
		{"<1, >5", "3", "null"},
		{"not(<1, >5)", "3", "1"},
		{"not(3)", "4", "1"},
		{"not([1..5))", "5", "1"},
		{"not((1..5], >= 9)", "1", "1"},
		{"not((1..5], >= 9)", "9", "null"},
		{"not(? > 3) and ? > 1", "2", "1"},
		{"not(? > 3) and ? > 1", "4", "null"},
		{"true", "true", "1"},
		{"false", "true", "null"},
		{`date("2020-01-01")`, `date("2020-01-01")`, "1"},
		{`>= date("2020-01-01")`, `date("2019-12-31")`, "null"},
		{`[duration("P1D")..duration("P3D")]`, `duration("PT36H")`, "1"},
		{"null", "null", "1"},
		{"null", "1", "null"},
		{"limit", "9", "1"},
		{"> limit", "9", "null"},
		{"? > limit", "10", "1"},
		{"contains(?, \"b\")", `"abc"`, "1"},
		{"[1,2,3]", "2", "1"},
	}
	for _, c := range cases {
		m := compile(t, model(input("x", "Any")+decision("limit", "number", literal("9"))+
			decision("D", "", table("UNIQUE", []string{"x", "=n"}, []string{c.cell, "1"}), "in:x", "limit")))
		wants(t, m, "D", c.want, map[string]string{"x": c.x})
	}
}

func TestTable_InputValuesBoundTheInput(t *testing.T) {
	t.Parallel()
	m := compile(t, model(input("x", "number")+decision("D", "", table("UNIQUE", []string{"x|[0..10]", "=n"}, []string{"-", "1"}), "in:x")))
	wants(t, m, "D", "1", map[string]string{"x": "10"})
	wants(t, m, "D", "null", map[string]string{"x": "11"})
}

func TestTable_FaultsAreReported(t *testing.T) {
	t.Parallel()
	cases := []struct{ logic, want string }{
		{table("UNIQUE", []string{"x", "=n"}, []string{"[1..", "1"}), "D"},
		{table("SOMETIMES", []string{"x", "=n"}), "hit policy"},
		{table("UNIQUE", []string{"x", "=n"}, []string{"1"}), "the rule has 1 input and 0 output"},
		{table("UNIQUE", []string{"x"}), "no output"},
	}
	for _, c := range cases {
		m := compile(t, model(input("x", "number")+decision("D", "", c.logic, "in:x")))
		wants(t, m, "D", "null", map[string]string{"x": "1"})
		if !hasProblem(m, c.want) {
			t.Errorf("problems are %v, want %q", m.Problems(), c.want)
		}
	}
}

func TestTable_AggregatesEachOutput(t *testing.T) {
	t.Parallel()
	rows := [][]string{{">= 10", "7", "2"}, {">= 20", "1", "9"}}
	for policy, want := range map[string]string{"COLLECT/SUM": "{a: 8, b: 11}", "COLLECT/MIN": "{a: 1, b: 2}", "COLLECT/MAX": "{a: 7, b: 9}"} {
		m := compile(t, model(input("x", "number")+decision("D", "", table(policy, []string{"x", "=a", "=b"}, rows...), "in:x")))
		wants(t, m, "D", want, map[string]string{"x": "20"})
	}
}

func TestTable_PriorityByRanges(t *testing.T) {
	t.Parallel()
	rows := [][]string{{">= 10", "5"}, {">= 20", "x"}}
	m := compile(t, model(input("x", "number")+decision("D", "", table("PRIORITY", []string{"x", "=n|[50..100],5"}, rows...), "in:x")))
	wants(t, m, "D", "60", map[string]string{"x": "60"})
	wants(t, m, "D", "5", map[string]string{"x": "30"})
}

func TestTable_OutputsThatAreNotListedAreReported(t *testing.T) {
	t.Parallel()
	m := compile(t, model(input("x", "number")+decision("D", "", table("PRIORITY", []string{"x", `=n|"A","B"`}, []string{"-", `"C"`}, []string{"-", `"A"`}), "in:x")))
	if !hasProblem(m, `"C" is not among the output values`) || hasProblem(m, `"A" is not`) {
		t.Errorf("problems: %v", m.Problems())
	}
}

func TestModel_ListsWhatADecisionNeeds(t *testing.T) {
	t.Parallel()
	m := compile(t, model(input("a", "number")+input("b", "number")+input("unused", "number")+
		decision("M", "", literal("b"), "in:b")+decision("D", "", literal("a + M"), "in:a", "M")))
	n, _ := m.Find("", "D")
	var names []string
	for _, in := range m.Inputs(n.Index) {
		names = append(names, in.Name)
	}
	if got := strings.Join(names, " "); got != "a b" {
		t.Errorf("D needs %q", got)
	}
}
