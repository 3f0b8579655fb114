package pipeline

import (
	"context"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/policy"
	"rapport/internal/retention"
	"rapport/internal/store"
)

// Remake makes events of a body that is a dead letter and no event itself, by the
// rules of today. A fault says why it cannot; nothing was taken then.
type Remake func(ctx context.Context, env *event.Envelope, body []byte) ([]Arrival, error)

// ReplayDeadLetter maps a dead letter again, by today's mapping, and takes it
// in as an event, or as several. A body that is still not understood stays where
// it is.
func (p *Pipeline) ReplayDeadLetter(ctx context.Context, name string) (Receipt, error) {
	d, err := p.buried(ctx, name)
	if err != nil {
		return Receipt{}, err
	}
	arrivals, err := p.again(ctx, &d.DeadLetter)
	if err != nil {
		return Receipt{}, err
	}
	s := &Submission{Received: d.Envelope.Received, Events: arrivals}
	if err := p.takeIn(ctx, s); err != nil {
		return Receipt{}, err
	}
	if len(s.Rejected) > 0 {
		return Receipt{}, fault.Errorf(fault.Conflict, s.Rejected[0].Reason, "the rules of source %q refuse the event (%s); discard the letter, or change the source", d.Envelope.Source, s.Rejected[0].Reason)
	}
	if err := p.admit(ctx, s); err != nil {
		return Receipt{}, err
	}
	if len(s.Rejected) > 0 {
		return Receipt{}, fault.Errorf(fault.Conflict, policy.ReasonNoConsent, "the person has not agreed to what the consent policy asks of source %q; discard the letter", d.Envelope.Source)
	}
	n := len(arrivals)
	r, err := p.replayInto(ctx, d, s.Events[:n])
	if words := s.Events[n:]; err == nil && len(words) > 0 {
		r, err = p.Accept(ctx, &Submission{Received: s.Received, Events: words})
	}
	return r, err
}

// replayInto writes the events of a dead letter into the log, with the word that
// it was replayed.
func (p *Pipeline) replayInto(ctx context.Context, d *letter, arrivals []Arrival) (Receipt, error) {
	p.floors.passing.RLock()
	defer p.floors.passing.RUnlock()
	for i := range arrivals {
		if p.expires(arrivals[i].Event) {
			return Receipt{}, fault.Errorf(fault.Conflict, retention.Reason, "the event is older than events of its kind are kept; discard the letter, or keep them longer before you replay it")
		}
	}
	events := make([]store.Record, 0, len(arrivals))
	for i := range arrivals {
		a := &arrivals[i]
		k := a.Event.Anchor().Key()
		r := store.Record{
			Kind: store.KindEvent, Bucket: k.Bucket(), Anchor: k, Received: a.Event.ReceivedAt,
			Payload: a.Envelope.AppendPayload(nil, a.Event.Body.Raw()), Attached: &live{event: a.Event},
		}
		if i == 0 {
			r.Kind = store.KindReplay // the letter itself, which was received before
		}
		events = append(events, r)
	}
	return p.rule(ctx, verdict{DeadLetter: d.at, Unread: d.unread, Decision: "replayed"}, events...)
}

// again makes events of a dead letter.
func (p *Pipeline) again(ctx context.Context, d *DeadLetter) ([]Arrival, error) {
	if remake := p.remakes[d.Envelope.Dialect]; remake != nil {
		out, err := remake(ctx, &d.Envelope, d.Body)
		if kind := fault.KindOf(err); err != nil && kind != fault.Internal && kind != fault.Unavailable {
			err = fault.Errorf(fault.Conflict, "still_invalid", "the body is still not understood: %v", err)
		}
		return out, err
	}
	mapper := p.mappers[d.Envelope.Dialect]
	if mapper == nil {
		return nil, fault.Errorf(fault.Conflict, "still_invalid", "no mapping for dialect %q is there", d.Envelope.Dialect)
	}
	doc, err := jsondoc.Parse(d.Body, jsondoc.Limits{})
	if err != nil {
		return nil, fault.Errorf(fault.Conflict, "still_invalid", "the body is no JSON: %v; discard the letter and send the event again", err)
	}
	if flaw, ok := doc.Root().Flaw(); ok {
		return nil, fault.Errorf(fault.Conflict, "still_invalid", "the body is still refused: %s at byte %d; discard the letter and send the event again", flaw.Msg, flaw.Offset)
	}
	e, err := mapper(&d.Envelope, doc.Root())
	if err != nil {
		return nil, fault.Errorf(fault.Conflict, "still_invalid", "the body is still not understood: %v", err)
	}
	return []Arrival{{Envelope: d.Envelope, Event: e}}, nil
}
