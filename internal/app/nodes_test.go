package app

import (
	"bytes"
	"context"
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
	server := pgtest.For(t)
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

// TestNodes_WhatWasSeenOfAnErasedPersonIsNowhere erases at the node that holds the
// data: what was seen is rewritten in the database before the erasure counts, and
// a node that stands by has no copy from the time before.
func TestNodes_WhatWasSeenOfAnErasedPersonIsNowhere(t *testing.T) {
	t.Parallel()
	node := nodesOf(t)
	first := node()
	a, err := Open(t.Context(), first, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	// As it was before: with names, here and in the database.
	before := []byte(`{"version":1,"sources":{"default":{"events":{"track Jane Doe moved":{"n":1}}}}}`)
	if err := os.WriteFile(first.Path(observedFile), before, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.shareFile(observedFile); err != nil {
		t.Fatal(err)
	}
	if err := a.forgetSeen(); err != nil {
		t.Fatal(err)
	}
	files, err := a.store.(*postgres.Store).Files(t.Context())
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if bytes.Contains(f.Bytes, []byte("Jane")) {
			t.Errorf("the database holds %s", f.Bytes)
		}
	}
	second := node()
	master, err := os.ReadFile(first.Path(masterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(second.Path(masterKeyFile), master, 0o600), os.WriteFile(second.Path(observedFile), before, 0o600)); err != nil {
		t.Fatal(err)
	}
	stands, opened := make(chan struct{}), make(chan error, 1)
	go func() {
		b, err := Open(context.WithoutCancel(t.Context()), second, Parts{Standby: func(string) { close(stands) }})
		if err == nil {
			err = b.Close(context.WithoutCancel(t.Context()))
		}
		opened <- err
	}()
	select {
	case <-stands:
	case err := <-opened:
		t.Fatalf("the second node did not stand by: %v", err)
	}
	if text, err := os.ReadFile(second.Path(observedFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a node that stands by keeps %s, %v", text, err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
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
