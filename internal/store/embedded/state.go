package embedded

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"rapport/internal/id"
	"rapport/internal/store"
)

// State is the rows of a Store, in Pebble without a log of its own: the log of
// facts is what a lost commit is made again from. A commit is one batch, so it
// is there whole or not; memtables are flushed in the order of commits, so what
// a crash leaves is the state after one of them.
type State struct {
	db     *pebble.DB
	fs     *patient
	folder folder // Pebble's own
	cache  *pebble.Cache
	gate   gate
	recent *recent

	commits sync.RWMutex // held for writing by Reset, and while a generation begins

	mu      sync.RWMutex
	applied map[store.Span]store.Position
	spare   map[store.Span]*pebble.Batch // the room of the last commits
}

type failure struct{ err error }

// usable enters the gate and looks whether the state can still be used.
func (s *State) usable(ctx context.Context) error {
	if err := s.gate.enter(ctx); err != nil {
		return err
	}
	if err := s.sound(); err != nil {
		s.gate.leave()
		return err
	}
	return nil
}

// sound tells the first failure that only a restart mends.
func (s *State) sound() error {
	if f := s.fs.frozen.Load(); f != nil {
		return fmt.Errorf("state has failed, restart to recover: %w", f.err)
	}
	return nil
}

// room is what writing asks beside: a full disk must not let memtables pile up
// until commits stand still.
func (s *State) room() error {
	if s.fs.full() {
		return store.ErrFull
	}
	return nil
}

// The physical keys: a table's letter, the bucket, the key; and beside the
// tables, one row per span for what it has applied.
const (
	keyPrefix  = 3
	appliedRow = 0x01
	appliedLen = 1 + 4
	lastPrefix = 0xff // beyond all keys
)

func appendKey(b []byte, table store.Table, bucket id.Bucket, key []byte) []byte {
	b = append(b, byte(table))
	b = binary.BigEndian.AppendUint16(b, uint16(bucket))
	return append(b, key...)
}

func appliedKey(s store.Span) []byte {
	b := append(make([]byte, 0, appliedLen), appliedRow)
	b = binary.BigEndian.AppendUint16(b, uint16(s.First))
	return binary.BigEndian.AppendUint16(b, uint16(s.Last))
}

// mostRetained is the largest batch whose room is kept for the next.
const mostRetained = 8 << 20

// Commit makes a step in one batch. It is durable after the next flush.
func (s *State) Commit(ctx context.Context, c store.Commit) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.room(); err != nil {
		return err
	}
	if err := s.commit(&c); err != nil {
		return err
	}
	s.turnFull()
	return nil
}

func (s *State) commit(c *store.Commit) error {
	s.commits.RLock()
	defer s.commits.RUnlock()
	size := 64
	for i := range c.Changes {
		ch := &c.Changes[i]
		if !c.Span.Holds(ch.Bucket) {
			return fmt.Errorf("%w: change of bucket %d outside the span", store.ErrMisuse, ch.Bucket)
		}
		if len(ch.Key) == 0 || len(ch.Key) > store.MaxKey {
			return fmt.Errorf("%w: row key of %d bytes", store.ErrMisuse, len(ch.Key))
		}
		size += len(ch.Key) + len(ch.Value) + 16
	}
	position := max(c.Position, s.appliedTo(c.Span))
	batch, g := s.batch(c.Span, size), s.recent.current()
	g.bytes.Add(int64(size + rowOverhead*len(c.Changes)))
	err := batch.Set(appliedKey(c.Span), binary.BigEndian.AppendUint64(nil, uint64(position)), nil)
	for _, p := range inOrder(c.Changes) {
		if err == nil {
			err = s.stage(batch, g, &c.Changes[p.at])
		}
	}
	if err == nil {
		err = batch.Commit(pebble.NoSync)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("committing: %w", err), batch.Close())
	}
	batch.Reset()
	s.mu.Lock()
	s.applied[c.Span] = position
	s.spare[c.Span] = batch
	s.mu.Unlock()
	return nil
}

// batch gives an empty batch, in the room of the span's last commit: a span is
// one worker's, whose commits are about as large as one another.
func (s *State) batch(span store.Span, size int) *pebble.Batch {
	s.mu.Lock()
	b := s.spare[span]
	delete(s.spare, span)
	s.mu.Unlock()
	if b != nil {
		return b
	}
	return s.db.NewBatchWithSize(size, pebble.WithMaxRetainedSizeBytes(mostRetained))
}

