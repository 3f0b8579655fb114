package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/app"
)

// dish is a model with a table; large is what it serves to more than 8.
func dish(large string) string {
	return `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="Menu" namespace="urn:menu">
<inputData id="g" name="Guest Count"><variable name="Guest Count" typeRef="number"/></inputData>
<inputData id="w" name="When"><variable name="When" typeRef="date"/></inputData>
<decision id="d" name="Dish"><variable name="Dish" typeRef="string"/>
<informationRequirement><requiredInput href="#g"/></informationRequirement>
<decisionTable hitPolicy="FIRST"><input><inputExpression><text>Guest Count</text></inputExpression></input><output name="dish"/>
<rule id="few"><inputEntry><text>&lt;= 8</text></inputEntry><outputEntry><text>"Roastbeef"</text></outputEntry></rule>
<rule id="many"><inputEntry><text>-</text></inputEntry><outputEntry><text>"` + large + `"</text></outputEntry></rule>
</decisionTable></decision>
<decision id="n" name="Next"><variable name="Next" typeRef="date"/>
<informationRequirement><requiredInput href="#w"/></informationRequirement>
<literalExpression><text>When + duration("P1D")</text></literalExpression></decision>
<decisionService id="s" name="Serve"><outputDecision href="#d"/><inputData href="#g"/></decisionService>
</definitions>`
}

// about decides about a person.
const about = `<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="About" namespace="urn:about">
<inputData id="p" name="plan"><variable name="plan" typeRef="string"/></inputData>
<inputData id="c" name="Event Count"><variable name="Event Count" typeRef="number"/></inputData>
<inputData id="f" name="profile"/><inputData id="e" name="events"/><inputData id="a" name="first_seen"/>
<inputData id="i" name="Channel"><variable name="Channel" typeRef="string"/></inputData>
<decision id="o" name="Offer"><variable name="Offer" typeRef="string"/>
<informationRequirement><requiredInput href="#p"/></informationRequirement>
<informationRequirement><requiredInput href="#c"/></informationRequirement>
<informationRequirement><requiredInput href="#i"/></informationRequirement>
<literalExpression><text>if plan = "gold" and Event Count >= 2 then "lounge via " + Channel else "none"</text></literalExpression></decision>
<decision id="l" name="Last"><variable name="Last" typeRef="string"/>
<informationRequirement><requiredInput href="#e"/></informationRequirement><informationRequirement><requiredInput href="#f"/></informationRequirement>
<literalExpression><text>events[1].name + " of " + profile.traits.plan + " " + string(count(profile.identifiers))</text></literalExpression></decision>
<decision id="r" name="Recent"><variable name="Recent" typeRef="boolean"/>
<informationRequirement><requiredInput href="#a"/></informationRequirement>
<literalExpression><text>first_seen > now() - duration("P1D")</text></literalExpression></decision>
</definitions>`

const menu = "/decision-models/menu"

var asXML = []string{"Content-Type", "application/xml"}

func TestDecisions_AModelIsPutAndAnswersAtOnce(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	made, h := a.api("PUT", menu, dish("Stew"), 201, asXML...)
	if made["version"] != 1.0 || made["status"] != "live" || made["name"] != "Menu" || h.Get("Location") != "/api/v1"+menu || h.Get("ETag") == "" {
		t.Errorf("made %v %v", made, h)
	}
	out, _ := a.api("POST", menu+"/evaluate", `{"inputs":{"Guest Count":12,"When":"2026-02-28"}}`, 200)
	outputs := out["outputs"].(map[string]any)
	if outputs["Dish"] != "Stew" || outputs["Next"] != "2026-03-01" || len(out["diagnostics"].([]any)) != 0 || out["version"] != 1.0 || out["trace"] != nil {
		t.Errorf("answer %v", out)
	}
	one, _ := a.api("POST", menu+"/evaluate", `{"inputs":{"Guest Count":2},"decisions":["Dish"]}`, 200)
	if got := fmt.Sprint(one["outputs"]); got != "map[Dish:Roastbeef]" {
		t.Errorf("one decision: %s", got)
	}
	service, _ := a.api("POST", menu+"/evaluate", `{"inputs":{"Guest Count":20},"service":"Serve"}`, 200)
	if got := fmt.Sprint(service["outputs"]); got != "map[Serve:Stew]" {
		t.Errorf("service: %s", got)
	}
	missing, _ := a.api("POST", menu+"/evaluate", `{}`, 200)
	if missing["outputs"].(map[string]any)["Next"] != nil || !strings.Contains(fmt.Sprint(missing["diagnostics"]), "missing_input") {
		t.Errorf("without inputs: %v", missing)
	}
	why, _ := a.api("POST", menu+"/evaluate?explain=true", `{"inputs":{"Guest Count":12},"decisions":["Dish"]}`, 200)
	step := why["trace"].([]any)[0].(map[string]any)
	rules := step["tables"].([]any)[0].(map[string]any)["rules"].([]any)
	if step["name"] != "Dish" || step["output"] != "Stew" || rules[0].(map[string]any)["id"] != "many" || !strings.Contains(fmt.Sprint(why["inputs"]), "request") {
		t.Errorf("explained %v", why)
	}
	for body, code := range map[string]string{
		`{"inputs":{"Guests":1}}`: "unknown_input", `{"inputs":{"Guest Count":"many"}}`: "invalid_input", `{"inputs":{"When":"soon"}}`: "invalid_input",
		`{"decisions":["Drink"]}`: "unknown_decision", `{"service":"x"}`: "unknown_service", `{"input":{}}`: "unknown_field", `{`: "invalid_json",
	} {
		if got, _ := a.api("POST", menu+"/evaluate", body, 400); got["code"] != code {
			t.Errorf("%s: %v", body, got)
		}
	}
	a.api("POST", "/decision-models/none/evaluate", `{}`, 404)
	a.api("POST", menu+"/evaluate", `{"profile":"user_id:nobody"}`, 404)
}

