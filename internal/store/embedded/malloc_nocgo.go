//go:build !cgo

package embedded

// OffHeap tells whether the engine keeps its caches and write buffers outside of
// Go's heap.
const OffHeap = false

// tameMalloc has nothing to do: all memory is Go's.
func tameMalloc() {}

// trimMalloc has nothing to do either.
func trimMalloc() {}
