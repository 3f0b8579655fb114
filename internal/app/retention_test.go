package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Page views of long ago go: what they came to stays, across a restart, and a
// copy of one is refused.
func TestRetention_TakesOutEventsAndKeepsWhatTheyCameTo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, settings(t, dir))
	ask := asker{t, a}
	old := time.Now().AddDate(0, 0, -40).UTC().Format(time.RFC3339)
	pages := make([]string, 3)
	for i := range pages {
		pages[i] = fmt.Sprintf(`{"type":"page","name":"Home","userId":"ann","anonymousId":"phone","messageId":"p%d","timestamp":%q}`, i, old)
	}
	batch(t, a, append(pages, `{"type":"page","name":"Home","userId":"ann","messageId":"new"}`,
		fmt.Sprintf(`{"type":"track","event":"Order Completed","userId":"ann","messageId":"o","timestamp":%q,"properties":{"order_id":"1","total":5,"currency":"EUR"}}`, old))...)
	ask.api("PUT", "/segments/visitors", `{"name":"Visitors","condition":{"event":"Home","count":{"min":4}}}`, 201)
	ask.api("PUT", "/retention-policies/pages", `{"types":["page"],"keep_days":0}`, 400)
	ask.api("POST", "/retention/runs", `{"policy":{"keep_days":30}}`, 400)

	_, h := ask.api("POST", "/retention/runs", `{"dry_run":true,"policy":{"keep_days":30}}`, 202)
	r := finished(t, a, h.Get("Location"))
	if r["events"] != 3.0 || r["kept"].(map[string]any)["needed"] != 1.0 || r["identifiers"] != 1.0 || len(r["looks_back"].([]any)) != 1 {
		t.Fatalf("counted: %v", r)
	}
	if v, _ := ask.api("GET", "/retention", "", 200); len(v["floors"].([]any)) != 0 {
		t.Fatalf("a dry run raised floors: %v", v)
	}
	ask.api("PUT", "/retention-policies/pages", `{"types":["page"],"keep_days":30,"purpose":"Measuring"}`, 201)
	_, h = ask.api("POST", "/retention/runs", `{}`, 202)
	if r := finished(t, a, h.Get("Location")); r["events"] != 3.0 || r["policies"].(map[string]any)["pages"] != 3.0 || r["dry_run"] != false {
		t.Fatalf("taken out: %v", r)
	}
	before := sums(t, a)
	check := func() {
		t.Helper()
		v, _ := ask.api("GET", "/profiles/user_id:ann", "", 200)
		computed := v["computed"].(map[string]any)
		if computed["event_count"] != 5.0 || fmt.Sprint(v["segments"]) != "[visitors]" || len(v["identifiers"].([]any)) != 2 {
			t.Fatalf("the person: %v", v)
		}
		page, _ := ask.api("GET", "/profiles/user_id:ann/timeline", "", 200)
		if n := len(page["items"].([]any)); n != 2 {
			t.Fatalf("%d in the timeline", n)
		}
	}
	check()
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	a = open(t, settings(t, dir))
	ask = asker{t, a}
	check()
	if after := sums(t, a); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Fatalf("sums %v, were %v", after, before)
	}
	batch(t, a, pages[0])
	check()
	if v, _ := ask.api("GET", "/accounting", "", 200); v["reasons"].(map[string]any)["expired"] != 1.0 {
		t.Fatalf("accounting %v", v)
	}
}

// The record of processing says what is defined and what the controller said,
// and names what nobody did. What people wrote cannot become markup in it.
func TestProcessingRecord_SaysWhatIsProcessed(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	ask := asker{t, a}
	v, _ := ask.api("GET", "/processing-record", "", 200)
	if got := fmt.Sprint(v["missing"]); got != "[controller people data transfers security purposes]" {
		t.Fatalf("missing of an empty record: %s", got)
	}
	ask.api("PUT", "/processing-statement", `{"controllers":{}}`, 400)
	ask.api("PUT", "/processing-statement", `{"controller":{"name":"Shop | <b>Ltd</b>","contact":"privacy@example.org"},"people":["Customers"],"data":["Orders"],"transfers":["None"],"security":["Disks are encrypted"]}`, 201)
	ask.api("PUT", "/consent-policy", `{"purposes":[{"key":"analytics","name":"Measuring"}],"sources":[{"source":"*","purpose":"analytics","mode":"refuse"}]}`, 201)
	ask.api("PUT", "/retention-policies/pages", `{"types":["page"],"keep_days":30,"purpose":"Measuring","legal_basis":"Consent"}`, 201)
	ask.api("PUT", "/retention-policies/later?status=draft", `{"keep_days":1}`, 201)
	v, _ = ask.api("GET", "/processing-record", "", 200)
	kept := v["kept"].([]any)
	if len(v["missing"].([]any)) != 0 || len(kept) != 1 || kept[0].(map[string]any)["policy"] != "pages" || kept[0].(map[string]any)["keep_days"] != 30.0 {
		t.Fatalf("the record: %v", v)
	}
	if from := v["sources"].([]any)[0].(map[string]any); from["purpose"] != "analytics" || from["mode"] != "refuse" {
		t.Fatalf("a source: %v", from)
	}
	for language, words := range map[string][]string{
		"en": {"# Record of processing activities", "## Time limits", "| pages | page | all | 30 | Measuring | Consent |", `Shop \| &lt;b>Ltd&lt;/b>`},
		"de": {"# Verzeichnis von Verarbeitungstätigkeiten", "## Löschfristen", "| pages | page | alle | 30 | Measuring | Consent |", "Disks are encrypted"},
	} {
		status, h, text := call(t, "GET", a.URL()+"/api/v1/processing-record/document?language="+language, "", bearer()...)
		if status != 200 || !strings.HasPrefix(h.Get("Content-Type"), "text/markdown") {
			t.Fatalf("%s: %d %v", language, status, h)
		}
		for _, w := range words {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", language, w, text)
			}
		}
	}
}
