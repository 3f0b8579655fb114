package dmn_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
)

// Large and twisted files must be refused or answered soon. The bound is far
// above what each takes, and far below what a quadratic step would.
func TestCompile_HostileModelsEndSoon(t *testing.T) {
	t.Parallel()
	repeat := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	nested := func(n int) string {
		open := `<context><contextEntry><variable name="a"/>`
		return strings.Repeat(open, n) + literal("1") + strings.Repeat(`</contextEntry></context>`, n)
	}
	entry := func(i int) string {
		return fmt.Sprintf(`<contextEntry><variable name="e%d"/>%s</contextEntry>`, i, literal(fmt.Sprint(i)))
	}
	cases := []struct {
		name, body string
	}{
		{"wide context", decision("D", "", `<context>`+repeat(6000, entry)+`</context>`)},
		{"contexts in a wide context", decision("D", "", `<context>`+repeat(1500, entry)+repeat(1500, func(i int) string {
			return fmt.Sprintf(`<contextEntry><variable name="c%d"/><context>%s</context></contextEntry>`, i, entry(0))
		})+`</context>`)},
		{"deep context", decision("D", "", nested(100))},
		{"chain", repeat(8_000, func(i int) string {
			return decision(fmt.Sprint("d", i), "", literal("1"), fmt.Sprint("d", i+1))
		}) + decision("D", "", literal("d0"), "d0") + decision("d8000", "", literal("7"))},
		{"circle", repeat(8_000, func(i int) string {
			return decision(fmt.Sprint("d", i), "", literal("1"), fmt.Sprint("d", (i+1)%8_000), fmt.Sprint("d", (i+7)%8_000))
		}) + decision("D", "", literal("1"))},
		{"many requirements", repeat(5000, func(i int) string { return input(fmt.Sprint("i", i), "") }) +
			decision("D", "", literal("1"), strings.Fields(repeat(5000, func(i int) string { return fmt.Sprintf("in:i%d ", i) }))...)},
		{"many types", repeat(5000, func(i int) string {
			return fmt.Sprintf(`<itemDefinition name="t%d"><itemComponent name="a"><typeRef>t%d</typeRef></itemComponent></itemDefinition>`, i, i+1)
		}) + repeat(500, func(i int) string { return decision(fmt.Sprint("x", i), "", literal("1")) }) + decision("D", "", literal("1"))},
		{"wide ranges", decision("D", "", table("RULE ORDER", []string{"1", "=n"}, func() (rows [][]string) {
			for i := range 6000 {
				rows = append(rows, []string{fmt.Sprintf(">= %d", i), "1"})
			}
			return rows
		}()...))},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			m := compile(t, model(c.body))
			run := m.NewSession(dmn.SessionOptions{Trace: true})
			if _, ok := run.Decide("", "D"); !ok {
				t.Error("there is no decision D")
			}
			for _, n := range m.Nodes() {
				for _, table := range n.Tables {
					table.Analyze()
				}
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestCompile_TooManyNodesIsAnError(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 20_001 {
		fmt.Fprintf(&b, `<inputData name="i%d"/>`, i)
	}
	if _, err := tryCompile(model(b.String())); err == nil || !strings.Contains(err.Error(), "more than 20000 nodes") {
		t.Errorf("got %v", err)
	}
}

func TestDecide_RecursionIsBounded(t *testing.T) {
	t.Parallel()
	m := compile(t, model(
		bkm("ping", "", "n", literal("pong(n + 1)"), "pong")+bkm("pong", "", "n", literal("ping(n + 1)"), "ping")+
			bkm("even", "", "n:number", literal("if n = 0 then true else odd(n - 1)"), "odd")+
			bkm("odd", "", "n:number", literal("if n = 0 then false else even(n - 1)"), "even")+
			decision("D", "", literal("ping(1)"), "fn:ping")+decision("E", "", literal("even(40)"), "fn:even")))
	wants(t, m, "E", "true", nil)
	_, run := decide(t, m, "D", nil)
	if d := run.Diagnostics(); len(d) == 0 || !strings.Contains(d[0].Message, "nested") {
		t.Errorf("diagnostics: %v", d)
	}
}

// Models of the first edition name types with a namespace prefix.
func TestCompile_ReadsModelsOfTheFirstEdition(t *testing.T) {
	t.Parallel()
	src := `<definitions xmlns="http://www.omg.org/spec/DMN/20151101/dmn.xsd" xmlns:feel="http://www.omg.org/spec/FEEL/20140401" xmlns:my="urn:first"
		namespace="urn:first" name="First" expressionLanguage="http://www.omg.org/spec/FEEL/20140401">
		<itemDefinition name="tAge"><typeRef>feel:number</typeRef><allowedValues><text>[0..120]</text></allowedValues></itemDefinition>
		<inputData id="i" name="Age"><variable name="Age" typeRef="my:tAge"/></inputData>
		<decision id="d" name="Old"><variable name="Old" typeRef="feel:boolean"/><informationRequirement><requiredInput href="#i"/></informationRequirement>
		<literalExpression><text>Age &gt; 65</text></literalExpression></decision></definitions>`
	m := compile(t, src)
	if len(m.Problems()) != 0 {
		t.Errorf("problems: %v", m.Problems())
	}
	wants(t, m, "Old", "true", map[string]string{"Age": "66"})
	wants(t, m, "Old", "null", map[string]string{"Age": "130"})
}

// Every edition is read, and decides the same.
func TestCompile_ReadsEveryEdition(t *testing.T) {
	t.Parallel()
	for v := dmnxml.DMN11; v <= dmnxml.DMN16; v++ {
		src, err := dmnxml.Rewrite([]byte(tenRules()), v)
		if err != nil {
			t.Fatal(err)
		}
		if defs, err := dmnxml.Decode(src); err != nil || defs.Version != v {
			t.Fatalf("edition %v is read as %v, %v", v, defs.Version, err)
		}
		wants(t, compile(t, string(src)), "Dish", `"dish 7"`, map[string]string{"season": `"s7"`, "course": `"c1"`})
	}
}

// Tools let the name of a box and that of its variable differ; both are known.
func TestDecide_NamesOfBoxesAndVariables(t *testing.T) {
	t.Parallel()
	m := compile(t, model(`<inputData id="i" name="Guest Count"><variable name="guestCount" typeRef="number"/></inputData>`+
		decision("D", "", literal("guestCount + Guest Count"), "in:urn:test#i")))
	wants(t, m, "D", "6", map[string]string{"guestCount": "3"})
	wants(t, m, "D", "6", map[string]string{"Guest Count": "3"})
	wants(t, m, "D", "6", map[string]string{"i": "3"})
}
