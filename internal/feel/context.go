package feel

import "unsafe"

// shape is the list of keys shared by all contexts one literal makes.
type shape struct {
	keys  []string
	index map[string]int // only for wide contexts; scanning is faster below
}

const wideContext = 12

func newShape(keys []string) *shape {
	s := &shape{keys: keys}
	if len(keys) > wideContext {
		s.index = make(map[string]int, len(keys))
		for i, k := range keys {
			s.index[k] = i
		}
	}
	return s
}

func (s *shape) find(key string) int {
	if s.index != nil {
		if i, ok := s.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range s.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// Context is the body of a context value: entries in the order they were put.
type Context struct {
	shape  *shape
	vals   []Value
	extent extent
}

// Len is the number of entries.
func (c *Context) Len() int { return len(c.vals) }

// At is the i-th entry.
func (c *Context) At(i int) (key string, v Value) { return c.shape.keys[i], c.vals[i] }

// Keys are the keys in order. The slice must not be changed.
func (c *Context) Keys() []string { return c.shape.keys }

// Get is the value of a key and whether the context has that key.
func (c *Context) Get(key string) (Value, bool) {
	if i := c.shape.find(key); i >= 0 {
		return c.vals[i], true
	}
	return Null, false
}

// Entry is one key of a context with its value.
type Entry struct {
	Key   string
	Value Value
}

// ContextOf is a context value of the given entries in the given order. When a
// key occurs twice, the last value stays, in the place of the first.
func ContextOf(entries ...Entry) Value {
	b := NewContextBuilder(len(entries))
	for _, e := range entries {
		b.Put(e.Key, e.Value)
	}
	return b.Value()
}

// ContextBuilder makes a context value entry by entry.
type ContextBuilder struct {
	keys []string
	vals []Value
	seen map[string]int
}

// NewContextBuilder is an empty builder with room for n entries.
func NewContextBuilder(n int) *ContextBuilder {
	return &ContextBuilder{keys: make([]string, 0, n), vals: make([]Value, 0, n)}
}

// Put sets the value of a key.
func (b *ContextBuilder) Put(key string, v Value) {
	if i := b.find(key); i >= 0 {
		b.vals[i] = v
		return
	}
	b.keys = append(b.keys, key)
	b.vals = append(b.vals, v)
	if b.seen != nil {
		b.seen[key] = len(b.keys) - 1
	}
}

func (b *ContextBuilder) find(key string) int {
	if b.seen == nil && len(b.keys) > wideContext {
		b.seen = make(map[string]int, 2*len(b.keys))
		for i, k := range b.keys {
			b.seen[k] = i
		}
	}
	if b.seen != nil {
		if i, ok := b.seen[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range b.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// Value is the context built so far. The builder must not be used afterwards.
func (b *ContextBuilder) Value() Value {
	return contextValue(newShape(b.keys), b.vals)
}

// Shape is a fixed list of keys. It makes many contexts with the same keys
// without storing the keys again in each.
type Shape struct{ s *shape }

// NewShape is the shape with the given distinct keys. It keeps the slice.
func NewShape(keys ...string) Shape { return Shape{newShape(keys)} }

// Of is a context with the shape's keys and the given values, one per key. It
// keeps the slice.
func (s Shape) Of(vals []Value) Value { return contextValue(s.s, vals) }

func contextValue(s *shape, vals []Value) Value {
	return Value{kind: KindContext, p: unsafe.Pointer(&Context{shape: s, vals: vals, extent: extentOf(vals)})}
}
