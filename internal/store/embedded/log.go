package embedded

import (
	"context"
	"errors"
	"slices"
	"sync"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Log is the log of a Store.
type Log struct {
	folder  folder
	options Options
	keys    *keys
	sealer  *seal.Sealer
	gate    gate

	writing sync.Mutex // one Append, or one step of Erase, at a time
	block   []byte     // what Append writes, kept for its room; under writing
	salt    uint32     // under writing
	turning bool       // a new segment must be made first; under writing
	doubt   bool       // a failed block may lie behind the end; under writing

	redacting  sync.Mutex // one Redact or Erase at a time
	unfinished []patch    // of a Redact whose patches could not all be written; under redacting

	mu       sync.RWMutex // what readers see of the end
	segments []*segment   // in order; all but the last are finished
	last     store.Position
	sums     store.Tally
}

// tail is the segment that grows.
func (l *Log) tail() *segment { return l.segments[len(l.segments)-1] }

// End is the position of the last record.
func (l *Log) End() store.Position {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last
}

// Counts sums the frames; they are kept in memory and in each segment's head.
func (l *Log) Counts(ctx context.Context) (store.Counts, error) {
	if err := l.gate.enter(ctx); err != nil {
		return store.Counts{}, err
	}
	defer l.gate.leave()
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.sums.Counts(), nil
}

// Size is the bytes of the log and of the keys. What is reserved for growth but
// holds nothing does not count.
func (l *Log) Size() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tail().end - l.segments[0].base + l.keys.size()
}

// Erase destroys the keys of anchors. The order is what makes it right beside
// running calls of Seal and Append: no new text gets the old key from here on;
// frames that may still carry it are sealed again when they are appended; then
// nothing can bring it back, and it is destroyed.
func (l *Log) Erase(ctx context.Context, anchors ...id.Key) error {
	if err := l.gate.enter(ctx); err != nil {
		return err
	}
	defer l.gate.leave()
	l.redacting.Lock() // a redaction seals anew what it keeps
	defer l.redacting.Unlock()
	gone, below := make(map[id.Key]bool, len(anchors)), seal.KeyID(0)
	for _, a := range anchors {
		gone[a] = true
		below = max(below, l.sealer.Ring.Forget(a))
	}
	// Wait for an Append that looked at the epoch before.
	l.writing.Lock()
	l.writing.Unlock() //nolint:staticcheck // an empty section is a barrier
	found, err := l.keys.find(ctx, gone, below)
	if err == nil {
		err = l.keys.destroy(found)
	}
	return translate(err)
}

func (l *Log) close() error {
	if !l.gate.close() {
		return nil
	}
	errs := []error{l.keys.close()}
	for _, s := range slices.Backward(l.segments) {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}
