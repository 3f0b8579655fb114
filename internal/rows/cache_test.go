package rows_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"rapport/internal/id"
	"rapport/internal/rows"
)

// A cache has what was put and not let go of, whatever was taken out of the middle
// of it, and it never lets go of what it is to keep.
func TestCache_HasWhatWasPutAndNotLetGoOf(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 14))
	c, have, last := rows.NewCache[int](1000), map[int]bool{}, false
	key := func(n int) id.Key { return id.KeyOf("row", strconv.Itoa(n)) }
	odd := func(n int) bool { return n%2 == 1 }
	c.Gone = func(n int) {
		if !have[n] || odd(n) && !last {
			t.Fatalf("lets go of %d, which is there: %t", n, have[n])
		}
		delete(have, n)
	}
	for range 20_000 {
		n := r.IntN(200)
		switch _, ok := c.Get(key(n)); {
		case ok != have[n]:
			t.Fatalf("has %d: %t, want %t", n, ok, have[n])
		case !ok:
			c.Put(key(n), n, 10)
			have[n] = true
		case n%7 == 0:
			c.Drop(key(n))
			delete(have, n)
		}
		if r.IntN(20) == 0 {
			c.Trim(odd)
		}
	}
	n := 0
	for row := range c.All() {
		if n++; !have[row] {
			t.Errorf("has %d, which was let go of", row)
		}
	}
	if n != len(have) {
		t.Errorf("%d rows, want %d", n, len(have))
	}
	last = true
	c.Trim(func(int) bool { return false })
	if c.Full() || len(have) != 100 {
		t.Errorf("%d rows of 10 bytes in 1000 bytes", len(have))
	}
}
