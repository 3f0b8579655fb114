package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// What destinations are to be told of is planned with the record that caused it
// and committed with its other changes. A plan says only what happened; what is
// sent is made of it when its turn comes, and is a fact, as is that a plan is
// not sent. So after a crash plans are made again, and those that were settled
// before are settled again by the facts that follow them in the log.

// planning is what the lanes share of it.
type planning struct {
	book atomic.Pointer[effect.Book]
	tail *planTail // of a rebuild, which plans nothing else; nil: of no rebuild
	// wake has room for one: somebody planned something.
	wake chan struct{}
	// spilled says that more was planned than is kept in memory: plans are to be
	// read from their rows until they are few again.
	spilled atomic.Bool

	taking sync.Mutex // one takes plans at a time; guards the rest
	taken  uint64     // all plans up to there were given
	upTo   uint64     // those up to there are read from their rows
}

// plansKept is how many plans of a lane are kept in memory.
const plansKept = 4096

func newPlanning() *planning {
	p := &planning{wake: make(chan struct{}, 1)}
	p.spilled.Store(true) // those that an earlier run left are in their rows
	return p
}

// learn takes a version of a destination.
func (p *planning) learn(r *store.Record) {
	if r.Kind != store.KindDefinition || r.Payload == nil {
		return
	}
	var f definition.Fact
	if err := json.Unmarshal(r.Payload, &f); err == nil && f.Kind == definition.Destination {
		p.book.Store(p.book.Load().Learn(&f))
	}
}

// study takes a version that was committed, with all that became of it.
func (p *planning) study(row *versionRow) {
	if row.Kind != definition.Destination {
		return
	}
	for _, c := range row.Changes {
		p.book.Store(p.book.Load().Learn(&definition.Fact{
			Kind: row.Kind, Key: row.Key, Version: row.Version.Version, Status: c.Status, Time: c.Time, Document: row.Document,
		}))
	}
}

// planEvent plans for an event that was folded.
func (w *people) planEvent(a *anchor, e *event.Event) {
	if row := effect.ResponseOf(e); row != nil {
		w.rows = append(w.rows, w.row(store.TableOutbox, a.key, row, store.Put, nil))
	}
	book := w.plans.book.Load()
	if !book.Any() {
		return
	}
	var cause [16]byte
	book.OnEvent(e, func(key string, kind effect.Kind, segment, reason string) {
		if cause == [16]byte{} {
			cause = effect.CauseOf(a.key, e.MessageID)
		}
		w.plan(&effect.Plan{Position: uint64(w.position), Anchor: a.key, Destination: key, Kind: kind, Segment: segment, Time: e.Time, Cause: cause}, reason)
	})
}

// planPassage plans for an entry or an exit.
func (w *people) planPassage(a *anchor, c *criterion, at clock.Instant, p *passage) {
	book := w.plans.book.Load()
	if !book.Any() || c.Kind != definition.Segment {
		return // experiences are sent to destinations too
	}
	x := effect.Passed{Segment: p.segment, Entered: p.entered, Moved: w.moving, At: at, Moment: effect.Moment{Received: w.received}}
	var cause [16]byte
	switch p.cause.kind {
	case causeEvent:
		x.Happened, x.Historical = p.cause.time, w.historical
		cause = effect.CauseOf(a.key, p.cause.messageID)
	case causeOrder:
		x.Happened = p.cause.time
	case causeDefinition:
		x.Cause = effect.ByDefinition
	case causeMerge:
		x.Cause, x.Historical = effect.ByJoining, w.news == newsHistorical
		x.Happened = max(w.news, 0)
	case causeTime, causeCorrection, causeCatalog, causeKinds:
	}
	w.setOffByPassage(a, &x, cause)
	book.OnPassage(&x, func(key string, kind effect.Kind, segment, reason string) {
		w.plan(&effect.Plan{Position: uint64(w.position), Anchor: a.key, Destination: key, Kind: kind, Segment: segment, Time: at, Cause: cause}, reason)
	})
}

// newsHistorical says of what led to a share that all of it was history.
const newsHistorical clock.Instant = -1

// heard notes what of an event has to be known where the person's home is.
func (a *anchor) heard(e *event.Event) {
	switch {
	case !e.Historical:
		a.news = max(a.news, e.Time)
	case a.news == 0:
		a.news = newsHistorical
	}
}

// plan keeps a plan, or counts why there is none.
func (w *people) plan(p *effect.Plan, reason string) {
	if reason != "" {
		w.tally.effect(p.Destination, reason, 1)
		return
	}
	if w.plans.tail != nil && !w.plans.tail.has(*p, w.received) {
		return
	}
	key, value := p.Row()
	w.rows = append(w.rows, w.row(store.TableOutbox, p.Anchor, key, store.Put, value))
	if !w.plans.spilled.Load() {
		w.planned = append(w.planned, *p)
		if len(w.planned) > plansKept {
			w.plans.spilled.Store(true)
		}
	}
	select {
	case w.plans.wake <- struct{}{}:
	default:
	}
}

