package httpapi

import (
	"strings"
	"testing"
)

func TestIdentity_RulesHaveVersions(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if _, text := d.ask(t, "GET", "/api/v1/identity/rules", ""); !strings.Contains(text, `"version":0`) || !strings.Contains(text, `"user_id"`) {
		t.Errorf("a new instance has the rules %s", text)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", "/api/v1/identity/rules", `{"namespaces":[{"name":"user_id","limit":{"count":1}}]}`, 201},
		{"PUT", "/api/v1/identity/rules", `{"namespaces":[{"name":"user_id","blocked":[{"pattern":"("}]}]}`, 400},
		{"PUT", "/api/v1/identity/rules", `{"namespaces":[{"name":"user_id"},{"name":"email","form":"email"}]}`, 200},
		{"POST", "/api/v1/identity/rules/rollback", `{"version":1}`, 200},
		{"POST", "/api/v1/identity/rules/status", `{"status":"archived","version":3}`, 200},
		{"POST", "/api/v1/identity/rules/dry-run", `{"namespaces":[]}`, 400},
		{"POST", "/api/v1/identity/facts", `{"op":"steal","a":{"namespace":"email","value":"x@example.org"}}`, 400},
		{"DELETE", "/api/v1/identity/facts/f1", "", 200},
	} {
		if res, text := d.ask(t, step.method, step.path, step.body); res.StatusCode != step.status {
			t.Errorf("%s %s %s: %d %s", step.method, step.path, step.body, res.StatusCode, text)
		}
	}
}
