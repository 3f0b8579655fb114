package rows

import (
	"bytes"
	"slices"

	"rapport/internal/id"
	"rapport/internal/store"
)

// Emptied keeps the room of a list and nothing of what was in it.
func Emptied[T any](list []*T) []*T {
	clear(list)
	return list[:0]
}

// Common is a change of a row of the common bucket.
func Common(t store.Table, key []byte, op store.Op, value []byte) store.Change {
	return store.Change{RowKey: store.RowKey{Table: t, Bucket: id.CommonBucket, Key: key}, Op: op, Value: value}
}

// SortedKeys sorts keys in place and leaves out those that come twice.
func SortedKeys(keys []id.Key) []id.Key {
	slices.SortFunc(keys, func(a, b id.Key) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}
