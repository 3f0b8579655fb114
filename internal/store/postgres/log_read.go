package postgres

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// pageBlocks is how many blocks one round trip of Read fetches.
const pageBlocks = 4

// Read visits the records after from, a page of blocks at a time.
func (l *Log) Read(ctx context.Context, from store.Position, visit func(*store.Record) error) error {
	ctx, leave, err := l.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	l.mu.RLock()
	end := l.end
	l.mu.RUnlock()
	if from > store.Position(end) {
		return nil
	}
	r := reading{log: l, from: from, visit: visit}
	for at := int64(from); at < end; {
		blocks, err := l.blocks(ctx, at, end)
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			return fmt.Errorf("log is damaged: no block behind address %d of %d", at, end)
		}
		for i := range blocks {
			if err := r.block(ctx, &blocks[i]); err != nil {
				return err
			}
			at = blocks[i].ends
		}
	}
	return nil
}

// blocks gives the next blocks that end behind an address.
func (l *Log) blocks(ctx context.Context, after, end int64) ([]block, error) {
	const ask = `SELECT ` + blockColumns + ` FROM log_blocks WHERE part = $1 AND ends > $2 AND ends <= $3 ORDER BY ends LIMIT $4`
	rows, err := l.pool.Query(ctx, ask, part, after, end, pageBlocks)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", translate(err))
	}
	out, err := pgx.CollectRows(rows, scanBlock)
	if err == nil {
		err = l.fetch(ctx, out)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", translate(err))
	}
	return out, nil
}

// reading is one call of Read.
type reading struct {
	log   *Log
	from  store.Position
	visit func(*store.Record) error
	plain []byte // rooms for a payload
	small []byte
}

func (r *reading) block(ctx context.Context, b *block) error {
	names := map[keyName]cipher.AEAD{}
	err := seal.EachRecord(b.bytes, func(_ int, h *seal.Head, _ []byte) error {
		names[keyName{h.Anchor, h.Key}] = nil
		return nil
	})
	if err != nil {
		return damaged(b.begins, err)
	}
	if err := r.log.ciphers(ctx, names); err != nil {
		return err
	}
	var stop error // of the visitor, given back as it is
	err = seal.EachRecord(b.bytes, func(offset int, h *seal.Head, sealed []byte) error {
		position := store.Position(b.begins + int64(offset) + 1)
		if position <= r.from {
			return nil
		}
		if stop = ctx.Err(); stop != nil {
			return stop
		}
		rec := h.Record(position)
		var err error
		if rec.Payload, err = r.open(names, h, b.bytes[offset:offset+h.Bytes], sealed); err != nil {
			return err
		}
		stop = r.visit(&rec)
		return stop
	})
	if stop != nil {
		return stop
	}
	if err != nil {
		return damaged(b.begins, err)
	}
	return nil
}

func damaged(at int64, err error) error {
	return fmt.Errorf("log is damaged in the block at address %d: restore it from a backup: %w", at, err)
}

// open gives the payload of a record, nil where its key is destroyed.
func (r *reading) open(names map[keyName]cipher.AEAD, h *seal.Head, raw, sealed []byte) ([]byte, error) {
	if h.Gone {
		return nil, nil
	}
	small, err := unseal(r.small[:0], names, h, raw, sealed)
	if errors.Is(err, store.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.small = small
	r.plain, err = seal.Expand(r.plain[:0], small, h.Form)
	if r.plain == nil {
		r.plain = []byte{}
	}
	return r.plain, err
}

// unseal appends a record's compressed payload to dst.
func unseal(dst []byte, names map[keyName]cipher.AEAD, h *seal.Head, raw, sealed []byte) ([]byte, error) {
	aead := names[keyName{h.Anchor, h.Key}]
	if aead == nil {
		return dst, store.ErrErased
	}
	nonce := seal.Nonce(h.Nonce)
	out, err := aead.Open(dst, nonce[:], sealed, raw)
	if err != nil {
		return dst, seal.ErrDamaged
	}
	if h.Padded {
		return seal.Unpad(out, len(dst))
	}
	return out, nil
}

// likelyRecord is how much At reads before it knows how long a record is.
const likelyRecord = 1 << 10

// At gives one record. A position is only believed where a head with its sum
// begins, and the seal covers the head and the payload.
func (l *Log) At(ctx context.Context, at store.Position) (store.Record, error) {
	ctx, leave, err := l.enter(ctx)
	if err != nil {
		return store.Record{}, err
	}
	defer leave()
	if at == 0 || at > l.End() {
		return store.Record{}, store.ErrNotFound
	}
	raw, err := l.slice(ctx, at, likelyRecord)
	if err != nil {
		return store.Record{}, err
	}
	var h seal.Head
	if h.Parse(raw) != nil {
		return store.Record{}, store.ErrNotFound
	}
	if whole := h.Bytes + h.Sealed; len(raw) < whole {
		// The record may have been redacted in between, in the same room.
		if raw, err = l.slice(ctx, at, whole); err != nil {
			return store.Record{}, err
		}
		if len(raw) < whole || h.Parse(raw) != nil {
			return store.Record{}, store.ErrNotFound
		}
	}
	if h.Gone {
		return store.Record{}, store.ErrErased
	}
	names := map[keyName]cipher.AEAD{{h.Anchor, h.Key}: nil}
	if err := l.ciphers(ctx, names); err != nil {
		return store.Record{}, err
	}
	small, err := unseal(nil, names, &h, raw[:h.Bytes], raw[h.Bytes:h.Bytes+h.Sealed])
	if errors.Is(err, store.ErrErased) {
		return store.Record{}, err
	}
	rec := h.Record(at)
	if err == nil {
		rec.Payload, err = seal.Expand([]byte{}, small, h.Form)
	}
	if err != nil {
		return store.Record{}, damaged(int64(at)-1, err)
	}
	return rec, nil
}

// slice gives the bytes from a position on, at most n and only of its block.
func (l *Log) slice(ctx context.Context, at store.Position, n int) ([]byte, error) {
	const ask = `SELECT begins, ends, substring(bytes FROM ($2 - begins)::int FOR $3), topic_partition, topic_offset, topic_secret
		FROM log_blocks WHERE part = $1 AND ends >= $2 AND begins < $2 ORDER BY ends LIMIT 1`
	rows, err := l.pool.Query(ctx, ask, part, int64(at), n)
	if err != nil {
		return nil, fmt.Errorf("reading the log at %d: %w", at, translate(err))
	}
	found, err := pgx.CollectRows(rows, scanBlock)
	if err == nil {
		err = l.fetch(ctx, found)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the log at %d: %w", at, translate(err))
	case len(found) == 0:
		return nil, store.ErrNotFound
	case found[0].away == nil:
		return found[0].bytes, nil
	}
	whole := found[0].bytes[int64(at)-1-found[0].begins:]
	return whole[:min(n, len(whole))], nil
}
