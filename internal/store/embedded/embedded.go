// Package embedded is the engine for one machine: a log of its own in plain
// files, with its data keys beside it, and Pebble for the state. It never
// touches a disk but through Pebble's vfs.FS, so that tests can cut the power,
// fill the disk and fail any call. START READING at log_append.go (how a frame
// becomes durable) and state.go.
package embedded

import (
	"crypto/rand"
	"errors"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// Options of Open. The zero value is fit for use.
type Options struct {
	// FS is the file system; nil is the machine's.
	FS vfs.FS
	// MemoryBudget is what the engine may take of memory in bytes, for block
	// cache, memtables and data keys together; zero is 256 MiB. Below 16 MiB it
	// counts as 16 MiB.
	MemoryBudget int64
	// Random is where data keys come from; nil is crypto/rand.
	Random io.Reader
	// SegmentBytes is when a new file of the log begins; zero is 256 MiB.
	SegmentBytes int64
	// WrittenOnce says that the log's files must not be written ahead with zeros:
	// under a cipher in counter mode, what is written to a place twice tells who
	// reads both how the two differ.
	WrittenOnce bool
	// NoLock leaves out the lock on the folder, for file systems without locks.
	NoLock bool
	// Report is told what goes wrong in the background; nil ignores it. It may
	// be called from any goroutine and must not call the engine.
	Report func(error)

	pause time.Duration // before a failed write of the state is tried again
}

const (
	defaultMemory  = 256 << 20
	leastMemory    = 16 << 20
	defaultSegment = 256 << 20
	leastSegment   = 4 << 10
	defaultPause   = 100 * time.Millisecond
)

func (o Options) filled() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.MemoryBudget <= 0 {
		o.MemoryBudget = defaultMemory
	}
	o.MemoryBudget = max(o.MemoryBudget, leastMemory)
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegment
	}
	o.SegmentBytes = max(o.SegmentBytes, leastSegment)
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.pause == 0 {
		o.pause = defaultPause
	}
	return o
}

// Store is the engine.
type Store struct {
	lock  io.Closer
	log   *Log
	state *State
}

// Open opens the data in a folder, making the folder where there is none. It
// repairs what a crash left behind and gives an error, with the place, where a
// file is damaged in a way that no crash leaves.
func Open(dir string, options Options) (*Store, error) {
	o := options.filled()
	f := folder{fs: o.FS, dir: dir}
	if err := f.make(); err != nil {
		return nil, translate(err)
	}
	s := &Store{}
	if !o.NoLock {
		lock, err := o.FS.Lock(f.path("LOCK"))
		if err != nil {
			return nil, inUse(dir, err)
		}
		s.lock = lock
	}
	var err error
	if s.log, err = openLog(f, o); err != nil {
		return nil, errors.Join(translate(err), s.unlock())
	}
	if s.state, err = openState(f, o); err != nil {
		return nil, errors.Join(translate(err), s.log.close(), s.unlock())
	}
	return s, nil
}

func inUse(dir string, err error) error {
	return fault.Errorf(fault.Conflict, "data_in_use", "%s is in use: stop the process that has it open: %w", dir, err)
}

// Log gives the log.
func (s *Store) Log() store.Log { return s.log }

// State gives the state.
func (s *Store) State() store.State { return s.state }

// Close waits for the calls under way, flushes the state and stops. A second
// call does nothing.
func (s *Store) Close() error {
	return errors.Join(s.state.close(), s.log.close(), s.unlock())
}

func (s *Store) unlock() error {
	if s.lock == nil {
		return nil
	}
	lock := s.lock
	s.lock = nil
	return lock.Close()
}
