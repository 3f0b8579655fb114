package outbox

import (
	"context"
	"errors"
	"time"

	"rapport/internal/broadcast"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/schedule"
)

// JobBroadcast is the kind of the job that looks at everybody in the segment of
// a broadcast and decides who gets it.
const JobBroadcast = "broadcast"

// walkPage is how many people are looked at with one write to the log.
const walkPage = 250

// slot is what of the time to wait counts for the order of messages that wait
// for the end of quiet hours.
const slot = 15 * time.Minute

// walking is a walk over the people of a segment.
type walking struct {
	*Outbox
	*campaign
	through *line   // that tells it; nil for those who only look
	sink    *opened // to see how messages look
	shower  destination.Shower
}

// walk makes the messages of a broadcast: one for each person in its segment who
// may get it, and the reason for each who may not. Done again after a crash it
// makes none a second time.
func (o *Outbox) walk(ctx context.Context, t *schedule.Task) error {
	c, err := o.campaignOf(ctx, t.Subject(), 0)
	if err != nil {
		return err
	}
	if !c.progress.Due(o.now()) {
		return nil
	}
	o.walks.put(c.key, true)
	defer o.walks.put(c.key, false)
	if due, err := o.counted(ctx, c); err != nil || !due {
		return err
	}
	if c.progress.Position == 0 {
		if err := o.advance(ctx, c, c.progress.Begin(uint64(o.Spine.End()), o.now()), "rapport"); err != nil {
			return err
		}
	}
	w := &walking{Outbox: o, campaign: c, through: o.today(c.line())}
	return w.all(ctx, t)
}

// counted waits until it is known who is in the segment of a broadcast. due is
// false where the broadcast was paused, stopped or changed meanwhile: another job
// goes on with it.
func (o *Outbox) counted(ctx context.Context, c *campaign) (due bool, err error) {
	key, version := c.document.Segment, c.progress.Version
	for {
		s := o.Spine.SegmentState(definition.Segment, key)
		if s.Version != 0 && s.Building == 0 {
			return true, nil
		}
		if o.Spine.Definitions().Get(definition.Segment, key).Live() == nil {
			return false, fault.Errorf(fault.Invalid, "unknown_segment", "there is no live segment %q any more: stop the broadcast, or define the segment again", key).At("/segment")
		}
		if !pause(ctx, o.Pace.First) {
			return false, context.Cause(ctx)
		}
		if c.progress, c.tag, err = o.progressOf(ctx, c.key); err != nil || !c.progress.Due(o.now()) || c.progress.Version != version {
			return false, err
		}
	}
}

// all walks over everybody.
func (w *walking) all(ctx context.Context, t *schedule.Task) (err error) {
	if w.through == nil {
		return fault.Errorf(fault.Unavailable, "broadcast_starting", "the broadcast is being begun")
	}
	if w.sink, err = w.openCampaign(ctx, w.campaign); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.sink.Close()) }()
	w.shower, _ = w.sink.Sink.(destination.Shower)
	var cursor string
	if _, err := t.Cursor(&cursor); err != nil {
		return err
	}
	for {
		page, err := w.Spine.SegmentMembers(ctx, w.document.Segment, cursor, walkPage)
		if err != nil {
			return err
		}
		people := make([]string, len(page.Items))
		for i := range page.Items {
			people[i] = page.Items[i].ID
		}
		if err := w.some(ctx, people); err != nil {
			return err
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if err := t.Advance(ctx, t.Done()+int64(len(people)), cursor); err != nil {
			return err
		}
		if p, _, err := w.progressOf(ctx, w.key); err != nil || p.State != broadcast.Sending {
			return err // it was paused or stopped: another job goes on
		}
	}
	return w.walked(ctx)
}

// walked notes that everybody was looked at.
func (w *walking) walked(ctx context.Context) error {
	for {
		var err error
		if w.progress, w.tag, err = w.progressOf(ctx, w.key); err != nil {
			return err
		}
		p := w.progress
		p.Walked = true
		if err = w.advance(ctx, w.campaign, p, "rapport"); fault.KindOf(err) != fault.Precondition {
			return err
		}
	}
}

