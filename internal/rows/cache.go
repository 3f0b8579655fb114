package rows

import (
	"iter"

	"rapport/internal/id"
)

// Cache keeps decoded rows in memory within a budget. It is a clock: a row that
// was looked at since the hand last passed stays another round. Beside the rows
// themselves it has a pointer for each page of them alone: with millions of rows it
// is pointers that the garbage collector pays for.
type Cache[T any] struct {
	places map[id.Key]uint32     // in the ring
	pages  []*[pageSlots]slot[T] // the ring; page by page, so that it grows without being copied
	n      int                   // rows
	hand   int
	bytes  int
	Limit  int
	Gone   func(T)      // told of each row that trim lets go of; may be nil
	Came   func(id.Key) // told of each row that is added; may be nil
}

const pageSlots = 256

type slot[T any] struct {
	key  id.Key
	row  T
	size int
	used bool
}

// NewCache keeps rows of so many bytes.
func NewCache[T any](limit int) *Cache[T] {
	return &Cache[T]{places: map[id.Key]uint32{}, Limit: limit}
}

func (h *Cache[T]) slot(i int) *slot[T] { return &h.pages[i/pageSlots][i%pageSlots] }

// Get gives the row of a key if it is in memory.
func (h *Cache[T]) Get(k id.Key) (row T, ok bool) {
	i, ok := h.places[k]
	if !ok {
		return row, false
	}
	s := h.slot(int(i))
	s.used = true
	return s.row, true
}

// Put adds a row that is not in memory yet.
func (h *Cache[T]) Put(k id.Key, row T, size int) {
	if h.n == len(h.pages)*pageSlots {
		h.pages = append(h.pages, new([pageSlots]slot[T]))
	}
	h.places[k] = uint32(h.n) //nolint:gosec // no memory holds more rows
	*h.slot(h.n) = slot[T]{key: k, row: row, size: size, used: true}
	h.n++
	h.bytes += size
	if h.Came != nil {
		h.Came(k)
	}
}

// Resize notes that a row in memory has grown or shrunk.
func (h *Cache[T]) Resize(k id.Key, size int) {
	if i, ok := h.places[k]; ok {
		s := h.slot(int(i))
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
	for steps := 2 * h.n; h.bytes > h.Limit && steps > 0; steps-- {
		if h.hand >= h.n {
			h.hand = 0
		}
		s := h.slot(h.hand)
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
			h.remove(h.hand)
		}
	}
}

// Drop lets go of a row, whatever became of it.
func (h *Cache[T]) Drop(k id.Key) {
	if i, ok := h.places[k]; ok {
		h.remove(int(i))
	}
}

// remove takes a row out. The last one of the ring comes to its place.
func (h *Cache[T]) remove(i int) {
	h.n--
	gone, last := h.slot(i), h.slot(h.n)
	delete(h.places, gone.key)
	h.bytes -= gone.size
	if i != h.n {
		*gone = *last
		h.places[gone.key] = uint32(i) //nolint:gosec // as in Put
	}
	*last = slot[T]{}
	if spare := len(h.pages) - 1; h.n <= (spare-1)*pageSlots {
		h.pages[spare] = nil
		h.pages = h.pages[:spare]
	}
}

// All visits the rows in memory, in no order.
func (h *Cache[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range h.n {
			if !yield(h.slot(i).row) {
				return
			}
		}
	}
}
