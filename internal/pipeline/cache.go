package pipeline

import (
	"iter"
	"slices"

	"rapport/internal/id"
)

// hot keeps decoded rows in memory within a budget. It is a clock: a row that
// was looked at since the hand last passed stays another round.
type hot[T any] struct {
	rows  map[id.Key]*slot[T]
	ring  []*slot[T]
	hand  int
	bytes int
	limit int
	gone  func(T) // told of each row that trim lets go of; may be nil
}

type slot[T any] struct {
	key  id.Key
	row  T
	size int
	used bool
}

func newHot[T any](limit int) *hot[T] {
	return &hot[T]{rows: map[id.Key]*slot[T]{}, limit: limit}
}

// Get gives the row of a key if it is in memory.
func (h *hot[T]) Get(k id.Key) (row T, ok bool) {
	s, ok := h.rows[k]
	if !ok {
		return row, false
	}
	s.used = true
	return s.row, true
}

// put adds a row that is not in memory yet.
func (h *hot[T]) put(k id.Key, row T, size int) {
	s := &slot[T]{key: k, row: row, size: size, used: true}
	h.rows[k] = s
	h.ring = append(h.ring, s)
	h.bytes += size
}

// resize notes that a row in memory has grown or shrunk.
func (h *hot[T]) resize(k id.Key, size int) {
	if s, ok := h.rows[k]; ok {
		h.bytes += size - s.size
		s.size = size
	}
}

// full tells whether the rows exceed the budget by more than a tenth. Letting
// go of rows costs a commit, so it is done for many at once.
func (h *hot[T]) full() bool { return h.bytes > h.limit+h.limit/10 }

// trim drops rows that keep lets go until the budget holds, or until the hand
// has gone round twice: what keep holds on to stays, whatever the budget says.
func (h *hot[T]) trim(keep func(T) bool) {
	for steps := 2 * len(h.ring); h.bytes > h.limit && steps > 0; steps-- {
		if h.hand >= len(h.ring) {
			h.hand = 0
		}
		s := h.ring[h.hand]
		switch {
		case s.used:
			s.used = false
			h.hand++
		case keep(s.row):
			h.hand++
		default:
			if h.gone != nil {
				h.gone(s.row)
			}
			delete(h.rows, s.key)
			h.bytes -= s.size
			last := len(h.ring) - 1
			h.ring[h.hand] = h.ring[last]
			h.ring[last] = nil
			h.ring = h.ring[:last]
		}
	}
}

// drop lets go of a row, whatever became of it.
func (h *hot[T]) drop(k id.Key) {
	s, ok := h.rows[k]
	if !ok {
		return
	}
	delete(h.rows, k)
	h.bytes -= s.size
	i := slices.Index(h.ring, s)
	last := len(h.ring) - 1
	h.ring[i] = h.ring[last]
	h.ring[last] = nil
	h.ring = h.ring[:last]
}

// all visits the rows in memory, in no order.
func (h *hot[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, s := range h.ring {
			if !yield(s.row) {
				return
			}
		}
	}
}
