package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

const (
	// blockBytes is how long a block gets before the next begins: a row that
	// the database moves in one piece.
	blockBytes = 4 << 20
	// maxAppend is the most bytes of one Append.
	maxAppend = 1 << 30
)

// Append writes the frames in one transaction and one round trip: the keys they
// need, the blocks, and the row of the lease, which says how far the log goes
// and fails where another node holds it.
func (l *Log) Append(ctx context.Context, frames []*store.Frame) error {
	ctx, leave, err := l.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	l.writing.Lock()
	defer l.writing.Unlock()
	fresh, err := l.sealer.Ready(frames)
	if err != nil {
		return err
	}
	if err := l.resolve(ctx); err != nil {
		return err
	}
	next, blocks, err := l.plan(frames)
	if err != nil {
		return err
	}
	if err := l.carry(ctx, blocks); err != nil {
		return err
	}
	for tried := 1; ; tried++ {
		err = l.fenced(func(epoch int64) error { return l.write(ctx, epoch, fresh, blocks, next) })
		if err == nil || !again(err) || tried == tries || pause(ctx, retryPause) != nil {
			break
		}
	}
	if err != nil {
		if !said(err) && !errors.Is(err, ErrLost) {
			l.doubt = next
			l.resolve(ctx) //nolint:errcheck // tried again before the next Append
		}
		return fmt.Errorf("appending %d frames: %w", len(frames), err)
	}
	for i := range fresh {
		l.sealer.Ring.Durable(&fresh[i])
	}
	l.place(frames)
	l.held = *next
	l.publish()
	return nil
}

// block is one row of the log.
type block struct {
	begins, ends int64
	bytes        []byte
	away         *carried // nil: the bytes are in the row
}

// plan cuts the frames into blocks and says what the log is after them.
func (l *Log) plan(frames []*store.Frame) (*holding, []block, error) {
	next := l.held
	next.sums = l.held.sums.Clone()
	var blocks []block
	for _, f := range frames {
		next.sums.Received += f.Received
		for _, c := range f.Rejected {
			next.sums.Add(c.Reason, c.N)
		}
		s := f.Sealed.(*seal.Sealed)
		for i, start := range s.Starts {
			stop := len(s.Bytes)
			if i+1 < len(s.Starts) {
				stop = s.Starts[i+1]
			}
			if n := len(blocks); n == 0 || l.full(len(blocks[n-1].bytes), stop-start) {
				blocks = append(blocks, block{begins: next.end})
			}
			next.last = next.end + 1
			b := &blocks[len(blocks)-1]
			b.bytes = append(b.bytes, s.Bytes[start:stop]...)
			next.end += int64(stop - start)
			b.ends = next.end
		}
	}
	next.bytes += next.end - l.held.end
	next.nextKey = int64(l.sealer.Ring.Next())
	if next.end-l.held.end > maxAppend {
		return nil, nil, fmt.Errorf("%w: frames of %d bytes in one step", store.ErrMisuse, next.end-l.held.end)
	}
	return &next, blocks, nil
}

// full tells whether a block of some bytes is not to get more.
func (l *Log) full(has, more int) bool {
	c := l.options.Carrier
	return has >= blockBytes || c != nil && has+more+tagBytes > c.Largest()
}

// write is the transaction.
func (l *Log) write(ctx context.Context, epoch int64, fresh []seal.Key, blocks []block, next *holding) error {
	const (
		rows = `INSERT INTO log_blocks (part, ends, begins, bytes, topic_partition, topic_offset, topic_secret)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`
		extend = `WITH held AS (UPDATE leases SET log_end = $4, log_last = $5, log_bytes = $6, log_sums = $7, next_key = $8
			WHERE part = $1 AND epoch = $2 AND log_end = $3 RETURNING 1) SELECT 1 / count(*) FROM held`
	)
	var b pgx.Batch
	b.Queue(`begin`)
	if len(fresh) > 0 {
		b.Queue(addKeys, l.columns(fresh)...)
	}
	for i := range blocks {
		bytes, partition, offset, secret := blocks[i].columns()
		b.Queue(rows, part, blocks[i].ends, blocks[i].begins, bytes, partition, offset, secret)
	}
	b.Queue(extend, part, epoch, l.held.end, next.end, next.last, next.bytes, next.sums.Append(nil), next.nextKey)
	b.Queue(`commit`)
	return l.batch(ctx, &b)
}

const addKeys = `INSERT INTO log_keys (bucket, anchor, id, secret)
	SELECT * FROM unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::bytea[]) ON CONFLICT DO NOTHING`

// columns gives the arguments of addKeys, the keys wrapped.
func (l *Log) columns(keys []seal.Key) []any {
	var buckets []int16
	var anchors, secrets [][]byte
	var ids []int64
	for i := range keys {
		k := &keys[i]
		wrapped := l.master.Wrap(k)
		buckets, anchors = append(buckets, int16(k.Anchor.Bucket())), append(anchors, k.Anchor[:])
		ids, secrets = append(ids, int64(k.ID)), append(secrets, wrapped[:])
	}
	return []any{buckets, anchors, ids, secrets}
}

// batch sends statements that begin and commit a transaction, all in one round
// trip. After an error the connection is rolled back or dropped.
func (s *session) batch(ctx context.Context, b *pgx.Batch) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("waiting for a connection: %w", unsentError{err})
	}
	defer conn.Release()
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		if !conn.Conn().IsClosed() {
			if _, failed := conn.Exec(ctx, `rollback`); failed != nil {
				conn.Conn().Close(ctx) //nolint:errcheck // what broke is reported already
			}
		}
		return err
	}
	return nil
}

// unsentError marks an error after which the database knows nothing of the call.
type unsentError struct{ error }

func (n unsentError) Unwrap() error { return n.error }

// SafeToRetry is what pgconn.SafeToRetry asks.
func (unsentError) SafeToRetry() bool { return true }

// place gives the records their positions.
func (l *Log) place(frames []*store.Frame) {
	at := l.held.end
	for _, f := range frames {
		s := f.Sealed.(*seal.Sealed)
		for i, start := range s.Starts {
			f.Records[i].Position = store.Position(at + int64(start) + 1)
		}
		at += int64(len(s.Bytes))
		l.sealer.Release(f)
	}
}

// resolve finds out what became of an Append that was never answered. Where it
// worked, its blocks go again: its caller was told that nothing was kept.
func (l *Log) resolve(ctx context.Context) error {
	if l.doubt == nil {
		return nil
	}
	// The door cannot wait for ever; the next Append asks again.
	ctx, cancel := context.WithTimeout(ctx, l.options.Lease)
	defer cancel()
	if err := l.settle(ctx); err != nil {
		return fmt.Errorf("finding out whether an append worked: %w", err)
	}
	err := l.fenced(func(epoch int64) error {
		return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM log_blocks WHERE part = $1 AND ends > $2`, part, l.held.end); err != nil {
				return err
			}
			const back = `UPDATE leases SET log_end = $3, log_last = $4, log_bytes = $5, log_sums = $6 WHERE part = $1 AND epoch = $2`
			tag, err := tx.Exec(ctx, back, part, epoch, l.held.end, l.held.last, l.held.bytes, l.held.sums.Append(nil))
			if err == nil && tag.RowsAffected() == 0 {
				return ErrLost
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("taking back an append: %w", err)
	}
	l.doubt = nil
	return nil
}
