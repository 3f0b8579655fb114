package decider

import (
	"context"
	"slices"
	"sync"
)

// turns are who reads people now: an erasure waits for those who began before it,
// and nobody waits for the erasure.
type turns struct {
	mu     sync.Mutex
	now    *sync.WaitGroup
	before []*sync.WaitGroup // that were not waited for to the end
}

func (t *turns) begin() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = &sync.WaitGroup{}
	}
	t.now.Add(1)
	return t.now.Done
}

// over returns when those who began before have ended.
func (t *turns) over(ctx context.Context) error {
	t.mu.Lock()
	if t.now != nil {
		t.before, t.now = append(t.before, t.now), nil
	}
	before := slices.Clone(t.before)
	t.mu.Unlock()
	done := make(chan struct{})
	go func() {
		for _, w := range before {
			w.Wait()
		}
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx) // whoever tries again waits for them too
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = slices.DeleteFunc(t.before, func(w *sync.WaitGroup) bool { return slices.Contains(before, w) })
	return nil
}

// Begin says that people are read from now on. What it gives is called when what
// is made of them was handed over to be kept. Questions to the decider say so
// themselves; who reads a person before asking says it first.
func (d *Decider) Begin() (end func()) { return d.turns.begin() }

// Settle returns when whatever was decided about people who were read before is
// in the log, or never comes there.
func (d *Decider) Settle(ctx context.Context) error {
	if err := d.turns.over(ctx); err != nil {
		return err
	}
	return d.Flush(ctx)
}
