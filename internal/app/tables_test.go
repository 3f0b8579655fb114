package app_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/app"
	"rapport/internal/store/postgres/pgtest"
)

// Tables for analysts are written beside a lake, health and doctor tell of them, and
// the proof of an erasure counts what was taken out.
func TestTables_FollowWhatTheLakeFollows(t *testing.T) {
	t.Parallel()
	server, dir := pgtest.For(t), t.TempDir()
	c := settings(t, dir)
	c.Tables.URL, c.Tables.Schema, c.Tables.Flush = server.DSN, "views", 100*time.Millisecond
	c.Lake.URL, c.Lake.Flush, c.Lake.UsersAfter = filepath.Join(dir, "lake"), 100*time.Millisecond, 300*time.Millisecond
	a := open(t, c)
	send(t, a, "identify", `{"userId":"ada-lovelace","traits":{"email":"ada@example.com"}}`)
	send(t, a, "track", `{"userId":"ada-lovelace","event":"Looked"}`)
	conn, err := pgx.Connect(t.Context(), server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	rows := func(sql string) (n int) {
		// The tables are made a moment after the start.
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil && !strings.Contains(err.Error(), "42P01") {
			t.Fatal(err)
		}
		return n
	}
	joined := `SELECT count(*) FROM views.events e JOIN views.profiles p USING (profile_id) WHERE p.traits->>'email' = 'ada@example.com' AND e.name = 'Looked'`
	lakeState(t, a, func(s map[string]any) bool { return atRest(s) && rows(joined) == 1 })
	if h := api(t, a, "GET", "/health", "", 200); h["tables"] == nil || h["tables"].(map[string]any)["error"] != nil {
		t.Errorf("health says %v", h["tables"])
	}
	says := ""
	for _, k := range app.Examine(t.Context(), &c, app.Parts{}) {
		says += fmt.Sprintln(k.Name, k.Severity, k.Says)
	}
	if !strings.Contains(says, "tables for analysts in the schema views have events") {
		t.Errorf("the doctor says %s", says)
	}
	proof := privacy(t, a, "erasure", "user_id:ada-lovelace")["proof"].(map[string]any)
	if p := proof["tables"].(map[string]any); p["rows"].(float64) < 3 {
		t.Errorf("the proof says %v", p)
	}
	if p := proof["lake"].(map[string]any); p["rows"].(float64) < 2 {
		t.Errorf("the proof says of the lake %v", p)
	}
	if n := rows(`SELECT count(*) FROM views.events`) + rows(`SELECT count(*) FROM views.profiles`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
