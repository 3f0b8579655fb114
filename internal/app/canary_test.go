package app_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/app"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
)

// canaries are values that a person leaves behind, by where.
func canaries() map[string]string {
	out := map[string]string{}
	for _, place := range []string{
		"user_id", "anonymous_id", "email", "trait", "nested_trait", "property", "event_name", "page_url", "message_id",
		"user_agent", "group_trait", "order_event", "order_field", "order_line", "cart_field", "idempotency_key",
		"dead_letter", "broken_letter", "patch_field", "campaign", "city", "consent_proof",
	} {
		out[place] = "canary-" + strings.ReplaceAll(place, "_", "-") + "-x7q"
	}
	out["email"] += "@example.com"
	out["phone"] = "+491701234567"
	return out
}

// leave sends everything that a person can leave behind, and what others say.
func leave(t *testing.T, a *app.App, c map[string]string) {
	t.Helper()
	who := fmt.Sprintf(`"userId":%q,"anonymousId":%q`, c["user_id"], c["anonymous_id"])
	batch(t, a,
		fmt.Sprintf(`{"type":"identify",%s,"messageId":%q,"traits":{"email":%q,"phone":%q,"plan":%q,"address":{"city":%q,"more":[%q]}},"context":{"userAgent":%q,"campaign":{"name":%q}}}`,
			who, c["message_id"], strings.ToUpper(c["email"]), c["phone"], c["trait"], c["city"], c["nested_trait"], c["user_agent"], c["campaign"]),
		fmt.Sprintf(`{"type":"track",%s,"event":%q,"messageId":"c2","properties":{"text":%q}}`, who, c["event_name"], c["property"]),
		fmt.Sprintf(`{"type":"page",%s,"messageId":"c3","properties":{"url":"https://shop.example/%s"}}`, who, c["page_url"]),
		fmt.Sprintf(`{"type":"group",%s,"messageId":"c4","groupId":"acme","traits":{"contact":%q}}`, who, c["group_trait"]),
		fmt.Sprintf(`{"type":"track",%s,"messageId":"c5","event":"Order Completed","properties":{"order_id":"o1","total":10,"currency":"EUR","gift":%q,"products":[{"product_id":"p1","price":10,"engraving":%q}]}}`, who, c["order_event"], c["order_line"]),
		fmt.Sprintf(`{"type":"track",%s,"messageId":"c6","event":"Product Added","properties":{"cart_id":"k1","product_id":"p2","price":2,"coupon":%q}}`, who, c["cart_field"]),
		fmt.Sprintf(`{"type":"tracked",%s,"messageId":"c7","event":"Nothing","properties":{"text":%q}}`, who, c["dead_letter"]),
		`{"type":"track","userId":"bob-the-other","messageId":"b1","event":"Invited","properties":{"who":"`+c["email"]+`","n":1}}`,
		`{"type":"identify","userId":"bob-the-other","messageId":"b2","traits":{"friend":"`+c["user_id"]+`","plan":"gold"}}`,
		`{"type":"track","userId":"bob-the-other","messageId":"b3","event":"Order Updated","properties":{"order_id":"o1","gate":7}}`,
	)
	ask := asker{t, a}
	ask.api("PUT", "/orders/o2?wait=applied", fmt.Sprintf(`{"customer":{"namespace":"user_id","value":%q},"currency":"EUR","lines":[{"product_id":"p1","quantity":1,"price":5}],"fields":{"note":%q}}`,
		c["user_id"], c["order_field"]), 201, "Idempotency-Key", c["idempotency_key"])
	ask.api("PATCH", "/orders/o2?wait=applied", fmt.Sprintf(`{"fields":{"door":%q}}`, c["patch_field"]), 200)
	ask.api("PUT", "/profiles/user_id:"+c["user_id"]+"/consent?wait=applied", fmt.Sprintf(`{"purposes":[{"purpose":"newsletter","channel":"email","status":"granted","proof":%q,"version":"3"}]}`, c["consent_proof"]), 204)
	// Not even JSON, and names the person all the same.
	broken := `{"type":"track","userId":"x","event":"Broken","properties":{"mail":"` + c["email"] + `","more":"` + c["broken_letter"] + `","bad":"\ud800"}}`
	batch(t, a, broken)
}

