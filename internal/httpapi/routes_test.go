package httpapi

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"rapport/internal/access"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

var update = flag.Bool("update", false, "write generated files anew")

func TestOpenAPI_EveryRouteIsDescribedAndEveryDescriptionIsServed(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	var described []string
	for path, item := range d.api.OpenAPI().Paths {
		for method, op := range map[string]any{
			"GET": item.Get, "PUT": item.Put, "POST": item.Post, "PATCH": item.Patch, "DELETE": item.Delete,
		} {
			if b, _ := json.Marshal(op); string(b) != "null" {
				described = append(described, method+" "+path)
			}
		}
	}
	routes := slices.Clone(d.api.Routes())
	slices.Sort(routes)
	slices.Sort(described)
	if !slices.Equal(routes, described) {
		t.Errorf("served:\n%s\ndescribed:\n%s", strings.Join(routes, "\n"), strings.Join(described, "\n"))
	}
	if len(routes) < 40 {
		t.Errorf("only %d routes", len(routes))
	}
}

func TestOpenAPI_CommittedFileAndReferenceAreCurrent(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.api.OpenAPI().Info.Version = "1"
	yaml, err := d.api.OpenAPI().YAML()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"../../api/openapi.yaml":       string(yaml),
		"../../docs/reference/http.md": Reference(d.api),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is stale (%v): run go generate ./internal/httpapi", path, err)
		}
	}
}

func TestOpenAPI_DocumentNeedsNoKey(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	res, text := d.ask(t, "GET", "/api/v1/openapi.json", "", "Authorization", "")
	var doc struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d, %v", res.StatusCode, err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Paths["/api/v1/profiles/{ref}"] == nil {
		t.Errorf("document %s with %d paths", doc.OpenAPI, len(doc.Paths))
	}
}

func TestProfiles_AReferenceMayHoldAnything(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for path, want := range map[string]string{
		"p_123": "p_123", "user_id:a%2Fb": "user_id:a/b", "email:a%2Bb%40x.org": "email:a+b@x.org",
		"user_id:..": "user_id:..", "user_id:a%2F..%2Fb": "user_id:a/../b", "user_id:%20x%25": "user_id: x%",
		"user_id:a:b": "user_id:a:b", "user_id:%E2%82%AC": "user_id:€", "user_id:a//": "",
	} {
		d.ref = ""
		res, _ := d.ask(t, "GET", "/api/v1/profiles/"+path, "")
		if d.ref != want || (want == "") != (res.StatusCode != 200) {
			t.Errorf("%s: %d, ref %q, want %q", path, res.StatusCode, d.ref, want)
		}
	}
}

func TestTimeline_FiltersReachThePipeline(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	res, text := d.ask(t, "GET", "/api/v1/profiles/user_id:1/timeline?type=track,page&name=A%2C+B&name=C&item_action=Add+To+Cart"+
		"&channel=web&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00%2B01:00&limit=7&cursor=c1&order=asc", "")
	if res.StatusCode != 200 {
		t.Fatal(text)
	}
	q := d.timeline
	if !slices.Equal(q.Types, []string{"track", "page"}) || !slices.Equal(q.Names, []string{"A, B", "C"}) ||
		!slices.Equal(q.ItemActions, []string{"Add To Cart"}) || !slices.Equal(q.Channels, []string{"web"}) {
		t.Errorf("filters %+v", q)
	}
	if q.From.String() != "2026-01-01T00:00:00.000Z" || q.To.String() != "2026-01-31T23:00:00.000Z" || q.Limit != 7 || q.Cursor != "c1" || !q.Ascending {
		t.Errorf("range %+v", q)
	}
	if !strings.Contains(text, `"next":"c2"`) || !strings.Contains(text, `"properties":{"a":1}`) {
		t.Errorf("answer %s", text)
	}
	d.ask(t, "GET", "/api/v1/profiles/user_id:1/timeline", "")
	if d.timeline.Ascending || d.timeline.Limit != 50 || d.timeline.From != clock.Instant(0) {
		t.Errorf("defaults %+v", d.timeline)
	}
}

