package pipeline

import (
	"context"
	"errors"
	"time"

	"rapport/internal/id"
	"rapport/internal/store"
)

// recover replays what the log has and the state has not. Derived records are
// replayed like facts: applying them again changes nothing.
func (p *Pipeline) recover(ctx context.Context, progress func(done, end store.Position)) error {
	from := p.committed()
	p.flushed.Store(uint64(from))
	// Lanes commit while the log is read: what they had applied before counts.
	var applied [id.Buckets + 1]store.Position
	for b := range applied {
		applied[b] = p.store.State().Applied(id.Bucket(b))
	}
	return p.replay(ctx, from, progress, func(r *store.Record) bool { return r.Position <= applied[r.Bucket] })
}

// route gives the lanes that a record of the log goes to. What goes to all
// lanes each of them leaves out itself where it knows it.
func (p *Pipeline) route(r *store.Record, skip bool) []int {
	var out []int
	if !skip {
		out = append(out, p.laneIndex(r.Bucket))
	}
	if broadcast(r.Kind) {
		for n := range p.people {
			out = append(out, n)
		}
	}
	return out
}

// replay reads the log from a position to its end and hands records to the
// lanes, except those that skip tells to leave out. What follows from them gets
// into the log behind that end; it is not handed over as it comes, which would
// move the lanes past records still to be read, but read in turn until nothing
// follows any more.
func (p *Pipeline) replay(ctx context.Context, from store.Position, progress func(done, end store.Position), skip func(*store.Record) bool) error {
	p.replaying.Store(true)
	defer p.replaying.Store(false)
	for {
		end := p.store.Log().End()
		if err := p.replayTo(ctx, from, end, progress, skip); err != nil {
			return err
		}
		if err := p.lanesAt(ctx, end); err != nil {
			return err
		}
		if _, err := p.derivedUpTo(ctx); err != nil {
			return err
		}
		if p.store.Log().End() == end {
			return nil
		}
		from, skip = end, func(*store.Record) bool { return false }
	}
}

func (p *Pipeline) replayTo(ctx context.Context, from, end store.Position, progress func(done, end store.Position), skip func(*store.Record) bool) error {
	batch := make([][]*store.Record, len(p.lanes))
	n := 0
	hand := func(upTo store.Position) {
		for i, l := range p.lanes {
			l.push(batch[i], upTo)
			batch[i] = nil
		}
		n = 0
		if progress != nil {
			progress(upTo, end)
		}
	}
	err := p.store.Log().Read(ctx, from, func(r *store.Record) error {
		if r.Position > end {
			return errPastEnd
		}
		p.foresee(r)
		lanes := p.route(r, skip(r))
		if len(lanes) == 0 {
			return ctx.Err()
		}
		if counted(r.Kind) {
			p.seq.mu.Lock()
			p.seq.counts.appended++
			p.seq.mu.Unlock()
		}
		c := *r
		if r.Payload != nil {
			c.Payload = append([]byte(nil), r.Payload...)
		}
		c.Attached = nil
		p.library.learn(&c)
		p.learnItem(&c)
		p.plans.learn(&c)
		p.learnExperience(&c)
		for _, i := range lanes {
			batch[i] = append(batch[i], &c)
		}
		if n++; n == replayBatch {
			hand(r.Position)
			return p.keepUp(ctx)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errPastEnd) {
		return err
	}
	hand(end)
	return nil
}

// errPastEnd ends a reading at what was derived while it went on.
var errPastEnd = errors.New("past the end of the replay")

const (
	replayBatch = 1024
	replayAhead = 32 * replayBatch
)

// keepUp waits while the lanes have enough to do.
func (p *Pipeline) keepUp(ctx context.Context) error {
	for {
		ahead := 0
		for _, l := range p.lanes {
			ahead = max(ahead, l.waiting())
		}
		if ahead < replayAhead {
			return ctx.Err()
		}
		pause := time.NewTimer(time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		}
	}
}
