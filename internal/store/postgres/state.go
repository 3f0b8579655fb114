package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/id"
	"rapport/internal/store"
)

// State is the rows of a Store.
type State struct {
	*session

	mu      sync.RWMutex
	applied map[store.Span]progress
	broken  error // the outcome of a commit is not known and never will be
	size    uint64
	sized   time.Time
}

// progress is how far a span has applied.
type progress struct {
	position store.Position
	serial   int64
}

func openState(ctx context.Context, s *session) (*State, error) {
	st := &State{session: s, applied: map[store.Span]progress{}}
	rows, err := s.pool.Query(ctx, `SELECT first_bucket, last_bucket, position, serial FROM state_positions`)
	if err != nil {
		return nil, fmt.Errorf("reading how far the state is: %w", translate(err))
	}
	defer rows.Close()
	for rows.Next() {
		var first, last int16
		var position, serial int64
		if err := rows.Scan(&first, &last, &position, &serial); err != nil {
			return nil, fmt.Errorf("reading how far the state is: %w", translate(err))
		}
		st.applied[store.Span{First: id.Bucket(first), Last: id.Bucket(last)}] = progress{store.Position(position), serial}
	}
	return st, translate(rows.Err())
}

// Applied is the largest position of a span that holds the bucket.
func (s *State) Applied(b id.Bucket) store.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	last := store.Position(0)
	for span, p := range s.applied {
		if span.Holds(b) {
			last = max(last, p.position)
		}
	}
	return last
}

// usable is what every call asks first.
func (s *State) usable(ctx context.Context) (context.Context, func(), error) {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.mu.RLock()
	broken := s.broken
	s.mu.RUnlock()
	if broken != nil {
		leave()
		return nil, nil, broken
	}
	return ctx, leave, nil
}

// Flush makes all commits before it durable: they are committed without waiting
// for the disk, and a transaction that does wait carries them along, for a
// database writes its own log in order.
func (s *State) Flush(ctx context.Context) error {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = s.fenced(func(epoch int64) error {
		const wait = `UPDATE leases SET owner = $3 WHERE part = $1 AND epoch = $2`
		tag, err := s.pool.Exec(ctx, wait, part, epoch, s.options.Owner)
		if err == nil && tag.RowsAffected() == 0 {
			return ErrLost
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("flushing the state: %w", translate(err))
	}
	return nil
}

// Purge makes the commits durable and lets the database take back the room of
// rows that changed or went, in the state and in the log. It reuses that room as
// it needs it; until then, and in its own log, what was there can be found by
// who reads the bytes of its files (docs/formats/postgres.md).
func (s *State) Purge(ctx context.Context, _ []store.RowKey) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for _, table := range []string{"state_rows", "log_blocks", "log_keys"} {
		if _, err := s.pool.Exec(ctx, "VACUUM "+table); err != nil {
			return fmt.Errorf("purging %s: %w", table, translate(err))
		}
	}
	return nil
}

// Reset empties the tables of the state, but for rows of some kinds.
func (s *State) Reset(ctx context.Context, keep ...store.Table) error {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.fenced(func(epoch int64) error {
		tx, err := s.pool.Begin(ctx)
		if err != nil {
			return err
		}
		defer tx.Rollback(ctx) //nolint:errcheck // does nothing after a commit
		if _, err := tx.Exec(ctx, fence, part, epoch); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "TRUNCATE state_positions"); err != nil {
			return err
		}
		if err := emptyRows(ctx, tx, keep); err != nil {
			return err
		}
		return tx.Commit(ctx)
	})
	if err != nil {
		return fmt.Errorf("emptying the state: %w", translate(err))
	}
	clear(s.applied)
	return nil
}

// emptyRows removes all rows but those of some kinds. Those are few, so they are put
// aside: removing all others row by row would write each into the database's log and
// leave its room taken until it is vacuumed.
func emptyRows(ctx context.Context, tx pgx.Tx, keep []store.Table) error {
	if len(keep) == 0 {
		_, err := tx.Exec(ctx, "TRUNCATE state_rows")
		return err
	}
	kinds := make([]int16, len(keep))
	for i, t := range keep {
		kinds[i] = int16(t)
	}
	if _, err := tx.Exec(ctx, "CREATE UNLOGGED TABLE state_kept (LIKE state_rows)"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "INSERT INTO state_kept SELECT * FROM state_rows WHERE kind = ANY($1::smallint[])", kinds); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "TRUNCATE state_rows; INSERT INTO state_rows SELECT * FROM state_kept; DROP TABLE state_kept")
	return err
}

// sizeAge is how old the answer of Size may be.
const sizeAge = 10 * time.Second

// Size is the bytes on disk, with indexes and dead rows. It asks the database
// at most every ten seconds.
func (s *State) Size() uint64 {
	ctx, leave, err := s.usable(s.ctx)
	if err != nil {
		return 0
	}
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.sized) >= sizeAge {
		var n int64
		ask := `SELECT pg_total_relation_size('state_rows')`
		if s.flavour.Citus {
			ask = `SELECT citus_total_relation_size('state_rows')`
		}
		if s.pool.QueryRow(ctx, ask).Scan(&n) == nil {
			s.size, s.sized = uint64(n), now
		}
	}
	return s.size
}
