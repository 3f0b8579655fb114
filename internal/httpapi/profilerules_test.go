package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestRules_AreVersionsWithADefault(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if _, text := d.ask(t, "GET", "/api/v1/reconciliation", ""); !strings.Contains(text, `"version":0`) || !strings.Contains(text, `"rule":"last_updated"`) {
		t.Errorf("before any: %s", text)
	}
	res, text := d.ask(t, "PUT", "/api/v1/reconciliation?note=best+first", `{"default":{"rule":"source_priority"},"sources":["crm"]}`, "If-None-Match", "*")
	if res.StatusCode != http.StatusCreated || res.Header.Get("Location") != "/api/v1/reconciliation" || !strings.Contains(text, `"live_version":1`) {
		t.Fatalf("%d %v %s", res.StatusCode, res.Header, text)
	}
	tag := res.Header.Get("ETag")
	if res, _ := d.ask(t, "PUT", "/api/v1/reconciliation", `{}`, "If-Match", `"v9.1"`); res.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("another tag: %d", res.StatusCode)
	}
	if res, text := d.ask(t, "PUT", "/api/v1/reconciliation?status=draft", `{"default":{"rule":"most_complete"}}`, "If-Match", tag); res.StatusCode != 200 || !strings.Contains(text, `"live_version":1`) {
		t.Errorf("draft: %d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "POST", "/api/v1/reconciliation/status", `{"status":"live"}`); res.StatusCode != 200 || !strings.Contains(text, `"live_version":2`) {
		t.Errorf("live: %d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "POST", "/api/v1/reconciliation/rollback", `{"version":1}`); res.StatusCode != 200 || !strings.Contains(text, `"rollback_of":1`) || !strings.Contains(text, `"crm"`) {
		t.Errorf("rollback: %d %s", res.StatusCode, text)
	}
	var list struct{ Items []struct{ Version int } }
	_, text = d.ask(t, "GET", "/api/v1/reconciliation/versions", "")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Items) != 3 || list.Items[0].Version != 3 {
		t.Errorf("versions %s", text)
	}
	if _, text := d.ask(t, "GET", "/api/v1/reconciliation?version=2", ""); !strings.Contains(text, `most_complete`) {
		t.Errorf("version 2: %s", text)
	}
	if res, _ := d.ask(t, "GET", "/api/v1/reconciliation?version=9", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("version 9: %d", res.StatusCode)
	}
}

func TestRules_ABadDocumentIsNamedAndChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, c := range []struct{ path, body, field string }{
		{"/api/v1/reconciliation", `{"default":{"rule":"newest"}}`, "/default/rule"},
		{"/api/v1/reconciliation", `{"fields":{"100% sure":{"rule":"source_priority"}}}`, "/fields/100% sure/sources"},
		{"/api/v1/reconciliation", `{"sources":["a","a"]}`, "/sources"},
		{"/api/v1/reconciliation", `{"feilds":{}}`, ""},
		{"/api/v1/reconciliation/preview", ``, ""},
		{"/api/v1/trait-schema", `{"traits":{"plan":{"type":"text"}}}`, "/traits/plan/type"},
		{"/api/v1/trait-schema", `{"traits":{"plan":{"type":"number","allowed_values":[1,"two"]}}}`, "/traits/plan/allowed_values"},
		{"/api/v1/rfm", `{"recency_days":[30,30],"frequency":[1],"monetary":{"*":[1]}}`, "/recency_days"},
		{"/api/v1/rfm", `{"recency_days":[30],"frequency":[1],"monetary":{"EUR":[1]}}`, "/monetary"},
		{"/api/v1/rfm", `{"recency_days":[30],"frequency":[1],"monetary":{"*":[2,1]}}`, "/monetary/*"},
	} {
		method := "PUT"
		if strings.HasSuffix(c.path, "/preview") {
			method = "POST"
		}
		res, text := d.ask(t, method, c.path, c.body)
		p := d.problem(t, res, text)
		if p.Status != 400 || c.field != "" && (len(p.Errors) != 1 || p.Errors[0].Field != c.field) {
			t.Errorf("%s %s: %+v", c.path, c.body, p)
		}
	}
	if _, text := d.ask(t, "GET", "/api/v1/rfm", ""); !strings.Contains(text, `"version":0`) {
		t.Errorf("something was stored: %s", text)
	}
}

func TestRules_APreviewSaysWhoWouldChange(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	var p RulesPreview
	_, text := d.ask(t, "POST", "/api/v1/reconciliation/preview", `{"fields":{"city":{"rule":"most_frequent"}}}`)
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.People != 1 || !p.Complete || p.Changed != 1 || len(p.Fields) != 1 || p.Fields[0].Field != "city" ||
		len(p.Samples) != 1 || p.Samples[0].Profile != "p_1" || string(p.Samples[0].Before) != `"Bonn"` || string(p.Samples[0].After) != `"Ulm"` {
		t.Errorf("%v %s", err, text)
	}
	if _, text := d.ask(t, "POST", "/api/v1/reconciliation/preview", `{}`); !strings.Contains(text, `"changed":0`) {
		t.Errorf("nothing: %s", text)
	}
}

func TestTraits_PersonalExamplesAreMasked(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, text := d.ask(t, "GET", "/api/v1/traits", "")
	if strings.Contains(text, "ada@") || !strings.Contains(text, `a***@e***`) || !strings.Contains(text, `"Bonn"`) || !strings.Contains(text, `"people":1,"complete":true`) {
		t.Errorf("%s", text)
	}
}

func TestConflicts_NameTheWinnerAndTheRest(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, text := d.ask(t, "GET", "/api/v1/profiles/user_id:1/conflicts", "")
	if d.ref != "user_id:1" || strings.Contains(text, "email") || !strings.Contains(text, `"field":"city","value":"Bonn","source":"shop"`) || !strings.Contains(text, `"reason":"shop said it last"`) {
		t.Errorf("%s", text)
	}
	if _, text := d.ask(t, "GET", "/api/v1/profiles/user_id:1/conflicts?all=true", ""); !strings.Contains(text, `"field":"email"`) {
		t.Errorf("all: %s", text)
	}
}
