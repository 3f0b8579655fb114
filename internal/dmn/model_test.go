package dmn_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/feel"
)

func TestDecide_BoxedExpressions(t *testing.T) {
	t.Parallel()
	entry := func(name, box string) string {
		if name != "" {
			name = `<variable name="` + name + `"/>`
		}
		return `<contextEntry>` + name + box + `</contextEntry>`
	}
	part := func(tag, text string) string { return "<" + tag + ">" + literal(text) + "</" + tag + ">" }
	cases := []struct{ name, logic, want string }{
		{"context", `<context>` + entry("a b", literal("1")) + entry("c", literal("a b + 1")) + `</context>`, `{"a b": 1, c: 2}`},
		{"context result", `<context>` + entry("a", literal("x")) + entry("", literal("a * 2")) + `</context>`, "6"},
		{"shadowing", `<context>` + entry("x", literal("x + 1")) + entry("y", `<context>`+entry("x", literal("x + 10"))+entry("", literal("x"))+`</context>`) +
			entry("", literal("[x, y]")) + `</context>`, "[4, 14]"},
		{"duplicate key", `<context>` + entry("a", literal("1")) + entry("a", literal("2")) + `</context>`, "null"},
		{"list", `<list>` + literal("x") + literal(`"a"`) + `</list>`, `[3, "a"]`},
		{
			"relation", `<relation><column name="n"/><column name="m" typeRef="number"/><row>` + literal("1") + literal("x") + `</row><row>` + literal("2") + literal(`"no"`) + `</row></relation>`,
			`[{n: 1, m: 3}, {n: 2, m: null}]`,
		},
		{"function", `<context>` + entry("f", `<functionDefinition><formalParameter name="n" typeRef="number"/>`+literal("n * x")+`</functionDefinition>`) +
			entry("", literal("f(2) + f(n: 3)")) + `</context>`, "15"},
		{"recursion", `<context>` + entry("fact", `<functionDefinition><formalParameter name="n"/>`+literal("if n <= 1 then 1 else n * fact(n - 1)")+`</functionDefinition>`) +
			entry("", literal("fact(5)")) + `</context>`, "120"},
		{"invocation", `<invocation>` + literal("substring") + `<binding><parameter name="string"/>` + literal(`"foobar"`) + `</binding><binding><parameter name="start position"/>` + literal("x") + `</binding></invocation>`, `"obar"`},
		{"conditional", `<conditional>` + part("if", "x > 2") + part("then", `"big"`) + part("else", `"small"`) + `</conditional>`, `"big"`},
		{"conditional null", `<conditional>` + part("if", "null") + part("then", `"big"`) + part("else", `"small"`) + `</conditional>`, `"small"`},
		{"filter", `<filter>` + part("in", "[{a: 1}, {a: 5}]") + part("match", "a > x") + `</filter>`, `[{a: 5}]`},
		{"boxed match", `<filter>` + part("in", "[1,2,3,4]") + `<match><conditional>` + part("if", "item > x") + part("then", `true`) + part("else", `item = 1`) + `</conditional></match></filter>`, `[1, 4]`},
		{"for", `<for iteratorVariable="i">` + part("in", "[1,2,3]") + part("return", "i * x + count(partial)") + `</for>`, "[3, 7, 11]"},
		{"for range", `<for iteratorVariable="i">` + part("in", "[1..3]") + part("return", "i") + `</for>`, "[1,2,3]"},
		{"some", `<some iteratorVariable="i">` + part("in", "[1,2,3]") + part("satisfies", "i = x") + `</some>`, "true"},
		{"every", `<every iteratorVariable="i">` + part("in", "[1,2,3]") + part("satisfies", "i < x") + `</every>`, "false"},
		{"every null", `<every iteratorVariable="i">` + part("in", "[1,2]") + part("satisfies", "null") + `</every>`, "null"},
		{"empty text", literal(" "), "null"},
		{"no function", `<invocation>` + literal("x") + `</invocation>`, "null"},
	}
	for _, c := range cases {
		m := compile(t, model(input("x", "number")+decision("D", "", c.logic, "in:x")))
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wants(t, m, "D", c.want, map[string]string{"x": "3"})
		})
	}
}

