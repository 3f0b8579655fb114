package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/store/postgres/pgtest"
)

// Two sources speak of one person; all of one is removed.
func TestSourceRemoval_LeavesWhatOthersSaid(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		removesSource(t, settings(t, t.TempDir()), func(int) {})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := pgtest.For(t)
		c := settings(t, t.TempDir())
		c.Store = server.Address(t)
		c.Tables.URL, c.Tables.Schema, c.Tables.Flush = server.DSN, "removal", 100*time.Millisecond
		removesSource(t, c, func(want int) {
			hasRows(t, server, `SELECT count(*) FROM removal.identifiers WHERE value = 'only-demo'`, want)
		})
	})
}

// removesSource also looks what tables for analysts have of somebody whom the source
// alone knows.
func removesSource(t *testing.T, c config.Config, inTables func(want int)) {
	t.Helper()
	a := open(t, c)
	ask := asker{t, a}
	ask.api("PUT", "/sources/demo", `{"name":"Demo","kind":"web"}`, 201)
	batch(t, a, `{"type":"identify","userId":"ann","messageId":"m1","traits":{"city":"Graz"}}`, `{"type":"track","event":"Seen","userId":"ann","messageId":"m2"}`)
	for _, body := range []string{
		`{"profiles":[{"identifiers":[{"namespace":"user_id","value":"ann"},{"namespace":"email","value":"ann@example.org"}],"traits":{"tier":"gold"}},
		 {"identifiers":[{"namespace":"user_id","value":"only-demo"}],"traits":{"x":1}}]}`,
	} {
		ask.api("POST", "/profiles?source=demo&wait=applied", body, 200)
	}
	if v, _ := ask.api("GET", "/profiles/email:ann@example.org", "", 200); v["traits"].(map[string]any)["tier"] != "gold" {
		t.Fatalf("before: %v", v)
	}
	inTables(1)
	ask.api("POST", "/sources/demo/removal", `{}`, 400)
	ask.api("POST", "/sources/demo/removal", `{"confirm":"demo"}`, 409)
	ask.api("POST", "/sources/nobody/removal", `{"dry_run":true}`, 404)

	_, h := ask.api("POST", "/sources/demo/removal", `{"dry_run":true}`, 202)
	if r := finished(t, a, h.Get("Location")); r["events"] != 2.0 || r["rebuilt"] != false || r["identifiers"] != 2.0 {
		t.Fatalf("counted: %v", r)
	}
	ask.api("GET", "/profiles/user_id:only-demo", "", 200)

	if h, _ := ask.api("GET", "/sources/demo/health", "", 200); h["received"] != 2.0 {
		t.Errorf("seen: %v", h)
	}
	before := sums(t, a)
	ask.api("POST", "/sources/demo/pause", `{"paused":true}`, 200)
	_, h = ask.api("POST", "/sources/demo/removal", `{"confirm":"demo"}`, 202)
	select {
	case err := <-a.Failed():
		if !errors.Is(err, app.ErrRestart) {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it is not started anew")
	}
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	a = open(t, c)
	ask = asker{t, a}
	if r := finished(t, a, h.Get("Location")); r["events"] != 2.0 || r["rebuilt"] != true || r["phase"] != "done" {
		t.Fatalf("removed: %v", r)
	}
	inTables(0)
	if h, _ := ask.api("GET", "/sources/demo/health", "", 200); h["received"] != 0.0 || h["last_received_at"] != nil {
		t.Errorf("what was seen of it is left: %v", h)
	}
	if seen, _ := ask.api("GET", "/sources/demo/events", "", 200); len(seen["items"].([]any)) != 0 {
		t.Errorf("its kinds of events are left: %v", seen)
	}
	ask.api("GET", "/profiles/user_id:only-demo", "", 404)
	ask.api("GET", "/profiles/email:ann@example.org", "", 404)
	v, _ := ask.api("GET", "/profiles/user_id:ann", "", 200)
	if traits := v["traits"].(map[string]any); traits["city"] != "Graz" || traits["tier"] != nil {
		t.Errorf("traits: %v", traits)
	}
	after := sums(t, a)
	if after["received"] != before["received"] || after["stored"] != before["stored"]-2 || after["rejected"] != before["rejected"]+2 {
		t.Errorf("the sums were %v and are %v", before, after)
	}
}

// hasRows waits until a query of a number gives what it should.
func hasRows(t *testing.T, server *pgtest.Server, sql string, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // it was only read
	end := time.After(time.Minute)
	for {
		var n int
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil && !strings.Contains(err.Error(), "42P01") {
			t.Fatal(err)
		} else if err == nil && n == want {
			return
		}
		select {
		case <-end:
			t.Fatalf("%s gives %d, not %d", sql, n, want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// finished gives the result of a job when it is done.
func finished(t *testing.T, a *app.App, at string) map[string]any {
	t.Helper()
	end := time.After(time.Minute)
	for {
		job, _ := asker{t, a}.api("GET", at[len("/api/v1"):], "", 200)
		switch job["state"] {
		case "done":
			return job["result"].(map[string]any)
		case "failed", "cancelled":
			t.Fatalf("%v", job)
		}
		select {
		case <-end:
			t.Fatalf("not done: %v", job)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
