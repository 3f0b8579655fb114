package app_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"rapport/internal/app"
)

// TestCanary_ACopyFromBeforeAnErasureBringsNobodyBack copies the data folder,
// erases, and starts the old copy with the ledger of today.
func TestCanary_ACopyFromBeforeAnErasureBringsNobodyBack(t *testing.T) {
	t.Parallel()
	c, dir, old := canaries(), t.TempDir(), filepath.Join(t.TempDir(), "old")
	start := func(dir string) *app.App {
		a, err := app.Open(t.Context(), settings(t, dir), app.Parts{Version: "test", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	stop := func(a *app.App) {
		t.Helper()
		if err := a.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	a := start(dir)
	leave(t, a, c)
	v, _ := asker{t, a}.api("GET", "/profiles/user_id:"+c["user_id"], "", 200)
	stop(a)
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if len(deep(t, old, c)) == 0 {
		t.Fatal("the copy does not have what is looked for")
	}
	a = start(dir)
	privacy(t, a, "erasure", "email:"+c["email"])
	stop(a)
	ledger, err := os.ReadFile(filepath.Join(dir, "erasures"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "erasures"), ledger, 0o600); err != nil {
		t.Fatal(err)
	}
	a = start(old)
	erasedForAPI(t, a, c, v["id"].(string))
	stop(a)
	for place, where := range deep(t, old, c) {
		t.Errorf("%s is in %v", place, where)
	}
	for place, where := range shallow(t, old, c) {
		t.Errorf("%s is in the files %v", place, where)
	}
	again, err := os.ReadFile(filepath.Join(old, "erasures"))
	if err != nil || string(again) != string(ledger) {
		t.Errorf("the ledger was\n%s\nand is\n%s (%v)", ledger, again, err)
	}
	a = start(old) // nothing is erased twice
	if l, _ := (asker{t, a}).api("GET", "/privacy/requests", "", 200); len(l["items"].([]any)) != 1 {
		t.Errorf("requests %v", l)
	}
	stop(a)
}
