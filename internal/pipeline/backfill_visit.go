package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"rapport/internal/id"
	"rapport/internal/store"
)

// Anchors are visited in the order of their keys, a slice at a time: by a
// backfill, by the settling of versions, and where what was told is held against
// what is so.

// anchorsAfter brings the next anchors behind a key into memory, and tells up
// to which key these are all; nil: up to the end of the span.
func (w *people) anchorsAfter(ctx context.Context, after []byte) (out []*anchor, upTo []byte, err error) {
	from := w.span.First
	if len(after) == len(id.Key{}) {
		from = id.Key(after).Bucket()
	}
	span := w.sliceFrom(from)
	out, err = w.anchorsIn(ctx, span, after)
	switch {
	case err != nil:
		return nil, nil, err
	case len(out) == sliceAnchors:
		return out, bytes.Clone(out[len(out)-1].key[:]), nil
	case span.Last < w.span.Last:
		return out, lastKey(span.Last), nil
	}
	return out, nil, nil
}

// sliceFrom is as many buckets as a slice may look through.
func (w *people) sliceFrom(b id.Bucket) store.Span {
	return store.Span{First: b, Last: min(b+sliceBuckets-1, w.span.Last)}
}

// anchorsIn brings the anchors of some buckets behind a key into memory, up to a
// slice of them. A key begins with the bits of its bucket, so those of later
// buckets are behind it.
func (w *people) anchorsIn(ctx context.Context, span store.Span, after []byte) (out []*anchor, err error) {
	var bad error
	at := store.SpanRange{Table: store.TableAnchors, Span: span, After: after}
	err = w.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		var a *anchor
		if a, bad = w.anchorOf(id.Key(key), parts); a != nil {
			out = append(out, a)
		}
		if bad != nil || len(out) == sliceAnchors {
			return store.Stop
		}
		return store.NextRow
	})
	if err = errors.Join(err, bad); err != nil {
		return nil, fmt.Errorf("read anchors of buckets %d to %d: %w", span.First, span.Last, err)
	}
	return out, nil
}

// anchorOf gives the anchor of a row that is visited: what is in memory, else
// the row brought there; nil: it is swept.
func (w *people) anchorOf(k id.Key, parts [][]byte) (*anchor, error) {
	if a, ok := w.anchors.Get(k); ok || w.isSwept(k) {
		return a, nil
	}
	copies := make([][]byte, len(parts))
	for i := range parts {
		copies[i] = bytes.Clone(parts[i])
	}
	if err := w.adopt(store.TableAnchors, k, copies); err != nil {
		return nil, err
	}
	a, _ := w.anchors.Get(k)
	return a, nil
}

// lastKey is the last that a bucket can have.
func lastKey(b id.Bucket) []byte {
	k := bytes.Repeat([]byte{0xff}, len(id.Key{}))
	k[0], k[1] = byte(b>>4), byte(b<<4)|0x0f
	return k
}
