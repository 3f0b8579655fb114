package pipeline

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/store"
)

// tickEvery is how often the lanes are asked what is due: a bucket gets at
// most one tick in that time.
const tickEvery = 100 * time.Millisecond

// tick writes the passing of time into the log, for the buckets in which
// something is due and for no others. It is the only clock behind the door.
func (p *Pipeline) tick() {
	every := time.NewTicker(tickEvery)
	defer every.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
		}
		if err := p.Tick(context.Background()); err != nil {
			p.log.Error("ticks cannot be written", "error", err)
		}
	}
}

// Tick writes one tick for each bucket in which something is due now, and
// returns when they are in the log.
func (p *Pipeline) Tick(ctx context.Context) error {
	now := p.clock.Now()
	var due []id.Bucket
	for i, w := range p.people {
		l := p.lanes[i]
		l.mu.Lock()
		due = append(due, w.timers.waiting(now)...)
		l.mu.Unlock()
	}
	if len(due) == 0 {
		return nil
	}
	frame := &store.Frame{Records: make([]store.Record, len(due))}
	for i, b := range due {
		frame.Records[i] = store.Record{
			Kind: store.KindTick, Bucket: b, Anchor: id.KeyOf("tick", ""), Received: now, Payload: tickPayload(now),
		}
	}
	r, err := p.append(ctx, frame)
	if err != nil {
		return err
	}
	// The next question must find these applied, or it would tick again.
	return p.WaitApplied(ctx, r)
}

// loadTimers arms what was armed when the state was committed.
func (w *people) loadTimers(ctx context.Context) error {
	for b := w.span.First; ; b++ {
		err := w.store.State().Scan(ctx, store.Range{Table: store.TableTimers, Bucket: b}, func(key []byte, _ [][]byte) bool {
			if at, k, ok := readTimerKey(key); ok {
				w.timers.set(k, clock.Instant(at))
			}
			return true
		})
		if err != nil {
			return fmt.Errorf("load timers of bucket %d: %w", b, err)
		}
		if b == w.span.Last {
			return nil
		}
	}
}
