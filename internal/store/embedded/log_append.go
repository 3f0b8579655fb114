package embedded

import (
	"context"
	"fmt"

	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Seal encodes, compresses and encrypts the records of a frame.
func (l *Log) Seal(ctx context.Context, frame *store.Frame) error {
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	return l.sealer.Seal(frame)
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
	fresh, err := l.sealer.Ready(frames)
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
			l.sealer.Ring.Durable(&fresh[i])
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

// buildBlock puts the frames into l.block, complete but for its place.
func (l *Log) buildBlock(frames []*store.Frame) store.Tally {
	var sums store.Tally
	for _, f := range frames {
		sums.Received += f.Received
		for _, c := range f.Rejected {
			sums.Add(c.Reason, c.N)
		}
	}
	l.block = beginBlock(l.block[:0], &sums)
	for _, f := range frames {
		l.block = append(l.block, f.Sealed.(*seal.Sealed).Bytes...)
	}
	return sums
}

// writeBlock makes l.block durable at the end of the log, in a new segment
// where the last one is full.
func (l *Log) writeBlock() error {
	tail := l.tail()
	used := tail.offset(tail.end)
	if used > int64(tail.head) && used+int64(len(l.block)) > l.options.SegmentBytes || l.turning {
		// What a failed attempt leaves of the file ends this segment here, so
		// nothing may be written behind before an attempt has worked.
		l.turning = true
		next, err := createSegment(l.folder, tail.end, l.last, l.sums.Clone())
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
	text := l.withRoom(tail)
	n, err := tail.file.WriteAt(text, tail.offset(tail.end))
	if err == nil {
		err = tail.file.SyncData()
	}
	if err == nil {
		tail.room = max(tail.room, tail.offset(tail.end)+int64(len(text)))
		return nil
	}
	// A block that was written in part cannot pass for one. A whole one can.
	if l.doubt = n >= len(l.block); l.doubt {
		l.clearDoubt() //nolint:errcheck // tried again before the next block
	}
	return fmt.Errorf("writing %s: %w", tail.name, err)
}

const (
	// roomAhead is how many zeros are written behind a block that makes the file
	// grow: to make a change of the file's length durable takes half as long again
	// as to overwrite, and that many small blocks do without.
	roomAhead = 256 << 10
	// smallBlock is the largest block that they are written behind.
	smallBlock = 64 << 10
)

// withRoom gives what is written for l.block: itself, and zeros behind it where
// the file has to grow.
func (l *Log) withRoom(tail *segment) []byte {
	end := tail.offset(tail.end) + int64(len(l.block))
	most := min(roomAhead, l.options.SegmentBytes-end)
	if end <= tail.room || most <= 0 || len(l.block) > smallBlock || l.options.WrittenOnce {
		return l.block
	}
	text := append(l.block, make([]byte, most)...)
	l.block = text[:len(l.block)]
	return text
}

// clearDoubt takes the head off a block that was written but not made durable,
// so that no crash can bring it back.
func (l *Log) clearDoubt() error {
	if !l.doubt {
		return nil
	}
	tail := l.tail()
	if _, err := tail.file.WriteAt(make([]byte, blockHead), tail.offset(tail.end)); err != nil {
		return fmt.Errorf("taking back a block in %s: %w", tail.name, err)
	}
	if err := tail.file.SyncData(); err != nil {
		return fmt.Errorf("taking back a block in %s: %w", tail.name, err)
	}
	l.doubt = false
	return nil
}

// publish moves the end behind the block and gives the records their positions.
func (l *Log) publish(frames []*store.Frame, sums *store.Tally) {
	tail := l.tail()
	at := tail.end + uint64(recordsOf(l.block))
	last := l.last
	for _, f := range frames {
		s := f.Sealed.(*seal.Sealed)
		for i, start := range s.Starts {
			last = store.Position(at + uint64(start))
			f.Records[i].Position = last
		}
		at += uint64(len(s.Bytes))
		l.sealer.Release(f)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	tail.end += uint64(len(l.block))
	l.last = last
	l.sums.AddAll(sums)
}
