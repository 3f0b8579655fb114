package pipeline

import (
	"context"
	"fmt"
	"slices"
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

// tickPortion is for how many anchors of a lane time passes at once, as far as
// buckets can be divided. What else is due waits, so that events come between.
const tickPortion = 256

// Tick writes one tick for each bucket in which something is due now, and
// returns when they are applied.
func (p *Pipeline) Tick(ctx context.Context) error {
	now := p.clock.Now()
	for last := []wait(nil); ; {
		var due []wait
		lists := make([][]wait, len(p.people))
		for i, w := range p.people {
			p.lanes[i].mu.Lock()
			lists[i] = w.timers.waiting(now)
			p.lanes[i].mu.Unlock()
			due = append(due, lists[i]...)
		}
		if len(due) == 0 || slices.Equal(due, last) {
			return nil // nothing is due, or what is due came meanwhile
		}
		last = due
		if stopped, err := p.tickAll(ctx, now, lists); stopped || err != nil {
			return err
		}
	}
}

// tickAll lets time pass for the buckets of each lane, in portions. While one is
// applied the next gets into the log.
func (p *Pipeline) tickAll(ctx context.Context, now clock.Instant, lists [][]wait) (stopped bool, err error) {
	for before := store.Position(0); ; {
		var due []id.Bucket
		for i := range lists {
			for n := 0; len(lists[i]) > 0 && n < tickPortion; lists[i] = lists[i][1:] {
				due = append(due, lists[i][0].b)
				n += lists[i][0].n
			}
		}
		at, err := before, error(nil)
		if len(due) > 0 {
			slices.Sort(due)
			at, err = p.tickBuckets(ctx, now, due)
		}
		if err == nil {
			err = p.lanesAt(ctx, before)
		}
		if err != nil || len(due) == 0 {
			return false, err // the next question finds all of them applied
		}
		before = at
		select {
		case <-p.stop:
			return true, p.lanesAt(ctx, before)
		default:
		}
	}
}

// tickBuckets appends a tick for each of some buckets.
func (p *Pipeline) tickBuckets(ctx context.Context, now clock.Instant, due []id.Bucket) (store.Position, error) {
	frame := &store.Frame{Records: make([]store.Record, len(due))}
	for i, b := range due {
		frame.Records[i] = store.Record{
			Kind: store.KindTick, Bucket: b, Anchor: id.KeyOf("tick", ""), Received: now, Payload: tickPayload(now),
		}
	}
	r, err := p.append(ctx, frame)
	return r.Position, err
}

// resume takes up what the lane had in mind at its position.
func (w *people) resume(ctx context.Context, at store.Position) error {
	if err := w.loadTimers(ctx); err != nil {
		return err
	}
	if err := w.loadPassed(ctx); err != nil {
		return err
	}
	now, err := w.loadForce(ctx, at)
	if err != nil {
		return err
	}
	if err := w.enforce(now); err != nil {
		return err
	}
	if err := w.loadSettled(ctx); err != nil {
		return err
	}
	if err := w.loadFlows(ctx); err != nil {
		return err
	}
	if err := w.loadItems(ctx); err != nil {
		return err
	}
	return w.loadJob(ctx)
}

var passedKey = []byte("passed")

// passedRow is the row of the latest instant that passed in a bucket. Somebody
// who comes there later is evaluated as of it.
func passedRow(b id.Bucket, at clock.Instant) store.Change {
	return store.Change{RowKey: store.RowKey{Table: store.TableMeta, Bucket: b, Key: passedKey}, Op: store.Put, Value: tickPayload(at)}
}

func (w *people) loadPassed(ctx context.Context) error {
	var keys []store.RowKey
	for b := w.span.First; b <= w.span.Last; b++ {
		keys = append(keys, store.RowKey{Table: store.TableMeta, Bucket: b, Key: passedKey})
	}
	rows, err := w.store.State().Load(ctx, keys)
	if err != nil {
		return fmt.Errorf("load what time it is: %w", err)
	}
	for i, parts := range rows {
		if len(parts) > 0 {
			w.passed[keys[i].Bucket] = readTick(parts[len(parts)-1])
		}
	}
	return nil
}

// loadTimers arms what was armed when the state was committed.
func (w *people) loadTimers(ctx context.Context) error {
	err := w.store.State().ScanSpan(ctx, store.SpanRange{Table: store.TableTimers, Span: w.span}, func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
		if at, k, ok := readTimerKey(key); ok {
			w.timers.set(k, at)
		}
		return store.NextRow
	})
	if err != nil {
		return fmt.Errorf("load timers: %w", err)
	}
	return nil
}
