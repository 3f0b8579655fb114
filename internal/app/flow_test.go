package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rapport/internal/app"
)

// asker asks the own API of an instance.
type asker struct {
	*testing.T
	*app.App
}

// api reads the answer to one request; it wants a status.
func (a asker) api(method, path, body string, want int, headers ...string) (map[string]any, http.Header) {
	t := a.T
	t.Helper()
	status, h, text := call(t, method, a.URL()+"/api/v1"+path, body, append(bearer(), headers...)...)
	if status != want {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, text)
	}
	out := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	if status >= 400 && (out["code"] == "" || out["request_id"] != h.Get("X-Request-Id")) {
		t.Errorf("%s %s: no problem: %s", method, path, text)
	}
	return out, h
}

// sums gives the accounting and checks that it adds up.
func sums(t *testing.T, a *app.App) map[string]float64 {
	t.Helper()
	out, _ := asker{t, a}.api("GET", "/accounting", "", 200)
	got := map[string]float64{}
	for _, column := range []string{"received", "pending", "stored", "deduplicated", "dead_lettered", "rejected"} {
		got[column], _ = out[column].(float64)
	}
	if got["received"] != got["pending"]+got["stored"]+got["deduplicated"]+got["dead_lettered"]+got["rejected"] {
		t.Errorf("the sums do not add up: %v", out)
	}
	return got
}

func batch(t *testing.T, a *app.App, events ...string) {
	t.Helper()
	body := fmt.Sprintf(`{"writeKey":%q,"batch":[%s]}`, writeKey, strings.Join(events, ","))
	if status, h, text := call(t, "POST", a.URL()+"/v1/batch?wait=applied", body); status != 200 || h.Get("Rapport-Applied") != "yes" {
		t.Fatalf("batch: %d %v %s", status, h, text)
	}
}

func TestFlow_DeadLettersAreReadReplayedAndDiscarded(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	large := `{"type":"track","event":"Large","userId":"u1","messageId":"large","properties":{"text":"` + strings.Repeat("x", 40<<10) + `"}}`
	batch(t, a, `{"type":"track","event":"Good","userId":"u1","messageId":"good"}`, `{"type":"track","event":"Nobody","messageId":"nobody"}`, large)
	if got := sums(t, a); got["received"] != 3 || got["stored"] != 1 || got["dead_lettered"] != 2 {
		t.Fatalf("sums %v", got)
	}
	list, _ := asker{t, a}.api("GET", "/dead-letters", "", 200)
	byReason := map[string]string{}
	for _, item := range list["items"].([]any) {
		letter := item.(map[string]any)
		byReason[letter["reason"].(string)] = letter["id"].(string)
	}
	if len(byReason) != 2 || list["next"] != nil {
		t.Fatalf("dead letters %v", list)
	}
	for reason, id := range byReason {
		one, _ := asker{t, a}.api("GET", "/dead-letters/"+id, "", 200)
		if one["message"] == "" || one["body"] == "" || one["source"] != "default" {
			t.Errorf("dead letter %v", one)
		}
		some, _ := asker{t, a}.api("GET", "/dead-letters?source=default&reason="+reason, "", 200)
		if len(some["items"].([]any)) != 1 {
			t.Errorf("of reason %s: %v", reason, some)
		}
	}
	first, _ := asker{t, a}.api("GET", "/dead-letters?limit=1", "", 200)
	second, _ := asker{t, a}.api("GET", "/dead-letters?limit=1&cursor="+first["next"].(string), "", 200)
	if len(second["items"].([]any)) != 1 || second["next"] != nil {
		t.Errorf("second page %v", second)
	}

	// An operator may take in what was too large for the door; what names
	// nobody stays, until it is given up.
	bulk, _ := asker{t, a}.api("POST", "/dead-letters/replay?wait=applied", `{}`, 200)
	if bulk["replayed"] != 1.0 || len(bulk["failed"].([]any)) != 1 {
		t.Fatalf("bulk replay %v", bulk)
	}
	failed := bulk["failed"].([]any)[0].(map[string]any)["id"].(string)
	asker{t, a}.api("POST", "/dead-letters/"+failed+"/replay", "", 409)
	if got := sums(t, a); got["stored"] != 2 || got["dead_lettered"] != 1 || got["rejected"] != 0 {
		t.Errorf("sums after replay %v", got)
	}
	asker{t, a}.api("POST", "/dead-letters/"+failed+"/discard?wait=applied", "", 204)
	asker{t, a}.api("POST", "/dead-letters/"+failed+"/discard", "", 404)
	asker{t, a}.api("GET", "/dead-letters/"+failed, "", 404)
	asker{t, a}.api("GET", "/dead-letters?cursor=nonsense!", "", 400)
	if got := sums(t, a); got["received"] != 3 || got["stored"] != 2 || got["dead_lettered"] != 0 || got["rejected"] != 1 {
		t.Errorf("sums at the end %v", got)
	}
	profile, _ := asker{t, a}.api("GET", "/profiles/user_id:u1", "", 200)
	if profile["computed"].(map[string]any)["event_count"] != 2.0 {
		t.Errorf("profile %v", profile)
	}
}

