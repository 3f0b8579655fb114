package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// part is the part of the log that this version writes: all of it.
const part = 0

// ErrLost says that another node took the lease: this one must stop.
var ErrLost = errors.New("another node holds the lease of this store")

// lease is the right to write. Whoever takes it raises the epoch, and every
// transaction that writes asks for its epoch, so that a node which was paused
// or cut off can harm nothing when it returns.
type lease struct {
	mu    sync.RWMutex // held for reading while a transaction with the epoch runs
	epoch int64
	token [16]byte // tells what this node took from what another did
	lost  bool
}

// fence fails a transaction, by a division by zero, unless the epoch is current.
// It locks the row against a take-over until the transaction ends, and does not
// wait for appends, which change no key.
const fence = `SELECT 1 / (SELECT count(*) FROM (SELECT FROM leases WHERE part = $1 AND epoch = $2 FOR KEY SHARE) held)`

// holding is what the row of the lease says of the log.
type holding struct {
	end, last, bytes int64
	sums             store.Tally
	nextKey          int64
}

// acquire waits until the lease is free or expired and takes it.
func (s *session) acquire(ctx context.Context, master *seal.Master) (*holding, error) {
	mark := master.Mark()
	empty := (&store.Tally{}).Append(nil)
	const begin = `INSERT INTO leases (part, epoch, owner, expires, log_end, log_last, log_bytes, log_sums, next_key, master, token)
		VALUES ($1, 0, '', 'epoch', 0, 0, 0, $2, 0, $3, '') ON CONFLICT DO NOTHING`
	if _, err := s.pool.Exec(ctx, begin, part, empty, mark[:]); err != nil {
		return nil, fmt.Errorf("making the lease: %w", translate(err))
	}
	if _, err := io.ReadFull(s.options.Random, s.lease.token[:]); err != nil {
		return nil, fmt.Errorf("drawing a token: %w", err)
	}
	told := false
	for {
		owner, free, err := s.look(ctx, mark[:])
		if free {
			var held *holding
			if held, err = s.take(ctx, mark[:]); held != nil {
				return held, nil
			}
		}
		if err != nil && !away(err) {
			return nil, err
		}
		if !told && owner != "" {
			told = true
			s.options.Waiting(owner)
		}
		if err := pause(ctx, s.options.Lease/looks); err != nil {
			return nil, err
		}
	}
}

// looks is how often a node looks whether the lease is free in the time that
// one lasts: what a hand-over makes requests wait.
const looks = 24

// look tells who holds the lease, without a lock that its holder would feel, and
// refuses a node that could not read what the others wrote.
func (s *session) look(ctx context.Context, mark []byte) (owner string, free bool, err error) {
	var master []byte
	const ask = `SELECT owner, expires < clock_timestamp() OR owner = $2, master FROM leases WHERE part = $1`
	err = s.pool.QueryRow(ctx, ask, part, s.options.Owner).Scan(&owner, &free, &master)
	if err == nil && string(master) != string(mark) {
		err = ErrMaster
	}
	if err != nil {
		return "", false, fmt.Errorf("looking who holds the lease: %w", gone(err))
	}
	return owner, free, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// take takes the lease; nil: somebody holds it.
func (s *session) take(ctx context.Context, mark []byte) (held *holding, err error) {
	var h holding
	var free bool
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var epoch int64
		var sums, master []byte
		const look = `SELECT epoch, expires < clock_timestamp() OR owner = $2, log_end, log_last, log_bytes, log_sums, next_key, master
			FROM leases WHERE part = $1 FOR UPDATE`
		row := tx.QueryRow(ctx, look, part, s.options.Owner)
		if err := row.Scan(&epoch, &free, &h.end, &h.last, &h.bytes, &sums, &h.nextKey, &master); err != nil {
			return gone(err)
		}
		if !free {
			return nil
		}
		if string(master) != string(mark) {
			return ErrMaster
		}
		if err := h.sums.Parse(sums); err != nil {
			return fmt.Errorf("%w: %w", errLease, err)
		}
		const raise = `UPDATE leases SET epoch = $2, owner = $3, expires = clock_timestamp() + $4::interval, token = $5 WHERE part = $1`
		if _, err := tx.Exec(ctx, raise, part, epoch+1, s.options.Owner, s.options.Lease, s.lease.token[:]); err != nil {
			return err
		}
		s.lease.epoch = epoch + 1
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking the lease: %w", translate(err))
	}
	if !free {
		return nil, nil
	}
	return &h, nil
}

