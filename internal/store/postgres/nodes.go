package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Node is one of the programs that run on a database.
type Node struct {
	ID      string
	Address string // where other nodes reach it: scheme, host and port
	Version string
	State   string        // what it says of itself
	Silent  time.Duration // since it was last heard of
	Holder  bool          // it holds the lease
}

// RegistryOptions are those of OpenRegistry.
type RegistryOptions struct {
	DSN, Schema string
	// Node is what this one tells of itself. An empty address is the one from
	// which it reaches the database, with Port.
	Node Node
	// Scheme and Port complete an address that was not given.
	Scheme, Port string
	// Every is how often the database is asked who holds the lease; zero is
	// 250 ms.
	Every time.Duration
	// Moved is told the address of whoever holds the lease when that changes:
	// empty while nobody does, or this node. It must not wait.
	Moved func(address string)
}

// Registry is which nodes there are and which of them holds the lease, as the
// database says. It never takes the lease and needs no open Store.
type Registry struct {
	pool    *pgxpool.Pool
	options RegistryOptions
	stop    context.CancelFunc
	ended   chan struct{}

	mu    sync.Mutex
	self  Node
	nodes []Node
	heard time.Time // when the database last answered
	moved string    // what Moved was last told
}

const (
	defaultEvery = 250 * time.Millisecond
	beatEvery    = time.Second
	// silence is after how long a node counts as gone.
	silence = 5 * time.Second
	// forgotten is after how long it is taken off the list.
	forgotten = 24 * time.Hour
)

// OpenRegistry connects, makes the tables where they are missing, and says that
// this node is there.
func OpenRegistry(ctx context.Context, o RegistryOptions) (*Registry, error) {
	if o.Every <= 0 {
		o.Every = defaultEvery
	}
	pool, err := connect(ctx, Options{DSN: o.DSN, Schema: o.Schema, Connections: 2})
	if err != nil {
		return nil, err
	}
	r := &Registry{pool: pool, options: o, self: o.Node, ended: make(chan struct{})}
	flavour, err := detect(ctx, pool)
	if err == nil {
		err = migrate(ctx, pool, flavour)
	}
	if err == nil && r.self.Address == "" {
		r.self.Address, err = r.guess(ctx)
	}
	if err == nil {
		err = r.look(ctx, true)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("joining the other nodes: %w", err)
	}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	go r.follow(ctx)
	return r, nil
}

// guess is the address from which the database is reached.
func (r *Registry) guess(ctx context.Context) (string, error) {
	host := "127.0.0.1"
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	if local, ok := conn.Conn().PgConn().Conn().LocalAddr().(*net.TCPAddr); ok {
		host = local.IP.String()
	}
	return r.options.Scheme + "://" + net.JoinHostPort(host, r.options.Port), nil
}

func (r *Registry) follow(ctx context.Context) {
	defer close(r.ended)
	told := time.Now()
	for pause(ctx, r.options.Every) == nil {
		beat := time.Since(told) >= beatEvery
		limit, cancel := context.WithTimeout(ctx, silence)
		if err := r.look(limit, beat); err == nil && beat {
			told = time.Now()
		}
		cancel()
	}
}

// look asks for everything in one round trip, and says that this node is there.
func (r *Registry) look(ctx context.Context, beat bool) error {
	const (
		tell = `INSERT INTO nodes (id, address, version, state, beat) VALUES ($1, $2, $3, $4, clock_timestamp())
			ON CONFLICT (id) DO UPDATE SET address = excluded.address, version = excluded.version, state = excluded.state, beat = excluded.beat`
		prune = `DELETE FROM nodes WHERE beat < clock_timestamp() - $1::interval`
		list  = `SELECT id, address, version, state, clock_timestamp() - beat FROM nodes ORDER BY id`
		held  = `SELECT owner FROM leases WHERE part = $1 AND expires >= clock_timestamp()`
	)
	r.mu.Lock()
	self := r.self
	r.mu.Unlock()
	var b pgx.Batch
	if beat {
		b.Queue(tell, self.ID, self.Address, self.Version, self.State)
		b.Queue(prune, forgotten)
	}
	b.Queue(held, part)
	b.Queue(list)
	answer := r.pool.SendBatch(ctx, &b)
	defer answer.Close() //nolint:errcheck // read to the end, or the error is told
	if beat {
		for range 2 {
			if _, err := answer.Exec(); err != nil {
				return err
			}
		}
	}
	var holder string
	if err := answer.QueryRow().Scan(&holder); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	rows, err := answer.Query()
	if err != nil {
		return err
	}
	nodes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n Node, err error) {
		err = row.Scan(&n.ID, &n.Address, &n.Version, &n.State, &n.Silent)
		n.Holder = n.ID == holder
		return n, err
	})
	if err != nil {
		return err
	}
	r.learn(nodes)
	return nil
}

// learn takes over what the database said.
func (r *Registry) learn(nodes []Node) {
	address := ""
	for _, n := range nodes {
		if n.Holder && n.ID != r.options.Node.ID {
			address = n.Address
		}
	}
	r.mu.Lock()
	r.nodes, r.heard = nodes, time.Now()
	changed := address != r.moved
	r.moved = address
	r.mu.Unlock()
	if changed && r.options.Moved != nil {
		r.options.Moved(address)
	}
}

// Nodes are all that were heard of in the last day, by id.
func (r *Registry) Nodes() []Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.nodes)
}

// Others tells whether another node is there that could take over.
func (r *Registry) Others() bool {
	return slices.ContainsFunc(r.Nodes(), func(n Node) bool {
		return n.ID != r.options.Node.ID && n.Silent < silence && n.State != Stopping
	})
}

// Stopping is the state of a node that takes nothing over.
const Stopping = "stopping"

// Say changes what this node tells of itself, from the next beat on.
func (r *Registry) Say(state string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.self.State = state
}

// Heard tells whether the database answered lately.
func (r *Registry) Heard() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.heard) < silence
}

// Close takes this node off the list. It is no error if the database does not
// hear it: silence says the same.
func (r *Registry) Close(ctx context.Context) {
	r.stop()
	<-r.ended
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	r.pool.Exec(ctx, `DELETE FROM nodes WHERE id = $1`, r.options.Node.ID) //nolint:errcheck // see above
	r.pool.Close()
}