// some makes the messages about some people.
func (w *walking) some(ctx context.Context, people []string) error {
	w.composing.RLock()
	defer w.composing.RUnlock()
	drafts, err := w.drafts(ctx, people)
	if err != nil {
		return err
	}
	kept := drafts[:0]
	for _, d := range drafts {
		if d.skip != broadcast.Told && d.person != nil {
			kept = append(kept, d)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return w.keep(ctx, kept)
}

// drafts decides about some people: those with no skip get a message.
func (w *walking) drafts(ctx context.Context, people []string) ([]draft, error) {
	drafts := make([]draft, len(people))
	for i, person := range people {
		d := &drafts[i]
		d.line, d.target, d.version = w.through, w.target, w.version.Version
		d.Plan = effect.Plan{
			Position: w.progress.Position, Destination: effect.BroadcastKey(w.key), Kind: effect.Broadcast, Segment: w.document.Segment, Time: w.now(),
			// The broadcast and the person stand for the cause.
			Cause: effect.CauseOf(id.Key{}, person), // as long as the person is not read
		}
		d.as, d.member = d.Kind, person
	}
	// What was said of people a moment ago counts.
	if err := w.Spine.Applied(ctx, w.Spine.End()); err != nil {
		return nil, err
	}
	if err := w.each(drafts, func(d *draft) error { return w.meet(ctx, d) }); err != nil {
		return nil, err
	}
	if err := w.recallPeople(ctx, drafts); err != nil {
		return nil, err
	}
	return drafts, w.each(drafts, func(d *draft) error { return w.decide(ctx, d) })
}

// meet reads a person. A draft whose person is nobody any more has none.
func (w *walking) meet(ctx context.Context, d *draft) error {
	var err error
	if d.Anchor, err = w.Spine.AnchorOf(ctx, d.member); err != nil {
		if isPermanent(err) {
			return nil
		}
		return err
	}
	if err := w.read(ctx, d); err != nil {
		return err
	}
	if d.skip == effect.Failed {
		return fault.Errorf(fault.Invalid, "broadcast_failed", "whether people agreed cannot be told: %s", d.text)
	}
	if d.person != nil {
		d.Cause = effect.CauseOf(id.Key{}, d.person.View.ID)
	}
	return nil
}

// known is what was noted of a person before.
type known struct {
	told   bool
	recent []clock.Instant
}

// often is where it is noted when people got broadcasts.
var often = effect.BroadcastKey("")

// namesOf are the ids that a person may have had: by each identifier, which may
// have been a person of its own.
func (o *Outbox) namesOf(v *profile.View) []string {
	out := []string{v.ID}
	for _, i := range v.Identifiers {
		if name := o.Spine.ProfileIDOf(event.Identifier{Namespace: i.Namespace, Value: i.Value}); name != "" && name != v.ID {
			out = append(out, name)
		}
	}
	return out
}

// recallPeople reads what was noted of people.
func (w *walking) recallPeople(ctx context.Context, drafts []draft) error {
	var asked []effect.Fact
	var of []*draft
	for i := range drafts {
		d := &drafts[i]
		if d.person == nil {
			continue
		}
		for _, name := range w.namesOf(d.person.View) {
			asked = append(asked,
				effect.Fact{Destination: d.Destination, Segment: d.Segment, Person: name}, effect.Fact{Destination: often, Person: name})
			of = append(of, d)
		}
	}
	values, err := w.Spine.ToldNow(ctx, asked)
	if err != nil {
		return err
	}
	for n, d := range of {
		d.before.told = d.before.told || values[2*n] != ""
		d.before.recent = append(d.before.recent, broadcast.ReadTimes(values[2*n+1])...)
	}
	return nil
}

// decide says whether a person gets the message, and writes it.
func (w *walking) decide(ctx context.Context, d *draft) error {
	if d.person == nil {
		return nil
	}
	c := broadcast.Candidate{Person: d.person.View.ID, Told: d.before.told, Refused: d.skip, Recent: d.before.recent}
	now := w.now()
	d.after = w.document.QuietHours.After(d.person.View, now)
	at := max(d.after, now)
	if d.skip = w.document.Verdict(w.key, &c, at); d.skip == "" {
		if err := w.write(ctx, d, &c); err != nil {
			return err
		}
		d.skip = w.document.Verdict(w.key, &c, at)
		d.text = c.Problem
	}
	d.tells = []effect.Fact{{Op: effect.OpTold, Destination: d.Destination, Segment: d.Segment, Person: c.Person, Known: "seen"}}
	if d.skip != "" {
		d.after = 0
		return nil
	}
	if d.after != 0 {
		d.Position += uint64(d.after.Sub(w.progress.Begins)/slot) + 1 // a pause moves nobody before others
	}
	d.tells = append(d.tells, effect.Fact{Op: effect.OpTold, Destination: often, Person: c.Person, Known: broadcast.Times(append(d.before.recent, at))})
	return nil
}

// write makes the message, and looks whether it can be sent.
func (w *walking) write(ctx context.Context, d *draft, c *broadcast.Candidate) error {
	for _, step := range []func(context.Context, *draft) error{w.instruct, w.furnish} {
		if err := step(ctx, d); err != nil {
			return err
		}
	}
	w.fill(d)
	if d.skip != "" {
		c.Problem, d.skip = d.text, ""
		if c.Problem == "" {
			c.Problem = "the mapping gives null"
		}
		return nil
	}
	if w.shower == nil {
		return nil
	}
	m := d.outside()
	shown := w.shower.Show(&m)
	c.NoAddress, c.Problem = shown.Address == "", shown.Problem
	return nil
}

// outside is the draft as its sink sees it.
func (d *draft) outside() destination.Message {
	person := d.person.View.ID
	return destination.Message{ID: d.ID(person), Kind: destination.Kind(d.as), Person: person, Time: d.Time.Time(), Payload: d.payload}
}
