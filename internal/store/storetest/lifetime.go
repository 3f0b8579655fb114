package storetest

import (
	"errors"
	"testing"

	"rapport/internal/store"
)

func testLifetime(t *testing.T, disk func(*testing.T) Disk) {
	t.Helper()
	t.Run("a closed store says so", func(t *testing.T) {
		t.Parallel()
		closedStore(t, disk(t))
	})
	t.Run("closing and opening keeps everything", func(t *testing.T) {
		t.Parallel()
		reopened(t, disk(t))
	})
	t.Run("a crash takes no more than it may", func(t *testing.T) {
		t.Parallel()
		crashed(t, disk(t))
	})
}

func closedStore(t *testing.T, d Disk) {
	s, err := d.Open()
	noError(t, err)
	sealed := &store.Frame{Records: []store.Record{record("ada", "x")}}
	noError(t, s.Log().Seal(ctx(t), sealed))
	noError(t, s.Close())
	l, st := s.Log(), s.State()
	k := row('a', 1, "k")
	for name, err := range map[string]error{
		"Seal":   l.Seal(ctx(t), &store.Frame{}),
		"Append": l.Append(ctx(t), []*store.Frame{sealed}),
		"Read":   l.Read(ctx(t), 0, func(*store.Record) error { return nil }),
		"At":     func() error { _, err := l.At(ctx(t), 1); return err }(),
		"Counts": func() error { _, err := l.Counts(ctx(t)); return err }(),
		"Erase":  l.Erase(ctx(t), sealed.Records[0].Anchor),
		"Load":   func() error { _, err := st.Load(ctx(t), []store.RowKey{k}); return err }(),
		"Scan":   st.Scan(ctx(t), store.Range{Table: 'a'}, func([]byte, [][]byte) bool { return true }),
		"Commit": st.Commit(ctx(t), store.Commit{Span: everything, Position: 1}),
		"Flush":  st.Flush(ctx(t)),
		"Reset":  st.Reset(ctx(t)),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	noError(t, s.Close())
	_, _, _, _ = l.End(), l.Size(), st.Applied(1), st.Size()
}

func reopened(t *testing.T, d Disk) {
	var want []store.Record
	for i := range 4 {
		s, err := d.Open()
		noError(t, err)
		got := readAll(t, s.Log(), 0)
		if len(got) != len(want) {
			t.Fatalf("run %d: %d records, want %d", i, len(got), len(want))
		}
		for j := range got {
			sameRecord(t, &got[j], &want[j], true)
		}
		counts, err := s.Log().Counts(ctx(t))
		noError(t, err)
		if counts.Received != uint64(2*i) || counts.Rejected["bot"] != uint64(i) {
			t.Fatalf("run %d: counts %+v", i, counts)
		}
		if at := s.State().Applied(9); at != store.Position(i) {
			t.Fatalf("run %d: applied %d", i, at)
		}
		frame := put(t, s, []store.Record{record("ada", noise(100+i)), record("bob", "b")})[0]
		want = append(want, frame.Records...)
		if last := want[len(want)-1].Position; s.Log().End() != last {
			t.Fatalf("run %d: end is %d, want %d", i, s.Log().End(), last)
		}
		refused := &store.Frame{Rejected: []store.Count{{Reason: "bot", N: 1}}}
		noError(t, s.Log().Seal(ctx(t), refused))
		noError(t, s.Log().Append(ctx(t), []*store.Frame{refused}))
		commit(t, s, store.Position(i+1), change(store.Add, row('a', 1, "k"), "p"))
		rows, err := s.State().Load(ctx(t), []store.RowKey{row('a', 1, "k")})
		noError(t, err)
		if len(rows[0]) != i+1 {
			t.Fatalf("run %d: %d parts", i, len(rows[0]))
		}
		noError(t, s.Close())
	}
}

func crashed(t *testing.T, d Disk) {
	s, err := d.Open()
	noError(t, err)
	k := row('a', 1, "k")
	commit(t, s, 1, change(store.Add, k, "flushed"))
	noError(t, s.State().Flush(ctx(t)))
	commit(t, s, 2, change(store.Add, k, "not"))
	put(t, s, []store.Record{record("ada", "acknowledged")})
	d.Crash(func(int) int { return 0 })
	s, err = d.Open()
	noError(t, err)
	if got := readAll(t, s.Log(), 0); len(got) != 1 || string(got[0].Payload) != "acknowledged" {
		t.Fatalf("the log holds %v", got)
	}
	switch got := parts(t, s, k); s.State().Applied(1) {
	case 1:
		if got != `["flushed"]` {
			t.Fatalf("after commit 1 the row is %s", got)
		}
	case 2:
		if got != `["flushed" "not"]` {
			t.Fatalf("after commit 2 the row is %s", got)
		}
	default:
		t.Fatalf("applied is %d", s.State().Applied(1))
	}
	noError(t, s.Close())
}