// Planned gives what was planned since the last call, in the order of the log,
// and waits until there is something. Plans of an earlier run that are not
// settled come first. It is asked by one at a time.
func (p *Pipeline) Planned(ctx context.Context) ([]effect.Plan, error) {
	p.plans.taking.Lock()
	defer p.plans.taking.Unlock()
	for {
		out, again, err := p.plansNow(ctx)
		if err != nil || len(out) > 0 {
			return out, err
		}
		if again {
			continue
		}
		select {
		case <-p.plans.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// plansNow gives what there is; again says that there may be more at once.
func (p *Pipeline) plansNow(ctx context.Context) (out []effect.Plan, again bool, err error) {
	s := p.plans
	if s.taken < s.upTo {
		out, err = p.plansRead(ctx)
		return out, true, err
	}
	first := p.firstPlan()
	if first != 0 && !s.spilled.Load() {
		// What other lanes plan for records before it comes before it.
		if err := p.peopleAt(ctx, store.Position(first)); err != nil {
			return nil, false, err
		}
		if out := p.keptPlans(); out != nil {
			return out, true, nil
		}
	}
	if !s.spilled.Load() {
		return nil, false, nil
	}
	return nil, true, p.unspill(ctx)
}

// firstPlan is the position of the earliest plan in memory; zero: there is none.
func (p *Pipeline) firstPlan() uint64 {
	var first uint64
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		if len(w.planned) > 0 && (first == 0 || w.planned[0].Position < first) {
			first = w.planned[0].Position
		}
		p.lanes[i].mu.Unlock()
	}
	return first
}

func (p *Pipeline) peopleAt(ctx context.Context, at store.Position) error {
	for i := range p.people {
		select {
		case <-p.lanes[i].wait(at):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// keptPlans takes the plans in memory up to where all lanes have come.
func (p *Pipeline) keptPlans() []effect.Plan {
	upTo := p.peopleApplied()
	var out []effect.Plan
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		n := 0
		for n < len(w.planned) && w.planned[n].Position <= upTo {
			n++
		}
		out = append(out, w.planned[:n]...)
		w.planned = slices.Delete(w.planned, 0, n)
		p.lanes[i].mu.Unlock()
	}
	if p.plans.spilled.Load() {
		return nil // some are missing: all of them come from their rows
	}
	slices.SortStableFunc(out, func(a, b effect.Plan) int { return cmp.Compare(a.Position, b.Position) })
	if len(out) > 0 {
		p.plans.taken = out[len(out)-1].Position
		p.plans.upTo = p.plans.taken
	}
	return out
}

func (p *Pipeline) peopleApplied() uint64 {
	var least store.Position
	for i := range p.people {
		p.lanes[i].mu.Lock()
		if at := p.lanes[i].applied; i == 0 || at < least {
			least = at
		}
		p.lanes[i].mu.Unlock()
	}
	return uint64(least)
}

// unspill lets plans be kept in memory again, and sees to it that those before
// are read from their rows.
func (p *Pipeline) unspill(ctx context.Context) error {
	s := p.plans
	s.spilled.Store(false)
	// What is behind this end is folded after the line above.
	end := p.store.Log().End()
	if err := p.peopleAt(ctx, end); err != nil {
		s.spilled.Store(true)
		return err
	}
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		w.planned = slices.DeleteFunc(w.planned, func(x effect.Plan) bool { return x.Position <= uint64(end) })
		p.lanes[i].mu.Unlock()
		if err := p.lanes[i].commit(ctx); err != nil {
			s.spilled.Store(true)
			return err
		}
	}
	if s.upTo = uint64(end); !s.book.Load().Any() {
		s.taken = s.upTo // nobody ever planned
	}
	return nil
}

// allPeople is the span of the buckets of people.
func allPeople() store.Span { return store.Span{First: 0, Last: id.Buckets - 1} }

// planWindow is how many rows of a bucket are read at once.
const planWindow = 16

// plansRead gives the next plans from their rows.
func (p *Pipeline) plansRead(ctx context.Context) ([]effect.Plan, error) {
	s := p.plans
	var out []effect.Plan
	bound := s.upTo
	prefix, after := effect.PlansAfter(s.taken)
	at, n, last := id.CommonBucket, 0, uint64(0)
	var bad error
	err := p.store.State().ScanSpan(ctx, store.SpanRange{Table: store.TableOutbox, Span: allPeople(), Prefix: prefix, After: after}, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		if b != at {
			at, n, last = b, 0, 0
		}
		var x effect.Plan
		if x, bad = effect.ReadPlan(key, parts[0]); bad != nil {
			return store.Stop
		}
		if x.Position > bound {
			return store.NextBucket
		}
		if n >= planWindow && x.Position != last {
			bound = last // what is behind it comes another time
			return store.NextBucket
		}
		n, last = n+1, x.Position
		out = append(out, x)
		return store.NextRow
	})
	if err = cmp.Or(err, bad); err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(x effect.Plan) bool { return x.Position > bound })
	slices.SortStableFunc(out, func(a, b effect.Plan) int { return cmp.Compare(a.Position, b.Position) })
	s.taken = bound
	return out, nil
}
