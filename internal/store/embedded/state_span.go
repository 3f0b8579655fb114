package embedded

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"rapport/internal/id"
	"rapport/internal/store"
)

// ScanSpan walks one iterator over the span: the rows of a table lie bucket
// behind bucket, and where a bucket has nothing the iterator is at the next that
// has.
func (s *State) ScanSpan(ctx context.Context, at store.SpanRange, visit func(id.Bucket, []byte, [][]byte) store.Step) (err error) {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	if at.Span.First > at.Span.Last {
		return nil
	}
	it, err := s.db.NewIterWithContext(ctx, &pebble.IterOptions{
		LowerBound: appendKey(nil, at.Table, at.Span.First, nil), UpperBound: successor(appendKey(nil, at.Table, at.Span.Last, nil)),
	})
	if err != nil {
		return fmt.Errorf("scanning buckets: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	w := spanWalk{it: it, at: at}
	for ok := w.enter(at.Span.First); ok; {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch w.place() {
		case ahead:
			ok = w.enter(w.found)
			continue
		case behind:
			ok = w.leave()
			continue
		}
		if err := w.read(); err != nil {
			return err
		}
		switch visit(w.bucket, it.Key()[keyPrefix:], w.parts) {
		case store.Stop:
			return nil
		case store.NextBucket:
			ok = w.leave()
		default:
			ok = it.Next()
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("scanning buckets: %w", err)
	}
	return nil
}

// spanWalk is an iterator on its way through a span.
type spanWalk struct {
	it     *pebble.Iterator
	at     store.SpanRange
	bucket id.Bucket // whose rows are visited
	found  id.Bucket // in which the iterator is
	lower  []byte    // where its rows begin
	parts  [][]byte
}

// Where an iterator is, seen from the rows to visit.
const (
	inside = iota
	ahead  // the rows of the bucket it is in may begin behind it
	behind // the bucket has no more
)

// enter goes to the first row of a bucket, or of the next that has any.
func (w *spanWalk) enter(b id.Bucket) bool {
	w.bucket = b
	w.lower = appendKey(w.lower[:0], w.at.Table, b, w.at.Prefix)
	if w.at.After != nil && bytes.Compare(w.at.After, w.at.Prefix) >= 0 {
		w.lower = append(appendKey(w.lower[:0], w.at.Table, b, w.at.After), 0)
	}
	return w.it.SeekGE(w.lower)
}

// leave goes to the bucket behind.
func (w *spanWalk) leave() bool { return w.bucket < w.at.Span.Last && w.enter(w.bucket+1) }

func (w *spanWalk) place() int {
	key := w.it.Key()
	if w.found = id.Bucket(binary.BigEndian.Uint16(key[1:])); w.found != w.bucket {
		return ahead
	}
	if !bytes.HasPrefix(key[keyPrefix:], w.at.Prefix) {
		return behind
	}
	return inside
}

func (w *spanWalk) read() error {
	value, err := w.it.ValueAndErr()
	if err != nil {
		return fmt.Errorf("scanning buckets: %w", err)
	}
	if w.parts, err = store.CutParts(value, w.parts[:0]); err != nil {
		return fmt.Errorf("scanning row %x: %w", w.it.Key(), err)
	}
	return nil
}
