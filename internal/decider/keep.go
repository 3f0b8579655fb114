package decider

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/decision/kept"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/pipeline"
)

// recorder takes decisions into the log behind the backs of those who asked.
// What does not fit its queue is counted and let go of: an answer never waits.
type recorder struct {
	queue  chan pending
	counts counts
	last   atomic.Uint64 // position of what was kept last
}

// pending is a decision on its way into the log, or a question whether those
// before it have arrived.
type pending struct {
	decision *kept.Decision
	anchor   id.Key
	flush    chan struct{}
}

// How many decisions wait at most, and how many go into the log at once.
const (
	maxPending = 8192
	maxBatch   = 256
)

func (r *recorder) init() {
	r.queue = make(chan pending, maxPending)
	r.counts.notKept = map[string]uint64{}
}

// counts say what was kept and what was not.
type counts struct {
	running atomic.Bool
	kept    atomic.Uint64
	mu      sync.Mutex
	notKept map[string]uint64
}

func (c *counts) left(why string) { c.leave(why, 1) }

func (c *counts) leave(why string, n int) {
	c.mu.Lock()
	c.notKept[why] += uint64(n)
	c.mu.Unlock()
}

// Kept is how many decisions are in the log since the start, and why others
// are not.
type Kept struct {
	Kept    uint64            `json:"kept" doc:"Decisions that got into the log since the instance started"`
	NotKept map[string]uint64 `json:"not_kept" doc:"Decisions that did not, by reason: sampling, busy (more than the log takes), failed; test_ before a reason: runs of test versions"`
}

// Counts gives what was kept since the start.
func (d *Decider) Counts() Kept {
	c := &d.recorder.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	return Kept{Kept: c.kept.Load(), NotKept: maps.Clone(c.notKept)}
}

// offer queues a decision, unless too many wait.
func (r *recorder) offer(p pending) bool {
	if !r.counts.running.Load() {
		r.counts.left(overfull)
		return false
	}
	select {
	case r.queue <- p:
		return true
	default:
		r.counts.left(overfull)
		return false
	}
}

// record appends what is queued, many at once, until the queue is closed.
func (d *Decider) record() {
	batch := make([]pending, 0, maxBatch)
	for p := range d.recorder.queue {
		batch = append(batch[:0], p)
		for len(batch) < maxBatch && batch[len(batch)-1].flush == nil {
			more, ok := d.recorder.next()
			if !ok {
				break
			}
			batch = append(batch, more)
		}
		d.append(batch)
	}
}

// next gives what is queued already.
func (r *recorder) next() (pending, bool) {
	select {
	case p, ok := <-r.queue:
		return p, ok
	default:
		return pending{}, false
	}
}

func (d *Decider) append(batch []pending) {
	list := make([]pipeline.Keepsake, 0, len(batch))
	for _, p := range batch {
		if p.flush != nil {
			defer close(p.flush)
			continue
		}
		payload, err := p.decision.Encode()
		if err != nil {
			d.Log.Error("decision cannot be encoded", "model", p.decision.Model, "error", err)
			d.recorder.counts.left("failed")
			continue
		}
		list = append(list, pipeline.Keepsake{Anchor: p.anchor, Time: p.decision.Time, Payload: payload})
	}
	if len(list) == 0 {
		return
	}
	receipt, err := d.Spine.Keep(context.Background(), list)
	switch {
	case err == nil:
		d.recorder.last.Store(uint64(receipt.Position))
		d.recorder.counts.kept.Add(uint64(len(list)))
	case fault.KindOf(err) == fault.Limited:
		d.recorder.counts.leave(overfull, len(list))
	default:
		d.recorder.counts.leave("failed", len(list))
		d.Log.Error("decisions were not kept", "decisions", len(list), "error", err)
	}
}

// keepAll keeps decisions of a job, which may wait for the log.
func (d *Decider) keepAll(ctx context.Context, list []pipeline.Keepsake) error {
	if len(list) == 0 {
		return nil
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		_, err := d.Spine.Keep(ctx, list)
		if fault.KindOf(err) != fault.Limited {
			if err == nil {
				d.recorder.counts.kept.Add(uint64(len(list)))
			}
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}
