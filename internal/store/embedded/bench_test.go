package embedded_test

import (
	"testing"

	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/storetest"
)

// realDisk is a folder of the machine.
type realDisk string

func (d realDisk) Open() (store.Store, error) { return embedded.Open(string(d), embedded.Options{}) }

func (realDisk) Crash(func(int) int) {}

func BenchmarkEmbedded(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) storetest.Disk { return realDisk(b.TempDir()) })
}
