package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/store"
)

// cultivateEvery is how often what is defined is held against what is in force.
const cultivateEvery = 50 * time.Millisecond

// maxEnter is how many criteria one backfill brings into force: each of them is
// evaluated for every event while it lasts.
const maxEnter = 256

// cultivate brings live versions of segments, computed traits and affinities
// into force, one backfill after the other.
func (p *Pipeline) cultivate() {
	every := time.NewTicker(cultivateEvery)
	defer every.Stop()
	ctx := p.lifetime()
	said := ""
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
		}
		if p.stepped() && !p.unsettled() {
			continue
		}
		now := inStep{p.Definitions(), p.common.force.Load()}
		err := p.cultivateOnce(ctx)
		if err != nil && ctx.Err() == nil {
			p.stuck.Store(&now) // nobody waits for it, and it is tried less often
			every.Reset(time.Second)
		} else {
			every.Reset(cultivateEvery)
		}
		if err != nil && ctx.Err() == nil && err.Error() != said {
			p.log.Error("segments cannot come into force", "error", err)
			said = err.Error()
		}
	}
}

// Cultivate brings everything that is defined and not in force into force, and
// returns once it is and everybody follows it.
func (p *Pipeline) Cultivate(ctx context.Context) error {
	for {
		enter, leave := p.due()
		if len(enter)+len(leave) == 0 {
			p.cultivating.Lock()
			defer p.cultivating.Unlock()
			return p.settleAll(ctx)
		}
		if err := p.cultivateOnce(ctx); err != nil {
			return err
		}
	}
}

// inStep is what is defined and what is in force at one moment.
type inStep struct {
	defined *definition.Index
	force   *force
}

// waitForce waits until what is defined by now is in force, or cannot be.
func (p *Pipeline) waitForce(ctx context.Context) error {
	if p.stepped() {
		return nil
	}
	every := time.NewTicker(cultivateEvery / 5)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-p.stop:
			return notYet(store.ErrClosed)
		case <-ctx.Done():
			return notYet(ctx.Err())
		}
		now := inStep{p.Definitions(), p.common.force.Load()}
		if stuck := p.stuck.Load(); p.stepped() || stuck != nil && *stuck == now {
			return nil
		}
	}
}

// stepped tells whether what is in force is what is defined.
func (p *Pipeline) stepped() bool {
	now := inStep{p.Definitions(), p.common.force.Load()}
	if known := p.inStep.Load(); known != nil && *known == now {
		return true
	}
	if enter, leave := p.due(); len(enter)+len(leave) > 0 {
		return false
	}
	p.inStep.Store(&now)
	return true
}

// due gives the live versions that are not in force, and what is in force and
// not live any more.
func (p *Pipeline) due() (enter, leave []criterion) {
	index, now := p.Definitions(), p.common.force.Load()
	wanted := map[reference]bool{}
	for _, kind := range [...]definition.Kind{
		definition.Reconciliation, definition.TraitSchema, definition.Affinity, definition.ComputedTrait, definition.Segment,
	} {
		for _, s := range index.List(kind) {
			v := s.Live()
			if v == nil {
				continue
			}
			wanted[reference{kind, s.Key}] = true
			if c := now.find(kind, s.Key); c == nil || c.Version != v.Version {
				enter = append(enter, criterion{Kind: kind, Key: s.Key, Version: v.Version})
			}
		}
	}
	for i := range now.active {
		if c := now.active[i].criterion; !wanted[reference{c.Kind, c.Key}] {
			leave = append(leave, c)
		}
	}
	return enter, leave
}

// cultivateOnce does one backfill and brings what it was for into force. Only
// one is under way at a time.
func (p *Pipeline) cultivateOnce(ctx context.Context) error {
	p.cultivating.Lock()
	defer p.cultivating.Unlock()
	if err := p.settleAll(ctx); err != nil {
		return err
	}
	enter, leave := p.due()
	if len(enter)+len(leave) == 0 {
		return nil
	}
	row, err := p.plan(enter, leave)
	if err != nil {
		return err
	}
	if err := p.backfillAll(ctx, row); err != nil {
		return err
	}
	if !p.still(row) {
		return nil // something else is wanted by now
	}
	payload, err := json.Marshal(activation{Time: p.clock.Now(), Enter: row.Enter, Leave: row.Leave})
	if err != nil {
		return err
	}
	receipt, err := p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindActivation, Bucket: id.CommonBucket, Anchor: id.KeyOf("activation", ""), Received: p.clock.Now(), Payload: payload,
	}}})
	if err != nil {
		return err
	}
	if err := p.lanesAt(ctx, receipt.Position); err != nil {
		return err
	}
	return p.settleAll(ctx)
}

// plan makes one backfill of what is due: what the rest names comes first, and
// what names something that changes is evaluated again. A backfill for the same
// that a lane is at goes on.
func (p *Pipeline) plan(enter, leave []criterion) (jobRow, error) {
	enter, err := p.sound(enter, leave)
	if err != nil && len(enter) == 0 {
		return jobRow{}, err
	}
	row := jobRow{Enter: enter, Leave: leave}
	for i, w := range p.people {
		l := p.lanes[i]
		l.mu.Lock()
		if w.job != nil && w.job.same(row.Enter, row.Leave) && w.job.Number > row.Number {
			row = jobRow{Number: w.job.Number, Enter: w.job.Enter, Leave: w.job.Leave}
		}
		l.mu.Unlock()
	}
	if row.Number != 0 {
		return row, nil
	}
	row.Number = uint64(p.store.Log().End()) + 1
	row.Enter = slices.Clone(row.Enter)
	for i := range row.Enter {
		row.Enter[i].ID = row.Number<<16 + uint64(i)
	}
	return row, nil
}