// stage writes one change into a batch without a copy in between, and notes its
// key.
func (s *State) stage(batch *pebble.Batch, g *generation, ch *store.Change) error {
	keyLen, valueLen := keyPrefix+len(ch.Key), store.PartBytes(len(ch.Value))
	var op *pebble.DeferredBatchOp
	switch ch.Op {
	case store.Put:
		op = batch.SetDeferred(keyLen, valueLen)
	case store.Add:
		op = batch.MergeDeferred(keyLen, valueLen)
	case store.Delete:
		op = batch.DeleteDeferred(keyLen)
	default:
		return fmt.Errorf("%w: operation %d", store.ErrMisuse, ch.Op)
	}
	appendKey(op.Key[:0], ch.Table, ch.Bucket, ch.Key)
	g.note(s.recent.hash(op.Key))
	if ch.Op != store.Delete {
		n := binary.PutUvarint(op.Value, uint64(len(ch.Value)))
		copy(op.Value[n:], ch.Value)
	}
	return op.Finish()
}

func (s *State) appliedTo(span store.Span) store.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.applied[span]
}

// Flush writes the memtables out and waits for it. While the disk is full it
// gives store.ErrFull; the flush then goes on by itself when there is room.
func (s *State) Flush(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	return s.flush(ctx)
}

// Applied is the largest position of a span that holds the bucket. Spans are as
// many as there were lanes in the life of the data, so this is a short walk.
func (s *State) Applied(b id.Bucket) store.Position {
	s.mu.RLock()
	defer s.mu.RUnlock()
	last := store.Position(0)
	for span, at := range s.applied {
		if span.Holds(b) {
			last = max(last, at)
		}
	}
	return last
}

// Reset removes everything but some tables in one batch and makes that durable: a
// crash leaves the state as it was or without the rest.
func (s *State) Reset(ctx context.Context, keep ...store.Table) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	defer s.gate.leave()
	if err := s.room(); err != nil {
		return err
	}
	s.commits.Lock()
	defer s.commits.Unlock()
	s.recent.blur()
	if err := s.deleteAllBut(keep); err != nil {
		return fmt.Errorf("resetting the state: %w", err)
	}
	s.recent.begin()
	s.mu.Lock()
	clear(s.applied)
	s.mu.Unlock()
	return s.flush(ctx)
}

// deleteAllBut deletes what lies before, between and behind some tables.
func (s *State) deleteAllBut(keep []store.Table) (err error) {
	batch := s.db.NewBatch()
	defer func() { err = errors.Join(err, batch.Close()) }()
	from := byte(0)
	for _, t := range slices.Sorted(slices.Values(keep)) {
		if err := batch.DeleteRange([]byte{from}, []byte{byte(t)}, nil); err != nil {
			return err
		}
		from = byte(t) + 1
	}
	if err := batch.DeleteRange([]byte{from}, []byte{lastPrefix}, nil); err != nil {
		return err
	}
	return batch.Commit(pebble.NoSync)
}

// Size is the bytes on disk.
func (s *State) Size() uint64 {
	if err := s.gate.enter(context.Background()); err != nil {
		return 0
	}
	defer s.gate.leave()
	return s.db.Metrics().DiskSpaceUsage()
}

// readApplied loads the positions of the spans.
func (s *State) readApplied() (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{appliedRow}, UpperBound: []byte{appliedRow + 1}})
	if err != nil {
		return fmt.Errorf("opening the state: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	found := map[store.Span]store.Position{}
	for ok := it.First(); ok; ok = it.Next() {
		k, v := it.Key(), it.Value()
		if len(k) != appliedLen || len(v) != 8 {
			return fmt.Errorf("opening the state: span: %w", store.ErrParts)
		}
		span := store.Span{First: id.Bucket(binary.BigEndian.Uint16(k[1:])), Last: id.Bucket(binary.BigEndian.Uint16(k[3:]))}
		found[span] = store.Position(binary.BigEndian.Uint64(v))
	}
	maps.Copy(s.applied, found)
	return it.Error()
}

// inOrder gives the places of changes in the order of their keys, those of one
// key as they came: a memtable finds the place of a row from that of the one
// before, which halves what writing rows costs.
func inOrder(changes []store.Change) []spot {
	out := make([]spot, len(changes))
	for i := range out {
		out[i] = spot{headOf(&changes[i]), i}
	}
	slices.SortFunc(out, func(a, b spot) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return cmp.Or(bytes.Compare(changes[a.at].Key, changes[b.at].Key), cmp.Compare(a.at, b.at))
	})
	return out
}

// spot is the place of a change, with the head of its key: most are told apart by
// it, without looking at the changes, which lie all over memory.
type spot struct {
	head uint64
	at   int
}

// headOf is the table, the bucket and the first five bytes of the key.
func headOf(c *store.Change) uint64 {
	var head [8]byte
	head[0] = byte(c.Table)
	binary.BigEndian.PutUint16(head[1:], uint16(c.Bucket))
	copy(head[3:], c.Key)
	return binary.BigEndian.Uint64(head[:])
}
