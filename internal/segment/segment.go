// Package segment decides which people belong to which segments, and what
// their computed traits and affinities are: it compiles conditions into one
// set, folds events into a small state per anchor, and answers from that state
// with the next instant at which time alone changes the answer. It never reads
// a clock, storage or the network, and its state depends on the set of events
// alone, not on their order.
package segment

import (
	"rapport/internal/segment/condition"
)

// Definition is a segment as a person wrote it.
type Definition struct {
	ID        uint64 // whatever the caller likes to find again in the answers
	Key       string
	Condition *condition.Node
}

// Definitions are all that a set is compiled of. They are of one moment: the
// segments name one another and the computed traits.
type Definitions struct {
	Segments   []Definition
	Traits     []TraitDefinition
	Affinities []AffinityDefinition
	Limits     Limits
}

// Limits bound what is kept of one anchor. Zero fields take the default.
type Limits struct {
	// Entries is how many events of one question are kept one by one where all
	// of them count; older ones are added up per day. Default 256.
	Entries int
	// Cells is how many sums per day and value are kept. Default 4,000.
	Cells int
	// Orders is how many orders are kept whose items are asked for. Default
	// 5,000, as many as a profile keeps.
	Orders int
}

func (l Limits) orDefault() Limits {
	const entries, cells, orders = 256, 4_000, 5_000
	if l.Entries <= 0 {
		l.Entries = entries
	}
	if l.Cells <= 0 {
		l.Cells = cells
	}
	if l.Orders <= 0 {
		l.Orders = orders
	}
	return l
}
