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
