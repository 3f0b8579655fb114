package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/app"
)

// listener is a destination on loopback: it keeps what it was told.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	got    []map[string]any
	ids    []string
	answer func(n int) int // the status of the n-th request; nil: 200
	asked  int
	news   chan struct{}
}

func listen(t *testing.T, answer func(n int) int) *listener {
	t.Helper()
	l := &listener{answer: answer, news: make(chan struct{}, 10000)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		var doc struct {
			Data map[string]any `json:"data"`
		}
		_ = json.Unmarshal(b, &doc)
		l.mu.Lock()
		n, status := l.asked, http.StatusOK
		l.asked++
		if l.answer != nil {
			status = l.answer(n)
		}
		if status == http.StatusOK {
			l.got = append(l.got, doc.Data)
			l.ids = append(l.ids, r.Header.Get("webhook-id"))
		}
		l.mu.Unlock()
		w.WriteHeader(status)
		l.news <- struct{}{}
	}))
	t.Cleanup(l.Close)
	return l
}

// wait waits until n messages came.
func (l *listener) wait(t *testing.T, n int) []map[string]any {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		l.mu.Lock()
		got := append([]map[string]any(nil), l.got...)
		l.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-l.news:
		case <-limit.C:
			t.Fatalf("%d of %d messages came: %v", len(got), n, got)
		}
	}
}

func withOutbox(t *testing.T) *app.App {
	t.Helper()
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	return open(t, c)
}

func api(t *testing.T, a *app.App, method, path, body string, want int, headers ...string) map[string]any {
	t.Helper()
	status, _, text := call(t, method, a.URL()+"/api/v1"+path, body, append(bearer(), headers...)...)
	if status != want {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

// delivered waits until a list of deliveries has so many, and gives them.
func delivered(t *testing.T, a *app.App, key, filter string, n int) []map[string]any {
	t.Helper()
	every, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer every.Stop()
	defer limit.Stop()
	for {
		items := api(t, a, "GET", "/deliveries?destination="+key+"&"+filter, "", 200)["items"].([]any)
		if len(items) == n {
			var out []map[string]any
			for _, i := range items {
				out = append(out, i.(map[string]any))
			}
			return out
		}
		select {
		case <-every.C:
		case <-limit.C:
			t.Fatalf("%s: %d of %d: %v", filter, len(items), n, items)
		}
	}
}

const webhookSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

func TestOutbox_TellsAWebhookOfEventsAndSegments(t *testing.T) {
	t.Parallel()
	a, l := withOutbox(t), listen(t, nil)
	api(t, a, "PUT", "/segments/buyers?wait=applied", `{"name":"Buyers","condition":{"event":"Order Completed"}}`, 201)
	made := api(t, a, "PUT", "/destinations/crm?wait=applied", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},
		"events":{"names":["Order Completed"],"filter":"event.properties.total > 10"},"segments":[{"key":"buyers"}],"traits":["email"]}`, 201)
	if text := fmt.Sprint(made); strings.Contains(text, "whsec_C2") || !strings.Contains(text, "********") {
		t.Errorf("the secret is shown: %s", text)
	}
	for i, total := range []int{5, 50} {
		body := fmt.Sprintf(`{"userId":"u1","event":"Order Completed","messageId":"m%d","properties":{"total":%d},"context":{"traits":{"email":"ada@example.org"}},"writeKey":%q}`, i, total, writeKey)
		if status, _, text := call(t, "POST", a.URL()+"/v1/track?wait=applied", body); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	got := l.wait(t, 2)
	kinds := map[string]map[string]any{}
	for _, m := range got {
		kinds[m["kind"].(string)] = m
	}
	entered, event := kinds["entered"], kinds["event"]
	if entered == nil || event == nil {
		t.Fatalf("%v", got)
	}
	if event["event"].(map[string]any)["message_id"] != "m1" || event["person"].(map[string]any)["traits"].(map[string]any)["email"] != "ada@example.org" {
		t.Errorf("%v", event)
	}
	if s := entered["segment"].(map[string]any); s["key"] != "buyers" || s["change"] != "entered" {
		t.Errorf("%v", entered)
	}
	for i, id := range l.ids {
		if id != got[i]["id"] {
			t.Errorf("the header has id %q, the payload %v", id, got[i]["id"])
		}
	}
	delivered(t, a, "crm", "outcome=delivered", 2)
	one := api(t, a, "GET", "/deliveries/crm/"+event["id"].(string), "", 200)
	if text := fmt.Sprint(one); strings.Contains(text, "whsec_C2") || one["outcome"] != "delivered" || one["status"].(float64) != 200 || one["payload"] == nil {
		t.Errorf("%v", one)
	}
}

func send(t *testing.T, a *app.App, path, body string) {
	t.Helper()
	body = strings.TrimSuffix(body, "}") + fmt.Sprintf(`,"writeKey":%q}`, writeKey)
	if status, h, text := call(t, "POST", a.URL()+"/v1/"+path+"?wait=applied", body); status != 200 || h.Get("Rapport-Applied") == "no" {
		t.Fatalf("%s: %d %s", path, status, text)
	}
}

// counts gives what became of the messages of a destination.
func counts(t *testing.T, a *app.App, key string) map[string]any {
	t.Helper()
	return api(t, a, "GET", "/destinations/"+key, "", 200)["state"].(map[string]any)["counts"].(map[string]any)
}

// A person who becomes known moves to another home. What it is told of stays one
// entry and one exit.
func TestOutbox_TellsOfAPersonOnceWhoBecomesKnown(t *testing.T) {
	t.Parallel()
	a, l := withOutbox(t), listen(t, nil)
	api(t, a, "PUT", "/segments/lookers?wait=applied", `{"name":"L","condition":{"all":[{"event":"Product Viewed"},{"not":{"event":"Order Completed"}}]}}`, 201)
	api(t, a, "PUT", "/destinations/crm?wait=applied", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},"segments":[{"key":"lookers"}]}`, 201)
	send(t, a, "track", `{"anonymousId":"device","event":"Product Viewed","messageId":"v1"}`)
	first := l.wait(t, 1)[0]
	send(t, a, "identify", `{"anonymousId":"device","userId":"ada","messageId":"i1","traits":{"plan":"gold"}}`)
	send(t, a, "track", `{"userId":"ada","event":"Product Viewed","messageId":"v2"}`)
	send(t, a, "track", `{"userId":"ada","event":"Order Completed","messageId":"o1"}`)
	got := l.wait(t, 2)
	delivered(t, a, "crm", "outcome=delivered", 2)
	if got[1]["kind"] != "left" || len(l.wait(t, 2)) != 2 {
		t.Errorf("%v", got)
	}
	if first["person"].(map[string]any)["id"] != got[1]["person"].(map[string]any)["id"] {
		t.Errorf("it was told of %v and then of %v", first, got[1])
	}
}

