package pipeline

import (
	"slices"
	"unsafe"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/profile"
)

// headEdges is how many edges a head has room for. An anchor that met more
// weaker identifiers is loaded when it is needed.
const headEdges = 2

// head is what must be known of an anchor to fold an event without its row. It
// holds no pointers, so that a great many of them cost the collector nothing.
type head struct {
	key      id.Key
	filter   filter // the messages of the unfinished chunk
	timer    clock.Instant
	received clock.Instant
	times    profile.Times
	edges    [headEdges]headEdge
	entries  uint8 // of the unfinished chunk
	deltas   uint8 // delta parts of the row
}

// headEdge is an edge as far as it decides what is news to the graph. A zero
// key is none.
type headEdge struct {
	key      id.Key
	first    clock.Instant
	received clock.Instant
}

// filter is a Bloom filter of message ids in their short form: what it does not
// have was never added.
type filter [8]uint64

const filterProbes = 4

func (f *filter) add(short uint64) {
	for range filterProbes {
		f[short>>6&7] |= 1 << (short & 63)
		short >>= 9
	}
}

func (f *filter) has(short uint64) bool {
	for range filterProbes {
		if f[short>>6&7]&(1<<(short&63)) == 0 {
			return false
		}
		short >>= 9
	}
	return true
}

// heads keeps heads within a budget. Of too many the one that was put in first
// goes: a head that is used is taken out and comes back later.
type heads struct {
	at    map[id.Key]uint32
	slabs [][]head
	free  []uint32
	hand  uint32
	n     uint32 // places in use or free
	limit uint32
}

const (
	slabHeads = 1024
	// headBytes is what one takes with its entry in the map.
	headBytes = int(unsafe.Sizeof(head{})) + 40
)

func newHeads(budget int) *heads {
	h := &heads{at: map[id.Key]uint32{}}
	h.bound(budget)
	return h
}

// headShare is what of the room for rows heads may take.
func headShare(room int) int { return room / 10 * 7 }

// bound sets the budget. Heads for which there is no room any more are forgotten,
// once they are a slab of them.
func (h *heads) bound(budget int) {
	h.limit = uint32(min(max(budget/headBytes, 16), 1<<31))
	keep := (h.limit + slabHeads - 1) / slabHeads * slabHeads
	if h.n <= keep {
		return
	}
	for i := keep; i < h.n; i++ {
		if k := h.row(i).key; h.at[k] == i {
			delete(h.at, k)
		}
	}
	h.free = slices.DeleteFunc(h.free, func(i uint32) bool { return i >= keep })
	clear(h.slabs[keep/slabHeads:])
	h.slabs, h.n, h.hand = h.slabs[:keep/slabHeads], keep, 0
}

func (h *heads) row(i uint32) *head { return &h.slabs[i/slabHeads][i%slabHeads] }

// put keeps a head.
func (h *heads) put(x *head) {
	i, known := h.at[x.key]
	switch {
	case known:
	case len(h.free) > 0:
		i = h.free[len(h.free)-1]
		h.free = h.free[:len(h.free)-1]
	case h.n < h.limit:
		if h.n%slabHeads == 0 {
			h.slabs = append(h.slabs, make([]head, slabHeads))
		}
		i = h.n
		h.n++
	default: // all places are in use
		i = h.hand
		h.hand = (h.hand + 1) % h.n
		delete(h.at, h.row(i).key)
	}
	*h.row(i) = *x
	h.at[x.key] = i
}

// take gives a head and forgets it; the head is valid until the next put.
func (h *heads) take(k id.Key) (*head, bool) {
	i, ok := h.at[k]
	if !ok {
		return nil, false
	}
	delete(h.at, k)
	h.free = append(h.free, i)
	return h.row(i), true
}

// bytes is about how much memory they take.
func (h *heads) bytes() int { return int(h.n) * headBytes }

// has tells whether there is a head.
func (h *heads) has(k id.Key) bool {
	_, ok := h.at[k]
	return ok
}