func TestFlow_OrdersAreConditionalIdempotentAndCounted(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	const order = `{"customer":{"namespace":"user_id","value":"u1"},"currency":"EUR","lines":[{"product_id":"p1","quantity":2,"price":10.5}]}`
	made, h := asker{t, a}.api("PUT", "/orders/o%2F1", order, 201, "If-None-Match", "*", "Idempotency-Key", "k1")
	if made["id"] != "o/1" || made["total"] != 21.0 || h.Get("Location") != "/api/v1/orders/o%2F1" {
		t.Errorf("made %v %v", made, h)
	}
	tag := h.Get("ETag")
	asker{t, a}.api("PUT", "/orders/o%2F1", order, 412, "If-None-Match", "*")
	again, h := asker{t, a}.api("PUT", "/orders/o%2F1", order, 201, "If-None-Match", "*", "Idempotency-Key", "k1")
	if fmt.Sprint(again) != fmt.Sprint(made) || h.Get("ETag") != tag {
		t.Errorf("the same command was answered %v, then %v", made, again)
	}
	asker{t, a}.api("PUT", "/orders/o%2F1", `{"total":1}`, 409, "Idempotency-Key", "k1")
	_, h = asker{t, a}.api("GET", "/orders/o%2F1", "", 304, "If-None-Match", tag)
	if h.Get("ETag") != tag {
		t.Errorf("ETag %q, was %q", h.Get("ETag"), tag)
	}
	patched, h := asker{t, a}.api("PATCH", "/orders/o%2F1", `{"status":"shipped"}`, 200, "If-Match", tag, "Content-Type", "application/merge-patch+json")
	if patched["status"] != "shipped" || patched["total"] != 21.0 || h.Get("ETag") == tag {
		t.Errorf("patched %v", patched)
	}
	asker{t, a}.api("PATCH", "/orders/o%2F1", `{"status":"lost"}`, 412, "If-Match", tag)
	refund := func() {
		got, _ := asker{t, a}.api("POST", "/orders/o%2F1/refunds?wait=applied", `{"amount":5}`, 201, "Idempotency-Key", "r1")
		if got["net"] != 16.0 || len(got["refunds"].([]any)) != 1 {
			t.Errorf("refunded %v", got)
		}
	}
	refund()
	refund()
	asker{t, a}.api("POST", "/orders/unknown/refunds", `{"amount":5}`, 404)
	bad, _ := asker{t, a}.api("POST", "/orders/o%2F1/refunds", `{"amount":-5}`, 400)
	if field := bad["errors"].([]any)[0].(map[string]any)["field"]; field != "/amount" {
		t.Errorf("problem %v", bad)
	}
	bad, _ = asker{t, a}.api("PUT", "/orders/o2", `{"lines":[{"quantity":1}]}`, 400)
	if field := bad["errors"].([]any)[0].(map[string]any)["field"]; field != "/lines/0/product_id" {
		t.Errorf("problem %v", bad)
	}
	asker{t, a}.api("PUT", "/orders/o2", `{"colour":"red"}`, 400)
	asker{t, a}.api("PUT", "/orders/o2", `{"total":`, 400)
	profile, _ := asker{t, a}.api("GET", "/profiles/user_id:u1", "", 200)
	if c := profile["computed"].(map[string]any); c["order_count"] != 1.0 || fmt.Sprint(c["order_total"]) != "map[EUR:21]" || fmt.Sprint(c["refund_total"]) != "map[EUR:5]" {
		t.Errorf("profile %v", c)
	}
	asker{t, a}.api("DELETE", "/orders/o%2F1?wait=applied", "", 204)
	asker{t, a}.api("GET", "/orders/o%2F1", "", 404)
	profile, _ = asker{t, a}.api("GET", "/profiles/user_id:u1", "", 200)
	if c := profile["computed"].(map[string]any); c["order_count"] != 0.0 {
		t.Errorf("profile after the delete %v", c)
	}
}

