package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// chunk is how many plans are settled with one write to the log.
const chunk = 256

// render makes what is sent out of what was planned.
func (o *Outbox) render() {
	ctx, cancel := context.WithCancel(o.ctx)
	defer cancel()
	o.work.Go(func() {
		<-o.stop
		cancel()
	})
	for {
		plans, err := o.Spine.Planned(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			o.Log.Error("what was planned cannot be read", "error", err)
			if !pause(ctx, o.Pace.First) {
				return
			}
			continue
		}
		o.look()
		for part := range slices.Chunk(plans, chunk) {
			if !o.settle(ctx, part) {
				return
			}
		}
	}
}

// pause waits, and tells whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// draft is a plan on its way to a message.
type draft struct {
	effect.Plan
	line    *line
	target  *effect.Target
	version int
	era     uint64

	person       *pipeline.Subject
	event        *event.Event
	instructions json.RawMessage
	catalog      map[string]json.RawMessage
	experience   json.RawMessage

	as      effect.Kind
	change  string // entered, left, added, removed
	known   string // what the destination knows once it has the message
	payload json.RawMessage
	skip    string // why nothing is sent
	text    string
	after   clock.Instant // it is not sent before
	tells   []effect.Fact // what is known of the person from then on
	member  string        // of a segment that a broadcast goes to: profile id
	before  known         // of such a member
	inside  bool          // the one whom somebody asked for is a member
}

// settle turns plans into facts, tries until the log takes them, and hands the
// messages to their lines. It tells whether to go on.
func (o *Outbox) settle(ctx context.Context, plans []effect.Plan) bool {
	for {
		err := o.settleOnce(ctx, plans)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		o.Log.Error("messages cannot be made", "error", err)
		if !pause(ctx, o.Pace.First) {
			return false
		}
	}
}

func (o *Outbox) settleOnce(ctx context.Context, plans []effect.Plan) error {
	o.composing.RLock()
	defer o.composing.RUnlock()
	drafts, era := make([]draft, len(plans)), o.era.Load()
	for i := range plans {
		drafts[i].Plan, drafts[i].era = plans[i], era
	}
	if err := o.each(drafts, func(d *draft) error { return o.gather(ctx, d) }); err != nil {
		return err
	}
	if err := o.giveAll(ctx, drafts); err != nil {
		return err
	}
	if err := o.compare(ctx, drafts); err != nil {
		return err
	}
	if err := o.each(drafts, func(d *draft) error { o.fill(d); return nil }); err != nil {
		return err
	}
	if err := o.keep(ctx, drafts); err != nil {
		return err
	}
	o.forgetMade()
	return nil
}

// renderers is how many drafts are worked on at once.
const renderers = 4

