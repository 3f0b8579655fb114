package postgres

import (
	"context"
	"crypto/cipher"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Log is the log of a Store: blocks of sealed records. An address counts the
// bytes of all blocks so far, and a position is the address of a record's
// first byte, plus one.
type Log struct {
	*session
	master *seal.Master
	sealer *seal.Sealer

	writing sync.Mutex // one Append, or one step of Erase, at a time
	held    holding    // what the database says of the log; under writing
	doubt   *holding   // what it says if an Append without an answer worked; under writing

	redacting sync.Mutex // one Redact or Erase at a time; before writing

	keys   sync.RWMutex // held for writing while keys are destroyed
	opened seal.Ciphers
	recent recent // blocks outside the database

	mu   sync.RWMutex // what readers see of the end
	last store.Position
	end  int64
	sums store.Tally
	size uint64
}

func openLog(s *session, held *holding, master *seal.Master) *Log {
	memory := int(s.options.MemoryBudget)
	l := &Log{session: s, master: master, held: *held, opened: seal.NewCiphers(memory / 2)}
	if c := s.options.Carrier; c != nil {
		l.opened, l.recent = seal.NewCiphers(memory/4), newRecent(memory/4, c.Largest())
	}
	l.sealer = &seal.Sealer{Ring: seal.NewKeyring(memory/2, seal.KeyID(held.nextKey), s.options.Random)}
	l.publish()
	return l
}

// publish shows readers what is held.
func (l *Log) publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.end = store.Position(l.held.last), l.held.end
	l.sums, l.size = l.held.sums.Clone(), uint64(l.held.bytes)
}

// Seal encodes, compresses and encrypts the records of a frame.
func (l *Log) Seal(ctx context.Context, frame *store.Frame) error {
	_, leave, err := l.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return l.sealer.Seal(frame)
}

// End is the position of the last record.
func (l *Log) End() store.Position {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last
}

// Counts sums the frames; they are kept in the row of the lease.
func (l *Log) Counts(ctx context.Context) (store.Counts, error) {
	_, leave, err := l.enter(ctx)
	if err != nil {
		return store.Counts{}, err
	}
	defer leave()
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.sums.Counts(), nil
}

// Size is the bytes of the blocks, without what the database adds.
func (l *Log) Size() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.size
}

// Erase destroys the keys of anchors. The order is what makes it right beside
// running calls of Seal and Append: no new text gets the old key from here on;
// frames that may still carry it are sealed again when they are appended; then
// nothing can bring it back, and it is destroyed.
func (l *Log) Erase(ctx context.Context, anchors ...id.Key) error {
	ctx, leave, err := l.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	l.redacting.Lock() // a redaction seals anew what it keeps
	defer l.redacting.Unlock()
	buckets, names, below := make([]int16, len(anchors)), make([][]byte, len(anchors)), make([]int64, len(anchors))
	for i := range anchors {
		buckets[i], names[i] = int16(anchors[i].Bucket()), anchors[i][:]
		below[i] = int64(l.sealer.Ring.Forget(anchors[i]))
	}
	// Wait for an Append that looked at the epoch before.
	l.writing.Lock()
	l.writing.Unlock() //nolint:staticcheck // an empty section is a barrier
	l.keys.Lock()
	defer l.keys.Unlock()
	return l.fenced(func(epoch int64) error {
		return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fence, part, epoch); err != nil {
				return err
			}
			return l.destroy(ctx, tx, buckets, names, below)
		})
	})
}

func (l *Log) destroy(ctx context.Context, tx pgx.Tx, buckets []int16, anchors [][]byte, below []int64) error {
	const destroy = `DELETE FROM log_keys k USING unnest($1::smallint[], $2::bytea[], $3::bigint[]) w(bucket, anchor, below)
		WHERE k.bucket = w.bucket AND k.anchor = w.anchor AND k.id < w.below RETURNING k.id`
	rows, err := tx.Query(ctx, destroy, buckets, anchors, below)
	if err != nil {
		return fmt.Errorf("destroying data keys: %w", err)
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("destroying data keys: %w", err)
	}
	for _, key := range gone {
		l.opened.Drop(seal.KeyID(key))
	}
	return nil
}

// keyName is where the key of a record is.
type keyName struct {
	anchor id.Key
	id     seal.KeyID
}

// ciphers gives the ciphers of keys, in one round trip for those that are not
// at hand; a key that was destroyed is left out.
func (l *Log) ciphers(ctx context.Context, names map[keyName]cipher.AEAD) error {
	l.keys.RLock()
	defer l.keys.RUnlock()
	var buckets []int16
	var anchors [][]byte
	var ids []int64
	for n := range names {
		if aead := l.opened.Get(n.id); aead != nil {
			names[n] = aead
			continue
		}
		anchor := n.anchor
		buckets, anchors, ids = append(buckets, int16(anchor.Bucket())), append(anchors, anchor[:]), append(ids, int64(n.id))
	}
	if len(ids) == 0 {
		return nil
	}
	const ask = `SELECT k.anchor, k.id, k.secret FROM unnest($1::smallint[], $2::bytea[], $3::bigint[]) w(bucket, anchor, id)
		JOIN log_keys k ON k.bucket = w.bucket AND k.anchor = w.anchor AND k.id = w.id`
	rows, err := l.pool.Query(ctx, ask, buckets, anchors, ids)
	if err != nil {
		return fmt.Errorf("reading data keys: %w", translate(err))
	}
	defer rows.Close()
	for rows.Next() {
		var anchor, secret []byte
		var number int64
		if err := rows.Scan(&anchor, &number, &secret); err != nil {
			return fmt.Errorf("reading data keys: %w", translate(err))
		}
		key := seal.Key{ID: seal.KeyID(number), Anchor: id.Key(anchor)}
		if len(secret) != seal.KeyBytes {
			return fmt.Errorf("data key %d has %d bytes: %w", number, len(secret), seal.ErrDamaged)
		}
		l.master.Unwrap(&key, secret)
		aead, err := l.opened.Put(&key)
		if err != nil {
			return err
		}
		names[keyName{key.Anchor, key.ID}] = aead
	}
	return translate(rows.Err())
}
