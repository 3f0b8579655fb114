package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

func stateMoment(t *testing.T, s store.Store) {
	for i := range 10 {
		commit(t, s, 1, change(store.Put, row('a', 1, fmt.Sprint(i)), "old"))
	}
	n := 0
	noError(t, s.State().Scan(ctx(t), store.Range{Table: 'a', Bucket: 1}, func(k []byte, parts [][]byte) bool {
		if n++; spell(parts) != `["old"]` {
			t.Fatalf("row %q became %s under the scan", k, spell(parts))
		}
		for i := range 20 {
			commit(t, s, 2, change(store.Put, row('a', 1, fmt.Sprint(i)), "new"), change(store.Delete, row('a', 1, "9"), ""))
		}
		return true
	}))
	if n != 10 {
		t.Fatalf("visited %d rows, want 10", n)
	}
	if got := len(scan(t, s.State(), store.Range{Table: 'a', Bucket: 1})); got != 19 {
		t.Fatalf("then there are %d rows, want 19", got)
	}
}

func stateWhole(t *testing.T, s store.Store) {
	one, two := row('a', 1, "one"), row('z', 4000, "two")
	stop, cancel := context.WithCancel(ctx(t))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for stop.Err() == nil {
			rows, err := s.State().Load(ctx(t), []store.RowKey{one, two})
			if err != nil || spell(rows[0]) != spell(rows[1]) {
				t.Errorf("rows of one commit are %s and %s, %v", spell(rows[0]), spell(rows[1]), err)
				return
			}
		}
	})
	for i := range 500 {
		v := fmt.Sprint(i)
		commit(t, s, store.Position(i), change(store.Put, two, v), change(store.Put, one, v))
		if got := parts(t, s, one); got != fmt.Sprintf("%q", []string{v}) {
			t.Fatalf("own write %s is not read: %s", v, got)
		}
	}
	cancel()
	wg.Wait()
}

func stateSpans(t *testing.T, s store.Store) {
	step := func(first, last id.Bucket, at store.Position, want map[id.Bucket]store.Position) {
		t.Helper()
		noError(t, s.State().Commit(ctx(t), store.Commit{Span: store.Span{First: first, Last: last}, Position: at}))
		for b, p := range want {
			if got := s.State().Applied(b); got != p {
				t.Fatalf("bucket %d has applied %d, want %d", b, got, p)
			}
		}
	}
	step(0, 99, 10, map[id.Bucket]store.Position{0: 10, 99: 10, 100: 0, id.CommonBucket: 0})
	step(100, 199, 5, map[id.Bucket]store.Position{0: 10, 99: 10, 100: 5, 199: 5, 200: 0})
	step(50, 149, 20, map[id.Bucket]store.Position{49: 10, 50: 20, 149: 20, 150: 5})
	step(0, 99, 15, map[id.Bucket]store.Position{49: 15, 50: 20})
	step(0, 99, 12, map[id.Bucket]store.Position{49: 15})
	step(0, id.CommonBucket, 30, map[id.Bucket]store.Position{0: 30, 50: 30, 4095: 30, id.CommonBucket: 30})
}

func stateReset(t *testing.T, s store.Store) {
	for range 2 {
		put(t, s, []store.Record{record("ada", "kept")})
		commit(t, s, 9, change(store.Put, row('a', 1, "k"), "v"), change(store.Put, row('m', id.CommonBucket, "\xff"), "v"))
		noError(t, s.State().Flush(ctx(t)))
		commit(t, s, 10, change(store.Add, row('a', 1, "k"), "w"))
		noError(t, s.State().Reset(ctx(t)))
		if got := parts(t, s, row('a', 1, "k")); got != "-" {
			t.Fatalf("row is %s", got)
		}
		if got := scan(t, s.State(), store.Range{Table: 'm', Bucket: id.CommonBucket}); len(got) != 0 || s.State().Applied(1) != 0 {
			t.Fatalf("there is %s, applied %d", got, s.State().Applied(1))
		}
		commit(t, s, 1, change(store.Add, row('a', 1, "k"), "x"))
		if got := parts(t, s, row('a', 1, "k")); got != `["x"]` || s.State().Applied(1) != 1 {
			t.Fatalf("row is %s, applied %d", got, s.State().Applied(1))
		}
	}
	if got := readAll(t, s.Log(), 0); len(got) != 2 {
		t.Fatalf("the log has %d records, want 2", len(got))
	}
}

