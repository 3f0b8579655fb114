package store

import (
	"context"
	"errors"
)

// Carrier keeps blocks of a log outside the engine that has the log, such as in a
// topic of Kafka. The engine stays the judge of what the log is: it keeps the
// order of the blocks, where each is and the secret that opens it, so that a
// block which was put and never made known is noise, and one whose secret was
// destroyed too.
type Carrier interface {
	// Largest is how many bytes a block may have.
	Largest() int
	// Put makes blocks durable and tells where each is.
	Put(ctx context.Context, blocks [][]byte) ([]Place, error)
	// Get gives blocks, in the order of their places. Where one is not there any
	// more the error is ErrNoBlock.
	Get(ctx context.Context, places []Place) ([][]byte, error)
	// Close ends the connections. Whoever was given the carrier closes it.
	Close()
}

// Place is where a carrier has a block.
type Place struct {
	Partition int32
	Offset    int64
}

// ErrNoBlock says that a carrier has no block at a place.
var ErrNoBlock = errors.New("no block at this place")