func bkm(name, typ, params, logic string, requires ...string) string {
	var reqs strings.Builder
	for _, r := range requires {
		reqs.WriteString(`<knowledgeRequirement><requiredKnowledge href="#` + id(r) + `"/></knowledgeRequirement>`)
	}
	var ps strings.Builder
	for p := range strings.FieldsSeq(params) {
		n, pt, _ := strings.Cut(p, ":")
		fmt.Fprintf(&ps, `<formalParameter name="%s" typeRef="%s"/>`, n, pt)
	}
	return fmt.Sprintf(`<businessKnowledgeModel id="%s" name="%s"><variable name="%s" typeRef="%s"/><encapsulatedLogic>%s%s</encapsulatedLogic>%s</businessKnowledgeModel>`,
		id(name), name, name, typ, ps.String(), logic, reqs.String())
}

func TestDecide_KnowledgeModels(t *testing.T) {
	t.Parallel()
	m := compile(t, model(
		bkm("double it", "number", "n:number", literal("n * 2"))+
			bkm("quad", "", "n:number", literal("double it(double it(n))"), "double it")+
			bkm("fact", "", "n:number", literal("if n <= 1 then 1 else n * fact(n - 1)"))+
			bkm("endless", "", "n", literal("endless(n)"))+
			bkm("text", "string", "n", literal("n"))+
			decision("D", "", literal("[quad(3), fact(5), double it(\"x\"), text(1), text(\"a\")]"), "fn:quad", "fn:fact", "fn:double it", "fn:text")+
			decision("E", "", literal("endless(1)"), "fn:endless")))
	wants(t, m, "D", `[12, 120, null, null, "a"]`, nil)
	wants(t, m, "E", "null", nil)
	run := m.NewSession(dmn.SessionOptions{})
	got, ok := run.Call("", "quad", map[string]feel.Value{"n": feel.Int(5)})
	if n, _ := got.AsInt(); !ok || n != 20 {
		t.Errorf("quad(5) is %s", got.Literal())
	}
}

func TestDecide_FunctionsKeepWhatTheySaw(t *testing.T) {
	t.Parallel()
	m := compile(t, model(input("k", "number")+
		bkm("adder", "", "n:number", `<functionDefinition><formalParameter name="m"/>`+literal("n + m + k2")+`</functionDefinition>`)+
		bkm("lambda", "", "n:number", literal("function(m) n * m"))+
		bkm("twice", "", "f x", literal("f(f(x))"), "lambda")+
		decision("Fn", "", literal("function(x) x + k"), "in:k")+
		decision("D", "", literal("[adder(2)(3), lambda(4)(5), twice(lambda(2), 3), twice(function(x) x - 1, 3), Fn(1), twice(Fn, 1)]"), "fn:adder", "fn:lambda", "fn:twice", "Fn")))
	wants(t, m, "D", "[null, 20, 12, 1, 11, 21]", map[string]string{"k": "10"})
	if !hasProblem(m, "k2") {
		t.Errorf("problems: %v", m.Problems())
	}
}

func TestDecide_ManySessionsAtOnce(t *testing.T) {
	t.Parallel()
	m := compile(t, model(input("x", "number")+
		bkm("fact", "", "n:number", literal("if n <= 1 then 1 else n * fact(n - 1)"))+
		decision("T", "", table("COLLECT/SUM", []string{"x|[0..100]", "=n"}, []string{"> 1", "fact(x)"}, []string{"? > 2", "x"}), "in:x", "fn:fact")+
		`<decisionService id="S" name="S"><outputDecision href="#T"/><inputData href="#x"/></decisionService>`+
		decision("D", "", literal("S(x) + S(3)"), "in:x", "fn:S")))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			run := m.NewSession(dmn.SessionOptions{Trace: true})
			for range 50 {
				run.Reset(dmn.SessionOptions{Trace: true})
				run.Set("", "x", feel.Int(4))
				if v, _ := run.Decide("", "D"); v.Literal() != "37" {
					t.Errorf("D is %s; %v", v.Literal(), run.Diagnostics())
				}
				run.Trace()
			}
		})
	}
	group.Wait()
}

