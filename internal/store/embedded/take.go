package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Taking is a folder that is being filled with the image of another store. The
// records keep the addresses that they had there.
type Taking struct {
	folder  folder // of the log
	options Options
	lock    io.Closer
	keys    *keys
	state   *State
	filling *filling // the segment that is written; nil: none
	taken   uint64   // the address behind the last run
	last    store.Position
}

// filling is a segment of the form of segment_moved.go on its way.
type filling struct {
	*segment
	runs []run
	buf  []byte // of the body, not yet in the file
	at   int64  // where in the file buf goes
}

const fillBytes = 4 << 20

var _ store.Taker = (*Taking)(nil)

// Take begins to fill a folder, or goes on where an earlier Taking stopped. The
// master key is that of the image.
func Take(dir string, master [seal.MasterBytes]byte, options Options) (_ *Taking, err error) {
	o := options.filled()
	f := folder{fs: o.FS, dir: dir}
	if err := f.make(); err != nil {
		return nil, translate(err)
	}
	t := &Taking{folder: f.sub("log"), options: o}
	defer func() {
		if err != nil {
			err = errors.Join(translate(err), t.Close())
		}
	}()
	if !o.NoLock {
		if t.lock, err = o.FS.Lock(f.path("LOCK")); err != nil {
			return nil, inUse(dir, err)
		}
	}
	if err := t.folder.make(); err != nil {
		return nil, err
	}
	names := f.sub("keys")
	if err := names.make(); err != nil {
		return nil, err
	}
	if isNotExist(names, masterName) {
		if err := names.write(masterName, master[:]); err != nil {
			return nil, err
		}
	}
	if t.keys, err = openKeys(names, o); err != nil {
		return nil, err
	}
	if t.keys.master.Mark() != seal.NewMaster(master).Mark() {
		return nil, fmt.Errorf("%s: %w", names.path(masterName), errMaster)
	}
	if err := t.resume(); err != nil {
		return nil, err
	}
	t.state, err = openState(f, o)
	return t, err
}