// deep gives the places in which values stand, read as the store reads them:
// records opened, rows of the state whole.
func deep(t *testing.T, dir string, c map[string]string) map[string][]string {
	t.Helper()
	s, err := embedded.Open(filepath.Join(dir, "store"), embedded.Options{MemoryBudget: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing was written
	found := map[string][]string{}
	note := func(where string, b []byte) {
		lowered := bytes.ToLower(b)
		for place, value := range c {
			if bytes.Contains(lowered, []byte(value)) && !slices.Contains(found[place], where) {
				found[place] = append(found[place], where)
			}
		}
	}
	err = s.Log().Read(t.Context(), 0, func(r *store.Record) error {
		note(fmt.Sprintf("log kind %d", r.Kind), r.Payload)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for table := store.Table('A'); table <= 'z'; table++ {
		at := store.SpanRange{Table: table, Span: store.AllBuckets()}
		err := s.State().ScanSpan(t.Context(), at, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
			note("state "+string(rune(table)), key)
			for _, part := range parts {
				note("state "+string(rune(table)), part)
			}
			return store.NextRow
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// shallow gives the files in which values stand as they are, and the hash by
// which records in the log name the person.
func shallow(t *testing.T, dir string, c map[string]string) map[string][]string {
	t.Helper()
	values := map[string][]byte{}
	for place, value := range c {
		values[place] = []byte(value)
	}
	for _, namespace := range []string{"user_id", "anonymous_id", "email", "phone"} {
		k := id.KeyOf(namespace, c[namespace])
		values["key of "+namespace] = k[:]
	}
	found := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // tidied up in the background
		}
		for place, value := range values {
			if bytes.Contains(bytes.ToLower(b), value) || bytes.Contains(b, value) {
				found[place] = append(found[place], filepath.Base(path))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// privacy waits until a request is done and gives it.
func privacy(t *testing.T, a *app.App, kind, ref string) map[string]any {
	t.Helper()
	ask := asker{t, a}
	made, _ := ask.api("POST", "/privacy/requests", fmt.Sprintf(`{"type":%q,"identifiers":[%q]}`, kind, ref), 202)
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		r, _ := ask.api("GET", "/privacy/requests/"+made["id"].(string), "", 200)
		if r["state"] == "done" {
			return r
		}
		select {
		case <-limit.C:
			jobs, _ := ask.api("GET", "/jobs?kind=privacy_request", "", 200)
			t.Fatalf("the request does not end: %v, %v", r, jobs)
		case <-again.C:
		}
	}
}

func TestCanary_NothingIsLeftOfAnErasedPerson(t *testing.T) {
	t.Parallel()
	c, dir := canaries(), t.TempDir()
	logs := &logBuffer{}
	start := func() *app.App {
		a, err := app.Open(t.Context(), settings(t, dir), app.Parts{Version: "test", Log: slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	stop := func(a *app.App) {
		if err := a.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	a := start()
	leave(t, a, c)
	stop(a)
	// The search must find everything, or what it finds later says nothing.
	before := deep(t, dir, c)
	for place, value := range c {
		if place != "idempotency_key" && len(before[place]) == 0 || place == "idempotency_key" && !slices.Contains(before[place], "log kind 2") {
			t.Errorf("the search does not find %s (%s)", place, value)
		}
	}
	raw := shallow(t, dir, c)
	if len(raw["key of user_id"]) < 2 || len(raw) < 3 {
		t.Errorf("the search through the files finds %v only", raw)
	}

	a = start()
	oldID := exported(t, a, c)
	r := privacy(t, a, "erasure", "email:"+c["email"])
	proof := r["proof"].(map[string]any)
	if scan := proof["scan"].(map[string]any); scan["log_hits"] != 0.0 || scan["state_hits"] != 0.0 || len(scan["files"].(map[string]any)["hits"].([]any)) > 0 || scan["files"].(map[string]any)["files"].(float64) < 5 {
		t.Errorf("the proof says %v", scan)
	}
	if proof["identifiers"] != 4.0 || proof["backups"] == nil {
		t.Errorf("proof %v", proof)
	}
	gone := func(when string) {
		t.Helper()
		for place, where := range deep(t, dir, c) {
			t.Errorf("%s: %s is in %v", when, place, where)
		}
		for place, where := range shallow(t, dir, c) {
			t.Errorf("%s: %s is in the files %v", when, place, where)
		}
	}
	for place, where := range shallow(t, dir, c) {
		t.Errorf("while the server runs: %s is in the files %v", place, where)
	}
	total := erasedForAPI(t, a, c, oldID)
	stop(a)
	gone("after erasing")
	if err := app.Rebuild(t.Context(), settings(t, dir), app.Parts{}, nil); err != nil {
		t.Fatal(err)
	}
	gone("after a rebuild")
	a = start()
	if again := erasedForAPI(t, a, c, oldID); fmt.Sprint(again) != fmt.Sprint(total) {
		t.Errorf("sums were %v, after a rebuild %v", total, again)
	}
	comesBack(t, a, c, oldID)
	stop(a)
	for place, value := range c {
		if strings.Contains(strings.ToLower(logs.b.String()), value) {
			t.Errorf("the server's log names %s", place)
		}
	}
}

// exported looks into the export of the person, which must have everything, and
// gives the profile id.
func exported(t *testing.T, a *app.App, c map[string]string) string {
	t.Helper()
	r := privacy(t, a, "access", "user_id:"+c["user_id"])
	status, h, text := call(t, "GET", a.URL()+"/api/v1/privacy/requests/"+r["id"].(string)+"/export", "", bearer()...)
	if status != 200 || h.Get("Content-Type") != "application/zip" {
		t.Fatalf("export: %d %s %.200s", status, h.Get("Content-Type"), text)
	}
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range z.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, rc); err != nil {
			t.Fatal(err)
		}
	}
	for place, value := range c {
		if place != "idempotency_key" && !strings.Contains(strings.ToLower(all.String()), value) {
			t.Errorf("the export lacks %s", place)
		}
	}
	v, _ := asker{t, a}.api("GET", "/profiles/user_id:"+c["user_id"], "", 200)
	return v["id"].(string)
}

// erasedForAPI asks for the person in every way.
func erasedForAPI(t *testing.T, a *app.App, c map[string]string, oldID string) map[string]float64 {
	t.Helper()
	ask := asker{t, a}
	ask.api("GET", "/profiles/"+oldID, "", 410)
	for _, namespace := range []string{"user_id", "anonymous_id", "email"} {
		ask.api("GET", "/profiles/"+namespace+":"+c[namespace], "", 404)
	}
	for _, path := range []string{"/dead-letters", "/orders", "/carts", "/accounts", "/profiles?q=c", "/profiles/user_id:bob-the-other", "/profiles/user_id:bob-the-other/timeline", "/privacy/requests", "/jobs"} {
		status, _, text := call(t, "GET", a.URL()+"/api/v1"+path, "", bearer()...)
		for place, value := range c {
			if strings.Contains(strings.ToLower(text), value) {
				t.Errorf("%s (%d) shows %s", path, status, place)
			}
		}
	}
	o2, _ := ask.api("GET", "/orders/o2", "", 200)
	if o2["customer"] != nil || fmt.Sprint(o2["total"]) != "5" || len(o2["fields"].(map[string]any)) > 0 {
		t.Errorf("the order that the shop wrote is %v", o2)
	}
	bob, _ := ask.api("GET", "/profiles/user_id:bob-the-other", "", 200)
	if bob["computed"].(map[string]any)["event_count"] != 3.0 || bob["traits"].(map[string]any)["plan"] != "gold" {
		t.Errorf("the other person is %v", bob)
	}
	return sums(t, a)
}

// comesBack sends late events, which are refused, and new ones.
func comesBack(t *testing.T, a *app.App, c map[string]string, oldID string) {
	t.Helper()
	ask := asker{t, a}
	before := sums(t, a)
	batch(t, a, fmt.Sprintf(`{"type":"track","userId":%q,"event":"Late","messageId":"late","timestamp":"2026-01-01T00:00:00Z","sentAt":%q}`, c["user_id"], time.Now().UTC().Format(time.RFC3339)))
	ask.api("GET", "/profiles/user_id:"+c["user_id"], "", 404)
	if after := sums(t, a); after["rejected"] != before["rejected"]+1 || after["stored"] != before["stored"] {
		t.Errorf("a late event: sums %v, then %v", before, after)
	}
	batch(t, a, fmt.Sprintf(`{"type":"track","userId":%q,"event":"Back","messageId":"back"}`, c["user_id"]))
	v, _ := ask.api("GET", "/profiles/user_id:"+c["user_id"], "", 200)
	if v["id"] == oldID || len(v["identifiers"].([]any)) != 1 || len(v["traits"].(map[string]any)) != 0 || v["computed"].(map[string]any)["event_count"] != 1.0 {
		t.Errorf("who comes back is %v", v)
	}
	ask.api("GET", "/profiles/"+oldID, "", 410)
}