// errLease says that no waiting helps: the lease is not as nodes leave it.
var errLease = errors.New("the lease of this database is damaged: restore the database from a backup")

// gone tells a row of the lease that is gone or cannot be read from a database
// that is away.
func gone(err error) error {
	if _, unread := errors.AsType[pgx.ScanArgError](err); unread || errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%w: %w", errLease, err)
	}
	return err
}

// ErrMaster says that this node has another master key than the one that made
// the data.
var ErrMaster = errors.New("the data keys of this database are wrapped by another master key: give every node the same master key")

// keepLease renews the lease until the store is closed or the lease is lost.
func (s *session) keepLease() {
	defer close(s.beat)
	const renew = `UPDATE leases SET expires = clock_timestamp() + $3::interval WHERE part = $1 AND epoch = $2`
	for {
		if pause(s.ctx, s.options.Lease/3) != nil {
			return
		}
		s.lease.mu.RLock()
		ctx, cancel := context.WithTimeout(s.ctx, s.options.Lease/3)
		tag, err := s.pool.Exec(ctx, renew, part, s.lease.epoch, s.options.Lease)
		cancel()
		s.lease.mu.RUnlock()
		// A database that does not answer may come back before anybody else
		// takes the lease; one that answers "no row" has given it away.
		if err == nil && tag.RowsAffected() == 0 {
			s.lose()
			return
		}
	}
}

// lose notes that the lease is gone for good.
func (s *session) lose() {
	s.lease.mu.Lock()
	told := s.lease.lost
	s.lease.lost = true
	s.lease.mu.Unlock()
	if !told {
		s.options.Lost(ErrLost)
	}
}

// fenced runs a transaction that writes under the lease.
func (s *session) fenced(write func(epoch int64) error) error {
	s.lease.mu.RLock()
	epoch, lost := s.lease.epoch, s.lease.lost
	if lost {
		s.lease.mu.RUnlock()
		return ErrLost
	}
	err := write(epoch)
	s.lease.mu.RUnlock()
	if err = translate(err); errors.Is(err, ErrLost) {
		s.lose()
	}
	return err
}

// settle makes sure that no transaction of this node is still on its way in the
// database after a connection broke: it raises the epoch that all of them ask
// for, and waits for those that asked already.
func (s *session) settle(ctx context.Context) error {
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	if s.lease.lost {
		return ErrLost
	}
	for {
		var epoch int64
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			var token []byte
			if err := tx.QueryRow(ctx, `SELECT epoch, token FROM leases WHERE part = $1 FOR UPDATE`, part).Scan(&epoch, &token); err != nil {
				return err
			}
			if string(token) != string(s.lease.token[:]) {
				return ErrLost
			}
			epoch++
			_, err := tx.Exec(ctx, `UPDATE leases SET epoch = $2 WHERE part = $1`, part, epoch)
			return err
		})
		if err == nil {
			s.lease.epoch = epoch
			return nil
		}
		if errors.Is(err, ErrLost) {
			s.lease.lost = true
			s.options.Lost(ErrLost)
			return ErrLost
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.ctx.Err() != nil {
			return store.ErrClosed
		}
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

// release lets the lease go. What was committed is durable when it returns.
func (s *session) release(ctx context.Context) error {
	s.lease.mu.Lock()
	defer s.lease.mu.Unlock()
	if s.lease.lost {
		return nil
	}
	s.lease.lost = true
	const free = `UPDATE leases SET expires = 'epoch', owner = '' WHERE part = $1 AND epoch = $2`
	_, err := s.pool.Exec(ctx, free, part, s.lease.epoch)
	return err
}