func TestDecide_DecisionServices(t *testing.T) {
	t.Parallel()
	m := compile(t, model(
		input("a", "number")+
			decision("In", "number", literal("1000"))+
			decision("Mid", "number", literal("a + In"), "in:a", "In")+
			decision("Out", "number", literal("Mid * 2"), "Mid")+
			decision("Out2", "", literal("Mid - 1"), "Mid")+
			`<decisionService id="S" name="S"><variable name="S"/><outputDecision href="#Out"/><encapsulatedDecision href="#Mid"/><inputDecision href="#In"/><inputData href="#a"/></decisionService>`+
			`<decisionService id="T" name="T"><variable name="T"/><outputDecision href="#Out"/><outputDecision href="#Out2"/><inputDecision href="#In"/><inputData href="#a"/></decisionService>`+
			decision("D", "", literal(`[S(1, 2), S(In: 5, a: 1), T(1, 2).Out2, S("no", 2), Out]`), "fn:S", "fn:T", "Out")))
	// Within a call the arguments take the place of the outer values, and only
	// there.
	wants(t, m, "D", `[6, 12, 2, null, 2014]`, map[string]string{"a": "7"})
	run := m.NewSession(dmn.SessionOptions{})
	got, ok := run.Call("", "T", map[string]feel.Value{"a": feel.Int(1), "In": feel.Int(2)})
	if want := value(t, "{Out: 6, Out2: 2}"); !ok || !feel.Equal(got, want).IsTrue() {
		t.Errorf("T is %s", got.Literal())
	}
}

func TestDecide_Imports(t *testing.T) {
	t.Parallel()
	base := named("urn:base", input("who", "string")+decision("Greet", "string", literal(`"hi " + who`), "in:who")+
		bkm("shout", "", "s:string", literal("upper case(s)"))+
		`<itemDefinition name="tAge"><typeRef>number</typeRef><allowedValues><text>[0..120]</text></allowedValues></itemDefinition>`)
	middle := named("urn:middle", `<import name="b" namespace="urn:base" importType="`+modelNamespace+`"/>`+
		decision("M", "string", literal(`b.shout(b.Greet)`), "urn:base#Greet", "fn:urn:base#shout"))
	top := model(`<import name="mid dle" namespace="urn:middle" importType="` + modelNamespace + `"/><import name="base" namespace="urn:base" importType="` + modelNamespace + `"/>` +
		input("age", "base.tAge") +
		decision("D", "", literal(`mid dle.M + base.Greet`), "urn:middle#M", "urn:base#Greet") +
		decision("A", "", literal(`age`), "in:age") +
		decision("N", "", literal(`[base.shout(s: "x"), base.shout(1), 5 instance of base.tAge, "5" instance of base.tAge]`), "fn:urn:base#shout"))
	m := compile(t, top, base, middle)
	run := m.NewSession(dmn.SessionOptions{})
	if !run.Set("urn:base", "who", feel.String("bo")) {
		t.Fatal("no input in the imported model")
	}
	if v, _ := run.Decide("", "D"); v.String() != "HI BOhi bo" {
		t.Errorf("D is %s: %v %v", v.Literal(), run.Diagnostics(), m.Problems())
	}
	wants(t, m, "N", `["X", null, true, false]`, nil)
	wants(t, m, "A", "30", map[string]string{"age": "30"})
	wants(t, m, "A", "null", map[string]string{"age": "300"})
	alone := compile(t, top)
	if !hasProblem(alone, "cannot import") {
		t.Errorf("problems without the imports: %v", alone.Problems())
	}
	wants(t, alone, "D", "null", nil)
}