// stateResetKeeping resets all but two tables, among them neighbours of others.
func stateResetKeeping(t *testing.T, s store.Store) {
	kept := []store.Change{
		change(store.Put, row('y', 1, "k"), "first"), change(store.Put, row('y', id.CommonBucket, "\xff"), "last"), change(store.Put, row('F', 4095, "k"), "flow"),
	}
	gone := []store.Change{
		change(store.Put, row('x', 4095, "\xff"), "v"), change(store.Put, row('z', 0, "k"), "v"), change(store.Put, row('G', 0, "k"), "v"),
		change(store.Put, row('E', id.CommonBucket, "\xff"), "v"), change(store.Put, row('a', 1, "k"), "v"), change(store.Put, row('\xfe', 1, "k"), "v"),
	}
	commit(t, s, 9, append(kept, gone...)...)
	noError(t, s.State().Flush(ctx(t)))
	commit(t, s, 10, change(store.Add, row('y', 1, "k"), "second"))
	noError(t, s.State().Reset(ctx(t), 'y', 'F'))
	for _, c := range gone {
		if got := parts(t, s, c.RowKey); got != "-" {
			t.Errorf("row %c %q is %s", c.Table, c.Key, got)
		}
	}
	for i, want := range []string{`["first" "second"]`, `["last"]`, `["flow"]`} {
		if got := parts(t, s, kept[i].RowKey); got != want {
			t.Errorf("row %c %q is %s, want %s", kept[i].Table, kept[i].Key, got, want)
		}
	}
	if at := s.State().Applied(1); at != 0 {
		t.Errorf("applied %d", at)
	}
	commit(t, s, 1, change(store.Delete, row('y', 1, "k"), ""), change(store.Add, row('F', 4095, "k"), "more"))
	if got := parts(t, s, row('y', 1, "k")) + parts(t, s, row('F', 4095, "k")); got != `-["flow" "more"]` {
		t.Errorf("rows are %s", got)
	}
}

func stateBeside(t *testing.T, s store.Store) {
	var wg sync.WaitGroup
	for lane := range 8 {
		wg.Go(func() {
			span := store.Span{First: id.Bucket(lane * 512), Last: id.Bucket(lane*512 + 511)}
			for i := range 100 {
				err := s.State().Commit(ctx(t), store.Commit{Span: span, Position: store.Position(i + 1), Changes: []store.Change{
					change(store.Add, row('a', span.First, "k"), fmt.Sprint(i)),
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for lane := range 8 {
		rows, err := s.State().Load(ctx(t), []store.RowKey{row('a', id.Bucket(lane*512), "k")})
		noError(t, err)
		for i, part := range rows[0] {
			if string(part) != fmt.Sprint(i) {
				t.Fatalf("lane %d: part %d is %q", lane, i, part)
			}
		}
		if len(rows[0]) != 100 || s.State().Applied(id.Bucket(lane*512+511)) != 100 {
			t.Fatalf("lane %d: %d parts", lane, len(rows[0]))
		}
	}
}

func stateCancelled(t *testing.T, s store.Store) {
	gone, cancel := context.WithCancel(ctx(t))
	cancel()
	k := row('a', 1, "k")
	commit(t, s, 1, change(store.Put, k, "v"))
	for name, err := range map[string]error{
		"Commit":   s.State().Commit(gone, store.Commit{Span: everything, Position: 2, Changes: []store.Change{change(store.Put, k, "w")}}),
		"Flush":    s.State().Flush(gone),
		"Reset":    s.State().Reset(gone),
		"Scan":     s.State().Scan(gone, store.Range{Table: 'a', Bucket: 1}, func([]byte, [][]byte) bool { return true }),
		"ScanSpan": s.State().ScanSpan(gone, store.SpanRange{Table: 'a', Span: everything}, func(id.Bucket, []byte, [][]byte) store.Step { return store.NextRow }),
		"Load":     func() error { _, err := s.State().Load(gone, []store.RowKey{k}); return err }(),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := parts(t, s, k); got != `["v"]` || s.State().Applied(1) != 1 {
		t.Fatalf("row is %s, applied %d", got, s.State().Applied(1))
	}
}

func stateFlush(t *testing.T, s store.Store) {
	noError(t, s.State().Flush(ctx(t)))
	commit(t, s, 3, change(store.Add, row('a', 1, "k"), "v"))
	noError(t, s.State().Flush(ctx(t)))
	noError(t, s.State().Flush(ctx(t)))
	if got := parts(t, s, row('a', 1, "k")); got != `["v"]` || s.State().Applied(0) != 3 {
		t.Fatalf("row is %s, applied %d", got, s.State().Applied(0))
	}
}
