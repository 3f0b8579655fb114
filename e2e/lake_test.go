package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// lakeSettings let a server write a lake whose files are joined often and whose
// people are still soon.
func lakeSettings(folder string) []string {
	return []string{"RAPPORT_LAKE_URL=" + folder, "RAPPORT_LAKE_FLUSH=100ms", "RAPPORT_LAKE_JOIN=4", "RAPPORT_LAKE_USERS_AFTER=500ms"}
}

// lakeRow is what the tests read of a row.
type lakeRow struct {
	EventID  string `parquet:"eventId,optional"`
	Position int64  `parquet:"_position,optional"`
	Customer string `parquet:"customerId,optional"`
}

// lakeRows are the rows of an object that the manifest names.
func lakeRows(t *testing.T, folder, object string) []lakeRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct{ Object, Path string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	var out []lakeRow
	for _, f := range manifest.Files {
		if f.Object != object {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, f.Path))
		if err != nil {
			t.Fatal(err)
		}
		rows := parquet.NewGenericReader[lakeRow](bytes.NewReader(content))
		some := make([]lakeRow, rows.NumRows())
		if n, err := rows.Read(some); n != len(some) || err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %d of %d rows, %v", f.Path, n, len(some), err)
		}
		out = append(out, some...)
	}
	return out
}

// lakeRests waits until everything that is known is in the lake.
func (p *process) lakeRests(t *testing.T) {
	t.Helper()
	limit := time.Now().Add(patience)
	for {
		var s struct {
			Lag     float64 `json:"lag_seconds"`
			CatchUp bool    `json:"catching_up"`
			Due     int     `json:"people_due"`
			Rows    int     `json:"rows"`
			Error   string  `json:"error"`
		}
		p.get(t, "/api/v1/lake", &s)
		if s.Rows > 0 && s.Lag == 0 && !s.CatchUp && s.Due == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the lake does not come to rest: %+v", s)
		}
		wait(50 * time.Millisecond)
	}
}

// compareLake checks that the lake has every acknowledged event once, and a
// users row of everybody.
func (c *crowd) compareLake(t *testing.T, s *process, folder string) {
	t.Helper()
	s.lakeRests(t)
	count, places := map[string]int{}, map[int64]bool{}
	for _, r := range lakeRows(t, folder, "base_events") {
		if !strings.HasPrefix(r.EventID, "kill-") {
			continue
		}
		count[r.EventID]++
		if places[r.Position] {
			t.Errorf("two rows are of place %d of the log", r.Position)
		}
		places[r.Position] = true
	}
	all := 0
	for _, list := range c.sent {
		for _, id := range list {
			if all++; count[id] != 1 {
				t.Errorf("event %s is in the lake %d times", id, count[id])
			}
		}
	}
	if all != len(count) {
		t.Errorf("the lake has %d events, %d were acknowledged", len(count), all)
	}
	users := map[string]bool{}
	for _, r := range lakeRows(t, folder, "users") {
		users[r.Customer] = true
	}
	for person := range c.sent {
		if name := "kill-" + string(rune('0'+person%10)); person < 10 && !users[name] {
			t.Errorf("the lake has no users row of %s", name)
		}
	}
}
