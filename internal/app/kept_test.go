package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/app"
)

// simple is a model with one decision called Out over inputs.
func simple(logic string, inputs ...string) string {
	var b strings.Builder
	b.WriteString(`<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Simple" namespace="urn:simple">`)
	needs := ""
	for i, in := range inputs {
		fmt.Fprintf(&b, `<inputData id="i%d" name="%s"/>`, i, in)
		needs += fmt.Sprintf(`<informationRequirement><requiredInput href="#i%d"/></informationRequirement>`, i)
	}
	logic = strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(logic)
	return b.String() + `<decision id="o" name="Out"><variable name="Out"/>` + needs + `<literalExpression><text>` + logic + `</text></literalExpression></decision></definitions>`
}

// until reads again and again until what comes is as wanted.
func (a asker) until(path string, as func(map[string]any) bool) {
	a.Helper()
	var got map[string]any
	for range 1000 {
		if got, _ = a.api("GET", path, "", 200); as(got) {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-a.Context().Done():
		}
	}
	a.Fatalf("%s stays %v", path, got)
}

// wait follows a job to its end.
func (a asker) wait(id string) map[string]any {
	a.Helper()
	for range 2000 {
		j, _ := a.api("GET", "/jobs/"+id, "", 200)
		if s := j["state"]; s == "done" || s == "failed" || s == "cancelled" {
			return j
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-a.Context().Done():
		}
	}
	a.Fatalf("job %s does not end", id)
	return nil
}

func TestDecisions_LiveOnesAreKeptAndMadeAgainExactly(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	first := open(t, c)
	a := asker{t, first}
	for _, user := range []string{"u1", "u2"} {
		batch(t, first, fmt.Sprintf(`{"type":"identify","userId":%q,"messageId":"i%s","traits":{"age":%d,"born":"2000-02-29"}}`, user, user, 20+len(user)))
	}
	a.api("PUT", "/catalog/items/sku%2F1", `{"attributes":{"price":12.50}}`, 201)
	a.api("PUT", "/decision-models/m", simple(`{when: now(), age: age, price: item.attributes.price, path: request.path, days: (date(request.time) - date(born)).days, extra: extra}`,
		"age", "born", "item", "request", "extra"), 201, asXML...)
	one, _ := a.api("POST", "/decision-models/m/evaluate", `{"profile":"user_id:u1","item":"sku/1","context":{"url":"https://shop.example/a/b?q=1"},"inputs":{"extra":[1.50,"x",null]}}`, 200)
	out := one["outputs"].(map[string]any)["Out"].(map[string]any)
	if out["age"] != 22.0 || out["price"] != 12.5 || out["path"] != "/a/b" || out["days"] == nil || one["decision_id"] == nil {
		t.Fatalf("decided %v", one)
	}
	a.api("POST", "/decision-models/m/evaluate", `{"profile":"user_id:u2"}`, 200)
	a.api("POST", "/decision-models/m/evaluate", `{}`, 200)
	flush(t, first)
	all, _ := a.api("GET", "/decisions?model=m", "", 200)
	mine, _ := a.api("GET", "/decisions?profile=user_id:u1", "", 200)
	if len(all["items"].([]any)) != 3 || len(mine["items"].([]any)) != 1 {
		t.Errorf("all %v\nmine %v", all, mine)
	}
	path := "/decisions/" + one["decision_id"].(string)
	got, _ := a.api("GET", path, "", 200)
	if fmt.Sprint(got["outputs"]) != fmt.Sprint(one["outputs"]) || len(got["inputs"].([]any)) != 5 || got["version"] != 1.0 || got["took"] == nil {
		t.Errorf("kept %v\nanswered %v", got, one)
	}
	// What changes afterwards changes nothing of what was decided.
	batch(t, first, `{"type":"identify","userId":"u1","messageId":"later","traits":{"age":99}}`)
	a.api("PUT", "/decision-models/m", simple(`1`), 200, asXML...)
	check := func(a asker) {
		a.Helper()
		trace, _ := a.api("GET", path+"/trace", "", 200)
		if fmt.Sprint(trace["outputs_again"]) != fmt.Sprint(one["outputs"]) || len(trace["outputs_differ"].([]any)) != 0 || len(trace["trace"].([]any)) != 1 {
			t.Errorf("again %v\nfirst %v", trace, one)
		}
	}
	check(a)
	counts, _ := a.api("GET", "/decisions/summary", "", 200)
	if counts["kept"] != 3.0 {
		t.Errorf("counts %v", counts)
	}
	a.api("GET", "/decisions/dec_nothing", "", 404)
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := app.Rebuild(t.Context(), c, app.Parts{}, nil); err != nil {
		t.Fatal(err)
	}
	again := asker{t, open(t, c)}
	check(again)
	if list, _ := again.api("GET", "/decisions?model=m", "", 200); len(list["items"].([]any)) != 3 {
		t.Errorf("after a rebuild %v", list)
	}
}

