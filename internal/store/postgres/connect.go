package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// PostgreSQL's codes that mean something to us.
const (
	codeDivision     = "22012" // what a statement does that finds the lease gone
	codeDuplicate    = "42P07"
	codeUnique       = "23505"
	codeSerialize    = "40001"
	codeDeadlock     = "40P01"
	codeDiskFull     = "53100"
	codeDuplicateObj = "42710"
	codeTooMany      = "53300"
)

func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// translate gives the errors of storage for those of the database.
func translate(err error) error {
	switch code(err) {
	case codeDiskFull:
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case codeDivision:
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	if err != nil && unreachable(err) {
		return fault.Errorf(fault.Unavailable, "database_unavailable", "the database takes nobody or does not answer; try again when it does: %w", err)
	}
	return err
}

// unreachable tells an error of a connection, and those with which a server takes
// nobody for now: it starts, it ends, or it has as many connections as it may.
func unreachable(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || fault.Of(err) != nil {
		return false
	}
	if c := code(err); c != "" {
		return c == codeTooMany || strings.HasPrefix(c, "57P") || strings.HasPrefix(c, "08") || again(err)
	}
	_, refused := errors.AsType[*pgconn.ConnectError](err)
	_, broken := errors.AsType[net.Error](err)
	return refused || broken || again(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func connect(ctx context.Context, o Options) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, fmt.Errorf("store address: %w", err)
	}
	c.MaxConns = int32(o.Connections)
	c.MaxConnIdleTime = time.Minute
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	p := c.ConnConfig.RuntimeParams
	p["application_name"] = "rapport"
	p["timezone"] = "UTC"
	if o.Schema != "" {
		p["search_path"] = pgx.Identifier{o.Schema}.Sanitize()
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	return pool, nil
}

// Flavour is which database stands behind the wire.
type Flavour struct {
	Version   string // as the server gives it
	Citus     bool   // tables are distributed over its workers
	Superuser bool   // the role may do anything, which it need not
}

func detect(ctx context.Context, pool *pgxpool.Pool) (f Flavour, err error) {
	const ask = `SELECT version(), EXISTS (SELECT FROM pg_extension WHERE extname = 'citus'),
		(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`
	if err := pool.QueryRow(ctx, ask).Scan(&f.Version, &f.Citus, &f.Superuser); err != nil {
		return f, fmt.Errorf("asking which database it is: %w", err)
	}
	return f, nil
}

//go:embed migrations/*.sql
var migrations embed.FS

// distribution names the column by which Citus spreads each table. The tables
// that are read and written together by bucket lie together.
var distribution = []struct{ table, column string }{
	{"leases", "part"},
	{"log_blocks", "part"},
	{"log_keys", "bucket"},
	{"state_rows", "bucket"},
	{"state_positions", "first_bucket"},
}

// migrate brings the tables forward, one transaction per step. Of several nodes
// that start at once one does a step and the others find it done.
func migrate(ctx context.Context, pool *pgxpool.Pool, f Flavour) error {
	const table = `CREATE TABLE IF NOT EXISTS schema_steps
		(step integer PRIMARY KEY, name text NOT NULL, done timestamptz NOT NULL DEFAULT now())`
	if _, err := pool.Exec(ctx, table); err != nil && !raced(err) {
		return fmt.Errorf("making the table of schema steps: %w", translate(err))
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("listing schema steps: %w", err)
	}
	slices.Sort(names)
	var known int
	if err := pool.QueryRow(ctx, `SELECT coalesce(max(step), 0) FROM schema_steps`).Scan(&known); err != nil {
		return fmt.Errorf("reading the schema steps: %w", err)
	}
	if known > len(names) {
		return fault.Errorf(fault.Conflict, "newer_data", "the database is of a newer version (schema step %d, this one knows %d): upgrade this node", known, len(names))
	}
	for i, name := range names {
		if i+1 <= known {
			continue
		}
		if err := step(ctx, pool, f, i+1, name); err != nil && !raced(err) {
			return fmt.Errorf("schema step %s: %w", name, translate(err))
		}
	}
	return nil
}

func step(ctx context.Context, pool *pgxpool.Pool, f Flavour, number int, name string) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// The row comes first: a second node waits for it, then finds it taken.
		if _, err := tx.Exec(ctx, `INSERT INTO schema_steps (step, name) VALUES ($1, $2)`, number, strings.TrimPrefix(name, "migrations/")); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(text)); err != nil {
			return err
		}
		if !f.Citus || number != 1 {
			return nil
		}
		for _, d := range distribution {
			if _, err := tx.Exec(ctx, `SELECT create_distributed_table($1::regclass, $2)`, d.table, d.column); err != nil {
				return err
			}
		}
		return nil
	})
}

// raced tells whether another node did the same at the same time.
func raced(err error) bool {
	switch code(err) {
	case codeUnique, codeDuplicate, codeDuplicateObj:
		return true
	}
	return false
}

// tries is how often a transaction is made that the database undid for reasons
// of its own, and retryPause how long the pause between is.
const (
	tries      = 5
	retryPause = 100 * time.Millisecond
)

// again tells whether the same call may work when it is made anew: the database
// undid it for reasons of its own.
func again(err error) bool {
	switch code(err) {
	case codeSerialize, codeDeadlock:
		return true
	}
	return pgconn.SafeToRetry(err)
}

// away tells an error of a database that is not there for now, such as while it
// starts again: whoever stands by asks once more.
func away(err error) bool {
	if errors.Is(err, ErrMaster) || errors.Is(err, errLease) || errors.Is(err, context.Canceled) {
		return false
	}
	c := code(err)
	return c == "" || strings.HasPrefix(c, "57P") || strings.HasPrefix(c, "08") || again(err)
}

// said tells whether the database itself refused, so that nothing was kept.
// Where the connection broke instead, the outcome is not known.
func said(err error) bool { return code(err) != "" || pgconn.SafeToRetry(err) }
