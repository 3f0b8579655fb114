package app_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestFlow_ConsentIsNotedShownAndKept(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	ask := asker{t, a}
	batch(t, a,
		`{"type":"identify","userId":"c1","messageId":"1","traits":{"plan":"gold","$consent fake":"x"},"context":{"consent":{"categoryPreferences":{"analytics":true,"advertising":true}}}}`,
	)
	v, _ := ask.api("GET", "/profiles/user_id:c1", "", 200)
	shown := v["consent"].(map[string]any)
	if shown["analytics"].(map[string]any)["status"] != "granted" || len(shown) != 2 || len(v["traits"].(map[string]any)) != 1 {
		t.Fatalf("profile %v", v)
	}
	ask.api("PUT", "/profiles/user_id:c1/consent?wait=applied", `{"purposes":[{"purpose":"analytics","status":"withdrawn"},{"purpose":"newsletter","channel":"email","status":"granted","proof":"I want it","version":"v3"}]}`, 204)
	// A late word does not undo a later one.
	ask.api("PUT", "/profiles/user_id:c1/consent?wait=applied", `{"time":"2020-01-01T00:00:00Z","purposes":[{"purpose":"analytics","status":"granted"}]}`, 204)
	body := fmt.Sprintf(`{"writeKey":%q,"batch":[{"type":"track","event":"X","userId":"c1","messageId":"9"}]}`, writeKey)
	if status, _, text := call(t, "POST", a.URL()+"/v1/batch?wait=applied", body, "Sec-GPC", "1", "DNT", "1"); status != 200 {
		t.Fatal(text)
	}
	c, _ := ask.api("GET", "/profiles/user_id:c1/consent", "", 200)
	now := map[string]string{}
	for _, x := range c["consent"].([]any) {
		w := x.(map[string]any)
		now[fmt.Sprint(w["purpose"], w["channel"])] = fmt.Sprint(w["status"], " ", w["source"], " ", w["proof"], " ", w["version"])
	}
	want := map[string]string{
		"analytics<nil>": "withdrawn api <nil> <nil>", "advertising<nil>": "denied default gpc <nil>", "newsletteremail": "granted api I want it v3",
	}
	for k, w := range want {
		got := now[k]
		if k == "advertising<nil>" {
			got = strings.Replace(got, "dnt", "gpc", 1)
		}
		if got != w {
			t.Errorf("%s is %q, want %q", k, got, w)
		}
	}
	if n := len(c["history"].([]any)); n != 6 {
		t.Errorf("%d words in the history, want 6: %v", n, c["history"])
	}
	ask.api("PUT", "/profiles/user_id:c1/consent", `{"purposes":[{"purpose":"x","status":"perhaps"}]}`, 400)
	ask.api("PUT", "/profiles/user_id:c1/consent", `{"purposes":[]}`, 400)
	ask.api("GET", "/profiles/user_id:nobody/consent", "", 404)
}
