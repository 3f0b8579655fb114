package app_test

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/app"
	"rapport/internal/fault"
	"rapport/internal/store/postgres"
	"rapport/internal/store/postgres/pgtest"
	"rapport/internal/store/seal"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// profileOf is what an instance knows of the person of the test.
func profileOf(t *testing.T, a *app.App) string {
	t.Helper()
	status, _, text := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:u1", "", bearer()...)
	if status != 200 {
		t.Fatalf("profile: %d %s", status, text)
	}
	return text
}

func TestCopy_TheCopyIsTheInstance(t *testing.T) {
	t.Parallel()
	from, to := settings(t, t.TempDir()), settings(t, t.TempDir())
	a := open(t, from)
	track(t, a, "u1", "Signed Up")
	want := profileOf(t, a)
	terms := app.CopyTerms{From: from, To: to}
	refused := func(code string) {
		t.Helper()
		_, err := app.Copy(t.Context(), terms)
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != code {
			t.Fatalf("it should be refused as %s: %v", code, err)
		}
	}
	refused("data_in_use")
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Join(from.Data, "RESTORE-UNFINISHED")
	write(t, mark, "")
	refused("unfinished_restore")
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(from.Data, "imports"), 0o700); err != nil {
		t.Fatal(err)
	}
	table := strings.Repeat("a table\n", 1000)
	write(t, filepath.Join(from.Data, "imports", "one.table"), table)
	// One was cut off before it had begun.
	cut := terms
	cut.To.Data = filepath.Join(t.TempDir(), "cut")
	if err := os.MkdirAll(filepath.Join(cut.To.Data, "store", "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cut.To.Data, "COPY-UNFINISHED"), `{"source":"","rows":0,"filled":false}`)
	if _, err := app.Copy(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Copy(t.Context(), terms); err != nil {
		t.Fatal(err)
	}
	refused("folder_in_use")
	if got, err := os.ReadFile(filepath.Join(to.Data, "imports", "one.table")); err != nil || string(got) != table {
		t.Errorf("the table has %d bytes, %v", len(got), err)
	}
	if got := profileOf(t, open(t, to)); got != want {
		t.Errorf("at the copy\n%s\nbefore\n%s", got, want)
	}
}

// Whichever node starts first on the database has what all share: keys, the
// ledger of erasures, and that the state is to be folded again.
func TestCopy_WhatNodesShareIsThereBeforeTheFirstStarts(t *testing.T) {
	t.Parallel()
	server := pgtest.For(t)
	from, to := settings(t, t.TempDir()), settings(t, t.TempDir())
	to.Store = server.Address(t)
	a := open(t, from)
	track(t, a, "u1", "Signed Up")
	want := profileOf(t, a)
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(from.Data, "rebuild-wanted"), "a job")
	if _, err := app.Copy(t.Context(), app.CopyTerms{From: from, To: to}); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(to.Data, "master-key"))
	if err != nil {
		t.Fatal(err)
	}
	master, err := hex.DecodeString(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"access.yaml", "rebuild-wanted", "instance-key"} {
		text, err := postgres.ReadFile(t.Context(), postgres.Options{DSN: to.Store, Master: [seal.MasterBytes]byte(master)}, name)
		if here, _ := os.ReadFile(filepath.Join(from.Data, name)); err != nil || string(text) != string(here) {
			t.Errorf("%s in the database is %q, %v; it should be %q", name, text, err, here)
		}
	}
	other := settings(t, t.TempDir())
	other.Store = to.Store
	write(t, filepath.Join(other.Data, "master-key"), string(key))
	if got := profileOf(t, open(t, other)); got != want {
		t.Errorf("at the copy\n%s\nbefore\n%s", got, want)
	}
}
