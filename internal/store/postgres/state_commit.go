package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
)

// Commit makes a step in one transaction and one round trip, whatever the
// number of changes.
func (s *State) Commit(ctx context.Context, c store.Commit) error {
	ctx, leave, err := s.usable(ctx)
	if err != nil {
		return err
	}
	defer leave()
	w, err := gather(&c)
	if err != nil {
		return err
	}
	s.mu.RLock()
	before := s.applied[c.Span]
	s.mu.RUnlock()
	after := progress{max(before.position, c.Position), before.serial + 1}
	if err := s.commit(ctx, c.Span, w, after); err != nil {
		return fmt.Errorf("committing %d changes: %w", len(c.Changes), err)
	}
	s.mu.Lock()
	s.applied[c.Span] = after
	s.mu.Unlock()
	return nil
}

// commit tries until the database has said yes or no. A broken connection says
// neither: then the serial of the span tells, for adding the same parts twice
// would not be the same.
func (s *State) commit(ctx context.Context, span store.Span, w *writes, after progress) error {
	for tried := 1; ; tried++ {
		err := s.fenced(func(epoch int64) error { return s.write(ctx, epoch, span, w, after) })
		switch {
		case err == nil:
			return nil
		case again(err) && tried < tries && pause(ctx, retryPause) == nil:
			continue
		case said(err) || errors.Is(err, ErrLost):
			return err
		}
		done, doubt := s.committed(ctx, span, after)
		if doubt != nil {
			s.mu.Lock()
			s.broken = fmt.Errorf("the outcome of a commit is not known: %w", errors.Join(err, doubt))
			s.mu.Unlock()
			return s.broken
		}
		if done {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
	}
}

// committed finds out whether a commit without an answer worked.
func (s *State) committed(ctx context.Context, span store.Span, after progress) (bool, error) {
	// Not to know is worse than to wait: the caller's patience does not count.
	ctx = context.WithoutCancel(ctx)
	if err := s.settle(ctx); err != nil {
		return false, err
	}
	var serial int64
	const ask = `SELECT serial FROM state_positions WHERE first_bucket = $1 AND last_bucket = $2`
	for {
		err := s.pool.QueryRow(ctx, ask, int16(span.First), int16(span.Last)).Scan(&serial)
		if errors.Is(err, pgx.ErrNoRows) {
			return false, nil
		}
		if err == nil {
			return serial == after.serial, nil
		}
		if s.ctx.Err() != nil {
			return false, store.ErrClosed
		}
		if err := pause(s.ctx, retryPause); err != nil {
			return false, store.ErrClosed
		}
	}
}

// writes is a commit with one operation left per row.
type writes struct {
	put, add rowList // add also makes rows that are not there
	remove   rowList
}

// rowList is rows as columns, the form in which one statement takes many.
type rowList struct {
	buckets, kinds []int16
	keys, parts    [][]byte
}

func (l *rowList) push(k *store.RowKey, parts []byte) {
	l.buckets, l.kinds = append(l.buckets, int16(k.Bucket)), append(l.kinds, int16(k.Table))
	l.keys, l.parts = append(l.keys, k.Key), append(l.parts, parts)
}

// rowName identifies a row.
type rowName struct {
	kind, bucket int16
	key          string
}

// outcome is what a commit does to one row in all.
type outcome struct {
	key      *store.RowKey
	replaces bool // what was there before goes
	parts    []byte
	some     bool // there are parts
}

// gather joins the changes of each row, in their order.
func gather(c *store.Commit) (*writes, error) {
	rows := make(map[rowName]*outcome, len(c.Changes))
	order := make([]*outcome, 0, len(c.Changes))
	for i := range c.Changes {
		ch := &c.Changes[i]
		if !c.Span.Holds(ch.Bucket) {
			return nil, fmt.Errorf("%w: change of bucket %d outside the span", store.ErrMisuse, ch.Bucket)
		}
		if len(ch.Key) == 0 || len(ch.Key) > store.MaxKey {
			return nil, fmt.Errorf("%w: row key of %d bytes", store.ErrMisuse, len(ch.Key))
		}
		name := rowName{int16(ch.Table), int16(ch.Bucket), string(ch.Key)}
		o := rows[name]
		if o == nil {
			o = &outcome{key: &ch.RowKey}
			rows[name], order = o, append(order, o)
		}
		switch ch.Op {
		case store.Put:
			o.replaces, o.some, o.parts = true, true, store.AppendPart(nil, ch.Value)
		case store.Add:
			o.some, o.parts = true, store.AppendPart(o.parts, ch.Value)
		case store.Delete:
			o.replaces, o.some, o.parts = true, false, nil
		default:
			return nil, fmt.Errorf("%w: operation %d", store.ErrMisuse, ch.Op)
		}
	}
	w := &writes{}
	for _, o := range order {
		switch {
		case !o.some:
			w.remove.push(o.key, nil)
		case o.replaces:
			w.put.push(o.key, o.parts)
		default:
			w.add.push(o.key, o.parts)
		}
	}
	return w, nil
}

const (
	putRows = `INSERT INTO state_rows AS r (bucket, kind, key, parts)
		SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bytea[], $4::bytea[])
		ON CONFLICT (bucket, kind, key) DO UPDATE SET parts = excluded.parts`
	addRows = `INSERT INTO state_rows AS r (bucket, kind, key, parts)
		SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bytea[], $4::bytea[])
		ON CONFLICT (bucket, kind, key) DO UPDATE SET parts = r.parts || excluded.parts`
	removeRows = `DELETE FROM state_rows r USING unnest($1::smallint[], $2::smallint[], $3::bytea[]) w(bucket, kind, key)
		WHERE r.bucket = w.bucket AND r.kind = w.kind AND r.key = w.key`
	movePosition = `INSERT INTO state_positions (first_bucket, last_bucket, position, serial) VALUES ($1, $2, $3, $4)
		ON CONFLICT (first_bucket, last_bucket) DO UPDATE SET position = excluded.position, serial = excluded.serial`
)

// write is the transaction.
func (s *State) write(ctx context.Context, epoch int64, span store.Span, w *writes, after progress) error {
	var b pgx.Batch
	b.Queue(`begin`)
	if !s.flavour.Citus {
		// Flush waits for the disk; what a crash takes before is folded again.
		b.Queue(`SET LOCAL synchronous_commit = off`)
	}
	b.Queue(fence, part, epoch)
	if l := &w.put; len(l.keys) > 0 {
		b.Queue(putRows, l.buckets, l.kinds, l.keys, l.parts)
	}
	if l := &w.add; len(l.keys) > 0 {
		b.Queue(addRows, l.buckets, l.kinds, l.keys, l.parts)
	}
	if l := &w.remove; len(l.keys) > 0 {
		b.Queue(removeRows, l.buckets, l.kinds, l.keys)
	}
	b.Queue(movePosition, int16(span.First), int16(span.Last), int64(after.position), after.serial)
	b.Queue(`commit`)
	return s.batch(ctx, &b)
}