func TestDecisions_AVersionInTestRunsBesideAndIsGivenToNobody(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	a.api("PUT", "/decision-models/m", simple(`x > 10`, "x"), 201, asXML...)
	a.api("PUT", "/decision-models/m?status=test", simple(`x > 5`, "x"), 200, asXML...)
	for x := range 20 {
		got, _ := a.api("POST", "/decision-models/m/evaluate", fmt.Sprintf(`{"inputs":{"x":%d}}`, x), 200)
		if got["outputs"].(map[string]any)["Out"] != (x > 10) || got["version"] != 1.0 {
			t.Errorf("x=%d: %v", x, got)
		}
	}
	flush(t, first)
	cmp, _ := a.api("GET", "/decision-models/m/comparison?version=2", "", 200)
	if cmp["compared"] != 20.0 || cmp["different"] != 5.0 || cmp["outputs"].(map[string]any)["Out"].(map[string]any)["different"] != 5.0 {
		t.Errorf("comparison %v", cmp)
	}
	differ, _ := a.api("GET", "/decisions?model=m&differs=true", "", 200)
	items := differ["items"].([]any)
	if len(items) != 5 || items[0].(map[string]any)["beside"] == nil || items[0].(map[string]any)["status"] != "test" {
		t.Errorf("differ %v", differ)
	}
	// A draft tried on the same past says the same, and more.
	a.api("PUT", "/decision-models/m?status=draft", simple(`if x > 5 then "yes" else false`, "x"), 200, asXML...)
	j, h := a.api("POST", "/decision-models/m/replay", `{"sample":15}`, 202)
	if h.Get("Location") == "" {
		t.Errorf("no Location: %v", h)
	}
	done := a.wait(j["id"].(string))
	result := done["result"].(map[string]any)
	changes := result["outputs"].(map[string]any)["Out"].(map[string]any)["changes"].([]any)
	if result["version"] != 3.0 || result["compared"] != 15.0 || result["different"] != 14.0 || len(changes) != 2 {
		t.Errorf("replayed %v", done)
	}
}

func TestDecisions_ABatchGoesThroughPeopleAndCanBeFetched(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	for i := range 30 {
		batch(t, first, fmt.Sprintf(`{"type":"identify","userId":"u%d","anonymousId":"d%d","messageId":"m%d","traits":{"age":%d}}`, i%29, i, i, i))
	}
	a.api("PUT", "/decision-models/m", simple(`{age: age, adult: age >= 18}`, "age"), 201, asXML...)
	a.api("POST", "/decision-models/m/batch", `{}`, 400)
	a.api("POST", "/decision-models/m/batch", `{"everyone":true,"profiles":["user_id:u1"]}`, 400)
	some, _ := a.api("POST", "/decision-models/m/batch", `{"profiles":["user_id:u1","user_id:nobody","user_id:u20"]}`, 202)
	job := a.wait(some["id"].(string))
	if r := job["result"].(map[string]any); r["decided"] != 2.0 || r["not_found"] != 1.0 || job["done"] != 3.0 || job["total"] != 3.0 {
		t.Errorf("some %v", job)
	}
	every, _ := a.api("POST", "/decision-models/m/batch", `{"everyone":true}`, 202)
	job = a.wait(every["id"].(string))
	if r := job["result"].(map[string]any); job["state"] != "done" || r["decided"] != 29.0 {
		t.Fatalf("everyone %v", job)
	}
	lines := func(id, format string) []string {
		status, h, text := call(t, "GET", first.URL()+"/api/v1/decision-models/m/batch/"+id+"/results?format="+format, "", bearer()...)
		if status != 200 || h.Get("Content-Disposition") == "" {
			t.Fatalf("%d %v %s", status, h, text)
		}
		return strings.Split(strings.TrimSpace(text), "\n")
	}
	if got := lines(every["id"].(string), "jsonl"); len(got) != 29 || !strings.Contains(got[0], `"outputs":{"Out":{"adult":`) {
		t.Errorf("%d lines, the first %s", len(got), got[0])
	}
	if got := lines(some["id"].(string), "csv"); len(got) != 3 || got[0] != "decision_id,profile_id,Out" || !strings.Contains(got[1], `"{""adult"":`) {
		t.Errorf("csv %q", got)
	}
	a.api("POST", "/decision-models/m/batch", `{"segment":"grown"}`, 404)
	a.api("PUT", "/segments/grown?wait=applied", `{"name":"Grown","condition":{"trait":"age","op":">=","value":18}}`, 201)
	a.until("/segments/grown/members?limit=100", func(page map[string]any) bool { return len(page["items"].([]any)) == 12 })
	grown, _ := a.api("POST", "/decision-models/m/batch", `{"segment":"grown"}`, 202)
	if job := a.wait(grown["id"].(string)); job["result"].(map[string]any)["decided"] != 12.0 {
		t.Errorf("of a segment %v", job)
	}
	a.api("GET", "/decision-models/m/batch/job_none/results", "", 404)
	list, _ := a.api("GET", "/jobs?kind=decision_batch&subject=m", "", 200)
	if len(list["items"].([]any)) != 3 {
		t.Errorf("jobs %v", list)
	}
}

