package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/consent"
	"rapport/internal/enrich"
	"rapport/internal/experience"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/policy"
	"rapport/internal/store"
)

// Pipeline carries events from the door to the state and reads them back.
type Pipeline struct {
	setting
	clock        clock.Clock
	random       func([]byte)
	cipher       *profileIDs
	ledger       Ledger
	intake       func(ctx context.Context, s *Submission) error
	remakes      map[string]Remake
	files        func(ctx context.Context, traces *consent.Traces) (FileScan, error)
	backups      func() ([]BackupRow, error)
	forget       func() error
	rewrite      func(ctx context.Context, who Gone) (Rewritten, error)
	delist       func(ctx context.Context, who Gone) (Delisted, error)
	silence      func(ctx context.Context) error
	recall       func(ctx context.Context, who Gone, at *Recalling) error
	audiences    Audiences
	privacy      privacyWork
	seq          *sequencer
	lanes        []*lane // people lanes in the order of their spans, then the graph's
	tallies      map[*lane]*tally
	people       []*people
	common       *common
	graph        *graph.Graph // the common lane's
	graphLane    *lane
	strangers    bool // nobody was known of those whom Known asked about last; locked by graphLane
	room         room
	waiting      atomic.Int64
	payloads     sync.Pool // of *[]byte: payloads on their way into the log
	flushBytes   uint64
	flushed      atomic.Uint64 // position at the last flush
	stop         chan struct{}
	removalSlice int            // records taken out of the log at a time
	expirySlice  int            // anchors that a step of an expiry looks at
	index        *columns.Index // nil: none
	upkeep       upkeep
	counts       *countBook
	background   sync.WaitGroup
	replaying    atomic.Bool
	compiled     atomic.Pointer[compiledRules]
	policy       atomic.Pointer[policy.Policy] // the consent policy that was read last
	pseudonyms   *policy.Pseudonyms
	contacts     *consent.SuppressionHasher
	shortage     *shortage
	failing      atomic.Pointer[string] // why the log cannot be written, nil while it can
	cultivating  sync.Mutex             // one backfill at a time
	telling      sync.Mutex             // one tells of items at a time
	inStep       atomic.Pointer[inStep] // what is in force is what is defined
	stuck        atomic.Pointer[inStep] // what is defined cannot come into force
}

// Open makes a pipeline over a store, brings the state up to the end of the
// log, and starts it. Progress, if given, hears of records replayed.
func Open(ctx context.Context, c Config, progress func(done, end store.Position)) (*Pipeline, error) {
	p, err := build(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := p.loadBeside(ctx); err != nil {
		return nil, err
	}
	p.start()
	if err := p.recover(ctx, progress); err != nil {
		p.abandon()
		return nil, fmt.Errorf("recover: %w", err)
	}
	if err := p.endRetelling(ctx); err != nil {
		p.abandon()
		return nil, err
	}
	if err := p.applyLedger(ctx); err != nil {
		p.abandon()
		return nil, err
	}
	p.background.Go(p.tick)
	p.background.Go(p.cultivate)
	p.background.Go(p.keepItems)
	p.background.Go(p.keepTrials)
	p.background.Go(p.flush)
	if p.index != nil {
		p.background.Go(p.keepIndex)
		p.background.Go(p.keepCounts)
	}
	return p, nil
}

// lifetime is a context that ends when the pipeline stops.
func (p *Pipeline) lifetime() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	p.background.Go(func() {
		<-p.stop
		cancel()
	})
	return ctx
}