// resume finds how far the log is. A segment without a head was being written.
func (t *Taking) resume() error {
	bases, err := listSegments(t.folder)
	if err != nil {
		return err
	}
	for i, base := range bases {
		s, err := openSegment(t.folder, base)
		if (errors.Is(err, errHead) || errors.Is(err, errMoved)) && i == len(bases)-1 {
			break
		}
		if err != nil {
			return err
		}
		if s.moved == nil {
			return errors.Join(t.tail(s, i == len(bases)-1), s.file.Close())
		}
		t.taken = s.end
		err = lastOf(s, &t.last)
		if err = errors.Join(err, s.file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// tail refuses a segment of an instance, but not the empty one that Finish made
// before it was cut off: it makes it again.
func (t *Taking) tail(s *segment, last bool) error {
	info, err := s.file.Stat()
	if err != nil {
		return fmt.Errorf("opening %s: %w", s.name, err)
	}
	if !last || s.base != t.taken || info.Size() > int64(s.head) {
		return fault.Errorf(fault.Conflict, "folder_in_use", "%s is of an instance: give an empty folder", s.name)
	}
	return nil
}

// lastOf finds the last record of a segment.
func lastOf(s *segment, last *store.Position) error {
	runs := s.moved.runs
	if len(runs) == 0 {
		return nil
	}
	r := blockReader{segment: s, limit: s.end, at: runs[len(runs)-1].at}
	b, err := r.next(0)
	if err != nil {
		return s.damaged(b.at, err)
	}
	return b.each(func(at uint64, _ *seal.Head, _, _ []byte) error {
		*last = store.Position(at)
		return nil
	})
}

// Taken is the address behind the last run.
func (t *Taking) Taken(context.Context) (store.Position, error) { return store.Position(t.taken), nil }

// TakeRun writes a run behind the others.
func (t *Taking) TakeRun(ctx context.Context, r store.Run) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at := uint64(r.At)
	if at < t.taken || at == 0 || len(r.Bytes) == 0 || len(r.Bytes) > maxBlock {
		return fmt.Errorf("%w: %d bytes at %d, behind %d", errOrder, len(r.Bytes), at, t.taken)
	}
	if f := t.filling; f != nil && (f.at+int64(len(f.buf)+len(r.Bytes)) > t.options.SegmentBytes || at-t.taken > maxGap) {
		if err := t.end(); err != nil {
			return err
		}
	}
	if t.filling == nil {
		if err := t.begin(at); err != nil {
			return err
		}
	}
	f := t.filling
	before := f.first
	if n := len(f.runs); n > 0 {
		before = t.taken
	}
	f.buf = append(f.buf, make([]byte, at-before)...)
	f.buf = append(f.buf, r.Bytes...)
	f.runs = append(f.runs, run{at: at, n: len(r.Bytes)})
	err := seal.EachRecord(r.Bytes, func(offset int, _ *seal.Head, _ []byte) error {
		t.last = r.At + store.Position(offset)
		return nil
	})
	if err != nil {
		return fmt.Errorf("the run at %d: %w", r.At, err)
	}
	t.taken = at + uint64(len(r.Bytes))
	if len(f.buf) >= fillBytes {
		return f.write()
	}
	return nil
}

// maxGap is how many zeros may stand between two runs of a segment.
const maxGap = 1 << 20

// begin makes the file of a segment whose first run is at an address. The first
// segment of a log has the base zero, the others begin where the one before ends.
func (t *Taking) begin(at uint64) error {
	s := &segment{base: t.taken, first: at, head: movedHead, last: t.last, moved: &moved{}}
	s.name = t.folder.path(segmentName(s.base))
	if err := t.folder.fs.Remove(s.name); err != nil && !isNotExist(t.folder, segmentName(s.base)) {
		return fmt.Errorf("making %s: %w", s.name, err)
	}
	file, err := createFile(t.folder.fs, s.name)
	if err != nil {
		return fmt.Errorf("making %s: %w", s.name, err)
	}
	s.file = file
	t.filling = &filling{segment: s, at: movedHead, buf: make([]byte, 0, fillBytes+maxGap)}
	return nil
}

func (f *filling) write() error {
	if _, err := f.file.WriteAt(slices.Clone(f.buf), f.at); err != nil {
		return fmt.Errorf("writing %s: %w", f.name, err)
	}
	f.at += int64(len(f.buf))
	f.buf = f.buf[:0]
	return nil
}

// end writes what stands behind the body, makes it durable, and the head last:
// a segment with a head is whole.
func (t *Taking) end() error {
	f := t.filling
	if f == nil {
		return nil
	}
	if err := f.write(); err != nil {
		return err
	}
	f.moved.body, f.moved.count = uint64(f.at)-movedHead, len(f.runs)
	text := appendRuns(nil, f.first, f.runs)
	f.moved.sum = crc32.Checksum(text, castagnoli)
	f.buf = append(f.buf, text...)
	if err := f.write(); err != nil {
		return err
	}
	err := f.file.Sync()
	if err == nil {
		_, err = f.file.WriteAt(f.encodeMoved(), 0)
	}
	if err == nil {
		err = f.file.Sync()
	}
	if err = errors.Join(err, f.file.Close()); err != nil {
		return fmt.Errorf("ending %s: %w", f.name, err)
	}
	t.filling = nil
	return t.folder.sync()
}

// TakeKeys writes data keys into their slots.
func (t *Taking) TakeKeys(ctx context.Context, taken []store.WrappedKey) error {
	for i := range taken {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := &taken[i]
		file, err := t.keys.file(k.ID / slotsOfFile)
		if err != nil {
			return translate(err)
		}
		slot := make([]byte, slotBytes)
		slot[0] = slotKey
		copy(slot[slotAnchor:], k.Anchor[:])
		copy(slot[slotSecret:], k.Wrapped[:])
		binary.LittleEndian.PutUint32(slot[4:], crc32.Checksum(slot[8:], castagnoli))
		if _, err := file.WriteAt(slot, slotOffset(seal.KeyID(k.ID))); err != nil {
			return translate(fmt.Errorf("writing data keys: %w", err))
		}
		t.keys.slots = max(t.keys.slots, k.ID+1)
	}
	return nil
}

// TakeRows writes rows.
func (t *Taking) TakeRows(ctx context.Context, rows []store.Row) error {
	err := t.state.usable(ctx)
	if err != nil {
		return err
	}
	defer t.state.gate.leave()
	if err := t.state.room(); err != nil {
		return err
	}
	batch := t.state.db.NewBatch()
	for i := 0; err == nil && i < len(rows); i++ {
		r := &rows[i]
		err = batch.Set(appendKey(nil, r.Table, r.Bucket, r.Key), r.Parts, nil)
	}
	if err == nil {
		err = batch.Commit(pebble.NoSync)
	}
	if err != nil {
		return translate(errors.Join(fmt.Errorf("writing rows: %w", err), batch.Close()))
	}
	return nil
}

// Flush makes durable what was taken.
func (t *Taking) Flush(ctx context.Context) error {
	if err := t.end(); err != nil {
		return translate(err)
	}
	if err := t.syncKeys(); err != nil {
		return translate(err)
	}
	return translate(t.state.Flush(ctx))
}

func (t *Taking) syncKeys() error {
	for _, file := range t.keys.files {
		if err := file.SyncData(); err != nil {
			return fmt.Errorf("writing data keys: %w", err)
		}
	}
	return nil
}

// Finish makes a store of what was taken: slots of destroyed keys, an empty
// segment where the log goes on, and the positions of the state.
func (t *Taking) Finish(ctx context.Context, e store.Extent, spans map[store.Span]store.Position) error {
	if err := t.end(); err != nil {
		return translate(err)
	}
	if err := t.fillSlots(ctx, e.NextKey); err != nil {
		return translate(err)
	}
	for span, at := range spans {
		if err := t.state.Commit(ctx, store.Commit{Span: span, Position: at}); err != nil {
			return err
		}
	}
	if err := t.Flush(ctx); err != nil {
		return err
	}
	tail, err := createSegment(t.folder, t.taken, e.Last, e.Counts.Clone())
	if err != nil {
		return translate(err)
	}
	return translate(errors.Join(tail.file.Close(), t.folder.sync()))
}

// fillSlots marks the slots below an id that hold no key as erased: no later key
// may get the id of one that was destroyed.
func (t *Taking) fillSlots(ctx context.Context, next uint64) error {
	if next == 0 {
		return nil
	}
	for n := uint64(0); n <= (next-1)/slotsOfFile; n++ {
		if _, err := t.keys.file(n); err != nil {
			return err
		}
	}
	erased := make([]byte, slotBytes)
	erased[0] = slotErased
	var empty []uint64
	flush := func() error {
		for _, number := range empty {
			if _, err := t.keys.files[number/slotsOfFile].WriteAt(slices.Clone(erased), slotOffset(seal.KeyID(number))); err != nil {
				return fmt.Errorf("writing data keys: %w", err)
			}
		}
		empty = empty[:0]
		return nil
	}
	err := t.keys.each(ctx, next, func(number uint64, slot []byte) error {
		if slot[0] == slotNone {
			empty = append(empty, number)
		}
		if len(empty) < scanSlots {
			return nil
		}
		return flush()
	})
	if err = errors.Join(err, flush()); err != nil {
		return err
	}
	t.keys.slots = max(t.keys.slots, next)
	return nil
}

// Close stops.
func (t *Taking) Close() error {
	var errs []error
	if t.filling != nil {
		errs = append(errs, t.filling.file.Close())
		t.filling = nil
	}
	if t.state != nil {
		errs = append(errs, t.state.close())
	}
	if t.keys != nil {
		errs = append(errs, t.keys.close())
	}
	if t.lock != nil {
		errs = append(errs, t.lock.Close())
	}
	return errors.Join(errs...)
}