func TestFlow_EveryKindOfEntityIsWrittenListedAndRemoved(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	for path, body := range map[string]string{
		"/orders":        `{"total":5,"currency":"EUR"}`,
		"/carts":         `{"customer":{"namespace":"user_id","value":"u1"},"lines":[{"product_id":"p","quantity":1,"price":3}]}`,
		"/catalog/items": `{"attributes":{"name":"Shoe"},"dimensions":{"Brand":["A","B"]}}`,
		"/accounts":      `{"traits":{"plan":"gold"}}`,
	} {
		for i := range 3 {
			asker{t, a}.api("PUT", fmt.Sprintf("%s/e%d?wait=applied", path, i), body, 201)
		}
		asker{t, a}.api("PUT", path+"/e0", body, 200)
		var ids []string
		for cursor := ""; ; {
			page, _ := asker{t, a}.api("GET", path+"?limit=2"+cursor, "", 200)
			for _, item := range page["items"].([]any) {
				ids = append(ids, item.(map[string]any)["id"].(string))
			}
			if page["next"] == nil {
				break
			}
			cursor = "&cursor=" + page["next"].(string)
		}
		slices.Sort(ids) // a list has an order of its own
		if fmt.Sprint(ids) != "[e0 e1 e2]" {
			t.Errorf("%s lists %v", path, ids)
		}
		asker{t, a}.api("GET", path+"?cursor=nonsense!", "", 400)
		asker{t, a}.api("PATCH", path+"/e9", `{}`, 404)
		asker{t, a}.api("DELETE", path+"/e1?wait=applied", "", 204)
		asker{t, a}.api("DELETE", path+"/e1", "", 404)
		page, _ := asker{t, a}.api("GET", path, "", 200)
		if n := len(page["items"].([]any)); n != 2 {
			t.Errorf("%s lists %d after a delete", path, n)
		}
	}
}

func TestFlow_TimelineIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	var events []string
	for i := range 10 {
		events = append(events, fmt.Sprintf(`{"type":"track","event":"E%d","userId":"a/b","messageId":"m%d","timestamp":"2026-01-0%dT00:00:00Z"}`, i%2, i, i%9+1))
	}
	events = append(events, `{"type":"page","name":"Home","userId":"a/b","messageId":"p","timestamp":"2026-02-01T00:00:00Z"}`)
	batch(t, a, events...)
	const ref = "/profiles/user_id:a%2Fb/timeline"
	for query, want := range map[string]int{
		"": 11, "?type=page": 1, "?type=track,page": 11, "?name=E1": 5, "?name=E0&name=Home": 6,
		"?from=2026-01-09T00:00:00Z": 2, "?to=2026-01-02T00:00:00Z": 2, "?from=2026-01-02T00:00:00Z&to=2026-01-03T00:00:00Z": 1, "?channel=nowhere": 0,
	} {
		page, _ := asker{t, a}.api("GET", ref+query, "", 200)
		if n := len(page["items"].([]any)); n != want {
			t.Errorf("%s: %d items, want %d", query, n, want)
		}
	}
	for order, firstWant := range map[string]string{"desc": "p", "asc": "m0"} {
		seen := map[string]bool{}
		first := ""
		for cursor := ""; ; {
			page, _ := asker{t, a}.api("GET", ref+"?limit=3&order="+order+cursor, "", 200)
			for _, item := range page["items"].([]any) {
				m := item.(map[string]any)["message_id"].(string)
				if first == "" {
					first = m
				}
				seen[m] = true
			}
			if page["next"] == nil {
				break
			}
			cursor = "&cursor=" + page["next"].(string)
		}
		if len(seen) != 11 || (first != firstWant && first != "m9") {
			t.Errorf("%s: %d items, the first %s", order, len(seen), first)
		}
	}
	asker{t, a}.api("GET", ref+"?cursor=nonsense!", "", 400)
	asker{t, a}.api("GET", "/profiles/user_id:nobody", "", 404)
	asker{t, a}.api("GET", "/profiles/nonsense", "", 404)
	found, _ := asker{t, a}.api("GET", "/profiles?query=a%2F", "", 200)
	if len(found["items"].([]any)) != 1 {
		t.Errorf("search %v", found)
	}
	identity, _ := asker{t, a}.api("GET", "/profiles/user_id:a%2Fb/identity", "", 200)
	byID, _ := asker{t, a}.api("GET", "/profiles/"+identity["id"].(string)+"?include=lineage", "", 200)
	if byID["id"] != identity["id"] {
		t.Errorf("by id %v", byID["id"])
	}
	none, _ := asker{t, a}.api("GET", "/profiles/user_id:a%2Fb/segments", "", 200)
	if len(none["items"].([]any)) != 0 {
		t.Errorf("segments %v", none)
	}
}