func build(ctx context.Context, c Config) (*Pipeline, error) {
	c = c.filled()
	erased := newErasures(consent.NewHasher(c.InstanceKey))
	p := &Pipeline{
		setting: setting{store: c.Store, mappers: c.Mappers, sources: c.Sources, book: c.Book, derived: &enrich.Finder{}, erased: erased, floors: newFloors(), suppressed: newSuppressed(), log: c.Log, library: newLibrary(), follower: c.Follower, passing: c.Passages, items: newItemBook(), plans: newPlanning(), trials: newTrials(), experiences: &atomic.Pointer[experience.Book]{}},
		clock:   c.Clock, random: c.Random, cipher: newProfileIDs(c.InstanceKey, erased), ledger: c.Ledger, intake: c.Intake, remakes: c.Remakes, files: c.Files, backups: c.Backups, forget: c.Forget, rewrite: c.Rewrite, delist: c.Delist, silence: c.Silence, recall: c.Recall, audiences: c.Audiences,
		room: room{most: int64(c.QueueBytes), wait: c.QueueTime}, flushBytes: c.FlushBytes, removalSlice: c.RemovalSlice, expirySlice: expiryAnchors, stop: make(chan struct{}),
		index: c.Columns.Index, upkeep: upkeep{files: c.Columns.Files}, counts: newCountBook(c.Random),
		pseudonyms: policy.NewPseudonyms(c.InstanceKey), contacts: consent.NewSuppressionHasher(c.InstanceKey),
		tallies: map[*lane]*tally{}, payloads: sync.Pool{New: func() any { return new([]byte) }},
	}
	if err := errors.Join(p.loadErased(ctx), p.loadRetelling(ctx)); err != nil {
		return nil, err
	}
	if err := p.floors.load(ctx, c.Store.State()); err != nil {
		return nil, err
	}
	p.shortage = newShortage(c.Log)
	p.seq = newSequencer(c.Store.Log(), p.deliver, p.appended)
	counts, err := c.Store.Log().Counts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the door's counts: %w", err)
	}
	p.seq.counts.received = counts.Received
	maps.Copy(p.seq.counts.rejected, counts.Rejected)
	parts := shared{
		state: c.Store.State(), seq: p.seq, log: c.Log, shortage: p.shortage, free: p.free, now: c.Clock,
		limits: commitLimits{rows: c.CommitRows, every: c.CommitEvery, batch: c.BatchSize},
	}
	p.common = newCommon(&p.setting, c.HotBytes/10)
	p.graph = p.common.graph
	if err := p.common.loadDefinitions(ctx); err != nil {
		return nil, err
	}
	for i := range c.Lanes {
		span := store.Span{
			First: id.Bucket(i * id.Buckets / c.Lanes), Last: id.Bucket((i+1)*id.Buckets/c.Lanes - 1),
		}
		w := newPeople(&p.setting, span, c.HotBytes*9/10/c.Lanes)
		w.number = i
		w.mirror.index, w.mirror.now, w.mirror.counts = c.Columns.Index, p.clock.Now, p.counts
		p.people = append(p.people, w)
		if err := p.add(ctx, newLane(fmt.Sprintf("people-%d", i), span, parts, w), &w.tally); err != nil {
			return nil, err
		}
		if c.Follower != nil {
			p.lanes[i].reached = func(at store.Position) { c.Follower.Reached(i, at) }
			c.Follower.Reached(i, p.lanes[i].applied)
		}
		w.position = p.lanes[i].applied
		if err := w.resume(ctx, w.position); err != nil {
			return nil, err
		}
	}
	span := store.Span{First: id.CommonBucket, Last: id.CommonBucket}
	if err := p.add(ctx, newLane("graph", span, parts, p.common), &p.common.tally); err != nil {
		return nil, err
	}
	p.graphLane = p.lanes[len(p.lanes)-1]
	if err := p.common.loadRequests(ctx); err != nil {
		return nil, err
	}
	if err := p.suppressed.load(ctx, c.Store.State()); err != nil {
		return nil, err
	}
	if err := p.graph.Load(ctx, p.common.rulesToday()); err != nil {
		return nil, err
	}
	if err := p.common.loadRechecked(ctx); err != nil {
		return nil, err
	}
	now, err := p.loadForce(ctx, p.graphLane.applied)
	p.common.force.Store(now)
	return p, err
}

// start lets the sequencer and the lanes run.
func (p *Pipeline) start() {
	p.background.Go(p.seq.run)
	for _, l := range p.lanes {
		p.background.Go(l.run)
	}
}

// add takes a lane in with the counters of its span, whoever counted them before.
func (p *Pipeline) add(ctx context.Context, l *lane, t *tally) error {
	span := l.span
	sum, drop, err := loadTally(ctx, p.store.State(), span)
	if err != nil {
		return err
	}
	*t = sum
	if len(drop) > 0 {
		l.unsaved, t.changed = append(drop, t.change(span)), true
	}
	l.applied = p.store.State().Applied(span.First)
	for b := span.First; b < span.Last; b++ {
		l.applied = min(l.applied, p.store.State().Applied(b+1))
	}
	l.told = l.applied
	l.end, l.committed = l.applied, l.applied
	p.seq.counts.appended += t.Applied
	p.lanes = append(p.lanes, l)
	p.tallies[l] = t
	return nil
}

