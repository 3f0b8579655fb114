package app_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestPredictive_AFileIsLargeScoredFetchedAndPinned(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	large := strings.Replace(churn, `{"format"`, strings.Repeat(" ", 5<<20)+`{"format"`, 1)
	a.api("PUT", "/predictive-models/churn", churn, 201)
	a.api("PUT", "/predictive-models/churn", strings.Replace(large, `"intercept":1`, `"intercept":5`, 1), 200)
	status, h, text := call(t, "GET", first.URL()+"/api/v1/predictive-models/churn/file?version=1", "", bearer()...)
	if status != 200 || text != churn || h.Get("Content-Disposition") == "" {
		t.Errorf("%d %v %s", status, h, text)
	}
	scored, _ := a.api("POST", "/predictive-models/churn/score", `{"inputs":{"age":2,"plan":"gold"}}`, 200)
	if scored["version"] != 2.0 || len(scored["outputs"].(map[string]any)) != 1 || len(scored["drivers"].([]any)) == 0 {
		t.Errorf("scored %v", scored)
	}
	a.api("POST", "/predictive-models/churn/score", `{"inputs":{"age":[]}}`, 400)
	a.api("POST", "/predictive-models/churn/score", `{"inputs":{"income":1}}`, 400)
	for name, want := range map[string]string{"churn@1": "0", "churn@2": "4", "churn": "4"} {
		a.api("PUT", "/decision-models/"+strings.ReplaceAll(name, "@", "-"), called("PMML", "document", `"`+name+`"`, `string(f(age, plan))`, "age", "plan"), 201, asXML...)
		got, _ := a.api("POST", "/decision-models/"+strings.ReplaceAll(name, "@", "-")+"/evaluate", `{"inputs":{"age":2,"plan":"gold"}}`, 200)
		if got["outputs"].(map[string]any)["Risk"] != want {
			t.Errorf("%s: %v, want %s", name, got, want)
		}
	}
	refused, _ := a.api("PUT", "/decision-models/none", called("PMML", "document", `"churn@9"`, `f(age, plan)`, "age", "plan"), 400, asXML...)
	if !strings.Contains(fmt.Sprint(refused["errors"]), "no version 9") {
		t.Errorf("a version that is not there: %v", refused)
	}
}

func TestPredictive_FEELCallsAModelInPlace(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	a.api("PUT", "/predictive-models/churn", churn, 201)
	logic := `{score: function(age, plan) external {predictive: {model: "churn"}}, low: score(age, plan), high: score(plan: "basic", age: 10)}`
	a.api("PUT", "/decision-models/m", simple(logic+".low + 100 * "+logic+".high", "age", "plan"), 201, asXML...)
	got, _ := a.api("POST", "/decision-models/m/evaluate", `{"inputs":{"age":4,"plan":"gold"}}`, 200)
	if got["outputs"].(map[string]any)["Out"] != 601.0 {
		t.Errorf("decided %v", got)
	}
}

func TestPredictive_OptionsSayWhatTheFileDoesNot(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	a.api("PUT", `/predictive-models/m?options=%7B%22inputs%22%3A%5B%7B%22name%22%3A%22age%22%2C%22required%22%3Atrue%7D%5D%7D`, churn, 201)
	a.api("POST", "/predictive-models/m/score", `{"inputs":{"plan":"gold"}}`, 400)
	a.api("POST", "/predictive-models/m/score", `{"inputs":{"age":1,"plan":"gold"}}`, 200)
	a.api("PUT", `/predictive-models/m?options=%7B%22inputs%22%3A%5B%7B%22name%22%3A%22height%22%7D%5D%7D`, churn, 400)
	a.api("PUT", `/predictive-models/m?options=%7B%22unknown%22%3A1%7D`, churn, 400)
}
