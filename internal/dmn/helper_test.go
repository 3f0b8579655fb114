package dmn_test

import (
	"fmt"
	"strings"
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

const modelNamespace = "https://www.omg.org/spec/DMN/20230324/MODEL/"

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// model wraps elements into a file.
func model(body string) string {
	return named("urn:test", body)
}

func named(namespace, body string) string {
	return `<definitions xmlns="` + modelNamespace + `" name="` + namespace + `" namespace="` + namespace + `">` + body + `</definitions>`
}

func literal(text string) string {
	return `<literalExpression><text>` + escapes.Replace(text) + `</text></literalExpression>`
}

// input is an input data element; its id is its name with underscores.
func input(name, typ string) string {
	return fmt.Sprintf(`<inputData id="%s" name="%s"><variable name="%s" typeRef="%s"/></inputData>`, id(name), name, name, escapes.Replace(typ))
}

func id(name string) string { return strings.ReplaceAll(name, " ", "_") }

// decision is a decision with requirements by name; a name that starts with
// "fn:" is a knowledge requirement, one with "in:" an input.
func decision(name, typ, logic string, requires ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<decision id="%s" name="%s"><variable name="%s" typeRef="%s"/>`, id(name), name, name, typ)
	for _, r := range requires {
		kind, tag := "information", "requiredDecision"
		if rest, ok := strings.CutPrefix(r, "fn:"); ok {
			kind, tag, r = "knowledge", "requiredKnowledge", rest
		} else if rest, ok := strings.CutPrefix(r, "in:"); ok {
			tag, r = "requiredInput", rest
		}
		if !strings.Contains(r, "#") {
			r = "#" + id(r)
		}
		fmt.Fprintf(&b, `<%sRequirement><%s href="%s"/></%sRequirement>`, kind, tag, r, kind)
	}
	return b.String() + logic + `</decision>`
}

// table is a decision table. Each row is a rule; a column of the header that
// starts with "=" is an output.
func table(policy string, header []string, rows ...[]string) string {
	var b strings.Builder
	policy, aggregation, _ := strings.Cut(policy, "/")
	fmt.Fprintf(&b, `<decisionTable hitPolicy="%s"`, policy)
	if aggregation != "" {
		fmt.Fprintf(&b, ` aggregation="%s"`, aggregation)
	}
	b.WriteString(`>`)
	for _, h := range header {
		name, values, _ := strings.Cut(h, "|")
		if out, ok := strings.CutPrefix(name, "="); ok {
			fmt.Fprintf(&b, `<output name="%s">`, out)
			if values, fallback, _ := strings.Cut(values, "|"); values != "" || fallback != "" {
				if values != "" {
					fmt.Fprintf(&b, `<outputValues><text>%s</text></outputValues>`, escapes.Replace(values))
				}
				if fallback != "" {
					fmt.Fprintf(&b, `<defaultOutputEntry><text>%s</text></defaultOutputEntry>`, escapes.Replace(fallback))
				}
			}
			b.WriteString(`</output>`)
			continue
		}
		fmt.Fprintf(&b, `<input><inputExpression><text>%s</text></inputExpression>`, escapes.Replace(name))
		if values != "" {
			fmt.Fprintf(&b, `<inputValues><text>%s</text></inputValues>`, escapes.Replace(values))
		}
		b.WriteString(`</input>`)
	}
	for _, row := range rows {
		b.WriteString(`<rule>`)
		for i, cell := range row {
			tag := "inputEntry"
			if strings.HasPrefix(header[i], "=") {
				tag = "outputEntry"
			}
			fmt.Fprintf(&b, `<%s><text>%s</text></%s>`, tag, escapes.Replace(cell), tag)
		}
		b.WriteString(`</rule>`)
	}
	return b.String() + `</decisionTable>`
}

func compile(t testing.TB, src string, imports ...string) *dmn.Model {
	t.Helper()
	m, err := tryCompile(src, imports...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tryCompile(src string, imports ...string) (*dmn.Model, error) {
	defs, err := dmnxml.Decode([]byte(src))
	if err != nil {
		return nil, err
	}
	return dmn.Compile(defs, dmn.CompileOptions{Import: func(namespace, _ string) (*dmnxml.Definitions, error) {
		for _, text := range imports {
			d, err := dmnxml.Decode([]byte(text))
			if err != nil || d.Namespace == namespace {
				return d, err
			}
		}
		return nil, nil
	}})
}

// value gives the value of FEEL text.
func value(t testing.TB, text string) feel.Value {
	t.Helper()
	prog, err := feel.Compile(text, feel.NewScope(), feel.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v, _ := prog.Eval(feel.Options{})
	return v
}

// decide evaluates a decision with inputs written in FEEL.
func decide(t testing.TB, m *dmn.Model, name string, inputs map[string]string) (feel.Value, *dmn.Session) {
	t.Helper()
	run := m.NewSession(dmn.SessionOptions{})
	for in, text := range inputs {
		if !run.Set("", in, value(t, text)) {
			t.Fatalf("no input %q", in)
		}
	}
	v, ok := run.Decide("", name)
	if !ok {
		t.Fatalf("no decision %q", name)
	}
	return v, run
}

// wants checks the value of a decision, written in FEEL.
func wants(t testing.TB, m *dmn.Model, name, want string, inputs map[string]string) {
	t.Helper()
	got, run := decide(t, m, name, inputs)
	expected := value(t, want)
	if got.IsNull() != expected.IsNull() || !got.IsNull() && !feel.Equal(got, expected).IsTrue() {
		t.Errorf("%s with %v is %s, want %s; %v %v", name, inputs, got.Literal(), want, run.Diagnostics(), m.Problems())
	}
}

func hasProblem(m *dmn.Model, part string) bool {
	for _, p := range m.Problems() {
		if strings.Contains(p.String(), part) {
			return true
		}
	}
	return false
}
