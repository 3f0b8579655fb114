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

func api(t *testing.T, a *app.App, method, path, body string, want int) map[string]any {
	t.Helper()
	status, _, text := call(t, method, a.URL()+"/api/v1"+path, body, bearer()...)
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
