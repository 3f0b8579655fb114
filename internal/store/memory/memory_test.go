package memory_test

import (
	"testing"

	"rapport/internal/store"
	"rapport/internal/store/memory"
	"rapport/internal/store/storetest"
)

type disk struct{ *memory.Disk }

func (d disk) Open() (store.Store, error) { return memory.Open(d.Disk), nil }

func (d disk) Crash(choose func(int) int) { d.Disk.Crash(choose(d.Pending() + 1)) }

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) storetest.Disk { return disk{memory.NewDisk()} })
}
