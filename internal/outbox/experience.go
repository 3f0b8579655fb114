package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/responder"
)

// giveAll finds out which of the triggered experiences among drafts are sent,
// and makes what they give. One after the other: what one gives a person counts
// for the next.
func (o *Outbox) giveAll(ctx context.Context, drafts []draft) error {
	for i := range drafts {
		d := &drafts[i]
		if d.Kind != effect.Triggered || d.skip != "" {
			continue
		}
		if err := o.give(ctx, d, drafts[:i]); err != nil {
			return err
		}
		if d.skip != "" {
			continue
		}
		for _, step := range []func(context.Context, *draft) error{o.instruct, o.furnish} {
			if err := step(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Outbox) give(ctx context.Context, d *draft, before []draft) error {
	if !d.target.Experiences {
		d.skip, d.text = effect.Failed, "the destination takes no experiences: PUT it with experiences true"
		return nil
	}
	last, err := o.lastGiven(ctx, d)
	if err != nil {
		return err
	}
	for i := range before {
		b := &before[i]
		if b.Kind == effect.Triggered && b.skip == "" && b.Segment == d.Segment && b.person.View.ID == d.person.View.ID {
			last = max(last, b.Set)
		}
	}
	given, err := o.giveOnce(ctx, d.ID(d.person.View.ID), d.due(last))
	if err != nil {
		return err
	}
	if d.skip, d.text = given.Reason, given.Text; d.skip == "" {
		d.experience = given.Content
		d.tells = []effect.Fact{{
			Op: effect.OpTold, Destination: givenKey, Segment: d.Segment, Person: d.person.View.ID, Known: strconv.FormatInt(int64(d.Set), 10),
		}}
	}
	return nil
}

// due asks what an experience gives.
func (d *draft) due(last clock.Instant) *responder.Due {
	return &responder.Due{
		Experience: d.Segment, ID: d.ID(d.person.View.ID), Channel: d.target.Type, Set: d.Set, Due: d.Time, Last: last, Person: d.person.View, Event: d.event,
	}
}

// giveOnce makes what is given once, also where the log does not take it the
// first time: an offer may have been taken for it.
func (o *Outbox) giveOnce(ctx context.Context, id string, due *responder.Due) (*responder.Given, error) {
	if g := o.made[id]; g != nil {
		return g, nil
	}
	g, err := o.Give(ctx, due)
	if err == nil && g.Reason == "" {
		if o.made == nil {
			o.made = map[string]*responder.Given{}
		}
		o.made[id] = g
	}
	return g, err
}

// givenKey is where it is noted when triggered experiences were set off that
// people got: of no destination, so that another one changes nothing.
const givenKey = "experience:"

// lastGiven is when the experience was set off the last time that the person
// got it; zero: never. The person may have had other ids.
func (o *Outbox) lastGiven(ctx context.Context, d *draft) (last clock.Instant, err error) {
	var asked []effect.Fact
	var values []string
	for _, name := range o.namesOf(d.person.View) {
		if value, fresh := o.told.get(string(effect.ToldKey(givenKey, d.Segment, name))); fresh {
			values = append(values, value)
			continue
		}
		asked = append(asked, effect.Fact{Destination: givenKey, Segment: d.Segment, Person: name})
	}
	if len(asked) > 0 {
		known, err := o.Spine.Told(ctx, asked)
		if err != nil {
			return 0, err
		}
		values = append(values, known...)
	}
	for _, v := range values {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			last = max(last, clock.Instant(n))
		}
	}
	return last, nil
}

// noteGiven remembers what was written down.
func (o *Outbox) noteGiven(d *draft) {
	for _, t := range d.tells {
		o.told.put(string(effect.ToldKey(t.Destination, t.Segment, t.Person)), t.Known)
	}
	delete(o.made, d.ID(d.person.View.ID))
}

// reservedFor is what of limited offers was set aside for a draft that is sent.
func (o *Outbox) reservedFor(d *draft) []*pipeline.Reservation {
	if d.skip != "" || d.Kind != effect.Triggered {
		return nil
	}
	if g := o.made[d.ID(d.person.View.ID)]; g != nil {
		return g.Reserved
	}
	return nil
}

// forgetMade releases what was set aside for messages that are not sent after
// all: all that were are written down.
func (o *Outbox) forgetMade() {
	for _, g := range o.made {
		for _, r := range g.Reserved {
			o.Spine.Release(r)
		}
	}
	clear(o.made)
}

// CheckExperience refuses a triggered experience that cannot be sent as it is.
func (o *Outbox) CheckExperience(ctx context.Context, x *experience.Ready) error {
	if x.Type != experience.Triggered {
		return nil
	}
	t, err := o.targetOf(ctx, x.Destination)
	if err != nil {
		return err
	}
	if !t.Experiences {
		return fault.Errorf(fault.Invalid, "takes_no_experiences", "the destination %q takes no experiences: PUT it with experiences true", x.Destination).At("/destination")
	}
	if s := x.Trigger.Segment; s != nil && o.Spine.Definitions().Get(definition.Segment, s.Key).Live() == nil {
		return fault.Errorf(fault.Invalid, "unknown_segment", "there is no live segment %q: define it first", s.Key).At("/trigger/segment/key")
	}
	return nil
}

func (o *Outbox) targetOf(ctx context.Context, key string) (*effect.Target, error) {
	v := o.Spine.Definitions().Get(definition.Destination, key).Live()
	if v == nil {
		return nil, fault.Errorf(fault.Invalid, "unknown_destination", "there is no live destination %q: define it, with experiences true", key).At("/destination")
	}
	d, err := o.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	return effect.Read(d.Document)
}

// ExperienceTrial asks what a triggered experience would send to somebody.
type ExperienceTrial struct {
	Profile string          `json:"profile" doc:"Whom it is about: a profile id or namespace:value"`
	Version int             `json:"version,omitempty" minimum:"1" doc:"Left out: the newest"`
	Event   json.RawMessage `json:"event,omitempty" doc:"That sets it off: name and properties"`
	Send    bool            `json:"send,omitempty" doc:"false: only show what would be sent"`
}

// ExperienceTried is what came of it.
type ExperienceTried struct {
	Reason      string            `json:"reason,omitempty" doc:"Why it would not be sent to this person now"`
	Text        string            `json:"text,omitempty"`
	Destination string            `json:"destination"`
	Message     *DestinationTried `json:"message" doc:"null where nothing would be sent"`
}

// TryExperience makes the message of a version of a triggered experience about a
// real person as if it had been set off and were due now. Nothing of it is kept
// and nothing is taken; it is sent only where it would be.
func (o *Outbox) TryExperience(ctx context.Context, x *experience.Ready, ask *ExperienceTrial) (*ExperienceTried, error) {
	if x.Type != experience.Triggered {
		return nil, fault.Errorf(fault.Invalid, "not_triggered", "the experience %q is %s: POST …/experiences/%s/preview shows it", x.Key, x.Type, x.Key)
	}
	t, err := o.targetOf(ctx, x.Destination)
	if err != nil {
		return nil, err
	}
	k, err := o.Spine.AnchorOf(ctx, ask.Profile)
	if err != nil {
		return nil, err
	}
	now := o.now()
	d := &draft{target: t, as: effect.Triggered, Plan: effect.Plan{Anchor: k, Destination: x.Destination, Kind: effect.Triggered, Segment: x.Key, Time: now, Set: now}}
	if len(ask.Event) > 0 {
		if d.event, err = exampleEvent(ask.Event, now); err != nil {
			return nil, err
		}
	}
	if err := o.about(ctx, d, ask.Profile); err != nil {
		return nil, err
	}
	out := &ExperienceTried{Destination: x.Destination}
	if p := d.person.Permission; p != nil && !p.Allowed {
		out.Reason, out.Text = p.Reason, fmt.Sprintf("purpose %q", t.Consent.Purpose)
		return out, nil
	}
	due := d.due(0)
	due.Version, due.Dry = x.Version, true
	given, err := o.Give(ctx, due)
	if err != nil {
		return nil, err
	}
	if out.Reason, out.Text = given.Reason, given.Text; out.Reason != "" {
		return out, nil
	}
	d.experience = given.Content
	for _, step := range []func(context.Context, *draft) error{o.instruct, o.furnish} {
		if err := step(ctx, d); err != nil {
			return nil, err
		}
	}
	if d.skip != "" {
		out.Reason, out.Text = d.skip, d.text
		return out, nil
	}
	out.Message, err = o.tryDraft(ctx, x.Destination, t, d, ask.Send)
	return out, err
}
