package pipeline

import (
	"context"
	"time"

	"rapport/internal/store"
)

// recover replays what the log has and the state has not. Derived records are
// replayed like facts: applying them again changes nothing.
func (p *Pipeline) recover(ctx context.Context, progress func(done, end store.Position)) error {
	from, end := p.committed(), p.store.Log().End()
	p.flushed.Store(uint64(from))
	applied := func(r *store.Record) bool { return r.Position <= p.store.State().Applied(r.Bucket) }
	return p.replay(ctx, from, end, progress, applied)
}

// replay reads the log from a position and hands records to the lanes, except
// those that skip tells to leave out, no faster than they are applied.
func (p *Pipeline) replay(ctx context.Context, from, end store.Position, progress func(done, end store.Position), skip func(*store.Record) bool) error {
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
		if skip(r) {
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
		i := p.laneIndex(r.Bucket)
		batch[i] = append(batch[i], &c)
		if n++; n == replayBatch {
			hand(r.Position)
			return p.keepUp(ctx)
		}
		return nil
	})
	if err != nil {
		return err
	}
	hand(end)
	return p.WaitApplied(ctx, Receipt{Position: end})
}

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
