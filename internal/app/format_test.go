package app_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/app"
	"rapport/internal/fault"
	"rapport/internal/health"
)

// snapshot gives every file below a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOpen_RefusesDataOfANewerVersionAndLeavesItAlone(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	first := open(t, c)
	track(t, first, "u1", "Signed Up")
	if err := first.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Data, "format")
	if text, err := os.ReadFile(path); err != nil || string(text) != "2 since rapport test\n" {
		t.Fatalf("%q %v", text, err)
	}
	for text, code := range map[string]string{"3 since rapport 9.1.0\n": "newer_data", "": "data_format", "one": "data_format", "-1": "data_format"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, c.Data)
		refused := func(what string, err error) {
			t.Helper()
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok || f.Code != code || code == "newer_data" && !strings.Contains(f.Message, "9.1.0") {
				t.Errorf("%s with %q: %v", what, text, err)
			}
		}
		_, err := app.Open(t.Context(), c, app.Parts{Version: "test"})
		refused("start", err)
		refused("rebuild", app.Rebuild(t.Context(), c, app.Parts{}, nil))
		_, err = app.Backup(t.Context(), c, t.TempDir(), app.Parts{Version: "test"}, nil)
		refused("backup", err)
		if got := said(t, c, app.Parts{}, "data folder"); got.Severity != health.Critical {
			t.Errorf("doctor with %q: %+v", text, got)
		}
		after := snapshot(t, c.Data)
		if len(after) != len(before) {
			t.Errorf("%q: %d files, before %d", text, len(after), len(before))
		}
		for name, was := range before {
			if after[name] != was {
				t.Errorf("%q: %s was changed", text, name)
			}
		}
	}
	// A folder from before there was the file is taken over.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if status, _, text := call(t, "GET", open(t, c).URL()+"/api/v1/profiles/user_id:u1", "", bearer()...); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
