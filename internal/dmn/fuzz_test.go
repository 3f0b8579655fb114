package dmn_test

import (
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// FuzzEvaluate compiles any file and evaluates all it holds: nothing may
// panic, and budgets end everything.
func FuzzEvaluate(f *testing.F) {
	f.Add([]byte(tenRules()), "z7")
	f.Add([]byte(tenDeep()), "x")
	f.Add([]byte(model(input("x", "Any")+bkm("f", "", "n", literal("f(n)"))+
		decision("D", "", `<context><contextEntry><variable name="a"/>`+literal("x")+`</contextEntry><contextEntry>`+literal("a[1].b + f(2)")+`</contextEntry></context>`, "in:x", "fn:f")+
		decision("T", "tFoo", table("PRIORITY", []string{"x", `=o|"A","B"|"C"`}, []string{">1, not(2)", `"A"`}, []string{"[1..5)", "x"}), "in:x", "D")+
		`<itemDefinition name="tFoo" isCollection="true"><itemComponent name="k"><typeRef>tFoo</typeRef></itemComponent></itemDefinition>`+
		`<decisionService id="S" name="S"><outputDecision href="#T"/><inputData href="#x"/></decisionService>`)), "a")
	f.Add([]byte(model(decision("D", "", `<filter><in>`+literal("[1..9]")+`</in><match>`+literal("item > 2")+`</match></filter>`)+
		decision("E", "", `<every iteratorVariable="i"><in>`+literal("[{a: 1}]")+`</in><satisfies>`+literal("i.a = 1")+`</satisfies></every>`))), "")
	f.Fuzz(func(_ *testing.T, src []byte, text string) {
		if len(src) > 1<<14 {
			return
		}
		defs, err := dmnxml.Decode(src)
		if err != nil {
			return
		}
		m, err := dmn.Compile(defs, dmn.CompileOptions{})
		if err != nil {
			return
		}
		o := dmn.SessionOptions{Trace: true, Limits: feel.Limits{Steps: 20_000, ListLen: 10_000, StringLen: 1 << 16}}
		run := m.NewSession(o)
		for _, v := range []feel.Value{feel.String(text), feel.Int(int64(len(text))), feel.ListOf(feel.String(text))} {
			run.Reset(o)
			for _, n := range m.Nodes() {
				if n.Kind == dmn.InputNode {
					run.SetIndex(n.Index, v)
				}
			}
			for _, n := range m.Nodes() {
				run.DecideIndex(n.Index)
				run.Call(n.Namespace, n.Name, nil)
			}
			run.Trace()
		}
		for _, n := range m.Nodes() {
			for _, t := range n.Tables {
				t.Analyze()
			}
		}
	})
}
