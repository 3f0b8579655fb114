package pipeline

import (
	"maps"

	"rapport/internal/id"
	"rapport/internal/store"
)

// ledger is a lane's part: rows of trials that are in no commit yet. Most doubts
// are over before the next commit, and no row ever tells of them.
type ledger struct {
	rows     map[id.Key][]byte // nil: the row is gone
	gathered map[id.Key][]byte // those that the running commit carries
	doubted  map[id.Key]bool   // to be noted by the next commit
	noted    map[id.Key]bool   // a row says that they are doubted
	cleared  map[id.Key]bool   // noted, and to be noted no longer
}

func newLedger() ledger {
	return ledger{rows: map[id.Key][]byte{}, gathered: map[id.Key][]byte{}, doubted: map[id.Key]bool{}, noted: map[id.Key]bool{}, cleared: map[id.Key]bool{}}
}

// doubt notes that a home has to be counted anew.
func (l *ledger) doubt(k id.Key) {
	if l.noted[k] {
		delete(l.cleared, k)
	} else {
		l.doubted[k] = true
	}
}

// count takes what a home counts for: nothing where there is no row.
func (l *ledger) count(k id.Key, row []byte, had bool) {
	delete(l.doubted, k)
	if l.noted[k] {
		l.cleared[k] = true
	}
	if row != nil || had {
		l.rows[k] = row
	}
}

func (l *ledger) dirty() int { return len(l.rows) + len(l.doubted) + len(l.cleared) }

// ledgerChanges moves what changed of the ledger to the running commit.
func (w *people) ledgerChanges(out []store.Change) []store.Change {
	l := &w.ledger
	for k, row := range l.rows {
		op := store.Put
		if row == nil {
			op = store.Delete
		}
		out = append(out, w.row(store.TableTrials, k, trialKey(trialRow, k), op, row))
	}
	for k := range l.doubted {
		l.noted[k] = true
		out = append(out, w.row(store.TableTrials, k, trialKey(doubtRow, k), store.Put, nil))
	}
	for k := range l.cleared {
		delete(l.noted, k)
		out = append(out, w.row(store.TableTrials, k, trialKey(doubtRow, k), store.Delete, nil))
	}
	maps.Copy(l.gathered, l.rows)
	clear(l.rows)
	clear(l.doubted)
	clear(l.cleared)
	return out
}

func trialKey(row byte, home id.Key) []byte {
	return append(append(make([]byte, 0, 17), row), home[:]...)
}
