package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/postgres"
	"rapport/internal/store/postgres/pgtest"
	"rapport/internal/store/storetest"
)

func appendOne(s store.Store, payload string) error {
	key := id.KeyOf("user_id", "ada")
	f := &store.Frame{Received: 1, Records: []store.Record{{
		Kind: store.KindEvent, Bucket: key.Bucket(), Anchor: key, Received: clock.Instant(1), Payload: []byte(payload),
	}}}
	if err := s.Log().Seal(context.Background(), f); err != nil {
		return err
	}
	return s.Log().Append(context.Background(), []*store.Frame{f})
}

func payloads(t *testing.T, s store.Store) (out []string) {
	t.Helper()
	err := s.Log().Read(t.Context(), 0, func(r *store.Record) error {
		out = append(out, string(r.Payload))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A second node waits until the first lets go.
func TestLease_HasOneHolder(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	first, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	o, waits, opened := d.options(), make(chan string, 1), make(chan error, 1)
	o.Lease, o.Owner, o.Waiting = 5*time.Second, "second", func(owner string) { waits <- owner }
	go func() {
		s, err := postgres.Open(context.Background(), o)
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	if owner := <-waits; owner != "test" {
		t.Errorf("the second waits for %q", owner)
	}
	if err := appendOne(first, "one"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-opened:
		t.Fatalf("the second did not wait: %v", err)
	default:
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
}

// A node that was paused past its lease finds that every write is refused, and
// what the new holder wrote is as it was.
func TestLease_WhoLostItCanHarmNothing(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	o, lost := d.options(), make(chan error, 9)
	o.Lease, o.Lost = time.Hour, func(err error) { lost <- err } // its heart does not beat in this test
	old, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close() //nolint:errcheck // its lease is lost
	if err := appendOne(old, "before"); err != nil {
		t.Fatal(err)
	}
	d.Crash(nil)
	now, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	if err := appendOne(now, "after"); err != nil {
		t.Fatal(err)
	}
	span := store.Span{First: 0, Last: id.CommonBucket}
	row := store.RowKey{Table: store.TableAnchors, Bucket: 7, Key: []byte("k")}
	if err := now.State().Commit(t.Context(), store.Commit{Span: span, Position: 5, Changes: []store.Change{{RowKey: row, Value: []byte("new")}}}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Append": appendOne(old, "harm"),
		"Commit": old.State().Commit(t.Context(), store.Commit{Span: span, Position: 9, Changes: []store.Change{{RowKey: row, Value: []byte("harm")}}}),
		"Flush":  old.State().Flush(t.Context()),
		"Reset":  old.State().Reset(t.Context()),
		"Erase":  old.Log().Erase(t.Context(), id.KeyOf("user_id", "ada")),
	} {
		if !errors.Is(err, postgres.ErrLost) {
			t.Errorf("%s of the old holder: %v", name, err)
		}
	}
	if err := <-lost; !errors.Is(err, postgres.ErrLost) || len(lost) != 0 {
		t.Errorf("told %v, and %d times more", err, len(lost))
	}
	if got := strings.Join(payloads(t, now), " "); got != "before after" {
		t.Errorf("the log is %q", got)
	}
	rows, err := now.State().Load(t.Context(), []store.RowKey{row})
	if err != nil || string(rows[0][0]) != "new" || now.State().Applied(7) != 5 {
		t.Errorf("the row is %q, applied %d: %v", rows, now.State().Applied(7), err)
	}
}

// A lease that cannot be read is told at once: to wait would be to wait for ever.
func TestLease_WhatIsDamagedIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]string{
		"sums that are none": "UPDATE %s.leases SET log_sums = '\\xff'",
		"no row":             "DELETE FROM %s.leases",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t)
			o := d.options()
			o.Lease = time.Hour // its heart does not beat in this test
			first, err := postgres.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close() //nolint:errcheck // its lease is damaged
			o.Owner, o.Lease, o.Waiting = "second", time.Second, func(string) {
				server.Exec(t, fmt.Sprintf(harm, d.schema))
				d.Crash(nil)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if s, err := postgres.Open(ctx, o); err == nil || !strings.Contains(err.Error(), "lease of this database is damaged") {
				t.Errorf("opened %v: %v", s, err)
			}
		})
	}
}

// Nodes that start on an empty database at the same time make its tables once.
func TestOpen_SeveralAtOnce(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	done := make(chan error, 4)
	for i := range cap(done) {
		o := d.options()
		o.Owner, o.Lease, o.Connections = fmt.Sprint("node ", i), 5*time.Second, 3
		go func() {
			s, err := postgres.Open(context.Background(), o)
			if err == nil {
				err = errors.Join(appendOne(s, fmt.Sprint(i)), s.Close())
			}
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	s, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	if got := payloads(t, s); len(got) != cap(done) {
		t.Errorf("the log is %q", got)
	}
}

// usedDisk is one that a node had and gave up.
func usedDisk(t *testing.T) *disk {
	t.Helper()
	d := newDisk(t)
	s, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOpen_RefusesAnotherMasterKey(t *testing.T) {
	t.Parallel()
	d := usedDisk(t)
	o := d.options()
	o.Master[0] = 1
	if _, err := postgres.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Fatalf("with another master key: %v", err)
	}
}

// TestOpen_RefusesNewerTables: a newer version made a step that this one does
// not know.
func TestOpen_RefusesNewerTables(t *testing.T) {
	t.Parallel()
	d := usedDisk(t)
	server.Exec(t, "INSERT INTO "+d.schema+".schema_steps (step, name) VALUES (999, 'of tomorrow')")
	_, err := postgres.Open(t.Context(), d.options())
	if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != "newer_data" || !strings.Contains(f.Message, "step 999") {
		t.Fatalf("with newer tables: %v", err)
	}
}

// Connections break at any byte, before, while and after the database commits;
// at times what was sent arrives when the sender has given up. What the store
// said was done is there, once; what it said was not is not.
func TestFault_BrokenConnections(t *testing.T) {
	t.Parallel()
	for seed := range uint64(soak.Worlds(4)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			d := newDisk(t)
			proxy := pgtest.NewProxy(t, server)
			o := d.options()
			o.DSN = proxy.DSN()
			s, err := postgres.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			tr, rng, failed := storetest.NewTrial(t, seed), rand.New(rand.NewPCG(seed, 3)), 0
			for range 120 {
				if rng.IntN(3) == 0 {
					proxy.CutAfter(1+rng.Int64N(6000), rng.IntN(2) == 0)
				}
				if err := tr.Step(s); err != nil {
					failed++
				}
			}
			proxy.CutAfter(0, false)
			tr.Step(s) //nolint:errcheck // a connection of the pool may still be cut
			tr.Check(s)
			t.Logf("%d cuts, %d calls failed", proxy.Cuts.Load(), failed)
			if proxy.Cuts.Load() == 0 {
				t.Error("nothing was cut")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, err = d.open()
			if err != nil {
				t.Fatal(err)
			}
			tr.Reopened(s, false)
			tr.Check(s)
		})
	}
}

// The server's machine loses its power: what was flushed is there, of the rest
// a prefix, and the log is whole.
func TestCrash_OfTheServer(t *testing.T) {
	t.Parallel()
	if server == nil {
		t.Skip(pgtest.ErrNone)
	}
	own, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Stop(); err != nil {
			t.Error(err)
		}
	})
	rng := rand.New(rand.NewPCG(1, 5))
	tr := storetest.NewTrial(t, 11)
	for range soak.Worlds(6) {
		o := postgres.Options{DSN: own.DSN, Lease: time.Second, Connections: 4}
		s, err := postgres.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		tr.Reopened(s, true)
		tr.Check(s)
		for range 30 + rng.IntN(60) {
			if err := tr.Step(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := own.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := tr.Append(s); err == nil {
			t.Error("an append worked without a server")
		}
		s.Close() //nolint:errcheck // there is no server to let the lease go in
		if err := own.Run(); err != nil {
			t.Fatal(err)
		}
	}
}

// A commit that waits for a database which is gone ends when the store closes.
func TestClose_WithoutADatabase(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	proxy := pgtest.NewProxy(t, server)
	o := d.options()
	o.DSN, o.Lease = proxy.DSN(), 100*time.Millisecond
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	proxy.Down(true)
	done := make(chan error, 1)
	go func() {
		done <- s.State().Commit(context.Background(), store.Commit{Span: store.Span{First: 0, Last: 9}, Position: 1})
	}()
	s.Close() //nolint:errcheck // there is no database to let the lease go in
	if err := <-done; err == nil {
		t.Error("a commit worked without a database")
	}
}
