package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/decision/model"
	"rapport/internal/fault"
	"rapport/internal/profile"
)

const now = clock.Instant(1_770_000_000_000_000)

// doc is a model with one decision called Out over untyped or typed inputs,
// given as name:type.
func doc(logic string, inputs ...string) string {
	var b strings.Builder
	b.WriteString(`<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="M" namespace="urn:m">`)
	needs := ""
	for i, in := range inputs {
		name, typ, _ := strings.Cut(in, ":")
		if typ != "" {
			typ = ` typeRef="` + typ + `"`
		}
		fmt.Fprintf(&b, `<inputData id="i%d" name="%s"><variable name="%s"%s/></inputData>`, i, name, name, typ)
		needs += fmt.Sprintf(`<informationRequirement><requiredInput href="#i%d"/></informationRequirement>`, i)
	}
	escaped := strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(logic)
	b.WriteString(`<decision id="o" name="Out"><variable name="Out"/>` + needs + `<literalExpression><text>` + escaped + `</text></literalExpression></decision></definitions>`)
	return b.String()
}

func compile(t *testing.T, document string) *model.Model {
	t.Helper()
	m, problems := model.Compile([]byte(document), model.Options{})
	if m == nil {
		t.Fatalf("%v", problems)
	}
	return m
}

func ask(t *testing.T, m *model.Model, q *model.Question) (string, *model.Answer) {
	t.Helper()
	q.Now = now
	a, err := m.Evaluate(m.NewRun(), q)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(a.Outputs["Out"])
	if err != nil {
		t.Fatal(err)
	}
	return string(text), a
}

func raw(t *testing.T, inputs string) map[string]json.RawMessage {
	t.Helper()
	out := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(inputs), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEvaluate_InputsHaveTheTypesOfTheModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ logic, input, given, want string }{
		{"x + 1", "x:number", `{"x":12345678901234567890123}`, `12345678901234567890124`},
		{`x + duration("P1D")`, "x:date", `{"x":"2026-02-28"}`, `"2026-03-01"`},
		{`x > now()`, "x:dateTime", `{"x":"2099-01-01T00:00:00Z"}`, `true`},
		{`x.hours`, "x:dayTimeDuration", `{"x":"PT5H"}`, `5`},
		{"x.a[2]", "x", `{"x":{"a":[1,2]}}`, `2`},
		{"x", "x", `{"x":{"b":1,"a":[true,null,"s"]}}`, `{"a":[true,null,"s"],"b":1}`},
		{"x", "x:number", `{"x":null}`, `null`},
	} {
		if got, _ := ask(t, compile(t, doc(c.logic, c.input)), &model.Question{Inputs: raw(t, c.given)}); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.logic, c.given, got, c.want)
		}
	}
}

func TestEvaluate_APersonIsReadByName(t *testing.T) {
	t.Parallel()
	first := clock.Instant(1_760_000_000_000_000)
	view := &profile.View{
		ID: "p1", Segments: []string{"vip"},
		Traits: map[string]json.RawMessage{"plan": []byte(`"gold"`), "Loyalty Points": []byte(`7`), "born": []byte(`"1990-05-01"`), "last_seen": []byte(`"never"`)},
		Computed: profile.Computed{
			EventCount: 3, FirstSeen: &first, OrderTotal: map[string]json.Number{"EUR": "12.50"}, LastSession: &profile.Session{Start: first, End: first, Events: 2},
			Carts: []*catalog.CartView{},
		},
		Identifiers: []profile.IdentifierSeen{{}},
	}
	events := []profile.Item{{MessageID: "m2", Type: "track", Name: "Bought", Time: first, Properties: []byte(`{"price":5}`)}}
	for _, c := range []struct{ logic, input, want string }{
		{"$", "plan", `"gold"`},
		{"$", "loyalty_points", `7`},
		{"$", "Event Count", `3`},
		{"$", "last_seen", `"never"`}, // the trait comes before the computed field
		{`$ < now()`, "first_seen", `true`},
		{`$ < date("2000-01-01")`, "born:date", `true`},
		{`$`, "first_seen:string", `"2025-10-09T08:53:20Z"`},
		{`$.EUR`, "order_total", `12.5`},
		{`$[1]`, "segments", `"vip"`},
		{`count($)`, "identifiers", `1`},
		{`$.end <= now() and $.events = 2`, "session", `true`},
		{`$[1].properties.price + $[1].time.year`, "events", `2030`},
		{`$.traits.plan + string($.computed.first_seen < now()) + $.id`, "profile", `"goldtruep1"`},
		{"$", "shoe size", `null`},
	} {
		plain, _, _ := strings.Cut(c.input, ":")
		m := compile(t, doc(strings.ReplaceAll(c.logic, "$", plain), c.input))
		got, a := ask(t, m, &model.Question{Person: model.NewPerson(view, events), Explain: true})
		if got != c.want {
			t.Errorf("%s with %s: %s, want %s (%v)", c.logic, c.input, got, c.want, a.Diagnostics)
		}
		if m.WantsEvents() != (plain == "events") {
			t.Errorf("%s: wants events is %t", plain, m.WantsEvents())
		}
		if c.want == "null" && (len(a.Diagnostics) == 0 || a.Diagnostics[0].Code != "missing_input") {
			t.Errorf("nobody said that %s is missing: %v", plain, a.Diagnostics)
		}
	}
}

