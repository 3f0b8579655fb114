package embedded

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// sealed is a frame in its stored form.
type sealed struct {
	epoch  uint64     // of the keyring when sealing began
	bytes  []byte     // the records, one behind the other
	starts []int      // where each begins
	fresh  []seal.Key // keys that may not be on disk yet
}

// The rooms that sealing needs, kept for the next frame.
type rooms struct {
	frames  sync.Pool // *sealed
	scratch sync.Pool // *[]byte
}

// Seal encodes, compresses and encrypts the records of a frame.
func (l *Log) Seal(ctx context.Context, frame *store.Frame) error {
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	return l.seal(frame)
}

func (l *Log) seal(frame *store.Frame) error {
	out, _ := l.rooms.frames.Get().(*sealed)
	if out == nil {
		out = &sealed{}
	}
	out.epoch = l.ring.Epoch() // before any lease
	out.bytes, out.starts, out.fresh = out.bytes[:0], out.starts[:0], out.fresh[:0]
	room, _ := l.rooms.scratch.Get().(*[]byte)
	if room == nil {
		room = new([]byte)
	}
	defer l.rooms.scratch.Put(room)
	for i := range frame.Records {
		rec := &frame.Records[i]
		if len(rec.Payload) > maxRecord/2 {
			return fmt.Errorf("%w: payload of %d bytes", store.ErrMisuse, len(rec.Payload))
		}
		small, form := seal.Compress((*room)[:0], rec.Payload)
		*room = small
		if err := l.sealRecord(out, rec, small, form); err != nil {
			return err
		}
	}
	frame.Sealed = out
	return nil
}

func (l *Log) sealRecord(out *sealed, rec *store.Record, small []byte, form seal.Form) error {
	lease, err := l.ring.Lease(rec.Anchor)
	if err != nil {
		return err
	}
	aead, err := l.ring.Cipher(&lease.Key)
	if err != nil {
		return err
	}
	out.note(&lease)
	h := head{
		form: form, kind: rec.Kind, anchor: rec.Anchor, bucket: rec.Bucket, received: rec.Received,
		key: lease.ID, nonce: lease.Nonce, sealed: len(small) + seal.Overhead,
	}
	start := len(out.bytes)
	out.starts = append(out.starts, start)
	out.bytes = h.append(out.bytes)
	nonce := seal.Nonce(lease.Nonce)
	out.bytes = aead.Seal(out.bytes, nonce[:], small, out.bytes[start:])
	return nil
}

// note remembers a key that may have to be written with the frame.
func (s *sealed) note(lease *seal.Lease) {
	if lease.Durable {
		return
	}
	for _, v := range slices.Backward(s.fresh) {
		if v.ID == lease.ID {
			return
		}
	}
	s.fresh = append(s.fresh, lease.Key)
}

// Append writes the frames as one block: the keys they need first, then the
// block, each with one fsync. A reader sees the block when it is durable.
func (l *Log) Append(ctx context.Context, frames []*store.Frame) error {
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	l.writing.Lock()
	defer l.writing.Unlock()
	fresh, err := l.ready(frames)
	if err != nil {
		return err
	}
	if err := l.clearDoubt(); err != nil {
		return translate(err)
	}
	if len(fresh) > 0 {
		if err := l.keys.write(fresh); err != nil {
			return translate(err)
		}
		for i := range fresh {
			l.ring.Durable(&fresh[i])
		}
	}
	sums := l.buildBlock(frames)
	if len(l.block) > maxBlock {
		return fmt.Errorf("%w: frames of %d bytes in one step", store.ErrMisuse, len(l.block))
	}
	if err := l.writeBlock(); err != nil {
		return translate(err)
	}
	l.publish(frames, &sums)
	return nil
}

// ready checks that the frames are sealed, seals those again whose keys may
// have been erased meanwhile, and gathers the keys to write.
func (l *Log) ready(frames []*store.Frame) ([]seal.Key, error) {
	var fresh []seal.Key
	for _, f := range frames {
		s, ok := f.Sealed.(*sealed)
		if !ok || len(s.starts) != len(f.Records) {
			return nil, fmt.Errorf("%w: frame was not sealed", store.ErrMisuse)
		}
		if s.epoch != l.ring.Epoch() {
			if err := l.seal(f); err != nil {
				return nil, err
			}
			s = f.Sealed.(*sealed)
		}
		fresh = append(fresh, s.fresh...)
	}
	return fresh, nil
}

// buildBlock puts the frames into l.block, complete but for its place.
func (l *Log) buildBlock(frames []*store.Frame) tally {
	var sums tally
	for _, f := range frames {
		sums.received += f.Received
		for _, c := range f.Rejected {
			sums.add(c.Reason, c.N)
		}
	}
	l.block = beginBlock(l.block[:0], &sums)
	for _, f := range frames {
		l.block = append(l.block, f.Sealed.(*sealed).bytes...)
	}
	return sums
}

// writeBlock makes l.block durable at the end of the log, in a new segment
// where the last one is full.
func (l *Log) writeBlock() error {
	tail := l.tail()
	used := int64(tail.end - tail.base)
	if used > int64(tail.head) && used+int64(len(l.block)) > l.options.SegmentBytes || l.turning {
		// What a failed attempt leaves of the file ends this segment here, so
		// nothing may be written behind before an attempt has worked.
		l.turning = true
		next, err := createSegment(l.folder, tail.end, l.last, l.sums.clone())
		if err != nil {
			return err
		}
		l.turning = false
		l.mu.Lock()
		l.segments = append(l.segments, next)
		l.mu.Unlock()
		tail = next
	}
	l.salt++
	finishBlock(l.block, tail.end, l.salt)
	n, err := tail.file.WriteAt(l.block, int64(tail.end-tail.base))
	if err == nil {
		err = tail.file.SyncData()
	}
	if err == nil {
		return nil
	}
	// A block that was written in part cannot pass for one. A whole one can.
	if l.doubt = n == len(l.block); l.doubt {
		l.clearDoubt() //nolint:errcheck // tried again before the next block
	}
	return fmt.Errorf("writing %s: %w", tail.name, err)
}

// clearDoubt takes the head off a block that was written but not made durable,
// so that no crash can bring it back.
func (l *Log) clearDoubt() error {
	if !l.doubt {
		return nil
	}
	tail := l.tail()
	if _, err := tail.file.WriteAt(make([]byte, blockHead), int64(tail.end-tail.base)); err != nil {
		return fmt.Errorf("taking back a block in %s: %w", tail.name, err)
	}
	if err := tail.file.SyncData(); err != nil {
		return fmt.Errorf("taking back a block in %s: %w", tail.name, err)
	}
	l.doubt = false
	return nil
}

// publish moves the end behind the block and gives the records their positions.
func (l *Log) publish(frames []*store.Frame, sums *tally) {
	tail := l.tail()
	_, records := blockParts(l.block)
	at := tail.end + uint64(len(l.block)-len(records))
	last := l.last
	for _, f := range frames {
		s := f.Sealed.(*sealed)
		for i, start := range s.starts {
			last = store.Position(at + uint64(start))
			f.Records[i].Position = last
		}
		at += uint64(len(s.bytes))
		f.Sealed = nil
		l.rooms.frames.Put(s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tail.end += uint64(len(l.block))
	l.last = last
	l.sums.addAll(sums)
}
