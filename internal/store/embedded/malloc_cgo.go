//go:build cgo

package embedded

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// Few arenas, and what is large given back as soon as it is free: else each
// thread keeps an arena of its own with what it once needed.
static void rapport_tame_malloc(void) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	mallopt(M_TRIM_THRESHOLD, 128 << 10);
#endif
}

// Holes between what is in use go back to the system as well.
static void rapport_trim_malloc(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
*/
import "C"

import (
	"sync"
	"sync/atomic"
)

// OffHeap tells whether the engine keeps its caches and write buffers outside of
// Go's heap.
const OffHeap = true

// tameMalloc keeps C's allocator, which Pebble takes its caches and write
// buffers from, close to what is in use.
var tameMalloc = sync.OnceFunc(func() { C.rapport_tame_malloc() })

var trimming atomic.Bool

// trimMalloc gives back in the background what C's allocator keeps between blocks
// of a cache that come and go: it grew to twice of what they take.
func trimMalloc() {
	if !trimming.CompareAndSwap(false, true) {
		return
	}
	go func() {
		C.rapport_trim_malloc()
		trimming.Store(false)
	}()
}
