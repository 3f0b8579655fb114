package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"rapport/internal/store"
)

const (
	bloomBits       = 10
	leastMemtable   = 1 << 20
	mostMemtable    = 64 << 20
	memtables       = 3 // one that fills, and those being flushed
	stateBlock      = 8 << 10
	firstTargetFile = 4 << 20
)

// openState opens Pebble in the folder.
func openState(f folder, o Options) (*State, error) {
	tameMalloc()
	s := &State{
		fs:      newPatient(o),
		applied: map[store.Span]store.Position{}, spare: map[store.Span]*pebble.Batch{},
	}
	s.folder = folder{fs: s.fs, dir: f.path("state")}
	// Rows come back rarely, and what they grow by often: of little memory as
	// much buffers writes, which saves compactions, as caches reads.
	memtable := min(max(o.MemoryBudget/8, leastMemtable), mostMemtable)
	// Pebble takes the memtables' memory out of the cache's.
	s.cache = pebble.NewCache(o.MemoryBudget / 4 * 3)
	s.recent = newRecent(memtable)
	options := &pebble.Options{
		FS:                          s.fs,
		Cache:                       s.cache,
		Merger:                      partsMerger,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                uint64(memtable),
		MemTableStopWritesThreshold: memtables,
		// Few small runs are not worth the rewriting of what lies below: filters
		// spare a reader most of them.
		L0CompactionThreshold:      16,
		L0StopWritesThreshold:      48,
		LBaseMaxBytes:              max(4*memtable, 64<<20),
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
		// Purge turns the manifest; Pebble does so beyond a size, and not before
		// there were as many edits as there are files.
		MaxManifestFileSize: 1,
		Logger:              pebbleLog{s, o.Report},
		EventListener: &pebble.EventListener{
			BackgroundError: o.Report,
			FlushBegin:      func(pebble.FlushInfo) { s.recent.flushes.Add(1) },
			FlushEnd:        func(pebble.FlushInfo) { trimMalloc() },
		},
	}
	options.TargetFileSizes[0] = firstTargetFile
	// Where many rows are deleted, as timers are that fired, Pebble would rewrite
	// what lies below after each flush. Who reads rows that come and go begins
	// behind those that went.
	options.Experimental.TombstoneDenseCompactionThreshold = -1
	for i := range options.Levels {
		options.Levels[i].BlockSize = stateBlock
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
	}
	// The dearer ones save a tenth of the disk and cost a tenth of ingest.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	db, err := openPebble(f.path("state"), options)
	if err != nil {
		s.cache.Unref()
		return nil, fmt.Errorf("opening the state: %w", err)
	}
	s.db = db
	if err := s.readApplied(); err != nil {
		s.fs.stop()
		err = errors.Join(err, db.Close())
		s.cache.Unref()
		return nil, err
	}
	s.fs.running.Store(true)
	s.fs.patient.Store(true)
	return s, nil
}

// openPebble turns the panic into an error with which Pebble answers a folder
// that cannot be synced.
func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case error:
			err = cause
		default:
			panic(cause)
		}
	}()
	return pebble.Open(dir, o)
}

// pebbleLog is Pebble's logger: it says nothing of the usual, and turns what
// Pebble thinks fatal into a state that answers with an error, so that the log
// goes on taking events.
type pebbleLog struct {
	state  *State
	report func(error)
}

// Infof drops the message.
func (pebbleLog) Infof(string, ...any) {}

// Errorf reports the message.
func (l pebbleLog) Errorf(format string, args ...any) {
	l.report(fmt.Errorf("state: "+format, args...))
}

// Fatalf freezes the disk and ends the goroutine, which is one of Pebble's own
// once it is open. To return would let Pebble go on with a half-made version of
// itself.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.state.fs.freeze(fmt.Errorf(format, args...))
	if l.state.fs.running.Load() {
		runtime.Goexit()
	}
}

// flush waits for the memtables to be written, or for a reason why they cannot.
func (s *State) flush(ctx context.Context) error {
	// A flush must not queue up behind one that waits for room.
	if err := s.room(); err != nil {
		return err
	}
	before := s.fs.last.Load()
	ended := s.turn()
	done, err := s.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flushing the state: %w", err)
	}
	s.recent.until(done, ended)
	for {
		// Asked for first, so that nothing rings between looking and waiting.
		alarm := s.fs.trouble()
		if f := s.fs.last.Load(); f != before {
			return fmt.Errorf("flushing the state: %w", f.err)
		}
		if err := s.sound(); err != nil {
			return err
		}
		select {
		case <-done:
			s.recent.drop()
			return s.sound()
		case <-ctx.Done():
			return ctx.Err()
		case <-alarm:
		}
		if err := s.room(); err != nil {
			return err
		}
	}
}

// close flushes and stops. It does not wait for room on a full disk: what was
// not flushed is made again from the log.
func (s *State) close() error {
	if !s.gate.close() {
		return nil
	}
	err := s.sound()
	if err == nil {
		err = s.flush(context.Background())
	}
	s.fs.stop()
	done := make(chan error, 1)
	go func() { done <- s.stop() }()
	for {
		alarm := s.fs.trouble()
		if s.fs.frozen.Load() != nil {
			// Pebble may wait for ever for what it lost. It can do no harm.
			return translate(errors.Join(err, s.sound()))
		}
		select {
		case closed := <-done:
			return translate(errors.Join(err, closed))
		case <-alarm:
		}
	}
}

// stop closes Pebble.
func (s *State) stop() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("stopping the state: %v", cause)
		}
	}()
	err = s.db.Close()
	s.cache.Unref()
	return err
}
