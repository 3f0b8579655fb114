package dmn_test

import (
	"fmt"
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

func java(class, method string) string {
	return fmt.Sprintf(`external {java: {class: %q, method signature: %q}}`, class, method)
}

func TestExternal_JavaMethodsHaveNativeEquivalents(t *testing.T) {
	t.Parallel()
	cases := []struct{ class, method, params, args, want string }{
		{"java.lang.Math", "max(double, double)", "a, b", "1, 2.5", "2.5"},
		{"java.lang.Math", "max(int,int)", "a, b", "1, 2", "2"},
		{"java.lang.Math", "cos(double)", "a", "0", "1"},
		{"java.lang.Math", "sqrt(double)", "a", "-1", "null"},
		{"java.lang.Math", "max(double, double)", "a, b", `1, "x"`, "null"},
		{"java.lang.Math", "noSuch(double)", "a", "1", "null"},
		{"java.lang.String", "valueOf(double)", "a", "3", `"3.0"`},
		{"java.lang.String", "valueOf(int)", "a", "3", `"3"`},
		{"java.lang.String", "format(java.lang.String, [Ljava.lang.Object;)", "f, a", `"%s!", "hi"`, `"hi!"`},
		{"java.lang.String", "format(java.lang.String, [Ljava.lang.Object;)", "f, a", `"%s-%s", ["a","b"]`, `"a-b"`},
		{"java.lang.Integer", "valueOf(java.lang.String)", "a", `"42"`, "42"},
		{"java.lang.Integer", "valueOf(java.lang.String)", "a", `"4x"`, "null"},
		{"java.lang.Double", "valueOf(java.lang.String)", "a", `"4.25"`, "4.25"},
		{"java.lang.Float", "parseFloat(java.lang.String)", "a", `"0.1"`, "0.1"},
		{"", "", "a", "1", "null"},
		{"java.lang.Math", "signum(double)", "a", "-3", "-1"},
		{"java.lang.Math", "abs(int)", "a", "-3", "3"},
		{"java.lang.Math", "min(float,float)", "a, b", "0.1, 2", "0.1"},
		{"java.lang.Math", "max(long,long)", "a, b", "9007199254740993, 1", "9007199254740993"},
		{"java.lang.Math", "round(double)", "a", "-2.5", "-2"},
		{"java.lang.Math", "max(double,double)", "a", "1", "null"},
		{"java.lang.Math", "max", "a", "1", "null"},
		{"java.lang.Math", "abs(int)", "a", "3000000000", "null"},
		{"java.lang.String", "valueOf(double)", "a", "12345678", `"1.2345678E7"`},
		{"java.lang.String", "valueOf(float)", "a", "0.5", `"0.5"`},
		{"java.lang.String", "valueOf(java.lang.Object)", "a", "[1, 2]", `"[1, 2]"`},
		{"java.lang.String", "valueOf(boolean)", "a", "true", `"true"`},
		{"java.lang.String", "valueOf(char)", "a", `"x"`, `"x"`},
		{"java.lang.String", "valueOf(char)", "a", `"xy"`, "null"},
		{"java.lang.Byte", "valueOf(java.lang.String)", "a", `"200"`, "null"},
		{"java.lang.Short", "parseShort(java.lang.String)", "a", `"200"`, "200"},
		{"java.lang.Boolean", "parseBoolean(java.lang.String)", "a", `"TRUE"`, "true"},
	}
	for _, c := range cases {
		m := compile(t, model(decision("D", "", `<context><contextEntry><variable name="f"/>`+
			literal(fmt.Sprintf("function(%s) %s", c.params, java(c.class, c.method)))+
			`</contextEntry><contextEntry>`+literal("f("+c.args+")")+`</contextEntry></context>`)))
		wants(t, m, "D", c.want, nil)
	}
}

func TestExternal_BoxedJavaFunction(t *testing.T) {
	t.Parallel()
	body := `<context><contextEntry><variable name="class"/>` + literal(`"java.lang.Math"`) + `</contextEntry>` +
		`<contextEntry><variable name="method signature"/>` + literal(`"max(double,double)"`) + `</contextEntry></context>`
	m := compile(t, model(`<businessKnowledgeModel id="m" name="biggest"><encapsulatedLogic kind="Java">`+
		`<formalParameter name="a" typeRef="number"/><formalParameter name="b" typeRef="number"/>`+body+`</encapsulatedLogic></businessKnowledgeModel>`+
		decision("D", "", literal("biggest(3, 4)"), "fn:urn:test#m")))
	wants(t, m, "D", "4", nil)
}

func TestExternal_OtherKindsAreAskedFor(t *testing.T) {
	t.Parallel()
	src := model(`<businessKnowledgeModel id="m" name="score"><encapsulatedLogic kind="PMML"><formalParameter name="a"/>` +
		`<context><contextEntry><variable name="document"/>` + literal(`"churn.pmml"`) + `</contextEntry></context></encapsulatedLogic></businessKnowledgeModel>` +
		decision("D", "", literal("score(3)"), "fn:urn:test#m"))
	defs, err := dmnxml.Decode([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	m, err := dmn.Compile(defs, dmn.CompileOptions{External: func(f dmn.ExternalFunction) (feel.NativeFunc, error) {
		if f.Kind != "PMML" || f.Fields["document"] != "churn.pmml" {
			return nil, fmt.Errorf("asked for %+v", f)
		}
		return func(_ *feel.Evaluator, args []feel.Value) (feel.Value, error) { return args[0], nil }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, m, "D", "3", nil)
	wants(t, compile(t, src), "D", "null", nil)
}

func TestExternal_StringFormat(t *testing.T) {
	t.Parallel()
	cases := []struct{ format, args, want string }{
		{"%d items", "3", "3 items"},
		{"%05.1f|%-6s|%6s", `2.25, "ab", "cd"`, "002.3|ab    |    cd"},
		{"%,d %,.2f", "1234567, 1234.5", "1,234,567 1,234.50"},
		{"%2$s %1$s", `"a", "b"`, "b a"},
		{"%S %b %c%n", `"up", true, "x"`, "UP true x\n"},
		{"%f %+.0f %8.2f|%-8.1f|", "1.5, 2.5, -3.14159, 2", "1.500000 +3    -3.14|2.0     |"},
		{"100%%", "1", "100%"},
		{"%x %X", "255, 255", "ff FF"},
	}
	for _, c := range cases {
		m := compile(t, model(decision("D", "", `<context><contextEntry><variable name="f"/>`+
			literal("function(f, a) "+java("java.lang.String", "format(java.lang.String, [Ljava.lang.Object;)"))+
			`</contextEntry><contextEntry>`+literal(fmt.Sprintf("f(%q, [%s])", c.format, c.args))+`</contextEntry></context>`)))
		if v, run := decide(t, m, "D", nil); v.String() != c.want {
			t.Errorf("%q with %s gives %q, want %q; %v", c.format, c.args, v, c.want, run.Diagnostics())
		}
	}
	for _, format := range []string{"%", "%q", "%d", "%c", "%99999999s", "%s %s", "%3$s"} {
		m := compile(t, model(decision("D", "", `<context><contextEntry><variable name="f"/>`+
			literal("function(f, a) "+java("java.lang.String", "format(java.lang.String, [Ljava.lang.Object;)"))+
			`</contextEntry><contextEntry>`+literal(fmt.Sprintf("f(%q, [\"ab\"])", format))+`</contextEntry></context>`)))
		wants(t, m, "D", "null", nil)
	}
}