func TestDecide_ItemDefinitions(t *testing.T) {
	t.Parallel()
	types := `<itemDefinition name="tPoint"><itemComponent name="x"><typeRef>number</typeRef></itemComponent><itemComponent name="y" isCollection="true"><typeRef>string</typeRef></itemComponent></itemDefinition>` +
		`<itemDefinition name="tGrade"><typeRef>string</typeRef><allowedValues><text>"A","B"</text></allowedValues></itemDefinition>` +
		`<itemDefinition name="tGrades" isCollection="true"><typeRef>tGrade</typeRef><typeConstraint><text>count(?) &lt;= 2</text></typeConstraint></itemDefinition>` +
		`<itemDefinition name="tTree"><itemComponent name="n"><typeRef>number</typeRef></itemComponent><itemComponent name="kids" isCollection="true"><typeRef>tTree</typeRef></itemComponent></itemDefinition>` +
		`<itemDefinition name="tLoop"><typeRef>tLoop2</typeRef></itemDefinition><itemDefinition name="tLoop2"><typeRef>tLoop</typeRef></itemDefinition>` +
		`<itemDefinition name="tNumbers"><typeRef>list&lt;number&gt;</typeRef></itemDefinition>` +
		`<itemDefinition name="tFn"><functionItem outputTypeRef="number"><parameters name="a" typeRef="number"/></functionItem></itemDefinition>`
	cases := []struct{ typ, in, want string }{
		{"number", "1", "1"},
		{"number", `"1"`, "null"},
		{"number", "[1]", "1"},
		{"number", "[1,2]", "null"},
		{"tPoint", `{x: 1, y: ["a"]}`, `{x: 1, y: ["a"]}`},
		{"tPoint", `{x: 1, y: ["a"], z: 1}`, `{x: 1, y: ["a"], z: 1}`},
		{"tPoint", `{x: "1", y: ["a"]}`, "null"},
		{"tPoint", `{x: 1}`, "null"},
		{"tGrade", `"A"`, `"A"`},
		{"tGrade", `"C"`, "null"},
		{"tGrades", `["A","B"]`, `["A","B"]`},
		{"tGrades", `"A"`, `["A"]`},
		{"tGrades", `["A","C"]`, "null"},
		{"tGrades", `["A","B","A"]`, "null"},
		{"tTree", `{n: 1, kids: [{n: 2, kids: []}]}`, `{n: 1, kids: [{n: 2, kids: []}]}`},
		{"tTree", `{n: 1, kids: [{n: "2", kids: []}]}`, "null"},
		{"date and time", `date("2020-01-02")`, `date and time("2020-01-02T00:00:00Z")`},
		{"unknown type", "1", "1"},
		{"list<tGrade>", `["A"]`, `["A"]`},
		{"list<number>", `["A"]`, `null`},
		{"tNumbers", `[1, 2]`, `[1, 2]`},
		{"tNumbers", `["1"]`, `null`},
	}
	for _, c := range cases {
		m := compile(t, model(types+input("x", c.typ)+decision("D", "", literal("x"), "in:x")))
		wants(t, m, "D", c.want, map[string]string{"x": c.in})
		if !hasProblem(m, "in terms of itself") {
			t.Fatalf("the circle of types is not reported: %v", m.Problems())
		}
	}
}

func TestCompile_RequirementsThatFormACircle(t *testing.T) {
	t.Parallel()
	m := compile(t, model(
		decision("A", "", literal("B"), "B")+decision("B", "", literal("C"), "C")+decision("C", "", literal("A"), "A")+
			decision("Self", "", literal("Self"), "Self")+decision("Fine", "", literal("1"))))
	if !hasProblem(m, "A → B → C → A") || !hasProblem(m, "Self → Self") {
		t.Errorf("problems: %v", m.Problems())
	}
	for _, name := range []string{"A", "B", "C", "Self"} {
		wants(t, m, name, "null", nil)
	}
	wants(t, m, "Fine", "1", nil)
}

