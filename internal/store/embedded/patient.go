package embedded

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// patient is the file system under Pebble. Pebble takes a failed write of its
// manifest for the end, and tries a failed flush again at once, for ever. So
// where the disk is full a write waits here until there is room, while the
// engine answers store.ErrFull; and any other failed write waits a moment, so
// that trying again does not eat the machine. When Pebble is at its end, the
// disk is frozen: it stays as it is for the next start, which recovers from it.
type patient struct {
	vfs.FS
	report func(error)
	wait   time.Duration // before trying again, and before giving back a failure

	waiting atomic.Int32            // writes that wait for room
	frozen  atomic.Pointer[failure] // why nothing may be written any more
	last    atomic.Pointer[failure]
	patient atomic.Bool   // false while opening and closing: fail at once
	running atomic.Bool   // opened
	hurry   chan struct{} // closed when closing
	once    sync.Once

	mu    sync.Mutex
	alarm chan struct{} // closed when a write fails or begins to wait
}

func newPatient(o Options) *patient {
	return &patient{FS: o.FS, report: o.Report, wait: o.pause, hurry: make(chan struct{}), alarm: make(chan struct{})}
}

// trouble gives a channel that is closed when the next write fails or begins to
// wait; while one waits, it is closed already.
func (p *patient) trouble() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full() || p.frozen.Load() != nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return p.alarm
}

func (p *patient) ring() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.alarm)
	p.alarm = make(chan struct{})
}

// full tells that a write waits for room.
func (p *patient) full() bool { return p.waiting.Load() > 0 }

// stop ends all waiting.
func (p *patient) stop() {
	p.patient.Store(false)
	p.once.Do(func() { close(p.hurry) })
}

// pause waits, and tells whether it may wait again.
func (p *patient) pause() bool {
	t := time.NewTimer(p.wait)
	defer t.Stop()
	select {
	case <-t.C:
		return p.patient.Load()
	case <-p.hurry:
		return false
	}
}

// freeze keeps the disk as it is from here on.
func (p *patient) freeze(err error) {
	if p.frozen.CompareAndSwap(nil, &failure{err}) {
		p.report(fmt.Errorf("state has failed: %w", err))
		p.ring()
	}
}

// halt keeps a goroutine of Pebble for ever: one that came back to a frozen disk
// would tidy up versions of which one is half made. A process with a failed
// state is about to be started again.
func (p *patient) halt() { select {} }

// try does an operation, again and again while the disk is full.
func (p *patient) try(op func() error) error {
	if p.frozen.Load() != nil {
		p.halt()
	}
	err := op()
	if err == nil || !p.patient.Load() {
		return err
	}
	if full(err) {
		p.report(err)
		p.waiting.Add(1)
		p.ring()
		for full(err) && p.pause() {
			err = op()
		}
		p.waiting.Add(-1)
	}
	if p.frozen.Load() != nil {
		p.halt()
	}
	if err != nil && !full(err) {
		p.last.Store(&failure{err})
		p.ring()
		p.pause()
	}
	return err
}

func (p *patient) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &patientFile{File: f, fs: p}, nil
}

// Create waits for room. The name of a manifest is made durable at once: Pebble
// does it together with the marker that points there, and a crash could leave
// the marker alone.
func (p *patient) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = p.try(func() error { f, err = p.FS.Create(name, c); return err })
	if err == nil && strings.HasPrefix(p.PathBase(name), "MANIFEST-") {
		err = p.try(folder{fs: p.FS, dir: p.FS.PathDir(name)}.sync)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return p.file(f, err)
}

// OpenReadWrite waits for room.
func (p *patient) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (f vfs.File, err error) {
	err = p.try(func() error { f, err = p.FS.OpenReadWrite(name, c, o...); return err })
	return p.file(f, err)
}

// ReuseForWrite waits for room.
func (p *patient) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = p.try(func() error { f, err = p.FS.ReuseForWrite(from, to, c); return err })
	return p.file(f, err)
}

// OpenDir gives a directory whose Sync waits for room.
func (p *patient) OpenDir(name string) (vfs.File, error) {
	d, err := p.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &patientDir{File: d, fs: p}, nil
}

// Remove does nothing on a frozen disk.
func (p *patient) Remove(name string) error {
	if f := p.frozen.Load(); f != nil {
		return f.err
	}
	return p.FS.Remove(name)
}

// Link waits for room.
func (p *patient) Link(from, to string) error {
	return p.try(func() error { return p.FS.Link(from, to) })
}

// Rename waits for room.
func (p *patient) Rename(from, to string) error {
	return p.try(func() error { return p.FS.Rename(from, to) })
}

// Lock locks nothing: the engine's own lock covers the folder of the state, and
// a state that has failed could not give a second one back.
func (p *patient) Lock(string) (io.Closer, error) { return unlocked{}, nil }

type unlocked struct{}

// Close does nothing.
func (unlocked) Close() error { return nil }

// Unwrap gives the file system below.
func (p *patient) Unwrap() vfs.FS { return p.FS }

// patientDir is a directory. Pebble panics where syncing one fails.
type patientDir struct {
	vfs.File
	fs *patient
}

// Sync waits for room; where it fails otherwise, the disk is frozen.
func (d *patientDir) Sync() error {
	err := d.fs.try(d.File.Sync)
	if err != nil && d.fs.running.Load() {
		d.fs.freeze(err)
		return nil
	}
	return err
}

type patientFile struct {
	vfs.File
	fs      *patient
	written int // bytes since others were let go first
}

// turnBytes are written until others may go first. A flush or a compaction is
// busy for a quarter of a millisecond with as much, and would keep its processor
// for ten.
const turnBytes = 16 << 10

// Write goes on where a full disk stopped it.
func (f *patientFile) Write(b []byte) (int, error) {
	if f.written += len(b); f.written >= turnBytes {
		f.written = 0
		runtime.Gosched()
	}
	done := 0
	err := f.fs.try(func() error {
		n, err := f.File.Write(b[done:])
		done += n
		return err
	})
	return done, err
}

// WriteAt waits for room.
func (f *patientFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.fs.try(func() error { n, err = f.File.WriteAt(b, at); return err })
	return n, err
}

// Preallocate is only an advice.
func (f *patientFile) Preallocate(at, length int64) error {
	if err := f.File.Preallocate(at, length); err != nil && !full(err) {
		return err
	}
	return nil
}

// Sync waits for room.
func (f *patientFile) Sync() error { return f.fs.try(f.File.Sync) }

// SyncData waits for room.
func (f *patientFile) SyncData() error { return f.fs.try(f.File.SyncData) }

// SyncTo waits for room.
func (f *patientFile) SyncTo(length int64) (whole bool, err error) {
	err = f.fs.try(func() error { whole, err = f.File.SyncTo(length); return err })
	return whole, err
}
