package embedded

import (
	"context"
	"errors"
	"io"
	"sort"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// readAhead is how much of a segment is read at once.
const readAhead = 1 << 20

// blockReader walks over the blocks of a segment up to an address.
type blockReader struct {
	segment *segment
	at      uint64 // of the next block; zero: the first
	limit   uint64
	buf     []byte // bytes of the file from bufAt
	bufAt   uint64
}

// next gives the next block that ends behind from; it is valid until the next
// call. It gives io.EOF at the limit, and errNoBlock or errBlock, with the
// address, where bytes follow that are no whole block.
func (r *blockReader) next(from uint64) (block, error) {
	if r.at == 0 {
		r.at = r.segment.first
	}
	if r.segment.moved != nil {
		return r.nextRun(from)
	}
	for {
		if r.at >= r.limit {
			return block{}, io.EOF
		}
		at := block{at: r.at}
		b, err := r.fill(blockHead)
		if err != nil {
			return at, err
		}
		length, err := blockLength(b, r.at)
		if err != nil {
			return at, err
		}
		if r.at+uint64(length) > r.limit {
			return at, errBlock
		}
		if r.at+uint64(length) <= from {
			r.at += uint64(length)
			continue
		}
		if b, err = r.fill(length); err != nil {
			return at, err
		}
		if len(b) < length {
			return at, errBlock
		}
		if err := checkBlock(b[:length]); err != nil {
			return at, err
		}
		r.at += uint64(length)
		return block{bytes: b[:length], at: at.at, records: recordsOf(b)}, nil
	}
}

// fill gives the bytes from r.at on, at least want unless the file ends.
func (r *blockReader) fill(want int) ([]byte, error) {
	if r.at >= r.bufAt && r.at+uint64(want) <= r.bufAt+uint64(len(r.buf)) {
		return r.buf[r.at-r.bufAt:], nil
	}
	size := min(uint64(max(want, readAhead)), r.limit-r.at)
	if uint64(cap(r.buf)) < size {
		r.buf = make([]byte, size)
	}
	r.segment.patching.RLock()
	n, err := readAt(r.segment.file, r.buf[:size], r.segment.offset(r.at))
	r.segment.patching.RUnlock()
	if err != nil {
		r.buf = r.buf[:0]
		return nil, r.segment.damaged(r.at, err)
	}
	r.buf, r.bufAt = r.buf[:n], r.at
	return r.buf, nil
}

// Read visits the records after from.
func (l *Log) Read(ctx context.Context, from store.Position, visit func(*store.Record) error) error {
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	l.mu.RLock()
	segments := append([]*segment(nil), l.segments...)
	end := l.tail().end
	l.mu.RUnlock()
	first := sort.Search(len(segments), func(i int) bool { return segments[i].base > uint64(from) })
	r := reading{log: l, ctx: ctx, from: from, visit: visit}
	for i := max(first-1, 0); i < len(segments); i++ {
		limit := end
		if i+1 < len(segments) {
			limit = segments[i+1].base
		}
		if err := r.segment(segments[i], limit); err != nil {
			return err
		}
	}
	return nil
}

// reading is one call of Read.
type reading struct {
	log   *Log
	ctx   context.Context //nolint:containedctx // lives as long as the call
	from  store.Position
	visit func(*store.Record) error
	plain []byte // rooms for a payload
	small []byte
}

func (r *reading) segment(s *segment, limit uint64) error {
	blocks := blockReader{segment: s, limit: limit}
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		block, err := blocks.next(uint64(r.from) + 1)
		if err == io.EOF { //nolint:errorlint // never wrapped
			return nil
		}
		if errors.Is(err, errNoBlock) || errors.Is(err, errBlock) {
			return s.damaged(block.at, errBlock)
		}
		if err != nil {
			return translate(err)
		}
		var stop error // of the visitor, given back as it is
		err = block.each(func(at uint64, h *seal.Head, raw, sealed []byte) error {
			position := store.Position(at)
			if position <= r.from {
				return nil
			}
			rec := h.Record(position)
			var err error
			if rec.Payload, err = r.open(h, raw, sealed); err != nil {
				return err
			}
			stop = r.visit(&rec)
			return stop
		})
		if stop != nil {
			return stop
		}
		if err != nil {
			return s.damaged(block.at, err)
		}
	}
}

// open gives the payload of a record, nil where its key is destroyed.
func (r *reading) open(h *seal.Head, raw, sealed []byte) ([]byte, error) {
	if h.Gone {
		return nil, nil
	}
	small, err := r.log.unseal(r.small[:0], h, raw, sealed)
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
func (l *Log) unseal(dst []byte, h *seal.Head, raw, sealed []byte) ([]byte, error) {
	aead, err := l.keys.cipher(h.Key, h.Anchor)
	if err != nil {
		return dst, err
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

// At gives one record. A position is only believed where a head with its sum
// begins, and the seal covers the head and the payload.
func (l *Log) At(ctx context.Context, at store.Position) (store.Record, error) {
	if err := l.gate.enter(ctx); err != nil {
		return store.Record{}, err
	}
	defer l.gate.leave()
	l.mu.RLock()
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].base > uint64(at) }) - 1
	s := l.segments[max(i, 0)]
	limit := s.end
	last := l.last
	l.mu.RUnlock()
	if at > last || uint64(at) < s.least() {
		return store.Record{}, store.ErrNotFound
	}
	rec, err := l.at(s, at, limit)
	if errors.Is(err, seal.ErrNoRecord) {
		return store.Record{}, store.ErrNotFound
	}
	return rec, translate(err)
}

// likelyRecord is how much At reads before it knows how long a record is.
const likelyRecord = 1 << 10

func (l *Log) at(s *segment, at store.Position, limit uint64) (store.Record, error) {
	s.patching.RLock()
	raw, h, err := s.rawAt(at, limit)
	s.patching.RUnlock()
	if err != nil {
		return store.Record{}, err
	}
	if h.Gone {
		return store.Record{}, store.ErrErased
	}
	small, err := l.unseal(nil, h, raw[:h.Bytes], raw[h.Bytes:])
	if errors.Is(err, store.ErrErased) {
		return store.Record{}, err
	}
	rec := h.Record(at)
	if err == nil {
		rec.Payload, err = seal.Expand([]byte{}, small, h.Form)
	}
	if err != nil {
		return store.Record{}, s.damaged(uint64(at), err)
	}
	return rec, nil
}

// rawAt reads a record as it is stored.
func (s *segment) rawAt(at store.Position, limit uint64) ([]byte, *seal.Head, error) {
	offset, room := s.offset(uint64(at)), limit-uint64(at)
	raw := make([]byte, min(room, likelyRecord))
	n, err := readAt(s.file, raw, offset)
	if err != nil {
		return nil, nil, s.damaged(uint64(at), err)
	}
	raw = raw[:n]
	var h seal.Head
	if err := h.Parse(raw); err != nil {
		return nil, nil, err
	}
	whole := h.Bytes + h.Sealed
	if uint64(whole) > room {
		return nil, nil, seal.ErrNoRecord
	}
	if have := len(raw); have < whole {
		raw = append(raw, make([]byte, whole-have)...)
		if n, err = readAt(s.file, raw[have:], offset+int64(have)); err != nil {
			return nil, nil, s.damaged(uint64(at), err)
		}
		if n < whole-have {
			return nil, nil, s.damaged(uint64(at), errBlock)
		}
	}
	return raw[:whole], &h, nil
}
