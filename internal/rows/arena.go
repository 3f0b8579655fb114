package rows

import "slices"

// Arena is room for the many small values of a commit: pieces of memory that
// grow with what the commit gathers.
type Arena []byte

const (
	arenaFirst = 4 << 10
	arenaMost  = 256 << 10
	arenaLeast = 1 << 10 // left for a value to begin; a larger one moves out
)

// Open gives room to append one value to.
func (a *Arena) Open() []byte {
	if cap(*a)-len(*a) < arenaLeast {
		*a = make([]byte, 0, min(max(2*cap(*a), arenaFirst), arenaMost))
	}
	return (*a)[len(*a):]
}

// Close takes the value that was appended to the room; nothing can be appended
// to what it gives.
func (a *Arena) Close(value []byte) []byte {
	if n := len(value); n <= cap(*a)-len(*a) {
		*a = (*a)[:len(*a)+n]
	}
	return slices.Clip(value)
}
