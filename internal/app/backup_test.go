package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/app"
	"rapport/internal/backup"
	"rapport/internal/config"
	"rapport/internal/fault"
	"rapport/internal/soak"
)

// house is an instance with a place for backups.
type house struct {
	*testing.T
	dir, to string
	key     string // the folder and the backups are enciphered under it
}

func (h *house) settings(dir string) config.Config {
	c := settings(h.T, dir)
	c.Backup.URL, c.Backup.Keep, c.Backup.Every = h.to, 720*time.Hour, 0 // by hand
	c.Encryption.Key = h.key
	return c
}

func (h *house) start(dir string) *app.App {
	h.Helper()
	a, err := app.Open(h.Context(), h.settings(dir), app.Parts{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.Fatal(err)
	}
	return a
}

func (h *house) stop(a *app.App) {
	h.Helper()
	if err := a.Close(context.Background()); err != nil {
		h.Fatal(err)
	}
}

// backUp asks a running instance for a backup and waits for it.
func (h *house) backUp(a *app.App) {
	h.Helper()
	if j := h.job(a, "/backups", "{}"); j["state"] != "done" {
		h.Fatalf("the backup: %v", j)
	}
}

// job begins a background job and waits until it is over.
func (h *house) job(a *app.App, path, body string) map[string]any {
	h.Helper()
	ask := asker{h.T, a}
	j, _ := ask.api("POST", path, body, 202)
	for deadline := time.Now().Add(time.Minute); j["state"] != "done" && j["state"] != "failed"; j, _ = ask.api("GET", "/jobs/"+j["id"].(string), "", 200) {
		if time.Now().After(deadline) {
			h.Fatalf("%s: %v", path, j)
		}
	}
	return j
}

// restore writes the newest backup into a new folder.
func (h *house) restore() (dir string) {
	h.Helper()
	c := h.settings(filepath.Join(h.TempDir(), "restored"))
	target, err := app.BackupsToRead(h.Context(), &c, h.to, nil)
	if err != nil {
		h.Fatal(err)
	}
	all, err := backup.List(h.Context(), target)
	if err != nil || len(all) == 0 {
		h.Fatalf("backups %v: %v", all, err)
	}
	s, err := backup.Read(h.Context(), target, all[len(all)-1].ID)
	if err != nil {
		h.Fatal(err)
	}
	if _, err := app.Restore(h.Context(), c, target, s, nil, app.Parts{}, nil); err != nil {
		h.Fatal(err)
	}
	return c.Data
}

// TestBackup_OfAnInstanceInUseRestoresAllThatWasAcknowledgedBefore backs up
// again and again while events come in.
func TestBackup_OfAnInstanceInUseRestoresAllThatWasAcknowledgedBefore(t *testing.T) {
	t.Parallel()
	rounds := 3
	if soak.Long() {
		rounds = 5 * soak.Times()
	}
	h := &house{T: t, dir: t.TempDir(), to: filepath.Join(t.TempDir(), "backups")}
	a := h.start(h.dir)
	var sent atomic.Int64
	var stop atomic.Bool
	var senders sync.WaitGroup
	for s := range 2 {
		senders.Go(func() {
			for i := 0; !stop.Load(); i++ {
				batch(t, a, fmt.Sprintf(`{"type":"track","userId":"u%d","event":"Seen","messageId":"m-%d-%d","properties":{"n":%d}}`, i%50, s, i, i))
				sent.Add(1)
			}
		})
	}
	for range rounds {
		before := sent.Load()
		for sent.Load() < before+20 { // something new since the last one
			asker{t, a}.api("GET", "/accounting", "", 200)
		}
		least := sent.Load()
		h.backUp(a)
		b := h.start(h.restore())
		sums, _ := asker{t, b}.api("GET", "/accounting", "", 200)
		got, kept := sums["received"].(float64), sums["stored"].(float64)+sums["pending"].(float64)
		if int64(got) < least || got != kept {
			t.Errorf("restored %v, of at least %d", sums, least)
		}
		batch(t, b, `{"type":"track","userId":"u1","event":"After","messageId":"after"}`)
		h.stop(b)
	}
	stop.Store(true)
	senders.Wait()
	h.stop(a)
}

// listed finds the one backup in the list, with who was erased since, and has it
// looked over: whole, and with a byte changed.
func (h *house) listed(a *app.App) {
	h.Helper()
	got, _ := asker{h.T, a}.api("GET", "/backups", "", 200)
	items, _ := got["items"].([]any)
	if len(items) != 1 {
		h.Fatalf("%d backups are listed, one was made", len(items))
	}
	one := items[0].(map[string]any)
	if n, _ := one["erased_since"].(float64); n < 1 || one["expires_at"] == nil || one["bytes"] == 0.0 {
		h.Errorf("listed as %v", one)
	}
	plan, _ := asker{h.T, a}.api("GET", "/backups/plan", "", 200)
	if plan["possible"] != true || plan["place"] != h.to || plan["keep"] != "720h0m0s" || plan["every"] != nil {
		h.Errorf("the plan is %v", plan)
	}
	verify := "/backups/" + one["id"].(string) + "/verify"
	if j := h.job(a, verify, ""); j["state"] != "done" {
		h.Errorf("a whole backup: %v", j)
	}
	pieces, err := filepath.Glob(filepath.Join(h.to, "objects", "*", "*"))
	if err != nil || len(pieces) == 0 {
		h.Fatal(pieces, err)
	}
	whole, err := os.ReadFile(pieces[0])
	if err != nil {
		h.Fatal(err)
	}
	damaged := append([]byte{whole[0] ^ 1}, whole[1:]...)
	if err := os.WriteFile(pieces[0], damaged, 0o600); err != nil {
		h.Fatal(err)
	}
	if j := h.job(a, verify, ""); j["state"] != "failed" {
		h.Errorf("a damaged backup: %v", j)
	}
	if err := os.WriteFile(pieces[0], whole, 0o600); err != nil {
		h.Fatal(err)
	}
	asker{h.T, a}.api("POST", "/backups/none/verify", "", 404)
}

func TestBackup_OneFromBeforeAnErasureBringsNobodyBack(t *testing.T) {
	t.Parallel()
	c := canaries()
	h := &house{T: t, dir: t.TempDir(), to: filepath.Join(t.TempDir(), "backups")}
	a := h.start(h.dir)
	leave(t, a, c)
	v, _ := asker{t, a}.api("GET", "/profiles/user_id:"+c["user_id"], "", 200)
	h.backUp(a)
	r := privacy(t, a, "erasure", "email:"+c["email"])
	proof, _ := r["proof"].(map[string]any)
	if rows, _ := proof["backups"].([]any); len(rows) != 1 || rows[0].(map[string]any)["expires_at"] == "" {
		t.Errorf("the proof does not name the backup: %v", proof["backups"])
	}
	h.listed(a)
	h.stop(a)
	dir := h.restore()
	b := h.start(dir)
	erasedForAPI(t, b, c, v["id"].(string))
	h.stop(b)
	for place, where := range deep(t, dir, c) {
		t.Errorf("%s is in %v", place, where)
	}
	for place, where := range shallow(t, dir, c) {
		t.Errorf("%s is in the files %v", place, where)
	}
}

func TestBackup_OfNoDataSaysSoAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := settings(t, filepath.Join(t.TempDir(), "typo"))
	if app.Running(&c) {
		t.Error("a folder that is not there is in use")
	}
	if _, err := app.Backup(t.Context(), c, t.TempDir(), app.Parts{Version: "test"}, nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a backup of nothing: %v", err)
	}
	if _, err := os.Stat(c.Data); !os.IsNotExist(err) {
		t.Errorf("the folder was made: %v", err)
	}
}