func TestCompile_MissingParts(t *testing.T) {
	t.Parallel()
	src := model(`<decision name="A"/><decision id="b"><context><contextEntry/></context></decision>` +
		`<decision name="C"><conditional/></decision><decision name="E"><for/></decision><decision name="F"><filter/></decision>` +
		`<decision name="G"><invocation/></decision><decision name="H"><invocation><literalExpression/><binding/></invocation></decision>` +
		`<decision name="I"><functionDefinition/></decision><decision name="J"><relation><row/></relation></decision>` +
		`<decision name="K"><functionDefinition kind="Java"/></decision><decision name="L"><functionDefinition kind="PMML"/></decision>` +
		`<decision name="M"><decisionTable><output/></decisionTable></decision>` +
		`<decision name="N"><informationRequirement><requiredInput href="#nowhere"/></informationRequirement></decision>` +
		`<businessKnowledgeModel name="K1"/><businessKnowledgeModel name="K2"><encapsulatedLogic/></businessKnowledgeModel>` +
		`<decisionService name="S"/><inputData name="X"/><itemDefinition/><import/>`)
	m := compile(t, src)
	run := m.NewSession(dmn.SessionOptions{Trace: true})
	for _, n := range m.Nodes() {
		run.DecideIndex(n.Index)
		run.Call("", n.Name, nil)
	}
	run.Trace()
	if !hasProblem(m, "points at nothing") || !hasProblem(m, "has no logic") {
		t.Errorf("problems: %v", m.Problems())
	}
}

func TestTrace_TellsWhatHappened(t *testing.T) {
	t.Parallel()
	m := compile(t, model(input("x", "number")+
		bkm("twice", "number", "n:number", literal("n * 2"))+
		decision("T", "", table("COLLECT", []string{"x", "=n"}, []string{">1", `"a"`}, []string{">2", `"b"`}, []string{">3", `"c"`}), "in:x")+
		decision("D", "", literal("count(T) + twice(x)"), "T", "in:x", "fn:twice")))
	now := int64(0)
	run := m.NewSession(dmn.SessionOptions{Trace: true, Clock: func() int64 { now += 10; return now }})
	run.Set("", "x", feel.Int(3))
	run.Decide("", "D")
	trace := run.Trace()
	if len(trace) != 3 {
		t.Fatalf("trace has %d entries: %+v", len(trace), trace)
	}
	tab, d, call := trace[0], trace[1], trace[2]
	if tab.Name != "T" || len(tab.Tables) != 1 || fmt.Sprint(tab.Tables[0].Rules) != "[0 1]" || tab.Took != 10 {
		t.Errorf("table: %+v", tab)
	}
	if d.Name != "D" || d.Output.Literal() != "8" || fmt.Sprint(d.Inputs[1].Key, d.Inputs[1].Value.Literal()) != "x3" || d.Start != 20 {
		t.Errorf("decision: %+v", d)
	}
	if call.Name != "twice" || call.Parent != 1 || call.Inputs[0].Value.Literal() != "3" || call.Output.Literal() != "6" {
		t.Errorf("call: %+v", call)
	}
	run.Reset(dmn.SessionOptions{})
	if run.Decide("", "D"); run.Trace() != nil {
		t.Error("there is a trace although it is off")
	}
}

func TestDiagnostics_SayWhere(t *testing.T) {
	t.Parallel()
	src := "<definitions xmlns=\"" + modelNamespace + "\" namespace=\"urn:x\">\n" +
		"<decision name=\"D\"><variable name=\"D\" typeRef=\"number\"/>\n  <literalExpression><text>\"a\"</text></literalExpression></decision>\n" +
		"<decision name=\"E\"><literalExpression><text>1 +\n  + </text></literalExpression></decision></definitions>"
	m := compile(t, src)
	if p := m.Problems(); len(p) != 1 || p[0].Node != "E" || p[0].Pos.Line < 4 {
		t.Errorf("problems: %v", p)
	}
	_, run := decide(t, m, "D", nil)
	d := run.Diagnostics()
	if len(d) != 1 || d[0].Node != "D" || d[0].Pos.Line != 2 || !strings.Contains(d[0].Message, "number") {
		t.Errorf("diagnostics: %v", d)
	}
}

func TestSession_BudgetEndsLoops(t *testing.T) {
	t.Parallel()
	loop := `<for iteratorVariable="i"><in>` + literal("[1..1000]") + `</in><return><for iteratorVariable="j"><in>` + literal("[1..1000]") + `</in><return>` + literal("i * j") + `</return></for></return></for>`
	m := compile(t, model(decision("D", "", loop)))
	run := m.NewSession(dmn.SessionOptions{Limits: feel.Limits{Steps: 5000}})
	if _, ok := run.Decide("", "D"); !ok || !run.Exhausted() {
		t.Error("the loop went on")
	}
}
