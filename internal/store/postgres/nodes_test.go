package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"rapport/internal/store/postgres"
)

func opened(t *testing.T, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // its lease may be lost
	return s
}

// TestFiles_GoWhereTheLeaseGoes writes files as one node, in pieces, and reads
// them as the next; the one before writes nothing any more.
func TestFiles_GoWhereTheLeaseGoes(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	first := opened(t, d.options())
	long := bytes.Repeat([]byte("line of a log\n"), 50_000)
	put := func(from *postgres.Store, name string, before, text []byte) error {
		return from.PutFile(t.Context(), postgres.File{Name: name, Bytes: text}, postgres.Pieces(postgres.Sums(before), postgres.Sums(text)))
	}
	for _, step := range []struct {
		name         string
		before, text []byte
	}{
		{"audit/1", nil, long[:300_000]},
		{"audit/1", long[:300_000], long},
		{"access", nil, []byte("a")},
		{"access", []byte("a"), nil},
		{"gone", nil, []byte("x")},
		{"shorter", nil, long},
		{"shorter", long, long[:10]},
	} {
		if err := put(first, step.name, step.before, step.text); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	if err := first.DropFile(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if same := postgres.Pieces(postgres.Sums(long[:300_000]), postgres.Sums(long)); same != 1 {
		t.Errorf("%d pieces are the same", same)
	}
	second := opened(t, d.options()) // of the same owner: takes the lease at once
	files, err := second.Files(t.Context())
	want := map[string][]byte{"audit/1": long, "access": {}, "shorter": long[:10]}
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if !bytes.Equal(f.Bytes, want[f.Name]) {
			t.Errorf("%s has %d bytes", f.Name, len(f.Bytes))
		}
	}
	if err := put(first, "access", nil, []byte("stale")); !errors.Is(err, postgres.ErrLost) {
		t.Errorf("the node before writes: %v", err)
	}
	if err := first.DropFile(t.Context(), "access"); !errors.Is(err, postgres.ErrLost) {
		t.Errorf("the node before drops: %v", err)
	}
}

// TestRegistry_SaysWhoHoldsTheLease has two nodes follow one that takes the lease
// and lets it go.
func TestRegistry_SaysWhoHoldsTheLease(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	moved := make(chan string, 10)
	join := func(id string, tell func(string)) *postgres.Registry {
		r, err := postgres.OpenRegistry(t.Context(), postgres.RegistryOptions{
			DSN: server.DSN, Schema: d.schema, Node: postgres.Node{ID: id, Address: "http://" + id, Version: "1", State: "standby"}, Every: 20 * time.Millisecond, Moved: tell,
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := join("a", nil)
	b := join("b", func(at string) { moved <- at })
	defer b.Close(context.WithoutCancel(t.Context()))
	o := d.options()
	o.Owner = "a"
	st := opened(t, o)
	if at := <-moved; at != "http://a" {
		t.Errorf("the lease is at %q", at)
	}
	if nodes := b.Nodes(); len(nodes) != 2 || !nodes[0].Holder || nodes[1].Holder || !b.Others() || !b.Heard() {
		t.Errorf("%+v", nodes)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if at := <-moved; at != "" {
		t.Errorf("nobody holds the lease, and it is at %q", at)
	}
	a.Close(context.WithoutCancel(t.Context()))
	for b.Others() { // until it is read again
		<-time.After(5 * time.Millisecond)
	}
}