func TestEvaluate_HostileModelsEndWithADiagnostic(t *testing.T) {
	t.Parallel()
	for _, logic := range []string{
		`count(for a in 1..100000, b in 1..100000 return a)`,
		`{f: function(n) f(n + 1), r: f(1)}.r`,
		`for i in 1..90000 return for j in 1..90000 return i * j`,
	} {
		m, problems := model.Compile([]byte(doc(logic)), model.Options{})
		if m == nil {
			if len(problems) == 0 {
				t.Errorf("%s: refused without a reason", logic)
			}
			continue
		}
		if got, a := ask(t, m, &model.Question{}); got != "null" || len(a.Diagnostics) == 0 {
			t.Errorf("%s: %.60s %v", logic, got, a.Diagnostics)
		}
	}
}

func TestTry_CasesAreComparedAsTheModelMeansThem(t *testing.T) {
	t.Parallel()
	m := compile(t, doc(`{when: today(), n: x + 0.50}`, "x:number"))
	cases, err := model.ReadCases([]byte(`{"cases":[
		{"name":"same","inputs":{"x":1},"now":"2026-05-01T00:00:00Z","expected":{"Out":{"n":1.5,"when":"2026-05-01"}}},
		{"name":"other","inputs":{"x":1},"expected":{"Out":7}},
		{"name":"input","inputs":{"y":1},"expected":{"Out":7}},
		{"name":"decision","expected":{"In":7}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	verdicts, failed := m.Try(cases)
	if failed != 3 || len(verdicts[1].Differences) != 1 || verdicts[2].Error == "" || verdicts[3].Error == "" {
		t.Errorf("%d failed: %+v", failed, verdicts)
	}
	plain := compile(t, doc(`date("2026-01-31")`))
	cases, err = model.ReadCases([]byte(`{"cases":[{"name":"text","expected":{"Out":"2026-01-31"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if verdicts, failed := plain.Try(cases); failed != 0 {
		t.Errorf("%+v", verdicts)
	}
}

func TestTry_AModelThatNeverEndsIsNotTriedForEver(t *testing.T) {
	t.Parallel()
	m := compile(t, doc(`count(for a in 1..100000, b in 1..100000 return a)`))
	cases := &model.Cases{}
	for i := range 50 {
		cases.Cases = append(cases.Cases, model.Case{Name: fmt.Sprint(i), Expected: raw(t, `{"Out":1}`)})
	}
	verdicts, failed := m.Try(cases)
	if failed != 50 || verdicts[0].Error != "" || !strings.HasPrefix(verdicts[49].Error, "not run") {
		t.Errorf("%d failed, first %+v, last %+v", failed, verdicts[0], verdicts[49])
	}
}

func FuzzReadCases(f *testing.F) {
	f.Add([]byte(`{"cases":[{"name":"a","inputs":{"x":1},"now":"2026-05-01T00:00:00Z","expected":{"Out":[1,{"a":"P1D"}]}}]}`))
	f.Add([]byte(`{"cases":[{"name":"a","expected":{"Out":1e999999}}]}`))
	f.Add([]byte(`{"cases":[{}]}`))
	m, _ := model.Compile([]byte(doc("x", "x")), model.Options{})
	f.Fuzz(func(t *testing.T, document []byte) {
		cases, err := model.ReadCases(document)
		if err != nil {
			if _, ok := errors.AsType[*fault.Fault](err); !ok {
				t.Fatalf("no fault: %v", err)
			}
			return
		}
		verdicts, _ := m.Try(cases)
		for _, v := range verdicts {
			if !v.Passed && v.Error == "" && len(v.Differences) == 0 {
				t.Fatalf("failed without a reason: %+v", v)
			}
		}
	})
}

func BenchmarkEvaluate_WithAPerson(b *testing.B) {
	m, _ := model.Compile([]byte(doc(`if plan = "gold" and event_count > 2 then "a" else "b"`, "plan:string", "event_count:number")), model.Options{})
	view := &profile.View{Traits: map[string]json.RawMessage{"plan": []byte(`"gold"`)}, Computed: profile.Computed{EventCount: 3}}
	run := m.NewRun()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Evaluate(run, &model.Question{Person: model.NewPerson(view, nil), Now: now}); err != nil {
			b.Fatal(err)
		}
	}
}
