package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/cockroachdb/pebble/v2"

	"rapport/internal/id"
	"rapport/internal/store"
)

var _ store.Image = (*Store)(nil)

// Extent tells how far the log goes.
func (s *Store) Extent(context.Context) (store.Extent, error) {
	l := s.log
	l.mu.RLock()
	defer l.mu.RUnlock()
	return store.Extent{Last: l.last, Counts: l.sums.Clone(), NextKey: l.keys.slots}, nil
}

// Runs visits the records of a block at a time.
func (s *Store) Runs(ctx context.Context, from store.Position, visit func(store.Run) error) error {
	l := s.log
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	l.mu.RLock()
	segments := append([]*segment(nil), l.segments...)
	l.mu.RUnlock()
	for _, seg := range segments {
		if seg.end <= uint64(from) {
			continue
		}
		blocks := blockReader{segment: seg, limit: seg.end}
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			b, err := blocks.next(uint64(from))
			if err == io.EOF { //nolint:errorlint // never wrapped
				break
			}
			if err != nil {
				return seg.damaged(b.at, err)
			}
			run := store.Run{At: store.Position(b.at + uint64(b.records)), Bytes: b.bytes[b.records:]}
			if len(run.Bytes) == 0 {
				continue // counts alone
			}
			if err := visit(run); err != nil {
				return err
			}
		}
	}
	return nil
}

// WrappedKeys visits the slots that hold keys.
func (s *Store) WrappedKeys(ctx context.Context, visit func(store.WrappedKey) error) error {
	k := s.log.keys
	return k.each(ctx, k.slots, func(number uint64, slot []byte) error {
		if slot[0] != slotKey {
			return nil
		}
		return visit(store.WrappedKey{ID: number, Anchor: id.Key(slot[slotAnchor:slotSecret]), Wrapped: [store.WrappedKeyBytes]byte(slot[slotSecret:])})
	})
}

// Rows visits all rows, table by table.
func (s *Store) Rows(ctx context.Context, after *store.RowKey, visit func(store.Row) error) (err error) {
	st := s.state
	if err := st.usable(ctx); err != nil {
		return err
	}
	defer st.gate.leave()
	lower := append(bytes.Clone(purgeKey), 0) // what stands before is the engine's own
	if after != nil {
		lower = append(appendKey(nil, after.Table, after.Bucket, after.Key), 0)
	}
	it, err := st.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: lower, UpperBound: []byte{lastPrefix}})
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("reading the state: %w", err)
		}
		k := it.Key()
		row := store.Row{Parts: value, RowKey: store.RowKey{
			Table: store.Table(k[0]), Bucket: id.Bucket(binary.BigEndian.Uint16(k[1:])), Key: k[keyPrefix:],
		}}
		if err := visit(row); err != nil {
			return err
		}
	}
	return it.Error()
}

// Spans are the positions that spans of buckets have applied.
func (s *Store) Spans(context.Context) (map[store.Span]store.Position, error) {
	s.state.mu.RLock()
	defer s.state.mu.RUnlock()
	return maps.Clone(s.state.applied), nil
}
