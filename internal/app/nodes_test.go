package app

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"rapport/internal/config"
	"rapport/internal/store/postgres"
	"rapport/internal/store/postgres/pgtest"
)

// nodesOf gives the settings of nodes on one database, each with an empty folder.
func nodesOf(t *testing.T) func() config.Config {
	t.Helper()
	server, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	address := server.Address(t)
	return func() config.Config {
		c, err := config.Load(config.Input{Flags: map[string]string{
			"data": t.TempDir(), "listen": "127.0.0.1:0", "memory": "256MiB", "store": address,
		}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// TestNodes_AKeyThatOpensNothingIsNotLeftBehind starts a node without the master
// key of the others: the one that it made would hide what is missing.
func TestNodes_AKeyThatOpensNothingIsNotLeftBehind(t *testing.T) {
	t.Parallel()
	node := nodesOf(t)
	a, err := Open(t.Context(), node(), Parts{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(config.Config) error{
		"start": func(c config.Config) error {
			_, err := Open(t.Context(), c, Parts{})
			return err
		},
		"rebuild": func(c config.Config) error { return Rebuild(t.Context(), c, Parts{}, nil) },
	} {
		c := node()
		if err := open(c); !errors.Is(err, postgres.ErrMaster) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(c.Path(masterKeyFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the key is still there: %v", name, err)
		}
	}
}
