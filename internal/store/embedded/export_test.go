package embedded

import (
	"context"
	"time"

	"rapport/internal/store"
)

// SetPause shortens how long writes of the state wait after a failure.
func SetPause(o *Options, d time.Duration) { o.pause = d }

// MayBeRecent tells whether the filters let a memtable have a row, and how many
// of them there are.
func MayBeRecent(s *Store, k store.RowKey) (maybe bool, generations int) {
	return s.state.recent.has(appendKey(nil, k.Table, k.Bucket, k.Key)), len(*s.state.recent.all.Load())
}

// Sink moves all rows into the lowest level.
func Sink(ctx context.Context, s *Store) error {
	return s.state.db.Compact(ctx, []byte{0}, []byte{lastPrefix}, false)
}

// Spared is how often filters of files said that a row is not there.
func Spared(s *Store) int64 { return s.state.db.Metrics().Filter.Hits }

// Cached is how many bytes of blocks are kept in memory.
func Cached(s *Store) int64 { return s.state.db.Metrics().BlockCache.Size }