func TestDecisions_APersonFillsTheInputsAndTheRequestWins(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	batch(t, a.App, `{"type":"identify","userId":"u1","messageId":"1","traits":{"plan":"gold"}}`, `{"type":"track","event":"Bought","userId":"u1","messageId":"2"}`)
	a.api("PUT", "/decision-models/about", about, 201, asXML...)
	out, _ := a.api("POST", "/decision-models/about/evaluate?explain=true", `{"profile":"user_id:u1","inputs":{"Channel":"web"}}`, 200)
	outputs := out["outputs"].(map[string]any)
	if outputs["Offer"] != "lounge via web" || !strings.HasSuffix(outputs["Last"].(string), " of gold 1") || outputs["Recent"] != true || out["profile_id"] == "" {
		t.Errorf("answer %v", out)
	}
	if got := fmt.Sprint(out["inputs"]); !strings.Contains(got, "from:trait name:plan") || !strings.Contains(got, "from:computed name:Event Count") {
		t.Errorf("inputs %s", got)
	}
	out, _ = a.api("POST", "/decision-models/about/evaluate", `{"profile":"user_id:u1","inputs":{"Channel":"web","plan":"basic"},"decisions":["Offer"]}`, 200)
	if got := out["outputs"].(map[string]any)["Offer"]; got != "none" {
		t.Errorf("the request says basic, the answer is %v", got)
	}
}

