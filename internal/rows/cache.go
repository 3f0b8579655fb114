package rows

import (
	"iter"
	"slices"

	"rapport/internal/id"
)

// Cache keeps decoded rows in memory within a budget. It is a clock: a row that
// was looked at since the hand last passed stays another round.
type Cache[T any] struct {
	rows  map[id.Key]*slot[T]
	ring  []*slot[T]
	hand  int
	bytes int
	Limit int
	Gone  func(T)      // told of each row that trim lets go of; may be nil
	Came  func(id.Key) // told of each row that is added; may be nil
}

type slot[T any] struct {
	key  id.Key
	row  T
	size int
	used bool
}

// NewCache keeps rows of so many bytes.
func NewCache[T any](limit int) *Cache[T] {
	return &Cache[T]{rows: map[id.Key]*slot[T]{}, Limit: limit}
}

// Get gives the row of a key if it is in memory.
func (h *Cache[T]) Get(k id.Key) (row T, ok bool) {
	s, ok := h.rows[k]
	if !ok {
		return row, false
	}
	s.used = true
	return s.row, true
}

// Put adds a row that is not in memory yet.
func (h *Cache[T]) Put(k id.Key, row T, size int) {
	s := &slot[T]{key: k, row: row, size: size, used: true}
	h.rows[k] = s
	h.ring = append(h.ring, s)
	h.bytes += size
	if h.Came != nil {
		h.Came(k)
	}
}

// Resize notes that a row in memory has grown or shrunk.
func (h *Cache[T]) Resize(k id.Key, size int) {
	if s, ok := h.rows[k]; ok {
		h.bytes += size - s.size
		s.size = size
	}
}

// Full tells whether the rows exceed the budget by more than a tenth. Letting
// go of rows costs a commit, so it is done for many at once.
func (h *Cache[T]) Full() bool { return h.bytes > h.Limit+h.Limit/10 }

// Trim drops rows that keep lets go until the budget holds, or until the hand
// has gone round twice: what keep holds on to stays, whatever the budget says.
func (h *Cache[T]) Trim(keep func(T) bool) {
	for steps := 2 * len(h.ring); h.bytes > h.Limit && steps > 0; steps-- {
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
			if h.Gone != nil {
				h.Gone(s.row)
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

// Drop lets go of a row, whatever became of it.
func (h *Cache[T]) Drop(k id.Key) {
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

// All visits the rows in memory, in no order.
func (h *Cache[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, s := range h.ring {
			if !yield(s.row) {
				return
			}
		}
	}
}