// sound gives as much of what is to enter as can enter at once, with what names
// it. What does not fit the rest stays out.
func (p *Pipeline) sound(enter, leave []criterion) ([]criterion, error) {
	now := p.common.force.Load().criteria()
	fits := func(some []criterion) ([]criterion, error) {
		all := slices.DeleteFunc(slices.Clone(now), func(c criterion) bool {
			out := func(o criterion) bool { return o.Kind == c.Kind && o.Key == c.Key }
			return slices.ContainsFunc(some, out) || slices.ContainsFunc(leave, out)
		})
		all = append(all, some...)
		slices.SortFunc(all, func(a, b criterion) int { return a.compare(&b) })
		if _, err := p.library.lens(all); err != nil {
			return nil, err
		}
		return p.library.dependents(append(slices.Clone(some), leave...), all)
	}
	some := enter[:min(len(enter), maxEnter)]
	out, err := fits(some)
	if err == nil {
		return withoutGone(out, leave), nil
	}
	// One of them does not fit, or refers to one that comes later.
	if out, err := fits(enter); err == nil {
		return withoutGone(out, leave), nil
	}
	var good []criterion
	var errs []error
	for _, c := range enter {
		if out, err := fits(append(slices.Clone(good), c)); err == nil {
			good = append(good, c)
			some = out
		} else {
			errs = append(errs, fmt.Errorf("version %d of %s %q: %w", c.Version, c.Kind, c.Key, err))
		}
	}
	if len(good) == 0 {
		some = nil
	}
	return withoutGone(some, leave), errors.Join(errs...)
}

func withoutGone(list, leave []criterion) []criterion {
	return slices.DeleteFunc(list, func(c criterion) bool {
		return slices.ContainsFunc(leave, func(o criterion) bool { return o.Kind == c.Kind && o.Key == c.Key })
	})
}

// still tells whether what a backfill was for is wanted as it is now.
func (p *Pipeline) still(row jobRow) bool {
	index := p.Definitions()
	for _, c := range row.Enter {
		if v := index.Get(c.Kind, c.Key).Live(); v == nil || v.Version != c.Version {
			return false
		}
	}
	for _, c := range row.Leave {
		if index.Get(c.Kind, c.Key).Live() != nil {
			return false
		}
	}
	return true
}

// backfillAll brings a backfill to its end in every lane, with all that follows
// from it, and makes that durable: from then on what it was for may come into
// force.
func (p *Pipeline) backfillAll(ctx context.Context, row jobRow) error {
	errs := make([]error, len(p.people))
	var all sync.WaitGroup
	for i, w := range p.people {
		all.Go(func() { errs[i] = p.lanes[i].backfill(ctx, w, row) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := p.waitRecords(ctx, Receipt{Position: p.store.Log().End()}); err != nil {
		return err
	}
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	return p.store.State().Flush(ctx)
}

// backfill does the backfill of a lane in slices. Records that wait go first.
func (l *lane) backfill(ctx context.Context, w *people, row jobRow) error {
	l.mu.Lock()
	err := w.begin(row)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	// What was in memory alone when it began is in the rows from here on.
	if err := l.commit(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		l.mu.Lock()
		done := w.job == nil || w.job.Number != row.Number || w.job.Done
		l.mu.Unlock()
		if done {
			return nil
		}
		if err := l.slice(ctx, w); err != nil {
			return err
		}
		for n := 0; n < yieldTurns && l.waiting() > 0 && ctx.Err() == nil; n++ {
			l.pause()
		}
	}
	return ctx.Err()
}

// yieldTurns is how many times a backfill lets a busy lane go first before it
// does another slice.
const yieldTurns = 4

// pause waits a millisecond.
func (l *lane) pause() {
	t := time.NewTimer(time.Millisecond)
	defer t.Stop()
	<-t.C
}

// enforce lets the lane look through what is in force.
func (w *people) enforce(now *force) error {
	l, err := w.library.lens(now.criteria())
	if err != nil {
		return fmt.Errorf("what is in force cannot be evaluated: %w", err)
	}
	rules, err := w.library.rules(now.criteria())
	if err != nil {
		return fmt.Errorf("the rules in force: %w", err)
	}
	w.rules, w.edition, w.traits = rules, editionOf(now), traitsOf(now)
	w.force, w.glass = now, newGlass(l, w.catalog())
	return nil
}

// ready tells whether an activation can be applied: whether what it brings into
// force was evaluated for everybody.
func (w *people) ready(r *store.Record) (bool, error) {
	a, err := readActivation(r)
	if err != nil || r.Position <= w.force.position {
		return true, nil //nolint:nilerr // foldActivation says so
	}
	eq := func(x, y criterion) bool { return x == y }
	if w.job != nil && slices.EqualFunc(w.job.Enter, a.Enter, eq) && slices.EqualFunc(w.job.Leave, a.Leave, eq) {
		return w.job.Done, nil
	}
	return false, w.begin(jobRow{Number: uint64(r.Position), Enter: a.Enter, Leave: a.Leave})
}

// foldActivation lets what was backfilled come into force. People follow when
// something happens to them, or when they are looked for.
func (w *people) foldActivation(r *store.Record) {
	a, err := readActivation(r)
	if err != nil {
		w.log.Error("activation cannot be read", "position", r.Position, "error", err)
		return
	}
	if r.Position <= w.force.position {
		return
	}
	if err := w.enforce(w.force.apply(a, r.Position)); err != nil {
		w.log.Error("activation cannot be applied", "position", r.Position, "error", err)
		return
	}
	w.job, w.jobChanged = nil, true
}
