// Package memory is the engine that one can check by reading: the oracle for
// every other, and quick for tests. It never touches a disk; a Disk stands in
// for one, so that a test can reopen a store and crash it.
package memory

import (
	"context"
	"sync"

	"rapport/internal/id"
	"rapport/internal/store"
)

// Disk is what outlives a Store: the log, the rows as of the last flush, and
// the commits since. A Disk may be open in one Store at a time.
type Disk struct {
	mu      sync.Mutex
	log     records
	rows    rows
	pending []store.Commit // not flushed, oldest first
}

// NewDisk makes an empty disk.
func NewDisk() *Disk {
	return &Disk{rows: newRows(), log: newRecords()}
}

// Pending is how many commits a crash could take.
func (d *Disk) Pending() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pending)
}

// Crash is a loss of power: of the commits that were not flushed only the first
// kept survive. What was appended to the log survives whole. The store that was
// open on the disk must not be used again.
func (d *Disk) Crash(kept int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending = d.pending[:min(kept, len(d.pending))]
}

// Store is the engine.
type Store struct {
	log   *Log
	state *State
}

// New opens a store on a disk of its own.
func New() *Store { return Open(NewDisk()) }

// Open opens a store on a disk, with the state that the disk holds.
func Open(d *Disk) *Store {
	d.mu.Lock()
	defer d.mu.Unlock()
	live := d.rows.clone()
	for _, c := range d.pending {
		live.apply(c)
	}
	return &Store{log: &Log{disk: d}, state: &State{disk: d, rows: live}}
}

// Log gives the log.
func (s *Store) Log() store.Log { return s.log }

// State gives the state.
func (s *Store) State() store.State { return s.state }

// Close makes every later call answer store.ErrClosed; the disk keeps all.
func (s *Store) Close() error {
	s.log.disk.mu.Lock()
	s.log.closed = true
	s.log.disk.mu.Unlock()
	s.state.mu.Lock()
	s.state.closed = true
	s.state.mu.Unlock()
	return s.state.persist()
}

// usable is what every call asks first.
func usable(ctx context.Context, closed bool) error {
	if closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

// records is the log as the disk keeps it.
type records struct {
	all     []store.Record
	end     store.Position
	counts  store.Counts
	secrets map[id.Key][]int // the records that an erasure takes, in all
	size    uint64
}

func newRecords() records {
	return records{
		counts:  store.Counts{Rejected: map[string]uint64{}},
		secrets: map[id.Key][]int{},
	}
}

// WithState gives a store with this one's log and another's state, on a disk of
// its own: what a test expects after a crash took commits.
func (s *Store) WithState(state store.State) *Store {
	other, ok := state.(*State)
	if !ok {
		panic("memory: state of another engine")
	}
	d := NewDisk()
	s.log.disk.mu.Lock()
	d.log = s.log.disk.log
	s.log.disk.mu.Unlock()
	other.mu.RLock()
	d.rows = other.rows.clone()
	other.mu.RUnlock()
	return Open(d)
}
