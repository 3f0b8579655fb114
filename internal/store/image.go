package store

import (
	"context"

	"rapport/internal/id"
)

// Image is what a store holds, as the bytes that engines share: sealed records,
// wrapped keys and rows. It is read while nothing is written.
type Image interface {
	// Extent tells how far the log goes.
	Extent(ctx context.Context) (Extent, error)
	// Runs visits the records as they are kept, in order, from the run that holds
	// the address on. A run is valid during the visit only.
	Runs(ctx context.Context, from Position, visit func(Run) error) error
	// WrappedKeys visits the data keys that were not destroyed, in any order.
	WrappedKeys(ctx context.Context, visit func(WrappedKey) error) error
	// Rows visits the rows of the state in an order of the engine's own, those
	// behind a key of which the visitor was shown before; nil: all. A row is valid
	// during the visit only.
	Rows(ctx context.Context, after *RowKey, visit func(Row) error) error
	// Spans are the positions that spans of buckets have applied.
	Spans(ctx context.Context) (map[Span]Position, error)
}

// Taker is a store that is being filled with the image of another. No instance
// can start on it before Finish has returned. What it was given is durable after
// Flush.
type Taker interface { //nolint:interfacebloat // the counterpart of Image
	// Taken is the address behind the last run that is there.
	Taken(ctx context.Context) (Position, error)
	// TakeRun takes a run that begins behind all that were taken before.
	TakeRun(ctx context.Context, r Run) error
	// TakeKeys takes data keys, which may have been taken before.
	TakeKeys(ctx context.Context, keys []WrappedKey) error
	// TakeRows takes rows, which may have been taken before.
	TakeRows(ctx context.Context, rows []Row) error
	// Flush makes durable what was taken.
	Flush(ctx context.Context) error
	// Finish says how far log and state go, and makes a store of it.
	Finish(ctx context.Context, e Extent, spans map[Span]Position) error
	// Close stops. Without Finish the rest can be taken later.
	Close() error
}

// Extent is how far a log goes.
type Extent struct {
	// Last is the position of the last record.
	Last    Position
	Counts  Tally
	NextKey uint64 // the id of the next data key
}

// Run is sealed records that lie one behind the other, as package seal keeps them.
type Run struct {
	At    Position // of the first
	Bytes []byte
}

// WrappedKeyBytes is how long a data key is, wrapped or not.
const WrappedKeyBytes = 16

// WrappedKey is a data key as it is kept, under the master key.
type WrappedKey struct {
	ID      uint64
	Anchor  id.Key
	Wrapped [WrappedKeyBytes]byte
}

// Row is a row with its parts one behind the other, as AppendPart makes them.
type Row struct {
	RowKey
	Parts []byte
}
