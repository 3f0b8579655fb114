package enrich

import (
	"hash/maphash"
	"sync/atomic"
)

// cache remembers what was worked out of a text. Each text has one place, which
// it takes from the text before: what is common is there mostly, and there is no
// more of it than places. The zero value is ready.
type cache[T any] struct {
	places [cachePlaces]atomic.Pointer[held[T]]
}

// held is never changed.
type held[T any] struct {
	text  string
	value T
}

const cachePlaces = 4096

var seed = maphash.MakeSeed()

func (c *cache[T]) place(text []byte) *atomic.Pointer[held[T]] {
	return &c.places[maphash.Bytes(seed, text)%cachePlaces]
}

func (c *cache[T]) get(text []byte) (*held[T], bool) {
	h := c.place(text).Load()
	if h == nil || h.text != string(text) {
		return nil, false
	}
	return h, true
}

// named is get for a text that is a string.
func (c *cache[T]) named(text string) (*held[T], bool) {
	h := c.places[maphash.String(seed, text)%cachePlaces].Load()
	if h == nil || h.text != text {
		return nil, false
	}
	return h, true
}

func (c *cache[T]) put(text []byte, v T) *held[T] {
	h := &held[T]{string(text), v}
	c.place(text).Store(h)
	return h
}
