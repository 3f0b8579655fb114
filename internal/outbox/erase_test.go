package outbox

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"rapport/internal/clock"
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

// Whoever read a person before they were erased still keeps what is made of it,
// and what came of a message may quote the person. When Erased returns both are
// in the log, where the erasure finds them, and no later.
func TestErased_WaitsForWhatIsStillWrittenDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		hold func(r *rig, wait func())
		has  func(r *rig) int
	}{
		{"a message", func(r *rig, wait func()) { r.reading = wait }, (*rig).sendsIn},
		{"a result", func(r *rig, wait func()) { r.noting = wait }, (*rig).finals},
	} {
		s := &sink{limits: destination.Limits{Batch: 1, Concurrency: 1}}
		s.answer = func(_ context.Context, batch []destination.Message) []destination.Result {
			return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered, Request: []byte("to ada@example.com")})
		}
		r := newRig(t, map[string]*sink{"a": s})
		held, goOn := make(chan struct{}), make(chan struct{})
		c.hold(r, sync.OnceFunc(func() { close(held); <-goOn }))
		r.define(t, "a", `,"segments":[{"key":"vip"}]`)
		r.Start()
		r.planned <- []effect.Plan{{Position: 7, Destination: "a", Kind: effect.Entered, Segment: "vip", Time: clock.From(time.Now())}}
		<-held
		over := make(chan int, 1)
		go func() {
			if err := r.Erased(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			over <- c.has(r)
		}()
		select {
		case n := <-over:
			t.Errorf("%s: it waited for nothing", c.name)
			over <- n
		case <-time.After(50 * time.Millisecond): // it waits, or has not begun: either way it has to find what is made
		}
		close(goOn)
		if n := <-over; n != 1 {
			t.Errorf("%s: %d are in the log", c.name, n)
		}
		r.Close()
	}
}
