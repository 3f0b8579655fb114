package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/trace"
)

// batchRecords is how many records a lane applies while it holds its lock: few
// enough that a reader never waits long, many enough to share reads.
const batchRecords = 256

// applier is what a lane does with its records. Its methods are called by one
// goroutine at a time, with the lane locked.
type applier interface {
	// apply folds records in the order of the log and gives the records that
	// follow from them for other buckets. What it cannot read is an error of the
	// engine: the batch is tried again.
	apply(ctx context.Context, batch []*store.Record) (derived []store.Record, err error)
	// dirty is how many rows changed since the last call of changes.
	dirty() int
	// changes gives what to commit and forgets it. Everything up to at is
	// applied.
	changes(at store.Position) []store.Change
	// settled tells whether all that was applied is in the rows. Until it is,
	// their position would promise too much.
	settled() bool
	// full tells whether rows in memory exceed their budget by so much that
	// something should be written behind and let go of now.
	full() bool
	// trim drops what the memory budget does not hold. It is called after a
	// commit and drops only rows that have not changed since changes.
	trim()
}

// lane is one worker: it owns a span of buckets, applies their records in the
// order of the log and commits behind. Readers lock it to look.
type lane struct {
	shared
	name string
	span store.Span
	work applier

	mu      sync.Mutex // guards work and what hangs on it
	applied store.Position

	queueMu sync.Mutex
	wake    sync.Cond
	queue   []*store.Record
	end     store.Position // what is in the log for this lane is in queue or applied, up to here
	waiters []waiter
	told    store.Position // who waits for what is applied up to here is let go
	resting bool           // the loop waits for something to do
	closed  bool
	idle    chan struct{}
	// followed are spans of records that are in the queue; none where nobody traces.
	followed []following

	commitMu  sync.Mutex // one commit at a time; taken before mu
	committed store.Position
	unsaved   []store.Change // gathered for a commit that has not succeeded yet

	emitted *ticket              // the last derived frame: durable before the next commit
	reached func(store.Position) // told how far it has come; nil: nobody asks
	failed  atomic.Int32         // how often in a row it could not apply
	lost    error                // why derived records are not in the log; nil while all are
	// tried is when a commit was last tried, in microseconds: the lane and the
	// pipeline, which commits for lanes at rest, both ask.
	tried atomic.Int64
}

// due tells whether the last commit is long enough ago.
func (l *lane) due() bool {
	return l.now().UnixMicro()-l.tried.Load() >= l.limits.every.Microseconds()
}

// commitLimits say when a lane writes behind.
type commitLimits struct {
	rows  int
	every time.Duration
	batch int // records applied under one lock
}

type waiter struct {
	at   store.Position
	done chan struct{}
}

// shared is what the lanes of a pipeline have in common.
type shared struct {
	state    store.State
	seq      *sequencer
	log      *slog.Logger
	shortage *shortage
	free     func(records []*store.Record) // gives back the room that applied records took
	now      func() time.Time
	limits   commitLimits
}

func newLane(name string, span store.Span, s shared, work applier) *lane {
	l := &lane{shared: s, name: name, span: span, work: work, idle: make(chan struct{})}
	l.wake.L = &l.queueMu
	l.tried.Store(l.now().UnixMicro())
	return l
}

// push hands records to the lane, in the order of the log; end says up to
// where the log is now handed over.
func (l *lane) push(records []*store.Record, end store.Position) {
	l.queueMu.Lock()
	if len(records) > 0 || !l.pass(end) {
		l.queue = append(l.queue, records...)
		l.end = end
		l.wake.Signal()
	}
	l.queueMu.Unlock()
}

// arrive notes how far the lane has come, with the lane locked: who asked to be
// told knows it before anybody who waits for the place goes on.
func (l *lane) arrive(end store.Position) {
	l.applied = end
	if l.reached != nil {
		l.reached(end)
	}
}

// pass moves a lane at rest to where the log has nothing for it: waking it for
// that would let whoever waits for it wait for a processor too. It is called
// with the queue locked.
func (l *lane) pass(end store.Position) bool {
	if !l.resting || l.end != l.applied || len(l.queue) > 0 || !l.mu.TryLock() {
		return false
	}
	l.end = end
	l.arrive(end)
	l.mu.Unlock()
	l.release(end)
	return true
}

// run applies until stop is called and the queue is empty.
func (l *lane) run() {
	defer close(l.idle)
	for {
		batch, end, ok := l.take()
		if !ok {
			return
		}
		l.step(batch, end)
	}
}

// take waits for records, or for the time to commit; end is the position that
// is applied once the batch is.
func (l *lane) take() (batch []*store.Record, end store.Position, ok bool) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	for len(l.queue) == 0 && l.end == l.applied {
		if l.closed {
			return nil, 0, false
		}
		l.resting = true
		l.wake.Wait()
	}
	l.resting = false
	n, work := min(len(l.queue), l.limits.batch), 0
	for i := 0; i < n; i++ {
		work += workOf(l.queue[i].Kind)
		switch {
		case i > 0 && broadcast(l.queue[i].Kind): // what changes the meaning of all that follows begins a batch
			n = i
		case work >= l.limits.batch:
			n = i + 1
		}
	}
	batch = l.queue[:n:n]
	if n == len(l.queue) {
		l.queue, end = nil, l.end
	} else {
		l.queue, end = l.queue[n:], batch[n-1].Position
	}
	return batch, end, true
}

