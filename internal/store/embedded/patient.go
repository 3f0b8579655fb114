package embedded

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// patient is the file system under Pebble. Pebble takes a failed write of its
// manifest for the end, and tries a failed flush again at once, for ever. So
// where the disk is full a write waits here until there is room, while the
// engine answers store.ErrFull; and any other failed write waits a moment, so
// that trying again does not eat the machine.
type patient struct {
	vfs.FS
	report func(error)

	waiting atomic.Int32 // writes that wait for room
	broken  atomic.Bool  // nothing may be written any more
	last    atomic.Pointer[failure]
	patient atomic.Bool   // false while opening and closing: fail at once
	hurry   chan struct{} // closed when closing
	once    sync.Once

	mu    sync.Mutex
	alarm chan struct{} // closed when a write fails or begins to wait
}

const (
	roomEvery   = 100 * time.Millisecond // how often a waiting write looks for room
	failedPause = 100 * time.Millisecond // before a failed write is given back
)

func newPatient(fs vfs.FS, report func(error)) *patient {
	return &patient{FS: fs, report: report, hurry: make(chan struct{}), alarm: make(chan struct{})}
}

// trouble gives a channel that is closed when the next write fails or begins to
// wait; while one waits, it is closed already.
func (p *patient) trouble() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full() || p.broken.Load() {
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
func (p *patient) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return p.patient.Load()
	case <-p.hurry:
		return false
	}
}

// try does an operation, again and again while the disk is full.
func (p *patient) try(op func() error) error {
	if p.broken.Load() && p.patient.Load() {
		p.pause(failedPause)
	}
	err := op()
	if err == nil || !p.patient.Load() {
		return err
	}
	if full(err) {
		p.report(err)
		p.waiting.Add(1)
		p.ring()
		for full(err) && p.pause(roomEvery) {
			err = op()
		}
		p.waiting.Add(-1)
	}
	if err != nil && !full(err) {
		p.last.Store(&failure{err})
		p.ring()
		p.pause(failedPause)
	}
	return err
}

func (p *patient) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &patientFile{File: f, fs: p}, nil
}

// Create waits for room.
func (p *patient) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = p.try(func() error { f, err = p.FS.Create(name, c); return err })
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
func (p *patient) OpenDir(name string) (vfs.File, error) { return p.file(p.FS.OpenDir(name)) }

// Link waits for room.
func (p *patient) Link(from, to string) error {
	return p.try(func() error { return p.FS.Link(from, to) })
}

// Rename waits for room.
func (p *patient) Rename(from, to string) error {
	return p.try(func() error { return p.FS.Rename(from, to) })
}

// Lock passes through: Pebble's own lock is beside the engine's.
func (p *patient) Lock(name string) (io.Closer, error) { return p.FS.Lock(name) }

// Unwrap gives the file system below.
func (p *patient) Unwrap() vfs.FS { return p.FS }

type patientFile struct {
	vfs.File
	fs *patient
}

// Write goes on where a full disk stopped it.
func (f *patientFile) Write(b []byte) (int, error) {
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
