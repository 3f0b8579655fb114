package pipeline

import (
	"slices"

	"rapport/internal/id"
	"rapport/internal/store"
)

// emptied keeps the room of a list and nothing of what was in it.
func emptied[T any](list []*T) []*T {
	clear(list)
	return list[:0]
}

func commonRow(t store.Table, key []byte, op store.Op, value []byte) store.Change {
	return store.Change{RowKey: store.RowKey{Table: t, Bucket: id.CommonBucket, Key: key}, Op: op, Value: value}
}

func sortedKeys(keys []id.Key) []id.Key {
	slices.SortFunc(keys, func(a, b id.Key) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}
