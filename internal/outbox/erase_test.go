package outbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"rapport/internal/destination"
	"rapport/internal/effect"
)

// What waits for a destination that is down is in memory. Nothing of it is sent
// about somebody who is erased meanwhile.
func TestErased_LetsNothingBeSentThatWaits(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	down, tried, sent := true, 0, []string{}
	s := &sink{limits: destination.Limits{Batch: 1, Concurrency: 1}}
	s.answer = func(_ context.Context, batch []destination.Message) []destination.Result {
		mu.Lock()
		defer mu.Unlock()
		tried++
		if down {
			return destination.Same(len(batch), destination.Result{Outcome: destination.Retry})
		}
		for i := range batch {
			sent = append(sent, batch[i].Person)
		}
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}
	r := newRig(t, map[string]*sink{"a": s})
	r.define(t, "a", "")
	r.Start()
	defer r.Close()
	r.send(t, "a", 0, 9, 3)
	r.until(t, "attempts", func() bool { mu.Lock(); defer mu.Unlock(); return tried > 5 })
	r.spine.mu.Lock()
	r.erased = "p1"
	r.spine.mu.Unlock()
	if err := r.Erased(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	r.until(t, "all", func() bool { return r.finals() == 9 })
	mu.Lock()
	defer mu.Unlock()
	if len(sent) != 6 || slices.Contains(sent, "p1") {
		t.Errorf("sent to %v", sent)
	}
	not := 0
	for _, list := range r.results {
		if slices.Contains(list, effect.NotSent) {
			not++
		}
	}
	if not != 3 {
		t.Errorf("of %d it is written down that they were not sent", not)
	}
	l := r.line("a")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queue.bytes != 0 {
		t.Errorf("%d bytes are held", l.queue.bytes)
	}
}

func TestErased_WaitsForCallsUnderWay(t *testing.T) {
	t.Parallel()
	began, end := make(chan struct{}), make(chan struct{})
	s := &sink{limits: destination.Limits{Batch: 1, Concurrency: 1}}
	s.answer = func(_ context.Context, batch []destination.Message) []destination.Result {
		close(began)
		<-end
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered})
	}
	r := newRig(t, map[string]*sink{"a": s})
	r.define(t, "a", "")
	r.Start()
	defer r.Close()
	r.send(t, "a", 0, 1, 1)
	<-began
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Erased(over); !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v while a call is under way", err)
	}
	close(end)
	if err := r.Erased(t.Context()); err != nil {
		t.Error(err)
	}
}