func TestLists_LastPageHasNullAndEmptyIsNoNull(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	if _, text := d.ask(t, "GET", "/api/v1/profiles?query=x", ""); strings.TrimSpace(text) != `{"items":[],"next":null,"coverage":0.75}` {
		t.Errorf("got %s", text)
	}
	if _, text := d.ask(t, "GET", "/api/v1/orders", ""); strings.TrimSpace(text) != `{"items":[{"id":"a"},{"id":"b"}],"next":"more"}` {
		t.Errorf("got %s", text)
	}
}

func TestEntities_HeadersReachThePipelineAndComeBack(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	res, text := d.ask(t, "PUT", "/api/v1/catalog/items/a%2Fb?wait=applied", `{"name":"x"}`,
		"If-Match", `"e0"`, "If-None-Match", "*", "Idempotency-Key", "once")
	if res.StatusCode != http.StatusCreated || res.Header.Get("ETag") != `"e2"` || res.Header.Get("Location") != "/api/v1/catalog/items/a%2Fb" ||
		res.Header.Get("Rapport-Applied") != "yes" || !strings.Contains(text, `"id":"a/b"`) {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, text)
	}
	c := d.commands[0]
	if c.Kind != catalog.Item || c.ID != "a/b" || c.Op != catalog.Put || string(c.Body) != `{"name":"x"}` || c.IfMatch != `"e0"` ||
		c.IfNoneMatch != "*" || c.IdempotencyKey != "once" || c.Source != "api" || c.Received == 0 {
		t.Errorf("command %+v", c)
	}
	if res, _ := d.ask(t, "PATCH", "/api/v1/carts/1", `{}`, "Content-Type", "application/merge-patch+json"); res.StatusCode != 200 || d.commands[1].Op != catalog.Merge {
		t.Errorf("patch: %d %+v", res.StatusCode, d.commands[1])
	}
	if res, text := d.ask(t, "DELETE", "/api/v1/accounts/1", ""); res.StatusCode != 204 || text != "" || d.commands[2].Op != catalog.Delete || d.commands[2].Kind != catalog.Account {
		t.Errorf("delete: %d %q %+v", res.StatusCode, text, d.commands[2])
	}
	if res, _ := d.ask(t, "POST", "/api/v1/orders/7/refunds", `{"id":"r1","amount":5}`); res.StatusCode != 201 || d.commands[3].Op != catalog.Merge || string(d.commands[3].Body) != `{"refunds":[{"amount":5,"id":"r1"}]}` || res.Header.Get("Location") != "/api/v1/orders/7" {
		t.Errorf("refund: %d %+v", res.StatusCode, d.commands[3])
	}
	if d.waited != 1 {
		t.Errorf("waited %d times, want once", d.waited)
	}
}

func TestRefund_WithoutAnIDHasOneByItsIdempotencyKey(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for range 2 {
		d.ask(t, "POST", "/api/v1/orders/7/refunds", `{"amount":5}`, "Idempotency-Key", "k1")
	}
	d.ask(t, "POST", "/api/v1/orders/7/refunds", `{"amount":5}`, "Idempotency-Key", "k2")
	for range 2 {
		d.ask(t, "POST", "/api/v1/orders/7/refunds", `{"amount":5}`)
	}
	bodies := map[string]int{}
	for _, c := range d.commands {
		bodies[string(c.Body)]++
	}
	if len(bodies) != 4 || bodies[string(d.commands[0].Body)] != 2 {
		t.Errorf("bodies %v", bodies)
	}
	d.err = fault.Errorf(fault.Invalid, "invalid_order", "refunds.0.amount: it is negative").At("/refunds/0/amount")
	res, text := d.ask(t, "POST", "/api/v1/orders/7/refunds", `{"amount":-5}`)
	if p := d.problem(t, res, text); p.Errors[0].Field != "/amount" || p.Detail != "amount: it is negative" {
		t.Errorf("%+v", p)
	}
	for body, field := range map[string]string{`{"amont":5}`: "/amont", `[]`: "", `{"amount":5,"id":7}`: "/id", `{`: ""} {
		res, text := d.ask(t, "POST", "/api/v1/orders/7/refunds", body)
		if p := d.problem(t, res, text); p.Status != 400 || field != "" && p.Errors[0].Field != field {
			t.Errorf("%s: %+v", body, p)
		}
	}
}

