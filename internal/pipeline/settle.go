package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"rapport/internal/id"
	"rapport/internal/store"
)

// After an activation people follow when something happens to them. Settling
// looks for those to whom nothing happens, so that their history is written and
// what was retired is removed. It changes nothing that anybody sees of who is
// in which segment.

// settling is the way of one lane through those who may have to follow.
type settling struct {
	ids    []uint64 // of evaluations; those listed as their members may have to follow
	bucket id.Bucket
	after  []byte
	whole  bool // everybody may have to
}

var settledKey = []byte("settled")

// settleAll settles every lane that is behind.
func (p *Pipeline) settleAll(ctx context.Context) error {
	for i, w := range p.people {
		if err := p.lanes[i].settle(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// unsettled tells whether a lane is behind.
func (p *Pipeline) unsettled() bool {
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		behind := w.settledTo < w.force.position
		p.lanes[i].mu.Unlock()
		if behind {
			return true
		}
	}
	return false
}

func (l *lane) settle(ctx context.Context, w *people) error {
	l.mu.Lock()
	to := w.force.position
	s := w.unsettled()
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	// What was listed in memory alone is in the rows from here on.
	if err := l.commit(ctx); err != nil {
		return err
	}
	for done := false; !done; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.mu.Lock()
		var err error
		done, err = w.settleSlice(ctx, s)
		l.mu.Unlock()
		if err != nil {
			return err
		}
		l.commitIfDue(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.settledTo = to
	w.rows = append(w.rows, w.settledRow())
	return nil
}

// settledRow is the row of how far a lane is settled.
func (w *people) settledRow() store.Change {
	return store.Change{
		RowKey: store.RowKey{Table: store.TableMeta, Bucket: w.span.First, Key: settledKey},
		Op:     store.Put, Value: positionKey(w.settledTo),
	}
}

// settleHome settles one home ahead of its turn, so that its history is whole
// when it is read.
func (p *Pipeline) settleHome(ctx context.Context, k id.Key) error {
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.settledTo >= w.force.position {
		return nil
	}
	list, err := w.fetch(ctx, []id.Key{k})
	if err == nil {
		w.settleEach(list)
	}
	return err
}

// unsettled tells who may have to follow; nil where nobody does.
func (w *people) unsettled() *settling {
	if w.settledTo >= w.force.position {
		return nil
	}
	s := &settling{bucket: w.span.First, whole: w.settledTo == 0 && len(w.force.retired) > 0}
	for i := range w.force.active {
		if a := &w.force.active[i]; a.at > w.settledTo {
			s.ids = append(s.ids, a.ID)
		}
	}
	for n, r := range w.force.retired {
		if r.until > w.settledTo {
			s.ids = append(s.ids, n)
		}
	}
	s.ids = slices.DeleteFunc(s.ids, func(n uint64) bool { return w.tally.Members[n] == 0 })
	slices.Sort(s.ids)
	s.whole = s.whole || w.longer(s.ids)
	return s
}

// longer tells whether looking through the lists of members is more work than
// going through all rows once. To look for what a bucket has of a list takes
// about as long as to read a row.
func (w *people) longer(ids []uint64) bool {
	buckets := int64(w.span.Last-w.span.First) + 1
	work := int64(len(ids)) * buckets
	for _, n := range ids {
		work += w.tally.Members[n]
	}
	return work > buckets+int64(w.tally.Anchors)
}

// settleSlice settles the next of them.
func (w *people) settleSlice(ctx context.Context, s *settling) (done bool, err error) {
	if s.whole {
		list, upTo, err := w.anchorsAfter(ctx, s.after)
		if err != nil {
			return false, err
		}
		w.settleEach(list)
		s.after = upTo
		return upTo == nil, nil
	}
	if len(s.ids) == 0 {
		return true, nil
	}
	span := w.sliceFrom(s.bucket)
	keys, err := w.listed(ctx, s, span)
	if err != nil {
		return false, err
	}
	list, err := w.fetch(ctx, keys)
	if err != nil {
		return false, err
	}
	w.settleEach(list)
	switch {
	case len(keys) == sliceAnchors:
		last := keys[len(keys)-1]
		s.bucket, s.after = last.Bucket(), memberKey(s.ids[0], last)
	case span.Last < w.span.Last:
		s.bucket, s.after = span.Last+1, nil
	default:
		s.ids, s.bucket, s.after = s.ids[1:], w.span.First, nil
	}
	return len(s.ids) == 0, nil
}

func (w *people) settleEach(list []*anchor) {
	for _, a := range list {
		if a.members != nil && !a.elsewhere() {
			w.settle(a)
		}
	}
}

// listed gives the next members of the first evaluation in some buckets.
func (w *people) listed(ctx context.Context, s *settling, span store.Span) ([]id.Key, error) {
	var keys []id.Key
	prefix := binary.BigEndian.AppendUint64(nil, s.ids[0])
	at := store.SpanRange{Table: store.TableMembers, Span: span, Prefix: prefix, After: s.after}
	err := w.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
		if keys = append(keys, id.Key(key[len(prefix):])); len(keys) == sliceAnchors {
			return store.Stop
		}
		return store.NextRow
	})
	if err != nil {
		return nil, fmt.Errorf("read members of buckets %d to %d: %w", span.First, span.Last, err)
	}
	return keys, nil
}

// fetch brings anchors into memory, in one reading.
func (w *people) fetch(ctx context.Context, keys []id.Key) ([]*anchor, error) {
	var missing []store.RowKey
	for _, k := range keys {
		if _, ok := w.anchors.Get(k); !ok {
			missing = append(missing, store.RowKey{Table: store.TableAnchors, Bucket: k.Bucket(), Key: bytes.Clone(k[:])})
		}
	}
	rows, err := w.store.State().Load(ctx, missing)
	if err != nil {
		return nil, fmt.Errorf("load %d anchors: %w", len(missing), err)
	}
	for i, parts := range rows {
		if parts == nil {
			continue
		}
		if err := w.adopt(store.TableAnchors, id.Key(missing[i].Key), parts); err != nil {
			return nil, err
		}
	}
	out := make([]*anchor, 0, len(keys))
	for _, k := range keys {
		if a, ok := w.anchors.Get(k); ok {
			out = append(out, a)
		}
	}
	return out, nil
}

func (w *people) loadSettled(ctx context.Context) error {
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: w.span.First, Key: settledKey}})
	if err != nil || len(rows[0]) == 0 || len(rows[0][0]) != 8 {
		return err
	}
	w.settledTo = store.Position(binary.BigEndian.Uint64(rows[0][0]))
	return nil
}