func TestDecisions_VersionsAreDraftedTestedRolledBackAndKept(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	first := open(t, c)
	a := asker{t, first}
	_, h := a.api("PUT", menu, dish("Stew"), 201, asXML...)
	tag := h.Get("ETag")
	draft, _ := a.api("PUT", menu+"?status=draft", `{"xml":`+strconv.Quote(dish("Soup"))+`,"note":"lighter"}`, 200, "If-Match", tag)
	if draft["version"] != 2.0 || draft["status"] != "draft" || draft["live_version"] != 1.0 || draft["note"] != "lighter" {
		t.Errorf("draft %v", draft)
	}
	a.api("PUT", menu, dish("Late"), 412, append([]string{"If-Match", tag}, asXML...)...)
	serves := func(a asker, version, want string) {
		t.Helper()
		out, _ := a.api("POST", menu+"/evaluate"+version, `{"inputs":{"Guest Count":12},"decisions":["Dish"]}`, 200)
		if got := out["outputs"].(map[string]any)["Dish"]; got != want {
			t.Errorf("version %q serves %v, want %s", version, got, want)
		}
	}
	serves(a, "", "Stew")
	serves(a, "?version=2", "Soup")
	diff, _ := a.api("GET", menu+"/diff?from=live", "", 200)
	if lines := diff["lines"].([]any); len(lines) != 2 || diff["to"] != 2.0 {
		t.Errorf("diff %v", diff)
	}
	a.api("PUT", menu+"/test-cases", `{"cases":[{"name":"party","inputs":{"Guest Count":12},"expected":{"Dish":"Stew"}},{"name":"next","inputs":{"When":"2026-01-31"},"expected":{"Next":"2026-02-01"}}]}`, 200)
	run, _ := a.api("POST", menu+"/test", "", 200)
	if run["passed"] != 1.0 || run["failed"] != 1.0 || run["version"] != 2.0 {
		t.Errorf("run %v", run)
	}
	refused, _ := a.api("POST", menu+"/status", `{"status":"live"}`, 409)
	if refused["code"] != "tests_failed" || !strings.Contains(fmt.Sprint(refused["errors"]), `"Dish" came to "Soup", expected "Stew"`) {
		t.Errorf("refused %v", refused)
	}
	a.api("PUT", menu, dish("Soup"), 409, asXML...)
	a.api("POST", menu+"/status", `{"status":"test"}`, 200)
	cases, _ := a.api("GET", menu+"/test-cases", "", 200)
	if len(cases["cases"].([]any)) != 2 {
		t.Errorf("cases %v", cases)
	}
	a.api("PUT", menu+"/test-cases", `{"cases":[{"name":"party","inputs":{"Guest Count":2},"expected":{"Dish":"Roastbeef"}}]}`, 200)
	live, _ := a.api("POST", menu+"/status", `{"status":"live","note":"agreed"}`, 200)
	if live["live_version"] != 2.0 || len(live["changes"].([]any)) != 3 {
		t.Errorf("live %v", live)
	}
	serves(a, "", "Soup")
	back, _ := a.api("POST", menu+"/rollback", `{"version":1}`, 200)
	if back["version"] != 3.0 || back["rollback_of"] != 1.0 {
		t.Errorf("rolled back %v", back)
	}
	serves(a, "", "Stew")
	versions, _ := a.api("GET", menu+"/versions?limit=2", "", 200)
	rest, _ := a.api("GET", menu+"/versions?limit=2&cursor="+versions["next"].(string), "", 200)
	if got := fmt.Sprintf("%d %d %v", len(versions["items"].([]any)), len(rest["items"].([]any)), rest["items"].([]any)[0].(map[string]any)["status"]); got != "2 1 archived" {
		t.Errorf("versions %s", got)
	}
	a.api("GET", menu+"?version=9", "", 404)
	status, head, text := call(t, "GET", first.URL()+"/api/v1"+menu, "", append(bearer(), "Accept", "application/xml")...)
	if status != 200 || text != dish("Stew") || head.Get("Content-Type") != "application/xml" {
		t.Errorf("%d %v %s", status, head, text)
	}
	one, h := a.api("GET", menu, "", 200)
	if one["xml"] != dish("Stew") {
		t.Errorf("one %v", one)
	}
	a.api("GET", menu, "", 304, "If-None-Match", h.Get("ETag"))

	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := app.Rebuild(t.Context(), c, app.Parts{}, nil); err != nil {
		t.Fatal(err)
	}
	a = asker{t, open(t, c)}
	again, _ := a.api("GET", menu, "", 200)
	if fmt.Sprint(again) != fmt.Sprint(one) {
		t.Errorf("after a rebuild\n%v\nbefore\n%v", again, one)
	}
	serves(a, "", "Stew")
	serves(a, "?version=2", "Soup")
	list, _ := a.api("GET", "/decision-models", "", 200)
	if len(list["items"].([]any)) != 1 {
		t.Errorf("list %v", list)
	}
}

func TestDecisions_AFaultyModelIsRefusedWithThePlace(t *testing.T) {
	t.Parallel()
	a := asker{t, open(t, settings(t, t.TempDir()))}
	for name, doc := range map[string]string{
		"broken XML":  strings.Replace(dish("Stew"), "</definitions>", "</definition>", 1),
		"broken FEEL": strings.Replace(dish("Stew"), `When + duration("P1D")`, `When + + duration(`, 1),
		"no model":    `<html/>`,
		"empty":       ` `,
	} {
		got, _ := a.api("PUT", menu, doc, 400, asXML...)
		errs, _ := got["errors"].([]any)
		if got["code"] != "invalid_model" || len(errs) == 0 {
			t.Errorf("%s: %v", name, got)
			continue
		}
		if line, _ := errs[0].(map[string]any)["line"].(float64); strings.HasPrefix(name, "broken") && line < 10 {
			t.Errorf("%s: line %v of %v", name, line, got)
		}
	}
	a.api("GET", menu, "", 404)
	a.api("PUT", "/decision-models/a%20b", dish("Stew"), 400, asXML...)
	a.api("PUT", menu, dish("Stew"), 415, "Content-Type", "text/plain")
	a.api("PUT", menu, `{"xml":"","notes":""}`, 400)
	warned, _ := a.api("PUT", menu, strings.Replace(dish("Stew"), `<inputData id="w"`, `<inputData id="g2" name="Guest Count"/><inputData id="w"`, 1), 201, asXML...)
	if len(warned["problems"].([]any)) == 0 {
		t.Errorf("no warning: %v", warned)
	}
}
