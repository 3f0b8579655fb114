package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// door is a server that keeps what it is sent.
type door struct {
	mu       sync.Mutex
	messages []map[string]any
	items    map[string]bool
	refuse   int // so many requests are answered 429 first
	enough   func(messages int)
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse > 0 {
		d.refuse--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if id, ok := strings.CutPrefix(r.URL.Path, "/api/v1/catalog/items/"); ok && r.Header.Get("Authorization") == "Bearer secret" {
		d.items[id] = true
		return
	}
	var body struct{ Batch []map[string]any }
	if key, _, _ := r.BasicAuth(); key != "write" || json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.messages = append(d.messages, body.Batch...)
	if d.enough != nil {
		d.enough(len(d.messages))
	}
}

func open(t *testing.T, refuse int) (*door, Target) {
	t.Helper()
	d := &door{items: map[string]bool{}, refuse: refuse}
	srv := httptest.NewServer(d)
	t.Cleanup(srv.Close)
	return d, Target{URL: srv.URL, WriteKey: "write", SecretKey: "secret", HTTP: srv.Client()}
}

var until = time.Date(2026, 5, 20, 13, 0, 0, 0, time.UTC)

func played(t *testing.T, seed uint64, events int) (*door, *Played) {
	t.Helper()
	d, to := open(t, 3)
	p, err := History(t.Context(), to, Plan{Seed: seed, Events: events, People: 120, Until: until, Days: 20}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return d, p
}

func TestHistory_EqualSeedsPlayTheSameMessages(t *testing.T) {
	t.Parallel()
	byID := func(seed uint64) map[string]string {
		d, _ := played(t, seed, 2000)
		out := map[string]string{}
		for _, m := range d.messages {
			raw, _ := json.Marshal(m)
			out[m["messageId"].(string)] = string(raw)
		}
		return out
	}
	a, b, other := byID(7), byID(7), byID(8)
	if len(a) != len(b) {
		t.Fatalf("%d and %d messages", len(a), len(b))
	}
	for id, m := range a {
		if b[id] != m {
			t.Fatalf("message %s is %s and %s", id, m, b[id])
		}
		if _, ok := other[id]; ok && id != "demo-history-played" {
			t.Fatalf("another seed made %s too", id)
		}
	}
}

func TestHistory_IsAShop(t *testing.T) {
	t.Parallel()
	d, p := played(t, 1, 6000)
	if len(d.messages) != p.Sent+1 || p.Sent < 5000 || p.Sent > 7000 {
		t.Errorf("%d messages arrived, %d sent, about 6000 planned", len(d.messages), p.Sent)
	}
	if len(d.items) != p.Goods || p.Goods == 0 {
		t.Errorf("%d items of %d", len(d.items), p.Goods)
	}
	seen, ids, devices := map[string]int{}, map[string]int{}, map[string]map[string]bool{}
	var last time.Time
	disorder, twice := 0, 0
	for _, m := range d.messages {
		name, _ := m["event"].(string)
		seen[m["type"].(string)+" "+name]++
		at, err := time.Parse(time.RFC3339, m["timestamp"].(string))
		if err != nil || at.After(until) || at.Before(until.AddDate(0, 0, -22)) {
			t.Fatalf("time %v, %v", m["timestamp"], err)
		}
		if at.Before(last) {
			disorder++
		}
		last = at
		if ids[m["messageId"].(string)]++; ids[m["messageId"].(string)] == 2 {
			twice++
		}
		user, _ := m["userId"].(string)
		device, _ := m["anonymousId"].(string)
		if user == "" && device == "" {
			t.Fatalf("nobody sent %v", m)
		}
		if user != "" && device != "" {
			if devices[user] == nil {
				devices[user] = map[string]bool{}
			}
			devices[user][device] = true
		}
	}
	for _, name := range []string{
		"page ", "identify ", "group ", "track Product Viewed", "track Product Added", "track Product Removed",
		"track Cart Viewed", "track Checkout Started", "track Order Completed", "track Order Refunded",
		"track Email Opened", "track Email Link Clicked", "track Signed Up", "track Signed In", "track Products Searched",
	} {
		if seen[name] == 0 {
			t.Errorf("no %s among %v", name, seen)
		}
	}
	several := 0
	for _, of := range devices {
		if len(of) > 1 {
			several++
		}
	}
	if disorder == 0 || twice != p.Twice || twice == 0 || several == 0 {
		t.Errorf("%d out of order, %d twice (%d said), %d people known on several devices", disorder, twice, p.Twice, several)
	}
}

func TestHistory_PrefixesItsIdsAndIsEndedByWhoWatches(t *testing.T) {
	t.Parallel()
	d, to := open(t, 0)
	enough := errors.New("enough")
	last := 0
	_, err := History(t.Context(), to, Plan{Seed: 4, Events: 3000, People: 80, Until: until, Days: 20, Prefix: "trial-", Progress: func(sent int) error {
		if last = sent; sent > 500 {
			return enough
		}
		return nil
	}}, io.Discard)
	if !errors.Is(err, enough) || last <= 500 || len(d.messages) >= 3000 {
		t.Errorf("%v after %d of %d messages", err, last, len(d.messages))
	}
	for id := range d.items {
		if !strings.HasPrefix(id, "trial-sku-") {
			t.Errorf("item %s", id)
		}
	}
	for _, m := range d.messages {
		properties, _ := m["properties"].(map[string]any)
		for name, id := range map[string]any{"userId": m["userId"], "order_id": properties["order_id"], "cart_id": properties["cart_id"]} {
			if text, _ := id.(string); text != "" && !strings.HasPrefix(text, "trial-") {
				t.Errorf("%s %s", name, text)
			}
		}
	}
}

func TestHistory_LooksAtWhatWasSent(t *testing.T) {
	t.Parallel()
	d, p := played(t, 3, 3000)
	all, _ := json.Marshal(d.messages)
	looks := p.Looks()
	if len(looks) < 7 {
		t.Fatalf("%d looks", len(looks))
	}
	named, things := 0, regexp.MustCompile(`(?:profiles/[a-z_]+:|orders/|items/|"profile":"[a-z_]+:)([^/?"]+)`)
	for _, l := range looks {
		for _, m := range things.FindAllStringSubmatch(l.Path+l.Body, -1) {
			named++
			if value := m[1]; !strings.Contains(string(all), `"`+value+`"`) && !d.items[value] {
				t.Errorf("%s: %s was never sent", l.Title, value)
			}
		}
	}
	if named < 9 {
		t.Errorf("%d people, orders and goods are named in %v", named, looks)
	}
}

func TestLive_GoesOnUntilItIsStopped(t *testing.T) {
	t.Parallel()
	d, p := played(t, 2, 1000)
	wanted := len(d.messages) + 100
	ctx, stop := context.WithCancel(t.Context())
	d.enough = func(messages int) {
		if messages >= wanted {
			stop()
		}
	}
	// A clock that runs a minute a second, so that visits get somewhere.
	start := time.Now()
	now := func() time.Time { return until.Add(time.Since(start) * 60) }
	if err := p.Live(ctx, 20, now, io.Discard); err != nil {
		t.Fatal(err)
	}
	if n := len(d.messages); n < wanted {
		t.Errorf("%d messages, want %d", n, wanted)
	}
}

func TestHistory_SaysWhyTheServerRefused(t *testing.T) {
	t.Parallel()
	_, to := open(t, 0)
	to.WriteKey = "wrong"
	_, err := History(t.Context(), to, Plan{Events: 2000, People: 10, Until: until, Days: 2}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("error %v", err)
	}
}
