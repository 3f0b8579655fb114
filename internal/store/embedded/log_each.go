package embedded

import (
	"context"
	"errors"
	"sort"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Each visits the records at some positions, in the order given, as At would
// give them; a record whose key is destroyed has a nil payload. It is made for
// positions that ascend: those that lie close together are read at once.
func (l *Log) Each(ctx context.Context, at []store.Position, visit func(i int, r *store.Record) error) error {
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	l.mu.RLock()
	segments := append([]*segment(nil), l.segments...)
	end, last := l.tail().end, l.last
	l.mu.RUnlock()
	g := gathering{reading: reading{log: l, ctx: ctx}}
	for i, p := range at {
		k := max(sort.Search(len(segments), func(k int) bool { return segments[k].base > uint64(p) })-1, 0)
		limit := end
		if k+1 < len(segments) {
			limit = segments[k+1].base
		}
		s := segments[k]
		if p > last || uint64(p) < s.least() {
			return store.ErrNotFound
		}
		rec, err := g.at(s, at[i:], limit)
		if errors.Is(err, seal.ErrNoRecord) {
			return store.ErrNotFound
		}
		if err != nil {
			return translate(err)
		}
		if err := visit(i, &rec); err != nil {
			return err
		}
	}
	return nil
}

// gathering is one call of Each.
type gathering struct {
	reading
	segment *segment
	buf     []byte // bytes of the segment's file from bufAt
	bufAt   uint64
}

// gatherAhead is how much is read at once where the next positions lie within
// it.
const gatherAhead = 64 << 10

// at gives the record at the first of some positions.
func (g *gathering) at(s *segment, at []store.Position, limit uint64) (store.Record, error) {
	from := uint64(at[0])
	raw := g.held(s, from)
	var h seal.Head
	if err := h.Parse(raw); err != nil || len(raw) < h.Bytes+h.Sealed {
		if err := g.fill(s, at, limit); err != nil {
			return store.Record{}, err
		}
		raw = g.held(s, from)
		if err := h.Parse(raw); err != nil {
			return store.Record{}, err
		}
	}
	if len(raw) < h.Bytes+h.Sealed {
		rec, err := g.log.at(s, at[0], limit) // longer than records are
		if errors.Is(err, store.ErrErased) {
			rec, err = h.Record(at[0]), nil
		}
		return rec, err
	}
	g.plain = nil // the visitor may keep it
	rec := h.Record(at[0])
	var err error
	if rec.Payload, err = g.open(&h, raw[:h.Bytes], raw[h.Bytes:h.Bytes+h.Sealed]); err != nil {
		return store.Record{}, s.damaged(from, err)
	}
	return rec, nil
}

// held are the bytes from an address on that were read before.
func (g *gathering) held(s *segment, from uint64) []byte {
	if g.segment != s || from < g.bufAt || from >= g.bufAt+uint64(len(g.buf)) {
		return nil
	}
	return g.buf[from-g.bufAt:]
}

// fill reads from the first position on, as far as others lie close behind it.
func (g *gathering) fill(s *segment, at []store.Position, limit uint64) error {
	from := uint64(at[0])
	upTo := from
	for _, p := range at[1:] {
		if uint64(p) <= upTo || uint64(p)-from > gatherAhead || uint64(p)-upTo > gatherAhead/8 {
			break
		}
		upTo = uint64(p)
	}
	size := min(upTo+likelyRecord, limit) - from
	if uint64(cap(g.buf)) < size {
		g.buf = make([]byte, max(size, 2*likelyRecord))
	}
	g.segment, g.bufAt = s, from
	s.patching.RLock()
	n, err := readAt(s.file, g.buf[:size], s.offset(from))
	s.patching.RUnlock()
	if err != nil {
		g.buf = g.buf[:0]
		return s.damaged(from, err)
	}
	g.buf = g.buf[:n]
	return nil
}
