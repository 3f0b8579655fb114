package pipeline

import (
	"strconv"
	"testing"

	"rapport/internal/id"
)

// Heads that lose their room are forgotten, all others stay as they are, and as many
// come again as there is room for.
func TestHeads_KeepWithinABudgetThatShrinks(t *testing.T) {
	t.Parallel()
	key := func(n int) id.Key { return id.KeyOf("user_id", strconv.Itoa(n)) }
	h := newHeads(5 * slabHeads * headBytes)
	for n := range 7 * slabHeads {
		h.put(&head{key: key(n), entries: uint8(n)})
	}
	h.take(key(6 * slabHeads))
	h.take(key(3 * slabHeads))
	if h.bytes() != 5*slabHeads*headBytes {
		t.Errorf("they take %d bytes, want %d", h.bytes(), 5*slabHeads*headBytes)
	}
	h.bound(2*slabHeads*headBytes - headBytes)
	if h.bytes() != 2*slabHeads*headBytes {
		t.Errorf("they take %d bytes, want %d", h.bytes(), 2*slabHeads*headBytes)
	}
	for n := 7 * slabHeads; n < 10*slabHeads; n++ {
		h.put(&head{key: key(n), entries: uint8(n)})
	}
	known := 0
	for n := range 10 * slabHeads {
		x, ok := h.take(key(n))
		if ok {
			known++
		}
		if ok && (x.key != key(n) || x.entries != uint8(n)) {
			t.Fatalf("the head of %d is another's", n)
		}
	}
	if known != 2*slabHeads || h.bytes() != 2*slabHeads*headBytes {
		t.Errorf("%d are known and take %d bytes, want %d", known, h.bytes(), 2*slabHeads)
	}
	h.bound(3 * slabHeads * headBytes)
	for n := range 3 * slabHeads {
		h.put(&head{key: key(n)})
	}
	if len(h.at) != 3*slabHeads {
		t.Errorf("%d are known, want %d", len(h.at), 3*slabHeads)
	}
}