func TestOutbox_KeepsAnAudienceAndSynchronisesIt(t *testing.T) {
	t.Parallel()
	a, l := withOutbox(t), listen(t, nil)
	api(t, a, "PUT", "/segments/gold?wait=applied", `{"name":"Gold","condition":{"trait":"plan","op":"=","value":"gold"}}`, 201)
	for i := range 5 {
		send(t, a, "identify", fmt.Sprintf(`{"userId":"u%d","messageId":"i%d","traits":{"plan":"gold","email":"u%d@example.org"}}`, i, i, i))
	}
	api(t, a, "PUT", "/decision-models/offer", simple(`"offer for a person"`), 201, asXML...)
	api(t, a, "PUT", "/destinations/ads?wait=applied", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},"audience":{"segment":"gold"},
		"traits":["email"],"decision":"offer","mapping":"{mail: person.traits.email, change: audience.change, offer: instructions}"}`, 201)
	status, _, text := call(t, "POST", a.URL()+"/api/v1/destinations/ads/sync", "", bearer()...)
	if status != 202 {
		t.Fatalf("%d %s", status, text)
	}
	mails := map[any]bool{}
	for _, m := range l.wait(t, 5) {
		mails[m["mail"]] = true
		if m["change"] != "added" || fmt.Sprint(m["offer"]) != "map[Out:offer for a person]" {
			t.Errorf("%v", m)
		}
	}
	if len(mails) != 5 {
		t.Errorf("%v", mails)
	}
	// From then on it is told of changes alone.
	send(t, a, "identify", `{"userId":"u3","messageId":"j3","traits":{"plan":"free"}}`)
	send(t, a, "identify", `{"userId":"u9","messageId":"j9","traits":{"plan":"gold","email":"u9@example.org"}}`)
	changes := map[any]any{}
	for _, m := range l.wait(t, 7)[5:] {
		changes[m["mail"]] = m["change"]
	}
	if len(changes) != 2 || changes["u3@example.org"] != "removed" || changes["u9@example.org"] != "added" {
		t.Errorf("%v", changes)
	}
}

func TestOutbox_SendsProfilesThatChangedUnderConsent(t *testing.T) {
	t.Parallel()
	a, l := withOutbox(t), listen(t, nil)
	api(t, a, "PUT", "/consent-policy?wait=applied", `{"purposes":[{"key":"news"}],"sources":[]}`, 201)
	api(t, a, "PUT", "/destinations/crm?wait=applied", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},
		"profile":{"traits":["plan"]},"traits":["plan","city"],"consent":{"purpose":"news"}}`, 201)
	send(t, a, "identify", `{"userId":"u1","messageId":"a","traits":{"plan":"gold"}}`)
	not := delivered(t, a, "crm", "outcome=suppressed", 1)[0]
	if not["reason"] == "" || not["kind"] != "profile" {
		t.Errorf("%v", not)
	}
	if status, _, text := call(t, "PUT", a.URL()+"/api/v1/profiles/user_id:u1/consent?wait=applied", `{"purposes":[{"purpose":"news","status":"granted"}]}`, bearer()...); status != 204 {
		t.Fatalf("%d %s", status, text)
	}
	send(t, a, "identify", `{"userId":"u1","messageId":"b","traits":{"plan":"gold","city":"Ulm"}}`)
	send(t, a, "identify", `{"userId":"u1","messageId":"c","traits":{"plan":"gold","city":"Bonn"}}`)
	send(t, a, "identify", `{"userId":"u1","messageId":"d","traits":{"plan":"free"}}`)
	got := l.wait(t, 2)
	delivered(t, a, "crm", "outcome=delivered", 2)
	if n := counts(t, a, "crm")["already_told"]; n != 1.0 {
		t.Errorf("%v messages were left out because nothing watched changed", n)
	}
	if plan := got[1]["person"].(map[string]any)["traits"].(map[string]any)["plan"]; plan != "free" {
		t.Errorf("%v", got[1])
	}
}

