package app_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"rapport/internal/app"
)

// shopIs waits until the demo shop is as a test wants it.
func shopIs(t *testing.T, a *app.App, enough func(v map[string]any) bool) map[string]any {
	t.Helper()
	end := time.After(3 * time.Minute)
	for {
		v, _ := asker{t, a}.api("GET", "/demo", "", 200)
		if enough(v) {
			return v
		}
		select {
		case <-end:
			t.Fatalf("the demo shop stays %v", v)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func state(name string) func(map[string]any) bool {
	return func(v map[string]any) bool { return v["state"] == name }
}

// rebuilt closes an instance that asked to be started anew, and does so.
func rebuilt(t *testing.T, a *app.App, dir string) *app.App {
	t.Helper()
	select {
	case err := <-a.Failed():
		if !errors.Is(err, app.ErrRestart) {
			t.Fatal(err)
		}
	case <-time.After(3 * time.Minute):
		t.Fatal("it is not started anew")
	}
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return open(t, settings(t, dir))
}

// A shop is loaded beside what somebody has, and nothing is left of it when it is
// removed.
func TestDemoShop_ComesAndGoesWithoutATrace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, settings(t, dir))
	ask := asker{t, a}
	const loyal = `{"name":"Ours","condition":{"event":"*"}}`
	ask.api("PUT", "/segments/loyal?wait=applied", loyal, 201)
	ask.api("PUT", "/catalog/items/sku-1001?wait=applied", `{"attributes":{"name":"Ours"}}`, 201)
	batch(t, a, `{"type":"identify","userId":"u-000001","messageId":"m1","traits":{"city":"Graz"}}`)
	people, _ := ask.api("GET", "/segments/loyal/members", "", 200)
	before := len(people["items"].([]any))
	orders := func(ask asker) int {
		got, _ := ask.api("GET", "/orders?limit=500", "", 200)
		return len(got["items"].([]any))
	}

	ask.api("DELETE", "/demo", "", 404)
	if v, _ := ask.api("GET", "/demo", "", 200); v["state"] != "absent" {
		t.Fatalf("at first: %v", v)
	}
	if v, _ := ask.api("POST", "/demo?events=800", "", 202); v["state"] != "loading" || v["planned_events"] != 800.0 {
		t.Fatalf("asked for: %v", v)
	}
	ask.api("POST", "/demo", "", 409)
	v := shopIs(t, a, state("present"))
	if v["complete"] != true || v["begun"] != 1.0 || v["items"] != 240.0 || v["events"].(float64) < 600 || len(v["definitions"].([]any)) != 6 {
		t.Fatalf("loaded: %v", v)
	}
	if kept := v["kept"].([]any); !slices.Equal(kept, []any{"segments/loyal"}) {
		t.Errorf("kept: %v", kept)
	}
	ask.api("POST", "/demo", "", 409)
	ask.api("GET", "/catalog/items/demo-sku-1001", "", 200)
	if orders(ask) == 0 {
		t.Error("nobody bought anything")
	}
	if s, _ := ask.api("GET", "/segments/big-spenders", "", 200); s["status"] != "live" {
		t.Errorf("a definition: %v", s)
	}

	if v, _ := ask.api("DELETE", "/demo", "", 202); v["state"] != "removing" {
		t.Errorf("asked to go: %v", v)
	}
	a = rebuilt(t, a, dir)
	ask = asker{t, a}
	shopIs(t, a, state("absent"))
	ask.api("GET", "/sources/demo-shop", "", 404)
	ask.api("GET", "/catalog/items/demo-sku-1001", "", 404)
	ask.api("GET", "/profiles/anonymous_id:demo-shop", "", 404)
	if n := orders(ask); n != 0 {
		t.Errorf("%d orders are left", n)
	}
	for _, path := range v["definitions"].([]any) {
		if d, _ := ask.api("GET", "/"+path.(string), "", 200); d["status"] != "archived" || d["live_version"] != nil {
			t.Errorf("%s is left: %v", path, d["status"])
		}
	}
	if s, _ := ask.api("GET", "/segments/loyal", "", 200); s["status"] != "live" || s["version"] != 1.0 {
		t.Errorf("the segment of somebody else: %v", s)
	}
	if p, _ := ask.api("GET", "/profiles/user_id:u-000001", "", 200); p["traits"].(map[string]any)["city"] != "Graz" || p["computed"].(map[string]any)["event_count"] != 1.0 {
		t.Errorf("the person of somebody else: %v", p)
	}
	if i, _ := ask.api("GET", "/catalog/items/sku-1001", "", 200); i["attributes"].(map[string]any)["name"] != "Ours" {
		t.Errorf("the item of somebody else: %v", i)
	}
	if people, _ = ask.api("GET", "/segments/loyal/members", "", 200); len(people["items"].([]any)) != before {
		t.Errorf("members of the segment of somebody else: %v", people)
	}

	// Another time it is another shop: nothing of it is taken for what was removed.
	ask.api("POST", "/demo?events=500", "", 202)
	if v := shopIs(t, a, state("present")); v["complete"] != true || len(v["definitions"].([]any)) != 6 || orders(ask) == 0 {
		t.Errorf("loaded again: %v", v)
	}
}

func TestDemoShop_IsLoadedToTheEndAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, settings(t, dir))
	asker{t, a}.api("POST", "/demo?events=3000", "", 202)
	cut := shopIs(t, a, func(v map[string]any) bool { return v["events"].(float64) > 0 })
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	a = open(t, settings(t, dir))
	v := shopIs(t, a, state("present"))
	if v["complete"] != true || v["begun"] != 2.0 || len(v["definitions"].([]any)) != 7 {
		t.Errorf("after a restart: %v", v)
	}
	if all := sums(t, a); all["deduplicated"] < cut["events"].(float64) || all["dead_lettered"] != 0 || all["stored"] > v["events"].(float64)+1 {
		t.Errorf("sums %v, %v sent before the restart, %v in all", all, cut["events"], v["events"])
	}
}

func TestDemoShop_LeavesASourceOfThatNameAlone(t *testing.T) {
	t.Parallel()
	ask := asker{t, open(t, settings(t, t.TempDir()))}
	ask.api("PUT", "/sources/demo-shop", `{"name":"Ours","kind":"web"}`, 201)
	if p, _ := ask.api("POST", "/demo", "", 409); p["code"] != "demo_source_taken" {
		t.Errorf("answer: %v", p)
	}
}