// sightingWork is how many links a sighting counts for in a batch: it looks for
// its neighbours in the store, and who asks whose something is waits for the lane.
const sightingWork = 8

func workOf(k store.Kind) int {
	if k == store.KindSighting {
		return sightingWork
	}
	return 1
}

// step applies one batch, sends on what follows from it, and commits when it
// is time. An engine that fails is asked again until it answers or the lane
// is stopped: going on without its rows would fold on nothing.
func (l *lane) step(batch []*store.Record, end store.Position) {
	ctx, span := trace.Then(context.Background(), l.followedBy(end), "batch")
	defer span.End()
	span.Text("lane", l.name)
	span.Number("records", len(batch))
	if !l.prepare(ctx, batch) {
		return
	}
	for pause := 10 * time.Millisecond; len(batch) > 0; pause = min(2*pause, time.Second) {
		l.mu.Lock()
		derived, err := l.work.apply(ctx, batch)
		if err == nil {
			// Rows, what follows from them and the position change as one: a
			// commit may come from elsewhere as soon as the lane is unlocked.
			l.emit(ctx, derived)
			l.arrive(end)
		}
		l.mu.Unlock()
		if err == nil {
			l.failed.Store(0)
			break
		}
		l.failed.Add(1)
		l.log.Error("lane cannot apply", "lane", l.name, "error", err)
		if l.stopped(pause) {
			return
		}
	}
	if len(batch) == 0 {
		l.mu.Lock()
		l.arrive(end)
		l.mu.Unlock()
	}
	l.free(batch)
	l.notify(end)
	l.commitIfDue(ctx)
}

// preparer is an applier that may have to do much before it can apply a record:
// so much that it is done in pieces.
type preparer interface {
	// ready tells whether a record can be applied. What begins with it has to be
	// committed before the pieces are done.
	ready(r *store.Record) (ready bool, err error)
	// slice does one piece and gives the records that follow.
	slice(ctx context.Context, applied store.Position) (derived []store.Record, err error)
}

// prepare does what a batch needs to have been done. It gives up where the lane
// is stopped.
func (l *lane) prepare(ctx context.Context, batch []*store.Record) bool {
	w, ok := l.work.(preparer)
	if !ok || len(batch) == 0 || !broadcast(batch[0].Kind) {
		return true
	}
	for begun := false; ; {
		l.mu.Lock()
		ready, err := w.ready(batch[0])
		l.mu.Unlock()
		if ready {
			return true
		}
		if err == nil && !begun {
			err = l.commit(ctx)
			begun = err == nil
		}
		if err == nil {
			err = l.slice(ctx, w)
		}
		if err != nil {
			l.log.Error("lane cannot prepare", "lane", l.name, "error", err)
			if l.stopped(time.Second) {
				return false
			}
		}
	}
}

// slice does one piece of what takes long, and commits when it is time.
func (l *lane) slice(ctx context.Context, w preparer) error {
	l.mu.Lock()
	derived, err := w.slice(ctx, l.applied)
	if err == nil {
		l.emit(ctx, derived)
	}
	l.mu.Unlock()
	l.commitIfDue(ctx)
	return err
}

// stopped waits a while and tells whether the lane was stopped meanwhile.
func (l *lane) stopped(pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	<-t.C
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	return l.closed
}

// emit hands derived records to the log. They are queued before the lane's
// position moves, so whoever waits for the position can wait for them too.
func (l *lane) emit(ctx context.Context, derived []store.Record) {
	if len(derived) == 0 {
		return
	}
	frame := &store.Frame{Records: derived}
	traced(ctx, frame)
	err := l.seq.log.Seal(ctx, frame)
	if err == nil {
		l.emitted, err = l.seq.submit(frame, payloadBytes(derived), true)
	}
	if err != nil {
		// The lane goes on and never commits again: the next start replays the
		// facts and derives from them what did not get into the log.
		l.lost = err
		l.log.Error("derived records did not get into the log", "lane", l.name, "error", err)
	}
}

func (l *lane) notify(applied store.Position) {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	l.release(applied)
}

// release lets those go who waited for a position, with the queue locked.
func (l *lane) release(applied store.Position) {
	l.told = max(l.told, applied)
	kept := l.waiters[:0]
	for _, w := range l.waiters {
		if w.at <= applied {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	l.waiters = kept
}

// wait gives a channel that is closed once the lane has applied up to at. It asks
// the queue, not the lane: the lane may be in the middle of a batch.
func (l *lane) wait(at store.Position) <-chan struct{} {
	done := make(chan struct{})
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	if l.told >= at {
		close(done)
	} else {
		l.waiters = append(l.waiters, waiter{at, done})
	}
	return done
}

// stop ends the loop once the queue is empty.
func (l *lane) stop() {
	l.queueMu.Lock()
	l.closed = true
	l.wake.Broadcast()
	l.queueMu.Unlock()
	<-l.idle
}

// waiting is how many records the lane has before it.
func (l *lane) waiting() int {
	l.queueMu.Lock()
	defer l.queueMu.Unlock()
	return len(l.queue)
}

// holds tells whether the lane owns a bucket.
func (l *lane) holds(b id.Bucket) bool { return l.span.Holds(b) }