func TestDecisions_SamplingSaysWhatIsNotKept(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	a.api("PUT", "/decision-models/m", simple(`1`), 201, asXML...)
	a.api("PUT", "/decision-models/m/settings", `{"keep":{"sample":2}}`, 400)
	a.api("PUT", "/decision-models/m/settings", `{"keep":{"sample":0,"days":3}}`, 200)
	got, _ := a.api("POST", "/decision-models/m/evaluate", `{}`, 200)
	if got["not_kept"] != "sampling" || got["decision_id"] != nil {
		t.Errorf("sampled out: %v", got)
	}
	a.api("PUT", "/decision-models/m/settings", `{"keep":{"days":3}}`, 200)
	got, _ = a.api("POST", "/decision-models/m/evaluate", `{}`, 200)
	flush(t, first)
	one, _ := a.api("GET", "/decisions/"+got["decision_id"].(string), "", 200)
	made, err := time.Parse(time.RFC3339, one["time"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if until, err := time.Parse(time.RFC3339, one["expires_at"].(string)); err != nil || until.Sub(made) != 72*time.Hour {
		t.Errorf("kept from %v to %v", made, until)
	}
	draft, _ := a.api("PUT", "/decision-models/m?status=draft", simple(`2`), 200, asXML...)
	got, _ = a.api("POST", fmt.Sprintf("/decision-models/m/evaluate?version=%v", draft["version"]), `{}`, 200)
	if got["not_kept"] != "not_live" {
		t.Errorf("of a draft: %v", got)
	}
}

func TestDecisions_ModelsImportOthersAndFollowThem(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	base := func(n string) string {
		return `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Base" namespace="urn:base">` +
			`<decision id="d" name="Rate"><variable name="Rate"/><literalExpression><text>` + n + `</text></literalExpression></decision></definitions>`
	}
	user := func(location string) string {
		return `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="User" namespace="urn:user">` +
			`<import name="b" namespace="urn:base" importType="https://www.omg.org/spec/DMN/20230324/MODEL/"` + location + `/>` +
			`<decision id="o" name="Out"><variable name="Out"/><informationRequirement><requiredDecision href="urn:base#d"/></informationRequirement>` +
			`<literalExpression><text>b.Rate + 1</text></literalExpression></decision></definitions>`
	}
	missing, _ := a.api("PUT", "/decision-models/user", user(""), 400, asXML...)
	if !strings.Contains(fmt.Sprint(missing["detail"]), "urn:base") {
		t.Errorf("without what it imports: %v", missing)
	}
	a.api("PUT", "/decision-models/base", base("10"), 201, asXML...)
	a.api("PUT", "/decision-models/user", user(""), 201, asXML...)
	a.api("PUT", "/decision-models/named", user(` locationURI="base"`), 201, asXML...)
	a.api("PUT", "/decision-models/pinned", user(` locationURI="base@1"`), 201, asXML...)
	decide := func(key string, want float64) map[string]any {
		t.Helper()
		got, _ := a.api("POST", "/decision-models/"+key+"/evaluate", `{}`, 200)
		if got["outputs"].(map[string]any)["Out"] != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
		return got
	}
	before := decide("user", 11)
	a.api("PUT", "/decision-models/base", base("20"), 200, asXML...)
	decide("user", 21)
	decide("named", 21)
	decide("pinned", 11)
	flush(t, first)
	trace, _ := a.api("GET", "/decisions/"+before["decision_id"].(string)+"/trace", "", 200)
	if len(trace["outputs_differ"].([]any)) != 0 || trace["outputs_again"].(map[string]any)["Out"] != 11.0 {
		t.Errorf("the past changed: %v", trace)
	}
	a.api("POST", "/decision-models/base/status", `{"status":"archived"}`, 200)
	if got, _ := a.api("POST", "/decision-models/user/evaluate", `{}`, 409); !strings.Contains(fmt.Sprint(got["detail"]), "urn:base") {
		t.Errorf("nobody says what is missing: %v", got)
	}
}

func TestDecisions_ScriptsHaveTheTimeAndChanceOfTheDecision(t *testing.T) {
	t.Parallel()
	first := open(t, settings(t, t.TempDir()))
	a := asker{t, first}
	a.api("PUT", risk, called("JavaScript", "source", `return Date.now() + ":" + Math.random() + ":" + new Date().getFullYear();`, `[f(age, plan), f(age, plan), string(now())]`, "age", "plan"), 201, asXML...)
	seen := map[string]bool{}
	for range 3 {
		got, _ := a.api("POST", risk+"/evaluate", `{"inputs":{"age":1,"plan":"x"}}`, 200)
		two := got["outputs"].(map[string]any)["Risk"].([]any)
		if two[0] == nil || two[0] == two[1] || seen[fmt.Sprint(two[0])] {
			t.Errorf("chance repeats itself: %v", got)
		}
		seen[fmt.Sprint(two[0])] = true
		flush(t, first)
		trace, _ := a.api("GET", "/decisions/"+got["decision_id"].(string)+"/trace", "", 200)
		if len(trace["outputs_differ"].([]any)) != 0 {
			t.Errorf("not the same again: %v, then %v", got["outputs"], trace["outputs_again"])
		}
	}
}

func TestDecisions_ConnectionsAnswerInputs(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String()+" "+r.Header.Get("X-Key"))
		if r.URL.Query().Get("city") == "nowhere" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, `{"main":{"degrees":21.5}}`)
	}))
	t.Cleanup(server.Close)
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	first := open(t, c)
	a := asker{t, first}
	batch(t, first, `{"type":"identify","userId":"u1","messageId":"i1","traits":{"city":"Köln & Bonn"}}`)
	a.api("PUT", "/connections/weather", `{"url":"`+server.URL+`/w?city={city}","parameters":["city"],"result":"body.main","type":"context<degrees: number>",
		"auth":{"kind":"key","header":"X-Key","secret":"s3cret"},"fallback":{"degrees":0}}`, 201)
	shown, _ := a.api("GET", "/connections/weather", "", 200)
	if text := fmt.Sprint(shown); strings.Contains(text, "s3cret") || !strings.Contains(text, "********") {
		t.Errorf("shown %v", shown)
	}
	tried, _ := a.api("POST", "/connections/weather/test", `{"parameters":{"city":"Rome"}}`, 200)
	if tried["status"] != 200.0 || tried["value"].(map[string]any)["degrees"] != 21.5 {
		t.Errorf("tried %v", tried)
	}
	made, _ := a.api("PUT", "/decision-models/m", simple(`if Weather.degrees > 20 then "ice" else "tea"`, "Weather", "city"), 201, asXML...)
	if len(made["problems"].([]any)) != 0 {
		t.Errorf("problems %v", made)
	}
	a.api("PUT", "/decision-models/m/settings", `{"keep":{},"inputs":{"Weather":{"connection":"weather","with":{"city":"profile.traits.city"}}}}`, 200)
	got, _ := a.api("POST", "/decision-models/m/evaluate?explain=true", `{"profile":"user_id:u1"}`, 200)
	if got["outputs"].(map[string]any)["Out"] != "ice" || got["connections_us"].(float64) <= 0 || len(got["connections"].([]any)) != 1 {
		t.Errorf("decided %v", got)
	}
	if last := asked[len(asked)-1]; last != "/w?city=K%C3%B6ln+%26+Bonn s3cret" {
		t.Errorf("asked %q", last)
	}
	batch(t, first, `{"type":"identify","userId":"u1","messageId":"i2","traits":{"city":"nowhere"}}`)
	failed, _ := a.api("POST", "/decision-models/m/evaluate", `{"profile":"user_id:u1"}`, 200)
	if failed["outputs"].(map[string]any)["Out"] != "tea" || !strings.Contains(fmt.Sprint(failed["diagnostics"]), "connection_failed") {
		t.Errorf("without an answer %v", failed)
	}
	// The trace asks nobody: what was answered is kept.
	server.Close()
	flush(t, first)
	trace, _ := a.api("GET", "/decisions/"+got["decision_id"].(string)+"/trace", "", 200)
	if trace["outputs_again"].(map[string]any)["Out"] != "ice" {
		t.Errorf("trace %v", trace)
	}
	wrong, _ := a.api("PUT", "/decision-models/m", simple(`Weather.degree > 20`, "Weather"), 200, asXML...)
	if !strings.Contains(fmt.Sprint(wrong["problems"]), "degree") {
		t.Errorf("no warning of a member that the connection does not have: %v", wrong["problems"])
	}
	// The secret stays with the address that it was given for.
	a.api("PUT", "/connections/weather", `{"url":"`+server.URL+`/v2","auth":{"kind":"key","secret":"********"}}`, 200)
	a.api("PUT", "/connections/weather", `{"url":"https://elsewhere.example/","auth":{"kind":"key","secret":"********"}}`, 400)
}

// flush waits until what was decided can be read.
func flush(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Decider().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
