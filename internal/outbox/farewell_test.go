package outbox

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// What a farewell says is destroyed before it is written down what came of it,
// and that says nothing. One whose time is over is not sent.
func TestFarewell_IsForgottenWhenItIsOver(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	s := &sink{limits: destination.Limits{Batch: 1, Concurrency: 1}, answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		told.Add(1)
		return destination.Same(len(batch), destination.Result{Outcome: destination.Delivered, Request: batch[0].Payload, Answer: batch[0].Payload, Reason: "ada"})
	}}
	r := newRig(t, map[string]*sink{"a": s})
	r.define(t, "a", "")
	r.denied.Store(true) // nobody asks for consent
	r.Start()
	defer r.Close()
	now := clock.From(time.Now())
	var list []effect.Fact
	for i, when := range []clock.Instant{now, now.Add(-effect.FarewellKept - time.Minute)} {
		f := effect.Fact{Op: effect.OpSend, Destination: "a", Position: uint64(i + 1), As: effect.Member, Person: "ada", Payload: []byte(`"ada"`), When: when, Last: true}
		f.SetID([16]byte{byte(i + 1)})
		list = append(list, f)
	}
	if err := r.Part(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	r.until(t, "both", func() bool { return r.finals() == 2 })
	if n := told.Load(); n != 1 {
		t.Errorf("%d were sent", n)
	}
	r.spine.mu.Lock()
	defer r.spine.mu.Unlock()
	if a, b := r.results[list[0].ID], r.results[list[1].ID]; !slices.Contains(a, effect.Delivered) || !slices.Contains(b, effect.NotSent) {
		t.Errorf("it came to %v and %v", a, b)
	}
	for i, e := range r.log {
		if e.Person == "ada" || len(e.Payload)+len(e.Request)+len(e.Answer)+len(e.Text) > 0 {
			t.Errorf("record %d has %+v", i, e.Fact)
		}
	}
}

// One dead letter of somebody who was erased keeps no other from being sent
// again, and goes itself.
func TestAgain_GivesUpDeadLettersOfPeopleWhoWereErased(t *testing.T) {
	t.Parallel()
	r := newRig(t, map[string]*sink{"a": {answer: func(_ context.Context, batch []destination.Message) []destination.Result {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Refused})
	}}})
	r.define(t, "a", "")
	r.Start()
	defer r.Close()
	r.send(t, "a", 0, 2, 2)
	r.until(t, "dead letters", func() bool { return r.finals() == 2 })
	r.spine.mu.Lock()
	r.erased = "p1"
	var list []pipeline.Message
	for i, e := range r.log[:2] {
		m := message{Effect: e}
		list = append(list, pipeline.Message{Place: m.place(), Sent: store.Position(i + 1)})
	}
	r.spine.mu.Unlock()
	if n, err := r.again(t.Context(), "a", list, false); n != 1 || err != nil {
		t.Errorf("%d are sent again: %v", n, err)
	}
	r.spine.mu.Lock()
	defer r.spine.mu.Unlock()
	var ops []effect.Op
	for _, e := range r.log {
		if e.Op == effect.OpAgain || e.Op == effect.OpDiscard {
			ops = append(ops, e.Op)
		}
	}
	if len(ops) != 2 || ops[0] == ops[1] {
		t.Errorf("the log says %v", ops)
	}
}
