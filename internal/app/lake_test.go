package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/app"
	"rapport/internal/config"
)

// withLake are settings with a lake below the data, whose people are still soon.
func withLake(t *testing.T, dir string) config.Config {
	t.Helper()
	c := settings(t, dir)
	c.Lake.URL, c.Lake.Flush, c.Lake.UsersAfter = filepath.Join(dir, "lake"), 50*time.Millisecond, 300*time.Millisecond
	return c
}

// lakeState waits until a lake stands as it shall.
func lakeState(t *testing.T, a *app.App, enough func(s map[string]any) bool) map[string]any {
	t.Helper()
	every, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(time.Minute)
	defer every.Stop()
	defer limit.Stop()
	for {
		s := api(t, a, "GET", "/lake", "", 200)
		if enough(s) {
			return s
		}
		select {
		case <-every.C:
		case <-limit.C:
			t.Fatalf("the lake stands so: %v", s)
		}
	}
}

// atRest tells that nothing waits and nobody is due.
func atRest(s map[string]any) bool {
	return s["rows"].(float64) > 0 && s["lag_seconds"] == 0.0 && s["people_due"] == 0.0 && s["catching_up"] == false && s["position"] == s["log_end"]
}

// inLake gives the values that stand in the files of a lake, opened, by the
// objects in which they do.
func inLake(t *testing.T, dir string, values map[string]string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(filepath.Join(dir, "lake"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !strings.HasSuffix(path, ".parquet") {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return err
		}
		for _, g := range file.RowGroups() {
			rows := make([]parquet.Row, g.NumRows())
			r := g.Rows()
			n, _ := r.ReadRows(rows)
			for _, row := range rows[:n] {
				text := strings.ToLower(fmt.Sprintf("%v", row))
				for place, v := range values {
					object := filepath.Base(filepath.Dir(filepath.Dir(path)))
					if strings.Contains(text, v) && !slices.Contains(found[place], object) {
						found[place] = append(found[place], object)
					}
				}
			}
			if err := r.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestLake_ForgetsWhoIsErased leaves values in every object, erases the person,
// and looks for them in all files, opened and as they lie on disk.
func TestLake_ForgetsWhoIsErased(t *testing.T) {
	t.Parallel()
	c, dir := canaries(), t.TempDir()
	start := func() *app.App {
		a, err := app.Open(t.Context(), withLake(t, dir), app.Parts{Version: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := start()
	api(t, a, "PUT", "/segments/invited?wait=applied", `{"name":"Invited","condition":{"event":"Order Completed"}}`, 201)
	leave(t, a, c)
	lakeState(t, a, func(s map[string]any) bool {
		people := s["since_start"].(map[string]any)["users"].(float64)
		return atRest(s) && people >= 2
	})
	v := api(t, a, "GET", "/profiles/user_id:"+c["user_id"], "", 200)
	values := map[string]string{"profile id": v["id"].(string)}
	for _, place := range []string{"user_id", "anonymous_id", "email", "phone", "trait", "nested_trait", "property", "event_name", "page_url", "city", "order_line"} {
		values[place] = c[place]
	}
	before := inLake(t, dir, values)
	for _, place := range []string{"user_id", "anonymous_id", "email", "trait", "property", "event_name", "profile id"} {
		if len(before[place]) == 0 {
			t.Errorf("the search does not find %s: %v", place, before)
		}
	}
	if !slices.Contains(before["user_id"], "users") || !slices.Contains(before["email"], "base_events") || !slices.Contains(before["user_id"], "order_events") {
		t.Errorf("before: %v", before)
	}
	r := privacy(t, a, "erasure", "email:"+c["email"])
	proof := r["proof"].(map[string]any)["lake"].(map[string]any)
	if proof["rows"].(float64) < 5 || proof["cells"].(float64) < 2 || proof["files"].(float64) < 3 {
		t.Errorf("the proof says of the lake %v", proof)
	}
	gone := func(when string) {
		t.Helper()
		for place, where := range inLake(t, dir, values) {
			t.Errorf("%s: %s is in %v", when, place, where)
		}
		for place, where := range shallow(t, filepath.Join(dir, "lake"), values) {
			t.Errorf("%s: %s is in the files %v", when, place, where)
		}
	}
	gone("after erasing")
	// Others keep what is theirs.
	if bob := inLake(t, dir, map[string]string{"bob": "bob-the-other"})["bob"]; !slices.Contains(bob, "users") || !slices.Contains(bob, "base_events") {
		t.Errorf("of somebody else there is %v", bob)
	}
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	a = start()
	lakeState(t, a, atRest)
	gone("after a restart")
	if err := a.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestLake_ShowsItselfAndItsViews(t *testing.T) {
	t.Parallel()
	a := open(t, withLake(t, t.TempDir()))
	batch(t, a, `{"type":"track","userId":"ada","event":"Looked","messageId":"1"}`, `{"type":"identify","userId":"ada","traits":{"plan":"gold"},"messageId":"2"}`)
	s := lakeState(t, a, func(s map[string]any) bool { return atRest(s) && s["since_start"].(map[string]any)["users"] == 1.0 })
	text, err := json.Marshal(s["objects"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `{"name":"plan","trait":"plan","type":"text"}`) || len(s["objects"].([]any)) != 11 {
		t.Errorf("objects %s", text)
	}
	status, h, sql := call(t, "GET", a.URL()+"/api/v1/lake/views.sql", "", bearer()...)
	if status != 200 || !strings.HasPrefix(h.Get("Content-Type"), "application/sql") || !strings.Contains(sql, "events_with_users") {
		t.Errorf("views: %d %s %.100s", status, h.Get("Content-Type"), sql)
	}
	if status, _, text := call(t, "GET", open(t, settings(t, t.TempDir())).URL()+"/api/v1/lake", "", bearer()...); status != 404 || !strings.Contains(text, "lake.url") {
		t.Errorf("without a lake: %d %s", status, text)
	}
}
