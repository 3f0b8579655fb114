package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
const tickPortion = 128

// agedMost is of how many anchors a lane leaves uncommitted what time did to
// them, while more are due. A commit of many would hold up events while it is
// gathered, and one that the lane itself makes while it is written.
const agedMost = 512

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
		if err == nil {
			err = p.commitAged(ctx)
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

// commitAged commits the lanes in which time changed many anchors, side by side,
// while they go on.
func (p *Pipeline) commitAged(ctx context.Context) error {
	var all sync.WaitGroup
	errs := make([]error, len(p.people))
	for i, w := range p.people {
		l := p.lanes[i]
		l.mu.Lock()
		n := w.aged
		l.mu.Unlock()
		if n >= agedMost {
			all.Go(func() { errs[i] = l.commit(ctx) })
		}
	}
	all.Wait()
	return errors.Join(errs...)
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

// foldTick lets time pass for what is due in the bucket.
func (w *people) foldTick(r *store.Record) {
	now := readTick(r.Payload)
	if now > w.passed[r.Bucket] {
		w.passed[r.Bucket], w.ticked[r.Bucket] = now, true
	}
	for _, x := range w.timers.take(r.Bucket, now) {
		a, ok := w.anchors.Get(x.key)
		if !ok {
			a, ok = w.cold[x.key] // armed by an event of this batch
		}
		if !ok {
			w.timers.set(x.key, 0)
			continue
		}
		w.aged++
		w.passTime(a, now)
		w.rearm(a, a.due())
		w.timers.keep(x)
	}
}

// passTime lets time pass for an anchor that something is due for.
func (w *people) passTime(a *anchor, now clock.Instant) {
	if due := a.partial.Due(); due != 0 && due <= now {
		a.partial.Tick(now)
		a.stirred()
		w.touch(a)
	}
	w.windCuts(a)
	if !a.elsewhere() && (a.members != nil || w.watched(a)) {
		w.advance(a, now)
	}
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
