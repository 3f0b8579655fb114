package embedded_test

import (
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// trick is a disk that plays tricks: its nth call fails, all calls from the nth
// on fail, the power goes at the nth call, or there is room for so many bytes.
type trick struct {
	vfs.FS
	calls atomic.Int64
	nth   int64        // 0: never
	times int64        // how many calls fail from the nth on
	room  atomic.Int64 // bytes left; below zero: no limit

	mu      sync.RWMutex // held for writing while the power goes
	onCut   func()       // at the nth call, instead of failing it
	isCut   bool
	err     error
	reached atomic.Bool
}

func newTrick(fs vfs.FS) *trick {
	t := &trick{FS: fs, err: syscall.EIO}
	t.room.Store(-1)
	return t
}

// cutAt makes the power go at the nth call; the function it gives tells what is
// then on the disk, nil before.
func cutAt(mem *vfs.MemFS, nth int64, kept int, seed uint64) (*trick, func() *vfs.MemFS) {
	t := newTrick(mem)
	t.nth = nth
	var after *vfs.MemFS
	t.onCut = func() {
		after = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: kept, RNG: rand.New(rand.NewPCG(seed, 1))})
	}
	return t, func() *vfs.MemFS {
		t.mu.RLock()
		defer t.mu.RUnlock()
		return after
	}
}

func (t *trick) do(op func() error) error {
	n := t.calls.Add(1)
	if t.nth > 0 && n >= t.nth {
		if t.onCut == nil {
			t.reached.Store(true)
			if n < t.nth+t.times {
				return t.err
			}
		} else if n == t.nth {
			t.mu.Lock()
			t.onCut()
			t.isCut = true
			t.mu.Unlock()
			t.reached.Store(true)
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.isCut {
		return syscall.EIO
	}
	return op()
}

// allow tells how many of n bytes there is room for.
func (t *trick) allow(n int) int {
	for {
		room := t.room.Load()
		if room < 0 {
			return n
		}
		if k := min(int64(n), room); t.room.CompareAndSwap(room, room-k) {
			return int(k)
		}
	}
}

func (t *trick) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &trickFile{File: f, t: t}, nil
}

func (t *trick) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = t.do(func() error { f, err = t.FS.Create(name, c); return err })
	return t.file(f, err)
}

func (t *trick) Open(name string, o ...vfs.OpenOption) (f vfs.File, err error) {
	err = t.do(func() error { f, err = t.FS.Open(name); return err })
	return t.file(f, err)
}

func (t *trick) OpenReadWrite(name string, c vfs.DiskWriteCategory, _ ...vfs.OpenOption) (f vfs.File, err error) {
	err = t.do(func() error { f, err = t.FS.OpenReadWrite(name, c); return err })
	return t.file(f, err)
}

func (t *trick) OpenDir(name string) (f vfs.File, err error) {
	err = t.do(func() error { f, err = t.FS.OpenDir(name); return err })
	return t.file(f, err)
}

func (t *trick) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = t.do(func() error { f, err = t.FS.ReuseForWrite(from, to, c); return err })
	return t.file(f, err)
}

func (t *trick) Link(from, to string) error {
	return t.do(func() error { return t.FS.Link(from, to) })
}

func (t *trick) Rename(from, to string) error {
	return t.do(func() error { return t.FS.Rename(from, to) })
}

func (t *trick) Remove(name string) error { return t.do(func() error { return t.FS.Remove(name) }) }

func (t *trick) MkdirAll(dir string, perm os.FileMode) error {
	return t.do(func() error { return t.FS.MkdirAll(dir, perm) })
}

func (t *trick) List(dir string) (names []string, err error) {
	err = t.do(func() error { names, err = t.FS.List(dir); return err })
	return names, err
}

func (t *trick) Lock(name string) (c io.Closer, err error) {
	err = t.do(func() error { c, err = t.FS.Lock(name); return err })
	return c, err
}

func (t *trick) Unwrap() vfs.FS { return t.FS }

type trickFile struct {
	vfs.File
	t *trick
}

func (f *trickFile) write(b []byte, op func([]byte) (int, error)) (n int, err error) {
	err = f.t.do(func() error {
		k := f.t.allow(len(b))
		if n, err = op(b[:k]); err == nil && k < len(b) {
			err = syscall.ENOSPC
		}
		return err
	})
	return n, err
}

func (f *trickFile) Write(b []byte) (int, error) { return f.write(b, f.File.Write) }

func (f *trickFile) WriteAt(b []byte, at int64) (int, error) {
	return f.write(b, func(b []byte) (int, error) { return f.File.WriteAt(b, at) })
}

func (f *trickFile) Read(b []byte) (n int, err error) {
	err = f.t.do(func() error { n, err = f.File.Read(b); return err })
	return n, err
}

func (f *trickFile) ReadAt(b []byte, at int64) (n int, err error) {
	err = f.t.do(func() error { n, err = f.File.ReadAt(b, at); return err })
	return n, err
}

func (f *trickFile) Sync() error { return f.t.do(f.File.Sync) }

func (f *trickFile) SyncData() error { return f.t.do(f.File.SyncData) }

func (f *trickFile) SyncTo(n int64) (whole bool, err error) {
	err = f.t.do(func() error { whole, err = f.File.SyncTo(n); return err })
	return whole, err
}
