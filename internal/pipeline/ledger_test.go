package pipeline

import (
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

// TestLedgerRows says which rows a commit carries: of a doubt that is over by
// then none, and one that was noted is noted no longer once it is over.
func TestLedgerRows(t *testing.T) {
	t.Parallel()
	k := id.KeyOf("user_id", "u1")
	w := &people{ledger: newLedger()}
	commit := func(want ...string) {
		t.Helper()
		var got []string
		for _, c := range w.ledgerChanges(nil) {
			op := map[store.Op]string{store.Put: "put ", store.Delete: "delete "}[c.Op]
			got = append(got, op+string(c.Key[0]))
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] || len(got) > 1 && got[1] != want[1] {
			t.Errorf("the commit carries %v, want %v", got, want)
		}
		if n := w.ledger.dirty(); n != 0 {
			t.Errorf("%d rows wait after a commit", n)
		}
	}
	w.ledger.doubt(k)
	w.ledger.count(k, []byte("x"), false)
	commit("put c")
	w.ledger.doubt(k)
	commit("put d")
	w.ledger.doubt(k) // it is noted
	commit()
	w.ledger.count(k, []byte("y"), true)
	w.ledger.doubt(k) // it stays noted
	commit("put c")
	w.ledger.count(k, nil, true)
	commit("delete c", "delete d")
	w.ledger.count(k, nil, false)
	commit()
}