func TestOpenAPI_BodiesOfEntitiesHaveTheMembersThatTheDomainTakes(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, n := range nouns() {
		schema := d.api.OpenAPI().Paths["/api/v1"+n.path+"/{id}"].Put.RequestBody.Content["application/json"].Schema
		doc, err := jsondoc.Parse([]byte(`{"no such member":1}`), jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		fault := catalog.Validate(n.kind, doc.Root())
		_, list, ok := strings.Cut(fault.Error(), n.kind.String()+" has ")
		if !ok {
			t.Fatalf("%s: %v", n.kind, fault)
		}
		want := slices.Sorted(slices.Values(append(strings.Split(list, ", "), "id")))
		if got := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(got, want) {
			t.Errorf("%s: described %v, taken %v", n.kind, got, want)
		}
	}
}

func TestEntities_UnchangedIs304WithoutABody(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for header, status := range map[string]int{`"e1"`: 304, `W/"e1"`: 304, `"x", "e1"`: 304, "*": 304, `"x"`: 200} {
		res, text := d.ask(t, "GET", "/api/v1/orders/1", "", "If-None-Match", header)
		if res.StatusCode != status || (text == "") != (status == 304) || res.Header.Get("ETag") != `"e1"` {
			t.Errorf("%s: %d %q", header, res.StatusCode, text)
		}
	}
}

func TestWait_ALateWriteIsASuccessThatSaysSo(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	d.late = true
	for _, path := range []string{"/api/v1/orders/1?wait=applied", "/api/v1/orders/1?wait=applied&timeout=0", "/api/v1/orders/1?wait=applied&timeout=1h"} {
		if res, text := d.ask(t, "PUT", path, `{}`); res.StatusCode != 201 || res.Header.Get("Rapport-Applied") != "no" {
			t.Errorf("%s: %d %v %s", path, res.StatusCode, res.Header, text)
		}
	}
	if res, _ := d.ask(t, "POST", "/api/v1/dead-letters/dl_1/replay?wait=applied", ""); res.StatusCode != 204 || res.Header.Get("Rapport-Applied") != "no" {
		t.Errorf("replay: %d", res.StatusCode)
	}
}

func TestDeadLetters_BulkReplayTellsWhatStays(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	res, text := d.ask(t, "POST", "/api/v1/dead-letters/replay", `{"reason":"invalid_json"}`)
	if res.StatusCode != 200 || strings.TrimSpace(text) != `{"replayed":1,"failed":[{"id":"dl_2","code":"still_invalid","detail":"still broken"}],"next":null}` {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

func TestSources_AreVersionedAndConditional(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	const path = "/api/v1/sources/shop"
	body := `{"name":"Shop","kind":"web","priority":9,"historical":true,"item_actions":{"events":{"Bought":"Purchase"}}}`
	res, text := d.ask(t, "PUT", path, body, "If-None-Match", "*")
	if res.StatusCode != 201 {
		t.Fatal(text)
	}
	tag := res.Header.Get("ETag")
	var v SourceView
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Priority != 9 || !v.Historical || len(v.WriteKeys) != 1 || v.ItemActions.Events["Bought"] != "Purchase" {
		t.Errorf("source %+v, %v", v, err)
	}
	if res, text := d.ask(t, "PUT", path, body, "If-None-Match", "*"); d.problem(t, res, text).Status != 412 {
		t.Error("made twice")
	}
	if res, text := d.ask(t, "PUT", path, `{"name":"New","kind":"web"}`, "If-Match", tag); res.StatusCode != 200 || res.Header.Get("ETag") == tag {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "PUT", path, body, "If-Match", tag); d.problem(t, res, text).Status != 412 {
		t.Error("an old version was written over a newer one")
	}
	if author := d.api.Access.Index().Document().Author; !strings.HasPrefix(author, "key_") {
		t.Errorf("author %q", author)
	}
	res, text = d.ask(t, "POST", path+"/write-keys", `{"key":"brought-along"}`)
	if res.StatusCode != 200 || d.api.Access.Index().WriteKey("brought-along") == nil {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "DELETE", path+"/write-keys/"+d.writeKey, ""); d.problem(t, res, text).Status != 404 {
		t.Error("the key of another source was revoked")
	}
	if res, _ := d.ask(t, "DELETE", path+"/write-keys/brought-along", ""); res.StatusCode != 204 || d.api.Access.Index().WriteKey("brought-along") != nil {
		t.Errorf("%d", res.StatusCode)
	}
	res, text = d.ask(t, "GET", "/api/v1/sources?limit=1", "")
	var list List[SourceView]
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Items) != 1 || list.Next == nil {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	_, text = d.ask(t, "GET", "/api/v1/sources?limit=1&cursor="+*list.Next, "")
	if err := json.Unmarshal([]byte(text), &list); err != nil || list.Items[0].Key != "shop" || list.Next != nil {
		t.Errorf("second page %s", text)
	}
}

func TestKeys_AreShownOnceAndStopAtOnce(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, text := d.ask(t, "POST", "/api/v1/keys", `{"name":"reports","scopes":["read"]}`)
	var k KeyView
	if err := json.Unmarshal([]byte(text), &k); err != nil || !strings.HasPrefix(k.Secret, access.SecretPrefix) {
		t.Fatalf("%s, %v", text, err)
	}
	if _, text := d.ask(t, "GET", "/api/v1/keys", ""); strings.Contains(text, k.Secret) || !strings.Contains(text, k.ID) {
		t.Errorf("list %s", text)
	}
	bearer := []string{"Authorization", "Bearer " + k.Secret}
	if res, _ := d.ask(t, "GET", "/api/v1/accounting", "", bearer...); res.StatusCode != 200 {
		t.Errorf("new key: %d", res.StatusCode)
	}
	if res, _ := d.ask(t, "GET", "/api/v1/keys", "", bearer...); res.StatusCode != 403 {
		t.Errorf("reader lists keys: %d", res.StatusCode)
	}
	if res, _ := d.ask(t, "DELETE", "/api/v1/keys/"+k.ID, ""); res.StatusCode != 204 {
		t.Errorf("revoke: %d", res.StatusCode)
	}
	if res, _ := d.ask(t, "GET", "/api/v1/accounting", "", bearer...); res.StatusCode != 401 {
		t.Errorf("revoked key: %d", res.StatusCode)
	}
}

func TestProcess_NeedsNoKeyAndSaysWhyItIsNotReady(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if res, text := d.ask(t, "GET", path, "", "Authorization", ""); res.StatusCode != 200 || text == "" {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	d.ready = http.ErrServerClosed
	res, text := d.ask(t, "GET", "/readyz", "", "Authorization", "")
	if p := d.problem(t, res, text); p.Status != 503 || p.Code != "not_ready" || p.Detail != http.ErrServerClosed.Error() {
		t.Errorf("%+v", p)
	}
	_, text = d.ask(t, "GET", "/metrics", "")
	if !strings.Contains(text, `rapport_http_requests_total{route="GET /readyz",status="5xx"} 1`) {
		t.Errorf("no metric of the request in\n%s", text)
	}
}

func TestVersions_OfAKeyThatNeverWasAreNotFound(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	n := 0
	for _, route := range d.api.Routes() {
		path, ok := strings.CutPrefix(route, "GET ")
		if !ok || !strings.HasSuffix(path, "/{key}/versions") {
			continue
		}
		n++
		res, text := d.ask(t, "GET", strings.Replace(path, "{key}", "never-was", 1), "")
		if p := d.problem(t, res, text); res.StatusCode != http.StatusNotFound || !strings.Contains(p.Detail, "never-was") {
			t.Errorf("%s: %d %s", route, res.StatusCode, text)
		}
	}
	if n < 13 {
		t.Errorf("only %d kinds of definitions have versions", n)
	}
}
