package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
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

// row is one row. Its parts are never changed in place.
type row struct {
	key   string
	parts [][]byte
}

// find gives the place of a row on its shelf, or where it would be.
func find(s []row, key string) (int, bool) {
	return slices.BinarySearchFunc(s, key, func(r row, k string) int { return strings.Compare(r.key, k) })
}

// rows is a state: every row by shelf and key, and how far spans have applied.
// Parts are never changed once they are there, so that copies may share them.
type rows struct {
	shelves map[shelf][]row // in the order of their keys
	applied map[store.Span]store.Position
	size    uint64
}

func newRows() rows {
	return rows{shelves: map[shelf][]row{}, applied: map[store.Span]store.Position{}}
}

func (r *rows) clone() rows {
	out := rows{shelves: map[shelf][]row{}, applied: maps.Clone(r.applied), size: r.size}
	for at, s := range r.shelves {
		out.shelves[at] = slices.Clone(s)
	}
	return out
}

// only gives the rows of some tables, without positions.
func (r *rows) only(keep []store.Table) rows {
	out := newRows()
	for at, s := range r.shelves {
		if !slices.Contains(keep, at.table) {
			continue
		}
		out.shelves[at] = s
		for i := range s {
			out.size += weigh(s[i].parts)
		}
	}
	return out
}

func (r *rows) apply(c store.Commit) {
	for _, ch := range c.Changes {
		at := shelf{ch.Table, ch.Bucket}
		s := r.shelves[at]
		i, there := find(s, string(ch.Key))
		if ch.Op == store.Delete {
			if there {
				r.size -= weigh(s[i].parts)
				r.shelves[at] = slices.Delete(s, i, i+1)
			}
			continue
		}
		if !there {
			s = slices.Insert(s, i, row{key: string(ch.Key)})
			r.shelves[at] = s
		}
		old := s[i].parts
		if ch.Op == store.Put {
			s[i].parts = [][]byte{ch.Value}
		} else {
			s[i].parts = append(slices.Clip(old), ch.Value)
		}
		r.size += weigh(s[i].parts) - weigh(old)
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
		rows := s.rows.shelves[shelf{k.Table, k.Bucket}]
		at, there := find(rows, string(k.Key))
		if !there {
			continue
		}
		for _, part := range rows[at].parts {
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
	found := s.rows.within(at)
	s.mu.RUnlock()
	for _, r := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !visit([]byte(r.key), r.parts) {
			return nil
		}
	}
	return nil
}

// within copies the rows of a range.
func (r *rows) within(at store.Range) []row {
	s := r.shelves[shelf{at.Table, at.Bucket}]
	if len(s) == 0 {
		return nil
	}
	first := string(at.Prefix)
	if at.After != nil {
		first = max(first, string(at.After)+"\x00")
	}
	from, _ := find(s, first)
	rest := s[from:]
	end := sort.Search(len(rest), func(i int) bool { return !strings.HasPrefix(rest[i].key, string(at.Prefix)) })
	return slices.Clone(rest[:end])
}

// ScanSpan copies the rows of all its buckets and visits the copies.
func (s *State) ScanSpan(ctx context.Context, at store.SpanRange, visit func(id.Bucket, []byte, [][]byte) store.Step) error {
	found := map[id.Bucket][]row{}
	s.mu.RLock()
	err := usable(ctx, s.closed)
	for b := int(at.Span.First); err == nil && b <= int(at.Span.Last); b++ {
		if rows := s.rows.within(store.Range{Table: at.Table, Bucket: id.Bucket(b), Prefix: at.Prefix, After: at.After}); len(rows) > 0 {
			found[id.Bucket(b)] = rows
		}
	}
	s.mu.RUnlock()
	for _, b := range slices.Sorted(maps.Keys(found)) {
		for _, r := range found[b] {
			if err := ctx.Err(); err != nil {
				return err
			}
			switch visit(b, []byte(r.key), r.parts) {
			case store.Stop:
				return nil
			case store.NextRow:
				continue
			}
			break
		}
	}
	return err
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

// Reset forgets all but some tables, on the disk too.
func (s *State) Reset(ctx context.Context, keep ...store.Table) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := usable(ctx, s.closed); err != nil {
		return err
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.rows = s.rows.only(keep)
	s.disk.rows, s.disk.pending = s.rows.clone(), nil
	return nil
}

// Size counts the parts, not the keys.
func (s *State) Size() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rows.size
}
