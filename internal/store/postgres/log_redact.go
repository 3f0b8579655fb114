package postgres

import (
	"cmp"
	"context"
	"crypto/cipher"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Redact rewrites records in their blocks, in rooms of the same size, so that
// positions stay, all in one transaction. What the rows held before is out of
// reach for every query when it returns; the database itself forgets it when
// Purge has run and it has reused the room (docs/formats/postgres.md).
func (l *Log) Redact(ctx context.Context, changes []store.Redaction) (int, error) {
	ctx, leave, err := l.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	l.redacting.Lock()
	defer l.redacting.Unlock()
	changes = slices.Clone(changes)
	slices.SortStableFunc(changes, func(a, b store.Redaction) int { return cmp.Compare(a.At, b.At) })
	r := redaction{log: l}
	err = l.fenced(func(epoch int64) error {
		r.removed, r.fresh = 0, nil
		return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fence, part, epoch); err != nil {
				return err
			}
			r.tx = tx
			return r.run(ctx, changes)
		})
	})
	if err != nil {
		return 0, fmt.Errorf("redacting %d records: %w", len(changes), err)
	}
	for i := range r.fresh {
		l.sealer.Ring.Durable(&r.fresh[i])
	}
	return r.removed, nil
}

// redaction is one call of Redact.
type redaction struct {
	log     *Log
	tx      pgx.Tx
	removed int
	fresh   []seal.Key
}

// run takes the changes block by block.
func (r *redaction) run(ctx context.Context, changes []store.Redaction) error {
	const (
		ask = `SELECT ` + blockColumns + ` FROM log_blocks WHERE part = $1 AND ends >= $2 AND begins < $2 ORDER BY ends LIMIT 1 FOR UPDATE`
		set = `UPDATE log_blocks SET bytes = $3, topic_partition = $4, topic_offset = $5, topic_secret = $6 WHERE part = $1 AND ends = $2`
	)
	for done := 0; done < len(changes); {
		at := changes[done].At
		if at == 0 || at > r.log.End() {
			return store.ErrNotFound
		}
		b, err := r.block(ctx, ask, at)
		if err != nil {
			return err
		}
		for ; done < len(changes) && int64(changes[done].At) <= b.ends; done++ {
			if err := r.change(ctx, b.bytes[int64(changes[done].At)-1-b.begins:], changes[done].Payload); err != nil {
				return err
			}
		}
		// A block outside the database is written anew under another secret: what
		// it held before is noise once the old one is gone.
		rewritten := []block{*b}
		if err := r.log.carry(ctx, rewritten); err != nil {
			return err
		}
		bytes, partition, offset, secret := rewritten[0].columns()
		if _, err := r.tx.Exec(ctx, set, part, b.ends, bytes, partition, offset, secret); err != nil {
			return err
		}
	}
	return nil
}

// block locks and gets the block that has a position, in bytes of its own.
func (r *redaction) block(ctx context.Context, ask string, at store.Position) (*block, error) {
	rows, err := r.tx.Query(ctx, ask, part, int64(at))
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, scanBlock)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, store.ErrNotFound
	}
	if err := r.log.fetch(ctx, found); err != nil {
		return nil, err
	}
	found[0].bytes = slices.Clone(found[0].bytes) // others may be reading it
	return &found[0], nil
}

// change rewrites the record that b begins with.
func (r *redaction) change(ctx context.Context, b, payload []byte) error {
	var h seal.Head
	if h.Parse(b) != nil || h.Bytes+h.Sealed > len(b) {
		return store.ErrNotFound
	}
	if payload != nil {
		written, err := r.reseal(ctx, b, &h, payload)
		if written || err != nil {
			return err
		}
		r.removed++
	}
	copy(b, h.Remove())
	return nil
}

// reseal writes another payload in place of a record's, if there is room.
func (r *redaction) reseal(ctx context.Context, b []byte, h *seal.Head, payload []byte) (bool, error) {
	if h.Gone {
		return false, store.ErrErased
	}
	names := map[keyName]cipher.AEAD{{h.Anchor, h.Key}: nil}
	if err := r.log.ciphers(ctx, names); err != nil {
		return false, err
	}
	if names[keyName{h.Anchor, h.Key}] == nil {
		return false, store.ErrErased
	}
	out, err := r.log.sealer.Reseal(h, payload, func(key *seal.Key) error {
		r.fresh = append(r.fresh, *key)
		_, err := r.tx.Exec(ctx, addKeys, r.log.columns([]seal.Key{*key})...)
		return err
	})
	if out == nil || err != nil {
		return false, err
	}
	copy(b, out)
	return true, nil
}
