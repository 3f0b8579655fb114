package outbox

import (
	"context"
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/pipeline"
)

// furnish reads the items of the catalog that go along.
func (o *Outbox) furnish(ctx context.Context, d *draft) error {
	if len(d.target.Items) == 0 || o.Item == nil || d.skip != "" {
		return nil
	}
	asked, err := d.target.ItemsOf(d.content(), o.now())
	if err != nil {
		return err
	}
	d.catalog = make(map[string]json.RawMessage, len(asked))
	for name, ask := range asked {
		found := []json.RawMessage{}
		for _, id := range ask.IDs {
			item, err := o.Item(ctx, id)
			if err != nil {
				return err
			}
			if item != nil {
				found = append(found, item)
			}
		}
		switch {
		case ask.List:
			if d.catalog[name], err = json.Marshal(found); err != nil {
				return err
			}
		case len(found) > 0:
			d.catalog[name] = found[0]
		}
	}
	return nil
}

// content is what the message is made of.
func (d *draft) content() *effect.Content {
	c := &effect.Content{
		ID: d.ID(d.person.View.ID), Kind: d.as, Time: d.Time, Destination: d.Destination, Person: d.person.View, Event: d.event,
		Change: d.change, Instructions: d.instructions, Catalog: d.catalog, Experience: d.experience,
	}
	switch d.as {
	case effect.Entered, effect.Left:
		c.Segment = d.Segment
	case effect.Member:
		c.Audience = d.Segment
	case effect.Event, effect.Profile, effect.Check, effect.Broadcast, effect.Triggered:
	}
	return c
}

// fill makes the payload.
func (o *Outbox) fill(d *draft) {
	if d.skip != "" {
		return
	}
	var err error
	if d.payload, err = d.target.Payload(d.content(), o.now()); err != nil {
		d.skip, d.text = effect.Failed, err.Error()
	} else if d.payload == nil {
		d.skip = effect.Filtered
	}
}

// keep writes down what is sent and what is not, and hands on what is sent.
func (o *Outbox) keep(ctx context.Context, drafts []draft) error {
	var facts []pipeline.Effect
	var reserved []*pipeline.Reservation
	at := make([]int, len(drafts)) // of the message's fact
	now := o.now()
	for i := range drafts {
		d := &drafts[i]
		at[i] = len(facts)
		facts = append(facts, pipeline.Effect{Anchor: d.Anchor, Fact: d.fact(now)})
		reserved = append(reserved, o.reservedFor(d)...)
		for _, told := range d.tells {
			facts = append(facts, pipeline.Effect{Anchor: pipeline.ToldAnchor(&told), Fact: told})
		}
		if d.skip == "" && d.known != "" {
			told := effect.Fact{Op: effect.OpTold, Destination: d.Destination, Segment: d.Segment, Person: d.person.View.ID, Known: d.known}
			facts = append(facts, pipeline.Effect{Anchor: pipeline.ToldAnchor(&told), Fact: told})
		}
	}
	places, err := o.Spine.KeepEffects(ctx, facts, reserved...)
	if err != nil {
		return err
	}
	for i := range drafts {
		d := &drafts[i]
		if d.skip != "" {
			continue
		}
		if d.known != "" {
			o.told.put(d.told(), d.known)
		}
		if d.Kind == effect.Triggered {
			o.noteGiven(d)
		}
		d.line.push(&message{Effect: facts[at[i]], sent: places[at[i]], checked: now, era: d.era})
	}
	return nil
}

// fact is what the log keeps of a draft.
func (d *draft) fact(now clock.Instant) effect.Fact {
	f := effect.Fact{
		Op: effect.OpSkip, Destination: d.Destination, Version: d.version, Position: d.Position, Kind: d.Kind, Segment: d.Segment,
		Time: d.Time, When: now, After: d.after, Reason: d.skip, Text: d.text, As: d.as,
	}
	if d.person != nil {
		f.ID = d.ID(d.person.View.ID)
	}
	switch d.skip {
	case "":
		f.Op, f.Person, f.Payload = effect.OpSend, d.person.View.ID, d.payload
	case effect.Told:
		f.ID = "" // nothing to show
	}
	return f
}