func (o *Outbox) each(drafts []draft, do func(*draft) error) error {
	var all sync.WaitGroup
	errs := make([]error, renderers)
	size := (len(drafts) + renderers - 1) / renderers
	for n, part := range slices.Collect(slices.Chunk(drafts, max(size, 1))) {
		all.Go(func() {
			for i := range part {
				if errs[n] = do(&part[i]); errs[n] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// gather reads what a draft needs, and finds out whether it may be sent. An
// error is one that may be gone a moment later.
func (o *Outbox) gather(ctx context.Context, d *draft) error {
	if d.line = o.line(d.Destination); d.line == nil {
		d.skip = effect.Deleted
		return nil
	}
	if d.target, d.version = d.line.current(); d.target == nil {
		d.skip = effect.Deleted
		return nil
	}
	switch now := o.now(); {
	case d.line.drains(d.Time):
		d.skip = effect.Draining
		return nil
	case d.target.Late(d.Time, now):
		// It was planned in time and waited for too long, or a start planned anew
		// what was settled before.
		d.skip = effect.Stale
		return nil
	}
	if d.Kind == effect.Check || d.Kind == effect.Member {
		// Where the person is now may still be on its way.
		if err := o.Spine.Applied(ctx, store.Position(d.Position)); err != nil {
			return err
		}
	}
	if err := o.read(ctx, d); err != nil || d.skip != "" {
		return err
	}
	d.as = d.Kind
	if d.Kind == effect.Triggered {
		return nil // the rest once it is known whether it is given at all
	}
	if err := o.instruct(ctx, d); err != nil {
		return err
	}
	return o.furnish(ctx, d)
}

// instruct asks the decision model whose answer goes along.
func (o *Outbox) instruct(ctx context.Context, d *draft) (err error) {
	if d.target.Decision == "" || o.Decide == nil || d.skip != "" {
		return nil
	}
	d.instructions, err = o.Decide(ctx, d.target.Decision, d.person.View.ID)
	if err != nil && ctx.Err() == nil {
		d.skip, d.text, err = effect.Failed, fmt.Sprintf("decision model %q: %v", d.target.Decision, err), nil
	}
	return err
}

// read finds the person, and the event where one is told of.
func (o *Outbox) read(ctx context.Context, d *draft) (err error) {
	if at := d.origin(); at != 0 {
		d.event, err = o.Spine.EventAt(ctx, at)
		switch {
		case errors.Is(err, store.ErrErased):
			d.skip = effect.Erased
			return nil
		case err != nil:
			return err
		}
	}
	_, whole := d.target.Asks()
	d.person, err = o.Spine.Subject(ctx, d.Anchor, whole || d.Kind == effect.Check || d.Kind == effect.Triggered, uses(d.target))
	switch {
	case err != nil && isPermanent(err):
		d.skip, d.text = effect.Failed, err.Error()
		return nil
	case err != nil:
		return err
	case d.person == nil:
		d.skip = effect.Erased
	case d.person.Permission != nil && !d.person.Permission.Allowed:
		d.skip = d.person.Permission.Reason
		d.text = fmt.Sprintf("purpose %q", d.target.Consent.Purpose)
	}
	return nil
}

// origin is where the log has the event that is told of; zero: none is.
func (d *draft) origin() store.Position {
	switch d.Kind {
	case effect.Event:
		return store.Position(d.Position)
	case effect.Triggered:
		return store.Position(d.Origin)
	default:
		return 0
	}
}

// uses are what the consent is asked for.
func uses(t *effect.Target) []pipeline.Use {
	if t.Consent == nil {
		return nil
	}
	return []pipeline.Use{{Purpose: t.Consent.Purpose, Channel: t.Consent.Channel}}
}

const (
	knownIn  = "in"
	knownOut = "out"
)

// compare leaves out what a destination knows already, in the order of the
// causes: several drafts may be about the same person.
func (o *Outbox) compare(ctx context.Context, drafts []draft) error {
	known, err := o.recall(ctx, drafts)
	if err != nil {
		return err
	}
	for i := range drafts {
		d := &drafts[i]
		if d.skip != "" {
			continue
		}
		d.as = d.Kind
		if d.Kind == effect.Event || d.Kind == effect.Triggered {
			continue
		}
		key := d.told()
		switch d.Kind {
		case effect.Profile:
			sum := sha256.Sum256(d.target.Watched(d.person.View))
			d.known = hex.EncodeToString(sum[:8])
		case effect.Entered:
			d.known, d.change = knownIn, string(effect.Entered)
		case effect.Left:
			d.known, d.change = knownOut, string(effect.Left)
		case effect.Check:
			d.known, d.as, d.change = knownIn, effect.Left, string(effect.Left)
			if known[key] == knownIn && !effect.In(d.person.View, d.Segment) {
				if d.known, err = o.sinceMoved(ctx, d); err != nil {
					return err
				}
			}
		case effect.Member:
			d.known, d.change = knownOut, "removed"
			if effect.In(d.person.View, d.Segment) {
				d.known, d.change = knownIn, "added"
			} else if known[key] == "" {
				d.known = "" // it was never told of
			}
		case effect.Event, effect.Broadcast, effect.Triggered:
		}
		if known[key] == d.known {
			d.skip = effect.Told
			continue
		}
		known[key] = d.known
	}
	return nil
}

// sinceMoved is what a destination is to know of somebody who moved and is not in
// the segment by now. They may have been in it where they went, and have left since:
// that exit is told by itself.
func (o *Outbox) sinceMoved(ctx context.Context, d *draft) (string, error) {
	again, err := o.Spine.PassedSince(ctx, d.Anchor, d.Segment, store.Position(d.Position))
	if err != nil || again {
		return knownIn, err
	}
	return knownOut, nil
}

func (d *draft) told() string {
	if d.person == nil {
		return ""
	}
	return string(effect.ToldKey(d.Destination, d.Segment, d.person.View.ID))
}

// recall gives what destinations know, by key.
func (o *Outbox) recall(ctx context.Context, drafts []draft) (map[string]string, error) {
	known := map[string]string{}
	var asked []effect.Fact
	for i := range drafts {
		d := &drafts[i]
		if d.skip != "" || d.Kind == effect.Event || d.Kind == effect.Triggered {
			continue
		}
		key := d.told()
		if _, there := known[key]; there {
			continue
		}
		value, fresh := o.told.get(key)
		if known[key] = value; !fresh {
			asked = append(asked, effect.Fact{Destination: d.Destination, Segment: d.Segment, Person: d.person.View.ID})
		}
	}
	if len(asked) == 0 {
		return known, nil
	}
	values, err := o.Spine.Told(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i, f := range asked {
		known[string(effect.ToldKey(f.Destination, f.Segment, f.Person))] = values[i]
	}
	return known, nil
}
