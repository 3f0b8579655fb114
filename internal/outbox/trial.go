package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/clock"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// DestinationTrial asks for one message, made and sent at once, past the queue.
type DestinationTrial struct {
	Kind    effect.Kind     `json:"kind,omitempty" enum:"event,entered,left,member,profile" doc:"Left out: the first that the destination is told of"`
	Profile string          `json:"profile" doc:"Whom it is about: a profile id or namespace:value"`
	Event   json.RawMessage `json:"event,omitempty" doc:"Of an event: name and properties"`
	Send    bool            `json:"send,omitempty" doc:"false: only show what would be sent"`
}

// DestinationTried is what came of it.
type DestinationTried struct {
	ID      string `json:"id" doc:"The idempotency key, which no real message has"`
	Payload any    `json:"payload" doc:"What was sent, or would be"`
	Consent string `json:"consent,omitempty" doc:"Why it would not be sent otherwise"`
	Outcome string `json:"outcome" enum:"not_sent,delivered,retry,refused"`
	Status  int    `json:"status,omitempty"`
	Took    int64  `json:"took_us,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Request string `json:"request,omitempty"`
	Answer  string `json:"answer,omitempty"`
}

// Try makes a message of a version of a destination and, where it is asked to,
// sends it. Nothing of it is kept, and a person without consent is not sent.
func (o *Outbox) Try(ctx context.Context, key string, document []byte, ask *DestinationTrial) (*DestinationTried, error) {
	t, err := effect.Read(document)
	if err != nil {
		return nil, err
	}
	d, err := o.trial(ctx, key, t, ask)
	if err != nil {
		return nil, err
	}
	return o.tryDraft(ctx, key, t, d, ask.Send)
}

// tryDraft makes a message of a draft and, where it is asked to, sends it.
func (o *Outbox) tryDraft(ctx context.Context, key string, t *effect.Target, d *draft, send bool) (*DestinationTried, error) {
	out := &DestinationTried{Outcome: "not_sent"}
	var salt [16]byte
	o.Random(salt[:])
	d.Cause = salt
	out.ID = "test-" + d.ID("")
	out.Consent, d.skip = d.skip, ""
	o.fill(d)
	switch {
	case d.skip == effect.Failed:
		return nil, fault.Errorf(fault.Invalid, "mapping_failed", "the payload cannot be made: %s", d.text).At("/mapping")
	case d.skip != "":
		out.Reason = "the mapping gives null for it: it would not be sent"
		return out, nil
	}
	out.Payload = d.payload
	if !send || out.Consent != "" {
		return out, nil
	}
	return out, o.sendTrial(ctx, key, t, d, out)
}

func (o *Outbox) trial(ctx context.Context, key string, t *effect.Target, ask *DestinationTrial) (*draft, error) {
	k, err := o.Spine.AnchorOf(ctx, ask.Profile)
	if err != nil {
		return nil, err
	}
	now := o.now()
	d := &draft{target: t, Plan: effect.Plan{Anchor: k, Destination: cmp.Or(key, "test"), Time: now}}
	d.Kind, d.Segment, d.change = t.Example(ask.Kind)
	if d.as = d.Kind; d.Kind == "" {
		return nil, fault.Errorf(fault.Invalid, "unknown_kind", "the destination is not told of %q: give a kind that it is told of", ask.Kind).At("/kind")
	}
	if d.Kind == effect.Event {
		if d.event, err = exampleEvent(ask.Event, now); err != nil {
			return nil, err
		}
	}
	if err := o.about(ctx, d, ask.Profile); err != nil {
		return nil, err
	}
	if p := d.person.Permission; p != nil && !p.Allowed {
		d.skip = p.Reason
	}
	if t.Decision != "" && o.Decide != nil {
		if d.instructions, err = o.Decide(ctx, t.Decision, d.person.View.ID); err != nil {
			return nil, fault.Errorf(fault.Invalid, "decision_failed", "decision model %q: %v", t.Decision, err).At("/decision")
		}
	}
	return d, o.furnish(ctx, d)
}

// about looks up the person that a trial is about, by what the caller called
// them.
func (o *Outbox) about(ctx context.Context, d *draft, called string) (err error) {
	if d.person, err = o.Spine.Subject(ctx, d.Anchor, true, uses(d.target)); err == nil && d.person == nil {
		err = fault.Errorf(fault.NotFound, "profile_not_found", "nobody is known by %q", called)
	}
	return err
}

// exampleEvent makes an event of what was given for a trial.
func exampleEvent(given json.RawMessage, now clock.Instant) (*event.Event, error) {
	if len(given) == 0 {
		given = json.RawMessage(`{}`)
	}
	doc, err := jsondoc.Parse(given, jsondoc.Limits{})
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_event", "the event is no JSON: %v", err).At("/event")
	}
	root := doc.Root()
	return &event.Event{
		Type: event.Track, Name: cmp.Or(root.Get("name").Text(), "Test"), MessageID: "test", Time: now, ReceivedAt: now, Source: "test",
		Properties: root.Get("properties"), Context: root.Get("context"), Traits: root.Get("traits"),
	}, nil
}

func (o *Outbox) sendTrial(ctx context.Context, key string, t *effect.Target, d *draft, out *DestinationTried) error {
	kind, err := o.kind(t.Type)
	if err != nil {
		return err
	}
	m := destination.Message{ID: out.ID, Kind: destination.Kind(d.as), Person: d.person.View.ID, Time: d.Time.Time(), Payload: d.payload}
	r, took, err := o.sendOne(ctx, kind, key, &t.Destination, m)
	if err != nil {
		return err
	}
	out.Took = took.Microseconds()
	out.Outcome, out.Status, out.Reason = string(r.Outcome), r.Status, r.Reason
	out.Request, out.Answer = string(r.Request), string(r.Answer)
	return nil
}

// sendOne sends a message apart from the lines, and tells what came of it and how
// long that took; an error: it could not be tried.
func (o *Outbox) sendOne(ctx context.Context, kind destination.Type, key string, d *effect.Destination, m destination.Message) (r destination.Result, took time.Duration, err error) {
	s, err := o.opened(ctx, kind, key, d)
	if err != nil {
		return r, 0, err
	}
	limit, cancel := context.WithTimeout(ctx, cmp.Or(s.limits.Timeout, defaultTimeout))
	defer cancel()
	start := time.Now()
	results := s.Send(limit, []destination.Message{m})
	took = time.Since(start)
	closed := s.Close()
	if len(results) != 1 {
		return r, took, fmt.Errorf("the destination gave %d results for one message", len(results))
	}
	r = results[0]
	if closed != nil && r.Outcome == destination.Delivered {
		r.Outcome, r.Reason = destination.Retry, closed.Error() // what was written may not have left
	}
	r.Reason = s.masker.Text(r.Reason)
	return r, took, nil
}
