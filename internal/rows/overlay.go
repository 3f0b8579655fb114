package rows

import (
	"context"
	"strings"

	"github.com/google/btree"

	"rapport/internal/id"
	"rapport/internal/store"
)

// Overlay is rows of the common bucket that are changed and perhaps not
// committed yet. Who reads them looks here first and then into the store.
type Overlay struct {
	tables map[store.Table]*pendingRows
	rows   []store.Change // for the next commit
}

// pendingRows are those of a table, by their keys: what is asked for is often
// the first of many.
type pendingRows = btree.BTreeG[*pendingRow]

// pendingRow is the newest value of a row; nil where it was removed.
type pendingRow struct {
	key      string
	value    []byte
	gathered bool // a commit that is under way carries it
}

func newPendingRows() *pendingRows {
	return btree.NewG(32, func(a, b *pendingRow) bool { return a.key < b.key })
}

// Put changes a row.
func (o *Overlay) Put(t store.Table, key, value []byte) { o.change(t, key, store.Put, value) }

// Remove removes a row.
func (o *Overlay) Remove(t store.Table, key []byte) { o.change(t, key, store.Delete, nil) }

func (o *Overlay) change(t store.Table, key []byte, op store.Op, value []byte) {
	if o.tables == nil {
		o.tables = map[store.Table]*pendingRows{}
	}
	if o.tables[t] == nil {
		o.tables[t] = newPendingRows()
	}
	o.tables[t].ReplaceOrInsert(&pendingRow{key: string(key), value: value})
	o.rows = append(o.rows, Common(t, key, op, value))
}

// Waiting is how many rows the next commit carries.
func (o *Overlay) Waiting() int { return len(o.rows) }

// Gather gives what the next commit carries.
func (o *Overlay) Gather() []store.Change {
	out := o.rows
	o.rows = make([]store.Change, 0, len(out)) // a commit is about as large as the one before
	for _, rows := range o.tables {
		rows.Ascend(func(r *pendingRow) bool {
			r.gathered = true
			return true
		})
	}
	return out
}

// Committed forgets what the last commit carried.
func (o *Overlay) Committed() {
	for t, rows := range o.tables {
		left := newPendingRows()
		rows.Ascend(func(r *pendingRow) bool {
			if !r.gathered {
				left.ReplaceOrInsert(r)
			}
			return true
		})
		o.tables[t] = left
	}
}

// from is the first changed row of a range that is not before a key.
func (o *Overlay) from(at *store.Range, key string) (found *pendingRow) {
	if o.tables[at.Table] == nil {
		return nil
	}
	o.tables[at.Table].AscendGreaterOrEqual(&pendingRow{key: key}, func(r *pendingRow) bool {
		if strings.HasPrefix(r.key, string(at.Prefix)) {
			found = r
		}
		return false
	})
	return found
}

// Scan visits rows in the order of their keys: those with the prefix that are
// larger than after. Rows have one part.
func (o *Overlay) Scan(ctx context.Context, st store.State, at store.Range, visit func(key, value []byte) bool) error {
	at.Bucket = id.CommonBucket
	first := string(at.Prefix)
	if at.After != nil {
		first = max(first, string(at.After)+"\x00")
	}
	mine, more := o.from(&at, first), true
	// before visits changed rows up to a key, and says whether that one changed.
	before := func(limit string, all bool) (changed bool) {
		for more && mine != nil && (all || mine.key <= limit) {
			changed = mine.key == limit
			if mine.value != nil {
				more = visit([]byte(mine.key), mine.value)
			}
			mine = o.from(&at, mine.key+"\x00")
		}
		return changed
	}
	err := st.Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		if changed := before(string(key), false); more && !changed && len(parts) > 0 {
			more = visit(key, parts[len(parts)-1])
		}
		return more
	})
	if err == nil && more {
		before("", true)
	}
	return err
}
