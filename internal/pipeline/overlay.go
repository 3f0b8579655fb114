package pipeline

import (
	"context"
	"maps"
	"slices"

	"rapport/internal/id"
	"rapport/internal/store"
)

// overlay is rows of the common bucket that are changed and perhaps not
// committed yet. Who reads them looks here first and then into the store.
type overlay struct {
	tables map[store.Table]map[string]*pendingRow
	rows   []store.Change // for the next commit
}

// pendingRow is the newest value of a row; nil where it was removed.
type pendingRow struct {
	value    []byte
	gathered bool // a commit that is under way carries it
}

func (o *overlay) put(t store.Table, key, value []byte) { o.change(t, key, store.Put, value) }

func (o *overlay) remove(t store.Table, key []byte) { o.change(t, key, store.Delete, nil) }

func (o *overlay) change(t store.Table, key []byte, op store.Op, value []byte) {
	if o.tables == nil {
		o.tables = map[store.Table]map[string]*pendingRow{}
	}
	if o.tables[t] == nil {
		o.tables[t] = map[string]*pendingRow{}
	}
	o.tables[t][string(key)] = &pendingRow{value: value}
	o.rows = append(o.rows, commonRow(t, key, op, value))
}

// gather gives what the next commit carries.
func (o *overlay) gather() []store.Change {
	out := o.rows
	o.rows = nil
	for _, rows := range o.tables {
		for _, r := range rows {
			r.gathered = true
		}
	}
	return out
}

// committed forgets what the last commit carried.
func (o *overlay) committed() {
	for _, rows := range o.tables {
		maps.DeleteFunc(rows, func(_ string, r *pendingRow) bool { return r.gathered })
	}
}

// scan visits rows in the order of their keys: those with the prefix that are
// larger than after. Rows have one part.
func (o *overlay) scan(ctx context.Context, st store.State, at store.Range, visit func(key, value []byte) bool) error {
	at.Bucket = id.CommonBucket
	mine := o.tables[at.Table]
	var keys []string
	for k := range mine {
		if len(k) >= len(at.Prefix) && k[:len(at.Prefix)] == string(at.Prefix) && (at.After == nil || k > string(at.After)) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	more := true
	before := func(limit string) {
		for more && len(keys) > 0 && (limit == "" || keys[0] < limit) {
			k := keys[0]
			keys = keys[1:]
			if v := mine[k].value; v != nil {
				more = visit([]byte(k), v)
			}
		}
	}
	err := st.Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		if before(string(key)); !more {
			return false
		}
		if _, changed := mine[string(key)]; !changed && len(parts) > 0 {
			more = visit(key, parts[len(parts)-1])
		}
		return more
	})
	if err == nil && more {
		before("")
	}
	return err
}
