package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"rapport/internal/store"
)

// Load reads all keys at one moment of the state. Filters spare it the memtables
// and the files that do not hold a key: those of the lowest level too, which Pebble
// asks only when told to. Else somebody who is new costs a block of rows.
func (s *State) Load(ctx context.Context, keys []store.RowKey) (out [][][]byte, err error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	out = make([][][]byte, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	size := 0
	for i := range keys {
		size += keyPrefix + len(keys[i].Key)
	}
	physical, room := make([]place, len(keys)), make([]byte, 0, size)
	for i, k := range keys {
		start := len(room)
		room = appendKey(room, k.Table, k.Bucket, k.Key)
		physical[i] = place{key: room[start:len(room):len(room)], at: i}
	}
	slices.SortFunc(physical, func(a, b place) int { return bytes.Compare(a.key, b.key) })
	return out, s.loadSorted(ctx, physical, out)
}

// loadSorted reads rows at one moment. Where no memtable has any of them, that is
// the end of the last flush.
func (s *State) loadSorted(ctx context.Context, list []place, out [][][]byte) (err error) {
	if !slices.ContainsFunc(list, s.maybeRecent) {
		return s.loadFiles(ctx, list, out)
	}
	began := s.recent.flushes.Load()
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return fmt.Errorf("loading rows: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	// Asked again, after the moment is fixed: what was not noted by then is in the
	// files.
	recent, rest := make([]place, 0, len(list)), make([]place, 0, len(list))
	for _, p := range list {
		if s.maybeRecent(p) {
			recent = append(recent, p)
		} else {
			rest = append(rest, p)
		}
	}
	if err := loadRows(it, recent, out); err != nil || len(rest) == 0 {
		return err
	}
	if err := s.loadFiles(ctx, rest, out); err != nil {
		return err
	}
	if s.recent.flushes.Load() != began {
		return loadRows(it, rest, out) // the files may be of a later moment
	}
	return nil
}

func (s *State) maybeRecent(p place) bool { return s.recent.has(p.key) }

// loadFiles reads rows that no memtable has.
func (s *State) loadFiles(ctx context.Context, list []place, out [][][]byte) (err error) {
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{OnlyReadGuaranteedDurable: true, UseL6Filters: true})
	if err != nil {
		return fmt.Errorf("loading rows: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	return loadRows(it, list, out)
}

// loadRows walks the keys in their order.
func loadRows(it *pebble.Iterator, list []place, out [][][]byte) error {
	for i, p := range list {
		if i > 0 && bytes.Equal(p.key, list[i-1].key) {
			out[p.at] = cloneParts(out[list[i-1].at])
			continue
		}
		out[p.at] = nil
		if !it.SeekPrefixGE(p.key) || !bytes.Equal(it.Key(), p.key) {
			if err := it.Error(); err != nil {
				return fmt.Errorf("loading rows: %w", err)
			}
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("loading rows: %w", err)
		}
		if out[p.at], err = store.CutParts(bytes.Clone(value), nil); err != nil {
			return fmt.Errorf("loading row %x: %w", p.key, err)
		}
	}
	return nil
}

// place is a physical key and whose it is.
type place struct {
	key []byte
	at  int
}

func cloneParts(parts [][]byte) [][]byte {
	if parts == nil {
		return nil
	}
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = append([]byte{}, p...)
	}
	return out
}

// Scan walks an iterator over the range.
func (s *State) Scan(ctx context.Context, at store.Range, visit func([]byte, [][]byte) bool) (err error) {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	lower := appendKey(nil, at.Table, at.Bucket, at.Prefix)
	upper := successor(lower)
	if at.After != nil {
		// The smallest key larger than After is After and a zero byte.
		after := append(appendKey(nil, at.Table, at.Bucket, at.After), 0)
		if bytes.Compare(after, lower) > 0 {
			lower = after
		}
		if bytes.Compare(lower, upper) >= 0 {
			return nil
		}
	}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("scanning rows: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	var parts [][]byte
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("scanning rows: %w", err)
		}
		if parts, err = store.CutParts(value, parts[:0]); err != nil {
			return fmt.Errorf("scanning row %x: %w", it.Key(), err)
		}
		if !visit(it.Key()[keyPrefix:], parts) {
			return nil
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("scanning rows: %w", err)
	}
	return nil
}

// successor is the smallest key larger than all that begin with the prefix. A
// table's letter is below 0xff, so there is one.
func successor(prefix []byte) []byte {
	out := bytes.Clone(prefix)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i] != 0xff {
			out[i]++
			return out[:i+1]
		}
	}
	return nil
}
