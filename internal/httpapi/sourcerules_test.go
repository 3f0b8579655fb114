package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"rapport/internal/access"
)

func TestSources_HaveRulesVersionsAndAPlan(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	steps := []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", "/api/v1/sources/shop", `{"name":"Shop","kind":"web","tracking_plan":"none"}`, 400, "unknown_plan"},
		{"PUT", "/api/v1/sources/shop", `{"name":"Shop","kind":"web","time_zone":"Mars/Base"}`, 400, "time_zone"},
		{"PUT", "/api/v1/sources/shop", `{"name":"Shop","kind":"web","sample_rate":1.5}`, 400, "sample_rate"},
		{"PUT", "/api/v1/sources/shop", `{"name":"Shop","kind":"web","third_party":{"provider":"Acme","expires_at":"soon"}}`, 400, "expires_at"},
		{"PUT", "/api/v1/tracking-plans/shop", `{"events":[{"name":"Order Completed","schema":{"type":"nonsense"}}]}`, 400, "invalid_plan"},
		{"PUT", "/api/v1/tracking-plans/shop", `{"events":[{"name":"Order Completed","schema":{"$ref":"https://example.com/x.json"}}]}`, 400, "outside of the schema"},
		{"PUT", "/api/v1/tracking-plans/default", `{"events":[{"name":"Order Completed","schema":{"properties":{"total":{"type":"number"},"tax":{"type":"number"}}}},{"name":"Never"}]}`, 201, `"version":1`},
		{"GET", "/api/v1/tracking-plans/default", "", 200, `"name":"Order Completed"`},
		{"PUT", "/api/v1/sources/shop", `{"name":"Shop","kind":"web","currency":"EUR","time_zone":"Europe/Berlin","point_of_sale":"de","sample_rate":0.25,"bots":"mark","enrichment":["campaign"],"third_party":{"provider":"Acme","licence":"L1","expires_at":"2030-01-01T00:00:00Z"}}`, 201, `"sample_rate":0.25`},
		{"POST", "/api/v1/sources/shop/pause", `{"paused":true}`, 200, `"paused":true`},
		{"GET", "/api/v1/sources/shop/health", "", 200, `"status":"paused"`},
		{"GET", "/api/v1/sources/shop/versions", "", 200, `"author"`},
		{"DELETE", "/api/v1/sources/default", "", 409, "default_source"},
		{"GET", "/api/v1/sources/default/plan-report", "", 404, "no_plan"},
		{"PUT", "/api/v1/sources/default", `{"name":"Default","kind":"other","tracking_plan":"default"}`, 200, `"tracking_plan":"default"`},
		{"GET", "/api/v1/sources/default/plan-report", "", 200, `"unplanned_members":["note"],"unseen_members":["tax"]`},
		{"GET", "/api/v1/sources/default/events", "", 200, `"path":"total","fill_rate":1`},
		{"GET", "/api/v1/sources/default/health", "", 200, `"received":1`},
		{"POST", "/api/v1/sources/default/write-keys", `{"key":"wk_pages_1","origins":["https://shop.example.com/path"]}`, 400, "is no origin"},
		{"POST", "/api/v1/sources/default/write-keys", `{"key":"wk_pages_1","origins":["https://*.example.com"]}`, 200, `"origins"`},
		{"DELETE", "/api/v1/sources/shop", "", 204, ""},
		{"GET", "/api/v1/sources/shop", "", 404, "unknown_source"},
	}
	for _, s := range steps {
		res, text := d.ask(t, s.method, s.path, s.body)
		if res.StatusCode != s.status || !strings.Contains(text, s.says) {
			t.Errorf("%s %s: %d %s, want %d and %s", s.method, s.path, res.StatusCode, text, s.status, s.says)
		}
	}
}

func TestSources_RollBackToWhatTheyWere(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, name := range []string{"One", "Two"} {
		if res, text := d.ask(t, http.MethodPut, "/api/v1/sources/shop", `{"name":"`+name+`","kind":"web"}`); res.StatusCode >= 300 {
			t.Fatal(text)
		}
	}
	all, err := d.api.Access.SourceVersions("shop")
	if err != nil || len(all) != 2 || all[0].Name != "Two" || all[1].Name != "One" {
		t.Fatalf("%v, %v", all, err)
	}
	keys := d.api.Access.Index().Source("shop").WriteKeys
	back, err := d.api.Access.RollBackSource("me", "shop", all[1].Version)
	if err != nil || back.Name != "One" || len(back.WriteKeys) != 1 || back.WriteKeys[0].Key != keys[0].Key {
		t.Fatalf("%+v, %v", back, err)
	}
	if all, err = d.api.Access.SourceVersions("shop"); err != nil || len(all) != 3 || all[0].Author != "me" {
		t.Fatalf("%v, %v", all, err)
	}
	if _, err := d.api.Access.RollBackSource("me", "shop", 999); err == nil {
		t.Error("a version that there never was came back")
	}
}

func TestWriteKey_TakesPagesOfItsOrigins(t *testing.T) {
	t.Parallel()
	k := access.WriteKey{Origins: []string{"https://shop.example.com", "https://*.example.org"}}
	for origin, may := range map[string]bool{
		"": true, "https://shop.example.com": true, "https://SHOP.example.com": true, "http://shop.example.com": false,
		"https://evil.com": false, "https://a.example.org": true, "https://a.b.example.org": true, "https://example.org": false,
		"https://badexample.org": false, "null": false,
	} {
		if k.FromOrigin(origin) != may {
			t.Errorf("%q: want %v", origin, may)
		}
	}
	if open := (access.WriteKey{}); !open.FromOrigin("https://anywhere.example") {
		t.Error("a key without origins refuses one")
	}
}
