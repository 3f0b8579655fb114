package storetest

import (
	"errors"
	"slices"

	"rapport/internal/store"
	"rapport/internal/store/memory"
)

// Check compares everything that the store holds with what it must hold.
func (tr *Trial) Check(s store.Store) {
	tr.t.Helper()
	for anchor := range tr.toErase {
		noError(tr.t, tr.erase(s, anchor))
	}
	noError(tr.t, tr.redactAll(s))
	tr.checkLog(s)
	for _, table := range trialTables {
		at := store.SpanRange{Table: table, Span: everything}
		if got, want := scanSpan(tr.t, s.State(), at), scanSpan(tr.t, tr.oracle.State(), at); !slices.Equal(got, want) {
			tr.t.Fatalf("all buckets of %c hold\n%.500s, want\n%.500s", table, got, want)
		}
	}
	for _, b := range trialBuckets {
		if got, want := s.State().Applied(b), tr.oracle.State().Applied(b); got != want {
			tr.t.Fatalf("bucket %d has applied %d, want %d", b, got, want)
		}
		for _, table := range trialTables {
			noError(tr.t, tr.sameRange(s, store.Range{Table: table, Bucket: b}))
		}
	}
}

func (tr *Trial) checkLog(s store.Store) {
	tr.t.Helper()
	got, want := readAll(tr.t, s.Log(), 0), readAll(tr.t, tr.oracle.Log(), 0)
	if len(got) != len(want) {
		tr.t.Fatalf("the log has %d records, want %d", len(got), len(want))
	}
	for i := range got {
		sameRecord(tr.t, &got[i], &want[i], false)
		one, err := s.Log().At(ctx(tr.t), got[i].Position)
		if want[i].Payload == nil {
			if !errors.Is(err, store.ErrErased) {
				tr.t.Fatalf("at %d: %v, want erased", got[i].Position, err)
			}
			continue
		}
		noError(tr.t, err)
		sameRecord(tr.t, &one, &got[i], true)
	}
	if len(got) > 0 && s.Log().End() != got[len(got)-1].Position {
		tr.t.Fatalf("end is %d, want %d", s.Log().End(), got[len(got)-1].Position)
	}
	counts, err := s.Log().Counts(ctx(tr.t))
	noError(tr.t, err)
	expected, err := tr.oracle.Log().Counts(ctx(tr.t))
	noError(tr.t, err)
	for reason, n := range expected.Rejected {
		if counts.Rejected[reason] != n {
			tr.t.Fatalf("%d rejected for %s, want %d", counts.Rejected[reason], reason, n)
		}
	}
	if counts.Received != expected.Received {
		tr.t.Fatalf("%d received, want %d", counts.Received, expected.Received)
	}
}

// Reopened follows a new run of the store. It takes note of what a crash took,
// which must be no more than a crash may take, and cuts the buckets anew.
func (tr *Trial) Reopened(s store.Store, crash bool) {
	tr.t.Helper()
	tr.adoptDoubt(s)
	if tr.halfReset {
		noError(tr.t, tr.reset(s))
	}
	kept := memory.New().State()
	for _, b := range trialBuckets {
		applied, steps := s.State().Applied(b), tr.history[b]
		if !crash && len(steps) > 0 && applied != steps[len(steps)-1].at {
			tr.t.Fatalf("bucket %d has applied %d after closing, want %d", b, applied, steps[len(steps)-1].at)
		}
		if applied < tr.flushed[b] {
			tr.t.Fatalf("bucket %d has applied %d, but %d was flushed", b, applied, tr.flushed[b])
		}
		n := slices.IndexFunc(steps, func(s step) bool { return s.at > applied })
		if n < 0 {
			n = len(steps)
		}
		if applied != 0 && (n == 0 || steps[n-1].at != applied) {
			tr.t.Fatalf("bucket %d has applied %d, which no commit of it reached", b, applied)
		}
		tr.history[b] = steps[:n]
		for _, st := range tr.history[b] {
			noError(tr.t, kept.Commit(ctx(tr.t), store.Commit{Span: store.Span{First: b, Last: b}, Position: st.at, Changes: st.changes}))
		}
	}
	tr.oracle = tr.oracle.WithState(kept)
	tr.cut = 1 + tr.rng.IntN(5)
}

// counted is what all frames counted, in one number.
func counted(c store.Counts) uint64 {
	n := c.Received
	for _, rejected := range c.Rejected {
		n += rejected
	}
	return n
}

// adoptDoubt looks whether a failed Append is in the log after all. It may be,
// whole, if no Append came after it.
func (tr *Trial) adoptDoubt(s store.Store) {
	tr.t.Helper()
	if tr.doubt == nil {
		return
	}
	counts, err := s.Log().Counts(ctx(tr.t))
	noError(tr.t, err)
	expected, err := tr.oracle.Log().Counts(ctx(tr.t))
	noError(tr.t, err)
	if len(readAll(tr.t, s.Log(), 0)) > len(readAll(tr.t, tr.oracle.Log(), 0)) || counted(counts) > counted(expected) {
		noError(tr.t, tr.oracle.Log().Append(ctx(tr.t), tr.doubt))
	}
	tr.doubt = nil
}