// laneIndex finds the lane of a bucket.
func (p *Pipeline) laneIndex(b id.Bucket) int {
	if b == id.CommonBucket {
		return len(p.lanes) - 1
	}
	n := len(p.lanes) - 1
	i := int(b) * n / id.Buckets
	for !p.lanes[i].holds(b) {
		if b < p.lanes[i].span.First {
			i--
		} else {
			i++
		}
	}
	return i
}

// appended notes whether the log takes records, and says so when that changes.
func (p *Pipeline) appended(err error) {
	said := p.shortage.wrote("log", err)
	if err == nil {
		if p.failing.Load() != nil && p.failing.Swap(nil) != nil && !said {
			p.log.Info("the log can be written again")
		}
		return
	}
	msg := err.Error()
	if p.failing.Swap(&msg) == nil && !said {
		p.log.Error("the log cannot be written", "error", err)
	}
}

// Failing says why the log cannot be written, empty while it can.
func (p *Pipeline) Failing() string {
	if why := p.failing.Load(); why != nil {
		return *why
	}
	return ""
}

// Close stops taking records, applies what waits, and makes the state durable,
// so that the next start has nothing to replay.
func (p *Pipeline) Close(ctx context.Context) error {
	close(p.stop)
	// Nothing new comes in, time does not pass any more, and lanes apply what the
	// log has; what follows from it must still get into the log, so the sequencer
	// ends last and the lanes once more after it.
	p.seq.shutDoor()
	settle := p.seq.fence(ctx)
	if settle == nil {
		settle = p.settle(ctx)
	}
	p.seq.stop()
	for _, l := range p.lanes {
		l.stop()
	}
	p.background.Wait()
	errs := []error{settle}
	for _, l := range p.lanes {
		errs = append(errs, l.commit(ctx))
	}
	errs = append(errs, p.store.State().Flush(ctx))
	if p.index != nil && errors.Join(errs...) == nil {
		errs = append(errs, p.saveIndex())
	}
	return errors.Join(errs...)
}

// abandon ends the parts of a pipeline that could not start. Nothing more of
// it becomes durable; the next start replays what is missing.
func (p *Pipeline) abandon() {
	close(p.stop)
	p.seq.stop()
	for _, l := range p.lanes {
		l.stop()
	}
	p.background.Wait()
}

// settle waits until everything in the log is applied, with its consequences.
func (p *Pipeline) settle(ctx context.Context) error {
	return p.waitRecords(ctx, Receipt{Position: p.store.Log().End()})
}

// flush makes the state durable each time enough of the log was written, so
// that little of it is replayed after a crash.
func (p *Pipeline) flush() {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
		}
		p.commitIdle()
		least := p.committed()
		p.items.write(func(*catalog.ItemBook) { p.items.safe = min(uint64(least), p.common.rechecked.Load()) })
		if uint64(least) < p.flushed.Load()+p.flushBytes {
			continue
		}
		if err := p.store.State().Flush(context.Background()); p.shortage.wrote("state", err) {
			continue
		} else if err != nil {
			p.log.Error("state cannot be flushed", "error", err)
			continue
		}
		p.flushed.Store(uint64(least))
	}
}

// commitIdle commits for lanes to which nothing came for a while: a busy lane
// does so by itself.
func (p *Pipeline) commitIdle() {
	for _, l := range p.lanes {
		if l.waiting() > 0 || !l.due() {
			continue
		}
		if !l.tryCommit(context.Background()) {
			l.tried.Store(l.now().UnixMicro()) // not again at once
		}
	}
}

// committed is the position up to which every lane has committed.
func (p *Pipeline) committed() store.Position {
	least := store.Position(0)
	for i, l := range p.lanes {
		l.commitMu.Lock()
		c := l.committed
		l.commitMu.Unlock()
		if i == 0 || c < least {
			least = c
		}
	}
	return least
}
