package outbox

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
	"rapport/internal/store"
)

// DeliveryDetail is one delivery with what was sent and what was answered.
type DeliveryDetail struct {
	effect.DeliveryHead
	Person  string `json:"person,omitempty" doc:"Profile id when it was sent"`
	Version int    `json:"version,omitempty" doc:"Of the destination"`
	Text    string `json:"text,omitempty" doc:"What happened, in words"`
	Payload any    `json:"payload,omitempty" doc:"What was, or is, to be sent; left out where the person was erased"`
	Request string `json:"request,omitempty" doc:"Of the last attempt; secrets masked"`
	Answer  string `json:"answer,omitempty" doc:"To the last attempt; secrets masked"`
}

// Delivery shows one delivery.
func (o *Outbox) Delivery(ctx context.Context, key, id string) (*DeliveryDetail, error) {
	d, err := o.Spine.Delivery(ctx, key, id)
	if err != nil {
		return nil, err
	}
	out := &DeliveryDetail{DeliveryHead: d.DeliveryHead}
	if e, err := o.Spine.EffectAt(ctx, d.Result); err == nil {
		out.Person, out.Version, out.Text, out.Request, out.Answer = e.Person, e.Version, e.Text, e.Request, e.Answer
	}
	if d.Sent != 0 {
		if e, err := o.Spine.EffectAt(ctx, d.Sent); err == nil {
			out.Payload, out.Person = e.Payload, e.Person
		}
	}
	return out, nil
}

// Again sends a dead letter once more, in its old place before what waits of
// the same person. Discard gives it up.
func (o *Outbox) Again(ctx context.Context, key, id string, discard bool) error {
	d, err := o.Spine.Delivery(ctx, key, id)
	if err != nil {
		return err
	}
	if d.Outcome != effect.Dead {
		return fault.Errorf(fault.Conflict, "not_dead", "the delivery is %s: only dead letters are sent again or discarded", d.Outcome)
	}
	n, err := o.again(ctx, key, []pipeline.Message{{Place: d.Place, Sent: d.Sent, Anchor: pipeline.AnchorIn(d.Bucket)}}, discard)
	if err == nil && n == 0 {
		return fault.Errorf(fault.Gone, "delivery_erased", "what was to be sent is not there any more: the person was erased")
	}
	return err
}

// AgainAll does so with all dead letters of a destination, and tells with how
// many.
func (o *Outbox) AgainAll(ctx context.Context, key string, discard bool) (int, error) {
	n := 0
	for after := (effect.Place{}); ; {
		list, more, err := o.Spine.ToSend(ctx, key, after, true)
		if err != nil {
			return n, err
		}
		some, err := o.again(ctx, key, list, discard)
		if n += some; err != nil || !more || len(list) == 0 {
			return n, err
		}
		after = list[len(list)-1].Place
	}
}

// again says of dead letters that they are sent again or given up, and of how many
// that was. Those of people who were erased since are given up in any case.
func (o *Outbox) again(ctx context.Context, key string, list []pipeline.Message, discard bool) (n int, err error) {
	o.composing.RLock()
	defer o.composing.RUnlock()
	facts, now, era := make([]pipeline.Effect, 0, len(list)), o.now(), o.era.Load()
	var resent []*message
	for _, x := range list {
		e, err := o.Spine.EffectAt(ctx, x.Sent)
		gone := errors.Is(err, store.ErrErased) || errors.Is(err, store.ErrNotFound)
		if err != nil && !gone {
			return 0, err
		}
		f := e.Fact
		if gone {
			e.Anchor, f = x.Anchor, effect.Fact{Destination: key, Position: x.Place.Position, Reason: effect.Erased}
			f.SetID(x.Place.ID)
		} else {
			n++
		}
		f.Op, f.Payload, f.Sent, f.When = effect.OpDiscard, nil, uint64(x.Sent), now
		if !gone && !discard {
			f.Op = effect.OpAgain
			e.When = now // it has all its time again
			resent = append(resent, &message{Effect: e, sent: x.Sent, era: era})
		}
		facts = append(facts, pipeline.Effect{Anchor: e.Anchor, Fact: f})
	}
	if len(facts) == 0 {
		return 0, nil
	}
	places, err := o.Spine.KeepEffects(ctx, facts)
	if err != nil {
		return 0, err
	}
	// What the answer says is so when it comes.
	if err := o.Spine.Applied(ctx, places[len(places)-1]); err != nil {
		return 0, err
	}
	if l := o.line(key); l != nil {
		for _, m := range resent {
			l.mu.Lock()
			delete(l.queue.settled, m.place())
			l.mu.Unlock()
			l.push(m)
		}
	}
	return n, nil
}

// kept is how long deliveries that came to an end are listed.
const kept = 30 * 24 * time.Hour

// JobPurge is the kind of the job that takes deliveries off the lists that came
// to an end long ago.
const JobPurge = "purge_deliveries"

// daily gives that job once a day, where there is a destination.
func (o *Outbox) daily(_ context.Context, now time.Time) []schedule.Request {
	if len(o.keys()) == 0 {
		return nil
	}
	return []schedule.Request{{Kind: JobPurge, Key: now.UTC().Format(time.DateOnly), Author: "schedule"}}
}

func (o *Outbox) purge(ctx context.Context, t *schedule.Task) error {
	n, err := o.forget(ctx, clock.From(o.Clock().Add(-kept)))
	if err != nil {
		return err
	}
	expired, err := o.Spine.ExpireFarewells(ctx)
	if err != nil {
		return err
	}
	return t.SetResult(map[string]int{"deliveries": n, "farewells": expired})
}

// forget takes deliveries off the lists that came to an end before an instant.
func (o *Outbox) forget(ctx context.Context, before clock.Instant) (n int, err error) {
	for _, key := range o.keys() {
		m, err := o.Spine.PurgeDeliveries(ctx, key, before)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// keys are those of the destinations.
func (o *Outbox) keys() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Sorted(maps.Keys(o.lines))
}
