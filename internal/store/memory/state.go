package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"rapport/internal/id"
	"rapport/internal/store"
)

// State is the rows of a Store.
type State struct {
	disk   *Disk
	mu     sync.RWMutex
	rows   rows
	closed bool
}

// shelf is where rows are ordered together.
type shelf struct {
	table  store.Table
	bucket id.Bucket
}

// rows is a state: every row by shelf and key, and how far spans have applied.
// Parts are never changed once they are there, so that copies may share them.
type rows struct {
	shelves map[shelf]map[string][][]byte
	applied map[store.Span]store.Position
	size    uint64
}

func newRows() rows {
	return rows{shelves: map[shelf]map[string][][]byte{}, applied: map[store.Span]store.Position{}}
}

func (r *rows) clone() rows {
	out := rows{shelves: map[shelf]map[string][][]byte{}, applied: maps.Clone(r.applied), size: r.size}
	for at, s := range r.shelves {
		out.shelves[at] = maps.Clone(s)
	}
	return out
}

func (r *rows) apply(c store.Commit) {
	for _, ch := range c.Changes {
		at := shelf{ch.Table, ch.Bucket}
		s := r.shelves[at]
		if s == nil {
			s = map[string][][]byte{}
			r.shelves[at] = s
		}
		key, old := string(ch.Key), s[string(ch.Key)]
		switch ch.Op {
		case store.Put:
			s[key] = [][]byte{ch.Value}
		case store.Add:
			s[key] = append(slices.Clip(old), ch.Value)
		case store.Delete:
			delete(s, key)
		}
		r.size += weigh(s[key]) - weigh(old)
	}
	r.applied[c.Span] = max(r.applied[c.Span], c.Position)
}

func weigh(parts [][]byte) uint64 {
	n := uint64(0)
	for _, p := range parts {
		n += uint64(len(p)) + 1
	}
	return n
}

func (r *rows) position(b id.Bucket) store.Position {
	last := store.Position(0)
	for span, at := range r.applied {
		if span.Holds(b) {
			last = max(last, at)
		}
	}
	return last
}

// Load gives copies of the parts.
func (s *State) Load(ctx context.Context, keys []store.RowKey) ([][][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := usable(ctx, s.closed); err != nil {
		return nil, err
	}
	out := make([][][]byte, len(keys))
	for i, k := range keys {
		for _, part := range s.rows.shelves[shelf{k.Table, k.Bucket}][string(k.Key)] {
			out[i] = append(out[i], append([]byte{}, part...))
		}
	}
	return out, nil
}

// Scan copies the rows of its range and visits the copy.
func (s *State) Scan(ctx context.Context, at store.Range, visit func([]byte, [][]byte) bool) error {
	s.mu.RLock()
	if err := usable(ctx, s.closed); err != nil {
		s.mu.RUnlock()
		return err
	}
	found := map[string][][]byte{}
	for key, parts := range s.rows.shelves[shelf{at.Table, at.Bucket}] {
		k := []byte(key)
		if bytes.HasPrefix(k, at.Prefix) && (at.After == nil || bytes.Compare(k, at.After) > 0) {
			found[key] = parts
		}
	}
	s.mu.RUnlock()
	for _, key := range slices.Sorted(maps.Keys(found)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !visit([]byte(key), found[key]) {
			return nil
		}
	}
	return nil
}

// Commit checks the whole commit before it changes anything.
func (s *State) Commit(ctx context.Context, c store.Commit) error {
	own := store.Commit{Span: c.Span, Position: c.Position, Changes: slices.Clone(c.Changes)}
	for i := range own.Changes {
		ch := &own.Changes[i]
		if !c.Span.Holds(ch.Bucket) {
			return fmt.Errorf("%w: change of bucket %d outside the span", store.ErrMisuse, ch.Bucket)
		}
		if len(ch.Key) == 0 || len(ch.Key) > store.MaxKey {
			return fmt.Errorf("%w: row key of %d bytes", store.ErrMisuse, len(ch.Key))
		}
		ch.Key, ch.Value = bytes.Clone(ch.Key), append([]byte{}, ch.Value...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := usable(ctx, s.closed); err != nil {
		return err
	}
	s.rows.apply(own)
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.pending = append(s.disk.pending, own)
	return nil
}

// Flush makes the commits outlive a crash.
func (s *State) Flush(ctx context.Context) error {
	s.mu.RLock()
	err := usable(ctx, s.closed)
	s.mu.RUnlock()
	if err != nil {
		return err
	}
	return s.persist()
}

func (s *State) persist() error {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	for _, c := range s.disk.pending {
		s.disk.rows.apply(c)
	}
	s.disk.pending = nil
	return nil
}

// Purge makes the commits durable: no earlier value outlives that.
func (s *State) Purge(ctx context.Context, _ []store.RowKey) error { return s.Flush(ctx) }

// Applied is the largest position of a span that holds the bucket.
func (s *State) Applied(b id.Bucket) store.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows.position(b)
}

// Reset forgets all, on the disk too.
func (s *State) Reset(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := usable(ctx, s.closed); err != nil {
		return err
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.rows, s.disk.rows, s.disk.pending = newRows(), newRows(), nil
	return nil
}

// Size counts the parts, not the keys.
func (s *State) Size() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows.size
}
