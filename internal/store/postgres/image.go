package postgres

import (
	"context"
	"fmt"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

var _ store.Image = (*Store)(nil)

// Extent tells how far the log goes.
func (s *Store) Extent(context.Context) (store.Extent, error) {
	l := s.log
	l.writing.Lock()
	defer l.writing.Unlock()
	return store.Extent{Last: store.Position(l.held.last), Counts: l.held.sums.Clone(), NextKey: uint64(l.held.nextKey)}, nil
}

// Runs visits the blocks.
func (s *Store) Runs(ctx context.Context, from store.Position, visit func(store.Run) error) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	s.log.mu.RLock()
	end := s.log.end
	s.log.mu.RUnlock()
	for at := max(int64(from)-1, 0); at < end; { // addresses count from zero, positions from one
		blocks, err := s.log.blocks(ctx, at, end)
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			return fmt.Errorf("log is damaged: no block behind address %d of %d", at, end)
		}
		for i := range blocks {
			b := &blocks[i]
			if err := visit(store.Run{At: store.Position(b.begins) + 1, Bytes: b.bytes}); err != nil {
				return err
			}
			at = b.ends
		}
	}
	return nil
}

// imageRows is how many rows one round trip fetches.
const imageRows = 5000

// WrappedKeys visits the keys by bucket and anchor.
func (s *Store) WrappedKeys(ctx context.Context, visit func(store.WrappedKey) error) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	const ask = `SELECT bucket, anchor, id, secret FROM log_keys WHERE (bucket, anchor, id) > ($1, $2, $3)
		ORDER BY bucket, anchor, id LIMIT $4`
	bucket, anchor, number := int16(-1), []byte{}, int64(-1)
	for {
		rows, err := s.pool.Query(ctx, ask, bucket, anchor, number, imageRows)
		if err != nil {
			return fmt.Errorf("reading data keys: %w", err)
		}
		n := 0
		for ; rows.Next(); n++ {
			var wrapped []byte
			if err := rows.Scan(&bucket, &anchor, &number, &wrapped); err != nil {
				rows.Close()
				return fmt.Errorf("reading data keys: %w", err)
			}
			if len(anchor) != len(id.Key{}) || len(wrapped) != store.WrappedKeyBytes {
				rows.Close()
				return fmt.Errorf("data key %d has %d bytes, its anchor %d: %w", number, len(wrapped), len(anchor), seal.ErrDamaged)
			}
			k := store.WrappedKey{ID: uint64(number), Anchor: id.Key(anchor), Wrapped: [store.WrappedKeyBytes]byte(wrapped)}
			if err := visit(k); err != nil {
				rows.Close()
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("reading data keys: %w", err)
		}
		if n < imageRows {
			return nil
		}
	}
}

// Rows visits all rows, bucket by bucket.
func (s *Store) Rows(ctx context.Context, after *store.RowKey, visit func(store.Row) error) error {
	ctx, leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	const ask = `SELECT bucket, kind, key, parts FROM state_rows WHERE (bucket, kind, key) > ($1, $2, $3)
		ORDER BY bucket, kind, key LIMIT $4`
	bucket, kind, key := int16(-1), int16(0), []byte{}
	if after != nil {
		bucket, kind, key = int16(after.Bucket), int16(after.Table), after.Key
	}
	for {
		rows, err := s.pool.Query(ctx, ask, bucket, kind, key, imageRows)
		if err != nil {
			return fmt.Errorf("reading the state: %w", err)
		}
		n := 0
		for ; rows.Next(); n++ {
			var parts []byte
			if err := rows.Scan(&bucket, &kind, &key, &parts); err != nil {
				rows.Close()
				return fmt.Errorf("reading the state: %w", err)
			}
			row := store.Row{RowKey: store.RowKey{Table: store.Table(kind), Bucket: id.Bucket(bucket), Key: key}, Parts: parts}
			if err := visit(row); err != nil {
				rows.Close()
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("reading the state: %w", err)
		}
		if n < imageRows {
			return nil
		}
	}
}

// Spans are the positions that spans of buckets have applied.
func (s *Store) Spans(context.Context) (map[store.Span]store.Position, error) {
	s.state.mu.RLock()
	defer s.state.mu.RUnlock()
	out := make(map[store.Span]store.Position, len(s.state.applied))
	for span, p := range s.state.applied {
		out[span] = p.position
	}
	return out, nil
}
