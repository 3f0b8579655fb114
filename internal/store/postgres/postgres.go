// Package postgres is the engine for PostgreSQL and what speaks its language:
// the log in blocks of sealed records, the state as rows by bucket. It never
// decides what a row means and never keeps a key that opens a payload: data
// keys are wrapped by a master key that stays outside the database. START
// READING at lease.go (who may write), then log_append.go and state_commit.go.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Options of Open.
type Options struct {
	// DSN is where the database is: a postgres:// URL or key=value pairs.
	DSN string
	// Schema is where the tables are; empty takes the role's search path.
	Schema string
	// Master wraps the data keys. Every node of an instance has the same one.
	Master [seal.MasterBytes]byte
	// MemoryBudget is what caches may take in bytes; zero is 64 MiB.
	MemoryBudget int64
	// Connections is how many the pool opens at most; zero is 16.
	Connections int
	// Lease is how long a node that fell silent keeps the right to write; zero
	// is 6 s. The node renews it three times in that time.
	Lease time.Duration
	// Owner names this node, to people who look into the database and to itself:
	// a lease of the same owner is an earlier run's and is taken at once. Empty
	// is the machine's name with a random end.
	Owner string
	// Carrier keeps the blocks of the log outside the database; nil: they are in
	// its tables. What was written before stays where it is. The store closes it,
	// also where Open fails.
	Carrier store.Carrier
	// Random is where data keys come from; nil is crypto/rand.
	Random io.Reader
	// Waiting is told, once, that another node holds the lease; nil ignores it.
	Waiting func(owner string)
	// Lost is told, once, that this node may no longer write; nil ignores it.
	Lost func(error)
}

const (
	defaultMemory      = 64 << 20
	defaultConnections = 16
	defaultLease       = 6 * time.Second
)

func (o Options) filled() Options {
	if o.MemoryBudget <= 0 {
		o.MemoryBudget = defaultMemory
	}
	if o.Connections <= 0 {
		o.Connections = defaultConnections
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.Owner == "" {
		host, _ := os.Hostname()
		o.Owner = host + " " + rand.Text()[:8]
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Waiting == nil {
		o.Waiting = func(string) {}
	}
	if o.Lost == nil {
		o.Lost = func(error) {}
	}
	return o
}

// Store is the engine.
type Store struct {
	*session
	log   *Log
	state *State
}

// session is what the log and the state share: the connections, the lease, and
// whether the store is open.
type session struct {
	pool    *pgxpool.Pool
	options Options
	flavour Flavour
	lease   lease

	mu     sync.RWMutex // held for reading by calls, for writing by Close
	closed bool
	ctx    context.Context //nolint:containedctx // ends with the store
	stop   context.CancelFunc
	beat   chan struct{} // closed when the heart has stopped
}

// enter begins a call. The context it gives ends with the caller's or the
// store's.
func (s *session) enter(ctx context.Context) (context.Context, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return nil, nil, store.ErrClosed
	}
	return ctx, s.mu.RUnlock, nil
}

// Open connects, brings the tables to this version's form, waits until this
// node holds the lease, and reads how far the log and the state are.
func Open(ctx context.Context, options Options) (*Store, error) {
	o := options.filled()
	pool, err := connect(ctx, o)
	if err != nil {
		o.putDown()
		return nil, err
	}
	s := &session{pool: pool, options: o, beat: make(chan struct{})}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	opened, err := s.open(ctx)
	if err != nil {
		s.stop()
		pool.Close()
		o.putDown()
		return nil, err
	}
	return opened, nil
}

// putDown closes the carrier, if there is one.
func (o *Options) putDown() {
	if o.Carrier != nil {
		o.Carrier.Close()
	}
}

func (s *session) open(ctx context.Context) (*Store, error) {
	var err error
	if s.flavour, err = detect(ctx, s.pool); err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.pool, s.flavour); err != nil {
		return nil, err
	}
	master := seal.NewMaster(s.options.Master)
	held, err := s.acquire(ctx, master)
	if err != nil {
		return nil, err
	}
	state, err := openState(ctx, s)
	if err != nil {
		return nil, errors.Join(err, s.release(ctx))
	}
	go s.keepLease()
	opened := &Store{session: s, log: openLog(s, held, master), state: state}
	if err := opened.log.look(ctx); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// Flavour tells which database it is.
func (s *Store) Flavour() Flavour { return s.flavour }

// Log gives the log.
func (s *Store) Log() store.Log { return s.log }

// State gives the state.
func (s *Store) State() store.State { return s.state }

// Close waits for the calls under way, makes the state durable and lets the
// lease go, so that another node need not wait. A second call does nothing.
func (s *Store) Close() error {
	s.stop() // first: a call may be waiting for a database that is gone
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	<-s.beat
	ctx, cancel := context.WithTimeout(context.Background(), s.options.Lease)
	defer cancel()
	err := s.release(ctx)
	s.pool.Close()
	s.options.putDown()
	if err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}
