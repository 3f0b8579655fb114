package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Taking is a database that is being filled with the image of another store.
// Its lease belongs to the copy and never runs out, so that no node starts on it
// before it is whole.
type Taking struct {
	session
	ended int64 // address behind the last block
	bytes int64
}

// takingOwner holds the lease of a database that is being filled.
const takingOwner = "rapport copy"

var _ store.Taker = (*Taking)(nil)

// Take begins to fill a database, or goes on where an earlier Taking stopped. It
// refuses one that holds an instance. Again says that whoever calls has begun
// before: then a store that Finish made and that nobody has opened is filled on.
func Take(ctx context.Context, options Options, again bool) (_ *Taking, err error) {
	o := options.filled()
	pool, err := connect(ctx, o)
	if err != nil {
		return nil, err
	}
	t := &Taking{session: session{pool: pool, options: o}}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	if t.flavour, err = detect(ctx, pool); err != nil {
		return nil, err
	}
	if err := migrate(ctx, pool, t.flavour); err != nil {
		return nil, err
	}
	mark := seal.NewMaster(o.Master).Mark()
	empty := (&store.Tally{}).Append(nil)
	const begin = `INSERT INTO leases (part, epoch, owner, expires, log_end, log_last, log_bytes, log_sums, next_key, master, token)
		VALUES ($1, 0, $4, 'infinity', 0, 0, 0, $2, 0, $3, '') ON CONFLICT DO NOTHING`
	if _, err := pool.Exec(ctx, begin, part, empty, mark[:], takingOwner); err != nil {
		return nil, fmt.Errorf("making the lease: %w", translate(err))
	}
	const back = `UPDATE leases SET owner = $3, expires = 'infinity' WHERE part = $1 AND owner = '' AND epoch = 0 AND master = $2`
	if again {
		if _, err := pool.Exec(ctx, back, part, mark[:], takingOwner); err != nil {
			return nil, fmt.Errorf("taking the lease back: %w", translate(err))
		}
	}
	var owner string
	var master []byte
	const look = `SELECT owner, master FROM leases WHERE part = $1`
	if err := pool.QueryRow(ctx, look, part).Scan(&owner, &master); err != nil {
		return nil, fmt.Errorf("looking whose the database is: %w", err)
	}
	switch {
	case owner != takingOwner:
		return nil, fault.Errorf(fault.Conflict, "database_in_use", "the database holds an instance: give one whose schema is empty")
	case string(master) != string(mark[:]):
		return nil, fault.Errorf(fault.Conflict, "database_in_use", "another instance was being copied into the database: give one whose schema is empty")
	}
	const ended = `SELECT coalesce(max(ends), 0), coalesce(sum(ends - begins), 0)::bigint FROM log_blocks WHERE part = $1`
	if err := pool.QueryRow(ctx, ended, part).Scan(&t.ended, &t.bytes); err != nil {
		return nil, fmt.Errorf("looking how far the log is: %w", err)
	}
	return t, nil
}

// Taken is the position behind the last block.
func (t *Taking) Taken(context.Context) (store.Position, error) {
	if t.ended == 0 {
		return 0, nil
	}
	return store.Position(t.ended) + 1, nil
}

// TakeRun writes a block.
func (t *Taking) TakeRun(ctx context.Context, r store.Run) error {
	begins := int64(r.At) - 1
	if r.At == 0 || begins < t.ended || len(r.Bytes) == 0 {
		return fmt.Errorf("%w: %d bytes at %d, behind %d", store.ErrMisuse, len(r.Bytes), r.At, t.ended)
	}
	ends := begins + int64(len(r.Bytes))
	const put = `INSERT INTO log_blocks (part, ends, begins, bytes) VALUES ($1, $2, $3, $4)`
	if _, err := t.pool.Exec(ctx, put, part, ends, begins, r.Bytes); err != nil {
		return fmt.Errorf("writing the log: %w", translate(err))
	}
	t.ended = ends
	t.bytes += ends - begins
	return nil
}

// TakeKeys writes data keys.
func (t *Taking) TakeKeys(ctx context.Context, taken []store.WrappedKey) error {
	buckets, ids := make([]int16, len(taken)), make([]int64, len(taken))
	anchors, secrets := make([][]byte, len(taken)), make([][]byte, len(taken))
	for i := range taken {
		k := &taken[i]
		buckets[i], ids[i] = int16(k.Anchor.Bucket()), int64(k.ID)
		anchors[i], secrets[i] = k.Anchor[:], k.Wrapped[:]
	}
	if _, err := t.pool.Exec(ctx, addKeys, buckets, anchors, ids, secrets); err != nil {
		return fmt.Errorf("writing data keys: %w", translate(err))
	}
	return nil
}

// TakeRows writes rows.
func (t *Taking) TakeRows(ctx context.Context, rows []store.Row) error {
	var l rowList
	for i := range rows {
		l.push(&rows[i].RowKey, rows[i].Parts)
	}
	if _, err := t.pool.Exec(ctx, putRows, l.buckets, l.kinds, l.keys, l.parts); err != nil {
		return fmt.Errorf("writing rows: %w", translate(err))
	}
	return nil
}

// TakeFile keeps a small file that every node of the instance needs.
func (t *Taking) TakeFile(ctx context.Context, f File) error {
	err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error { return t.putFile(ctx, tx, f, 0) })
	if err != nil {
		return fmt.Errorf("keeping the file %s: %w", f.Name, translate(err))
	}
	return nil
}

// Flush has nothing to do: every call before was committed.
func (t *Taking) Flush(context.Context) error { return nil }

// Finish writes how far the log and the state go, in one transaction with giving
// the lease away.
func (t *Taking) Finish(ctx context.Context, e store.Extent, spans map[store.Span]store.Position) error {
	err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		for span, at := range spans {
			if _, err := tx.Exec(ctx, movePosition, int16(span.First), int16(span.Last), int64(at), int64(1)); err != nil {
				return err
			}
		}
		const free = `UPDATE leases SET owner = '', expires = 'epoch', log_end = $2, log_last = $3, log_bytes = $4, log_sums = $5, next_key = $6
			WHERE part = $1 AND owner = $7`
		tag, err := tx.Exec(ctx, free, part, t.ended, int64(e.Last), t.bytes, e.Counts.Append(nil), int64(e.NextKey), takingOwner)
		if err == nil && tag.RowsAffected() == 0 {
			err = errors.New("somebody else finished the copy")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("ending the copy: %w", translate(err))
	}
	return nil
}

// Close stops.
func (t *Taking) Close() error {
	t.pool.Close()
	return nil
}
