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
// most one tick in that time, or as many as what is due there needs.
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
		if err := p.Tick(context.Background()); err != nil && !p.stopping() {
			p.log.Error("ticks cannot be written", "error", err)
		}
	}
}

// A drain is time passing for many at once. It goes in portions, each of them
// in the log, applied and now and then committed before the next, so that what
// clients do waits for one portion and never for all of them.
const (
	// portionAmong is for how many anchors of a lane time passes at once while
	// events come in, portionAlone while none do.
	portionAmong, portionAlone = 32, 512
	// agedAmong and agedAlone are of how many anchors a lane leaves uncommitted
	// what time did to them, while more are due: to gather a commit holds events
	// up, and so does one that the lane itself makes while it is written.
	agedAmong, agedAlone = 64, 512
	// tickMost is for how many anchors one tick lets time pass. The rest of its
	// bucket waits for the next. It is no more than a portion has among events:
	// where everybody is due, one bucket is a portion.
	tickMost = portionAmong
)

// waysMost is how long a portion waits for what callers are waiting for. Under
// steady load there is always something: the drain goes on all the same.
const waysMost = 2 * time.Millisecond

// livelyFor is how long after an event others are expected.
const livelyFor = 100 * time.Millisecond

// backlog is what was due at an instant and is not done yet.
type backlog struct {
	now   clock.Instant
	lanes []laneBacklog
	came  uint64    // events that the door took so far
	until time.Time // events are expected up to here
}

type laneBacklog struct {
	list  []wait
	begun int // the first of them that were ticked in the portion before
	fired int // how many timers the lane had fired before that
}

// Tick writes ticks for the buckets in which something is due now, and returns
// when they are applied.
func (p *Pipeline) Tick(ctx context.Context) error {
	var list backlog
	for before := -1; ; {
		found, fired := p.overdue(&list, p.clock.Now())
		if !found || fired == before {
			return nil // nothing is due, or nothing more can be done about it
		}
		before = fired
		if stopped, err := p.drain(ctx, &list); stopped || err != nil {
			return err
		}
	}
}

// overdue lists the buckets in which something is due. It tells whether there are
// any, and how many timers have fired so far.
func (p *Pipeline) overdue(list *backlog, now clock.Instant) (found bool, fired int) {
	list.now, list.lanes = now, make([]laneBacklog, len(p.people))
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		list.lanes[i] = laneBacklog{list: w.timers.waiting(now), fired: w.fired}
		fired += w.fired
		p.lanes[i].mu.Unlock()
		found = found || len(list.lanes[i].list) > 0
	}
	return found, fired
}

// drain lets time pass for a backlog, portion by portion, each of them when no
// caller is waiting.
func (p *Pipeline) drain(ctx context.Context, b *backlog) (stopped bool, err error) {
	for {
		if err := p.letCallersPass(ctx); err != nil {
			return false, err
		}
		if done, err := p.portion(ctx, b, b.lively(p)); done || err != nil {
			return false, err
		}
		select {
		case <-p.stop:
			return true, nil
		default:
		}
	}
}

// letCallersPass waits until what callers sent is applied, or for as long as a drain
// waits.
func (p *Pipeline) letCallersPass(ctx context.Context) error {
	limit, cancel := context.WithTimeout(ctx, waysMost)
	defer cancel()
	for {
		m := p.seq.requests()
		var err error
		if m.pending > 0 {
			err = p.seq.fence(limit)
		} else {
			err = p.lanesAt(limit, m.last)
		}
		switch {
		case limit.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case m.pending == 0 && p.seq.requests() == m:
			return nil
		}
	}
}

// lively tells whether events come in meanwhile.
func (b *backlog) lively(p *Pipeline) bool {
	now := p.clock()
	if came := p.seq.came(); came != b.came {
		b.came, b.until = came, now.Add(livelyFor)
	}
	return now.Before(b.until)
}

// portion lets time pass for the next anchors of each lane, while what the one
// before changed is written.
func (p *Pipeline) portion(ctx context.Context, b *backlog, among bool) (done bool, err error) {
	most, aged := portionAlone, agedAlone
	if among {
		most, aged = portionAmong, agedAmong
	}
	var due []id.Bucket
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		due = w.nextDue(due, &b.lanes[i], b.now, most)
		p.lanes[i].mu.Unlock()
	}
	if len(due) == 0 {
		return true, nil
	}
	slices.Sort(due)
	var all sync.WaitGroup
	var written error
	all.Go(func() { written = p.commitAged(ctx, aged) })
	at, err := p.tickBuckets(ctx, b.now, due)
	if err == nil {
		err = p.lanesAt(ctx, at)
	}
	all.Wait()
	return false, errors.Join(err, written)
}

// nextDue adds the buckets in which time is to pass next.
func (w *people) nextDue(into []id.Bucket, l *laneBacklog, now clock.Instant, most int) []id.Bucket {
	stuck := w.fired == l.fired
	first, k := len(into), 0
	for n := 0; k < len(l.list) && n < most; k++ {
		b := l.list[k].b
		c := w.timers.next(b, now)
		if c == 0 || stuck && k < l.begun {
			continue // done, or the same once more would change nothing
		}
		into, n = append(into, b), n+c
	}
	l.begun, l.fired = len(into)-first, w.fired
	l.list = l.list[k-l.begun:]
	for i, b := range into[first:] {
		l.list[i].b = b
	}
	return into
}

// commitAged commits the lanes in which time changed many anchors, one after the
// other: what clients do finds a processor free.
func (p *Pipeline) commitAged(ctx context.Context, many int) error {
	for i, w := range p.people {
		l := p.lanes[i]
		l.mu.Lock()
		n := w.aged
		l.mu.Unlock()
		if n < many {
			continue
		}
		if err := l.commit(ctx); err != nil {
			return err
		}
	}
	return nil
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
	var kept []timer
	for n := 0; n < tickMost; {
		list := w.timers.take(r.Bucket, now, tickMost-n)
		if len(list) == 0 {
			break
		}
		for _, x := range list {
			if w.fire(x, now) {
				n++
			} else {
				kept = append(kept, x)
			}
		}
	}
	for _, x := range kept {
		w.timers.keep(x)
	}
}

// fire lets time pass for an anchor, and tells whether its timer is not due any
// more.
func (w *people) fire(x timer, now clock.Instant) bool {
	a, ok := w.anchors.Get(x.key)
	if !ok {
		a, ok = w.cold[x.key] // armed by an event of this batch
	}
	if !ok {
		w.timers.set(x.key, 0)
		return true
	}
	w.aged++
	w.passTime(a, now)
	w.rearm(a, a.due())
	if w.timers.at[x.key] == x.at {
		return false
	}
	w.fired++
	return true
}

// passTime lets time pass for an anchor that something is due for.
func (w *people) passTime(a *anchor, now clock.Instant) {
	if due := a.partial.Due(); due != 0 && due <= now {
		a.partial.Tick(now)
		a.stirred()
		w.touch(a)
	}
	w.windCuts(a)
	w.fireWaiting(a, now)
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
	if err := w.loadResults(ctx); err != nil {
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