func TestOutbox_WhatWaitsOutlivesARestartAndDeadLettersComeBack(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	c.Egress.Allow = "127.0.0.1"
	mode := make(chan int, 1)
	mode <- 503
	answer := func(int) int { m := <-mode; mode <- m; return m }
	l := listen(t, answer)
	set := func(status int) { <-mode; mode <- status }
	a := open(t, c)
	api(t, a, "PUT", "/destinations/crm?wait=applied", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},"events":{}}`, 201)
	send(t, a, "track", `{"userId":"u1","event":"A","messageId":"a"}`)
	send(t, a, "track", `{"userId":"u1","event":"B","messageId":"b"}`)
	delivered(t, a, "crm", "outcome=retrying", 1)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	set(200)
	a = open(t, c)
	got := l.wait(t, 2)
	if got[0]["event"].(map[string]any)["name"] != "A" || got[1]["event"].(map[string]any)["name"] != "B" {
		t.Errorf("%v", got)
	}
	set(410)
	send(t, a, "track", `{"userId":"u1","event":"C","messageId":"c"}`)
	dead := delivered(t, a, "crm", "outcome=dead", 1)[0]
	set(200)
	if out := api(t, a, "POST", "/destinations/crm/dead-letters/replay", "", 200); out["messages"] != 1.0 {
		t.Errorf("%v", out)
	}
	if got := l.wait(t, 3); got[2]["id"] != dead["id"] {
		t.Errorf("%v came back as %v", dead, got[2])
	}
	delivered(t, a, "crm", "outcome=dead", 0)
}

func TestOutbox_ATrialShowsAndSendsAboutARealPerson(t *testing.T) {
	t.Parallel()
	a, l := withOutbox(t), listen(t, nil)
	send(t, a, "identify", `{"userId":"u1","messageId":"a","traits":{"plan":"gold"}}`)
	api(t, a, "PUT", "/destinations/crm?wait=applied&status=draft", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},
		"events":{},"traits":["plan"],"mapping":"{plan: person.traits.plan, total: event.properties.total * 2}"}`, 201)
	ask := `{"profile":"user_id:u1","event":{"name":"X","properties":{"total":4}}`
	shown := api(t, a, "POST", "/destinations/crm/test", ask+`}`, 200)
	if fmt.Sprint(shown["payload"]) != "map[plan:gold total:8]" || shown["outcome"] != "not_sent" {
		t.Errorf("%v", shown)
	}
	sent := api(t, a, "POST", "/destinations/crm/test", ask+`,"send":true}`, 200)
	if sent["outcome"] != "delivered" || len(l.wait(t, 1)) != 1 || strings.Contains(fmt.Sprint(sent), webhookSecret[8:]) {
		t.Errorf("%v", sent)
	}
}

// Whatever makes a destination reach inside is refused, at the test as well.
func TestOutbox_ReachesNothingThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a, l := open(t, c), listen(t, nil)
	send(t, a, "identify", `{"userId":"u1","messageId":"a","traits":{"plan":"gold"}}`)
	api(t, a, "PUT", "/destinations/crm?wait=applied", `{"type":"webhook","settings":{"url":"`+l.URL+`","secrets":["`+webhookSecret+`"]},"events":{}}`, 201)
	tried := api(t, a, "POST", "/destinations/crm/test", `{"profile":"user_id:u1","send":true}`, 200)
	if tried["outcome"] == "delivered" || !strings.Contains(fmt.Sprint(tried["reason"]), "egress.allow") {
		t.Errorf("%v", tried)
	}
	if l.asked != 0 {
		t.Error("it was reached")
	}
}
