package embedded

import (
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A row's value is its parts in the form of store.AppendPart. Put sets one part, Add merges one in, and the
// merge of two values is the one behind the other.

// partsMerger is on disk by its name.
var partsMerger = &pebble.Merger{
	Name: "rapport.parts.1",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		m := joinings.Get().(*joining)
		// What comes next is older, nearly always: the room is before it.
		m.from = max(len(m.room)-len(value), 0)
		m.to = m.from
		return m, m.MergeNewer(value)
	},
}

// joinings are those that are done with: there is one for each row that grew, at
// each compaction.
var joinings = sync.Pool{New: func() any { return new(joining) }}

// mostJoined is the largest room that is kept for the next row.
const mostJoined = 256 << 10

// joining gathers the operands of one row, room[from:to], with free space on
// both sides.
type joining struct {
	room     []byte
	from, to int
}

// MergeNewer puts a value behind all others.
func (m *joining) MergeNewer(value []byte) error {
	if m.to+len(value) > len(m.room) {
		m.grow(0, len(value))
	}
	m.to += copy(m.room[m.to:], value)
	return nil
}

// MergeOlder puts a value before all others.
func (m *joining) MergeOlder(value []byte) error {
	if len(value) > m.from {
		m.grow(len(value), 0)
	}
	m.from -= len(value)
	copy(m.room[m.from:], value)
	return nil
}

// grow makes room before and behind, as much again as there is on the side that
// was full.
func (m *joining) grow(before, behind int) {
	n := m.to - m.from
	if before > 0 {
		before += n + 1024
	} else {
		before = m.from
	}
	if behind > 0 {
		behind += n + 1024
	} else {
		behind = len(m.room) - m.to
	}
	room := make([]byte, before+n+behind)
	copy(room[before:], m.room[m.from:m.to])
	m.room, m.from, m.to = room, before, before+n
}

// Finish gives the row, which is valid until the closer is closed.
func (m *joining) Finish(bool) ([]byte, io.Closer, error) {
	return m.room[m.from:m.to:m.to], m, nil
}

// Close takes the room back.
func (m *joining) Close() error {
	if len(m.room) <= mostJoined {
		joinings.Put(m)
	}
	return nil
}
