package app_test

import (
	"fmt"
	"strings"
	"testing"
)

const churn = `{"format":"linear","link":"identity","inputs":[{"name":"age"},{"name":"plan","kind":"category","categories":["basic","gold"]}],
"sums":[{"intercept":1,"weights":{"age":0.5,"plan":{"gold":-2}}}]}`

// called is a model whose decision calls a function of another kind.
func called(kind, entry, text, call string, params ...string) string {
	formal := ""
	for _, p := range params {
		formal += `<formalParameter name="` + p + `"/>`
	}
	return `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Risk" namespace="urn:risk">
<inputData id="a" name="age"/><inputData id="p" name="plan"/>
<businessKnowledgeModel id="k" name="f"><encapsulatedLogic kind="` + kind + `">` + formal + `
<context><contextEntry><variable name="` + entry + `"/><literalExpression><text>` + text + `</text></literalExpression></contextEntry></context>
</encapsulatedLogic></businessKnowledgeModel>
<decision id="d" name="Risk"><variable name="Risk"/>
<informationRequirement><requiredInput href="#a"/></informationRequirement>
<informationRequirement><requiredInput href="#p"/></informationRequirement>
<knowledgeRequirement><requiredKnowledge href="#k"/></knowledgeRequirement>
<literalExpression><text>` + call + `</text></literalExpression></decision></definitions>`
}

const risk = "/decision-models/risk"

// risky gives what the model comes to, and why it is null.
func risky(a asker, inputs string) (any, string) {
	a.Helper()
	out, _ := a.api("POST", risk+"/evaluate", `{"inputs":`+inputs+`}`, 200)
	return out["outputs"].(map[string]any)["Risk"], fmt.Sprint(out["diagnostics"])
}

func TestDecisions_PredictiveModelsAreFunctions(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	first := open(t, c)
	a := asker{t, first}
	model := called("PMML", "document", `"churn"`, `if f(age, plan) > 5 then "high" else string(f(age, plan))`, "age", "plan")
	refused, _ := a.api("PUT", risk, model, 400, asXML...)
	if refused["code"] != "invalid_model" || !strings.Contains(fmt.Sprint(refused["errors"]), "no live predictive model") {
		t.Errorf("without the predictive model: %v", refused)
	}
	a.api("PUT", "/predictive-models/churn", `{"format":"nothing"}`, 400)
	made, h := a.api("PUT", "/predictive-models/churn", churn, 201)
	if made["format"] != "linear" || len(made["inputs"].([]any)) != 2 || made["live_version"] != 1.0 || h.Get("ETag") == "" {
		t.Errorf("made %v", made)
	}
	a.api("PUT", risk, model, 201, asXML...)
	if got, why := risky(a, `{"age":2,"plan":"gold"}`); got != "0" {
		t.Errorf("score %v %s", got, why)
	}
	if got, _ := risky(a, `{"age":20,"plan":"basic"}`); got != "high" {
		t.Errorf("score %v", got)
	}
	if got, why := risky(a, `{"age":"old","plan":"basic"}`); got == "high" || !strings.Contains(why, "age") {
		t.Errorf("of a text: %v %s", got, why)
	}
	wrong, _ := a.api("PUT", risk, called("PMML", "document", `"churn"`, `f(age, plan)`, "age", "tariff"), 400, asXML...)
	if !strings.Contains(fmt.Sprint(wrong["errors"]), "tariff") {
		t.Errorf("a parameter that is no input: %v", wrong)
	}
	// A new version is called at once; the old one stays what it was.
	a.api("PUT", "/predictive-models/churn", strings.Replace(churn, `"intercept":1`, `"intercept":2`, 1), 200)
	if got, _ := risky(a, `{"age":2,"plan":"gold"}`); got != "1" {
		t.Errorf("score of the new version %v", got)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = asker{t, open(t, c)}
	if got, _ := risky(a, `{"age":2,"plan":"gold"}`); got != "1" {
		t.Errorf("score after a restart %v", got)
	}
	old, _ := a.api("GET", "/predictive-models/churn?version=1", "", 200)
	if old["status"] != "archived" || old["checksum"] != made["checksum"] {
		t.Errorf("old version %v", old)
	}
	a.api("POST", "/predictive-models/churn/status", `{"status":"archived"}`, 200)
	if _, why := risky(a, `{"age":2,"plan":"gold"}`); !strings.Contains(why, "no live predictive model") {
		t.Errorf("nobody said that the model is gone: %s", why)
	}
	list, _ := a.api("GET", "/predictive-models", "", 200)
	if len(list["items"].([]any)) != 1 {
		t.Errorf("list %v", list)
	}
}

func TestDecisions_JavaScriptBoxesAreBounded(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	put := func(source, call string, want int) map[string]any {
		t.Helper()
		out, _ := a.api("PUT", risk, called("JavaScript", "source", source, call, "age", "plan"), want, asXML...)
		return out
	}
	put(`return {score: age * 2 + plan.length, list: [age, plan]};`, `f(age, plan).score + count(f(age, plan).list)`, 201)
	if got, why := risky(a, `{"age":20,"plan":"gold"}`); got != 46.0 {
		t.Errorf("%v %s", got, why)
	}
	put(`while (true) {}`, `f(age, plan)`, 200)
	if got, why := risky(a, `{"age":20,"plan":"gold"}`); got != nil || !strings.Contains(why, "the script") {
		t.Errorf("endless loop: %v %s", got, why)
	}
	put(`return age`, `for i in 1..100000 return f(i, plan)`, 200)
	if got, why := risky(a, `{"age":20,"plan":"gold"}`); got != nil || !strings.Contains(why, "budget") {
		t.Errorf("many calls: %.60v %s", fmt.Sprint(got), why)
	}
	put(`return require("fs")`, `f(age, plan)`, 200)
	if got, why := risky(a, `{"age":20,"plan":"gold"}`); got != nil || !strings.Contains(why, "require") {
		t.Errorf("require: %v %s", got, why)
	}
	broken := put(`return (`, `f(age, plan)`, 400)
	if errs := broken["errors"].([]any); broken["code"] != "invalid_model" || errs[0].(map[string]any)["line"] == nil {
		t.Errorf("broken script: %v", broken)
	}
}
