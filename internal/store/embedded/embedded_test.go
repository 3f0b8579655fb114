package embedded_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/storetest"
)

const folder = "/var/rapport"

// disk is a disk whose power can be cut.
type disk struct {
	fs      *vfs.MemFS
	files   func(vfs.FS) vfs.FS // what lies over it; nil: nothing
	lost    []store.Store
	options func(*embedded.Options)
}

func newDisk(t testing.TB) *disk {
	d := &disk{fs: vfs.NewCrashableMem()}
	t.Cleanup(func() {
		for _, s := range d.lost {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return d
}

func (d *disk) open() (*embedded.Store, error) {
	o := embedded.Options{FS: d.fs, MemoryBudget: 1, SegmentBytes: 64 << 10}
	if d.files != nil {
		o.FS = d.files(d.fs)
	}
	if d.options != nil {
		d.options(&o)
	}
	return embedded.Open(folder, o)
}

func (d *disk) Open() (store.Store, error) {
	s, err := d.open()
	if err == nil {
		d.lost = append(d.lost, s)
	}
	return s, err
}

// Crash drops any part of what was not synced, or keeps any part of it.
func (d *disk) Crash(choose func(int) int) {
	d.fs = d.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: choose(101),
		RNG:                 rand.New(rand.NewPCG(uint64(choose(1<<30)), 1)),
	})
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Disk { return newDisk(t) })
}
