package pipeline

import (
	"context"

	"rapport/internal/event"
	"rapport/internal/store"
)

// closeExpiry lets the log forget the events that base records stand for by now.
// These are applied and durable; what is done already is done again without harm.
func (p *Pipeline) closeExpiry(ctx context.Context) error {
	now := *p.floors.Load()
	if now.Open == 0 {
		return nil
	}
	// A start after a crash has applied what the log has; now it is durable too.
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.persist(ctx); err != nil {
		return err
	}
	var events, doubles, replaced []store.Position
	err := p.store.Log().Read(ctx, now.Open, func(r *store.Record) error {
		if r.Kind != store.KindBase || r.Payload == nil {
			return nil
		}
		b, err := readBase(r.Payload, nil)
		if err != nil {
			return err
		}
		for _, t := range b.took {
			events = append(events, t.at)
		}
		doubles = append(doubles, b.doubles...)
		if b.replaces != 0 {
			replaced = append(replaced, b.replaces)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The copies first: without the message itself one of them would take its
	// place when the state is folded again in between.
	if err := p.dropEvents(ctx, doubles, true); err != nil {
		return err
	}
	if err := p.dropEvents(ctx, events, false); err != nil {
		return err
	}
	for len(replaced) > 0 {
		n := min(len(replaced), removalStep)
		changes := make([]store.Redaction, n)
		for i := range changes {
			changes[i] = store.Redaction{At: replaced[i]}
		}
		if _, err := p.store.Log().Redact(ctx, changes); err != nil {
			return err
		}
		replaced = replaced[n:]
	}
	now.Open = 0
	return p.sayFloors(ctx, now)
}

// dropEvents leaves of events no more than from where they came.
func (p *Pipeline) dropEvents(ctx context.Context, list []store.Position, copies bool) error {
	for len(list) > 0 {
		n := min(len(list), removalStep)
		var changes []store.Redaction
		for _, at := range list[:n] {
			source, err := p.sourceAt(ctx, at)
			if err != nil {
				return err
			}
			if source == nil {
				continue
			}
			left := event.Dropped{Source: *source, Copy: copies}
			changes = append(changes, store.Redaction{At: at, Payload: left.AppendPayload(nil)})
		}
		if _, err := p.store.Log().Redact(ctx, changes); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// sourceOf gives from where an event came; nil where it was dropped before.
func sourceOf(payload []byte) *string {
	if _, ok := event.ReadDropped(payload); ok {
		return nil
	}
	env, _, err := event.ReadPayload(payload)
	if err != nil {
		return new(string)
	}
	return &env.Source
}
