package memory

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"sort"

	"rapport/internal/id"
	"rapport/internal/store"
)

// overhead is what a position moves beside the payload, so that nobody comes to
// rely on positions without gaps.
const overhead = 64

// Log is the log of a Store.
type Log struct {
	disk   *Disk
	closed bool // under disk.mu
}

// sealed is a frame's own copy of its payloads.
type sealed [][]byte

// Seal copies the payloads.
func (l *Log) Seal(ctx context.Context, frame *store.Frame) error {
	l.disk.mu.Lock()
	closed := l.closed
	l.disk.mu.Unlock()
	if err := usable(ctx, closed); err != nil {
		return err
	}
	out := make(sealed, len(frame.Records))
	for i := range frame.Records {
		out[i] = append([]byte{}, frame.Records[i].Payload...)
	}
	frame.Sealed = out
	return nil
}

// Append adds the records of all frames.
func (l *Log) Append(ctx context.Context, frames []*store.Frame) error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if err := usable(ctx, l.closed); err != nil {
		return err
	}
	for _, f := range frames {
		if s, ok := f.Sealed.(sealed); !ok || len(s) != len(f.Records) {
			return fmt.Errorf("%w: frame was not sealed", store.ErrMisuse)
		}
	}
	for _, f := range frames {
		l.disk.log.add(f, f.Sealed.(sealed))
	}
	return nil
}

func (r *records) add(f *store.Frame, payloads sealed) {
	for i := range f.Records {
		rec := f.Records[i]
		r.end += store.Position(overhead + len(payloads[i]))
		f.Records[i].Position = r.end
		rec.Position, rec.Payload, rec.Attached = r.end, payloads[i], nil
		r.secrets[rec.Anchor] = append(r.secrets[rec.Anchor], len(r.all))
		r.all = append(r.all, rec)
		r.size += uint64(overhead + len(payloads[i]))
	}
	r.counts.Received += f.Received
	for _, c := range f.Rejected {
		r.counts.Rejected[c.Reason] += c.N
	}
}

// Read visits the records that were there when it began.
func (l *Log) Read(ctx context.Context, from store.Position, visit func(*store.Record) error) error {
	l.disk.mu.Lock()
	err, n := usable(ctx, l.closed), len(l.disk.log.all)
	l.disk.mu.Unlock()
	if err != nil {
		return err
	}
	first := sort.Search(n, func(i int) bool { return l.record(i).Position > from })
	for i := first; i < n; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec := l.record(i)
		rec.Payload = bytes.Clone(rec.Payload)
		if err := visit(&rec); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) record(i int) store.Record {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return l.disk.log.all[i]
}

// At gives one record.
func (l *Log) At(ctx context.Context, at store.Position) (store.Record, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if err := usable(ctx, l.closed); err != nil {
		return store.Record{}, err
	}
	all := l.disk.log.all
	i := sort.Search(len(all), func(i int) bool { return all[i].Position >= at })
	if i == len(all) || all[i].Position != at {
		return store.Record{}, store.ErrNotFound
	}
	rec := all[i]
	if rec.Payload == nil {
		return store.Record{}, store.ErrErased
	}
	rec.Payload = bytes.Clone(rec.Payload)
	return rec, nil
}

// End is the position of the last record.
func (l *Log) End() store.Position {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return l.disk.log.end
}

// Counts sums the frames.
func (l *Log) Counts(ctx context.Context) (store.Counts, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if err := usable(ctx, l.closed); err != nil {
		return store.Counts{}, err
	}
	c := l.disk.log.counts
	c.Rejected = maps.Clone(c.Rejected)
	return c, nil
}

// Erase drops the payloads of the anchors' records; there is no key to destroy.
func (l *Log) Erase(ctx context.Context, anchors ...id.Key) error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if err := usable(ctx, l.closed); err != nil {
		return err
	}
	r := &l.disk.log
	for _, anchor := range anchors {
		for _, i := range r.secrets[anchor] {
			r.size -= uint64(len(r.all[i].Payload))
			r.all[i].Payload = nil
		}
		delete(r.secrets, anchor)
	}
	return nil
}

// Redact replaces payloads. There is no room that a new one could exceed.
func (l *Log) Redact(ctx context.Context, changes []store.Redaction) (int, error) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if err := usable(ctx, l.closed); err != nil {
		return 0, err
	}
	r := &l.disk.log
	at := make([]int, len(changes))
	for i, c := range changes {
		at[i] = sort.Search(len(r.all), func(i int) bool { return r.all[i].Position >= c.At })
		if at[i] == len(r.all) || r.all[at[i]].Position != c.At {
			return 0, store.ErrNotFound
		}
		if c.Payload != nil && r.all[at[i]].Payload == nil {
			return 0, store.ErrErased
		}
	}
	for i, c := range changes {
		rec := &r.all[at[i]]
		r.size += uint64(len(c.Payload)) - uint64(len(rec.Payload))
		rec.Payload = bytes.Clone(c.Payload)
		if c.Payload == nil {
			rec.Anchor, rec.Received = id.Key{}, 0
		}
	}
	return 0, nil
}

// Size counts the payloads and what goes with them.
func (l *Log) Size() uint64 {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return l.disk.log.size
}
