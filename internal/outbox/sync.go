package outbox

import (
	"context"
	"fmt"

	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// JobSync is the kind of the job that tells a destination of its whole audience.
const JobSync = "destination_sync"

// Register names who does the jobs around destinations.
func (o *Outbox) Register(r *schedule.Runner) {
	r.Register(JobSync, o.sync)
	r.Register(JobPurge, o.purge)
	r.Register(JobBroadcast, o.walk)
	r.Schedule(o.daily)
	r.Schedule(o.dueBroadcasts)
}

// syncAt is how far a synchronisation has come.
type syncAt struct {
	Cursor  string `json:"cursor"`
	Members bool   `json:"members"` // all of them were told of
	At      uint64 `json:"at"`      // where in the order of the destination its messages stand
}

// Synced is what a synchronisation did.
type Synced struct {
	Sent    int64            `json:"sent" doc:"Members that the destination is told of"`
	Removed int64            `json:"removed" doc:"People that it is told to take out"`
	NotSent map[string]int64 `json:"not_sent" doc:"Members that it is not told of, by reason"`
}

const syncPage = 200

// sync tells a destination of everybody who is in its segment, whatever it was
// told before, and to take out who is not there any more.
func (o *Outbox) sync(ctx context.Context, t *schedule.Task) error {
	key := t.Subject()
	l := o.today(key)
	if l == nil {
		return fault.Errorf(fault.NotFound, "destination_not_found", "there is no live destination %q", key)
	}
	target, version := l.current()
	if target == nil || target.Audience == nil {
		return fault.Errorf(fault.Conflict, "no_audience", "the destination %q keeps no audience: give it one, then synchronise it", key)
	}
	var at syncAt
	if begun, err := t.Cursor(&at); err != nil || !begun {
		if at.At = uint64(o.Spine.End()); err != nil {
			return err
		}
	}
	done := Synced{NotSent: map[string]int64{}}
	if _, err := t.Result(&done); err != nil {
		return err
	}
	w := syncing{o, l, target, version, t.ID(), &done}
	for !at.Members {
		page, err := o.Spine.SegmentMembers(ctx, target.Audience.Segment, at.Cursor, syncPage)
		if err != nil {
			return err
		}
		people := make([]string, len(page.Items))
		for i := range page.Items {
			people[i] = page.Items[i].ID
		}
		if err := w.tell(ctx, &at, people, true); err != nil {
			return err
		}
		at.Cursor, at.Members = page.Next, page.Next == ""
		if err := w.step(ctx, t, &at, len(people)); err != nil {
			return err
		}
	}
	return w.removed(ctx, t, &at)
}

// removed tells of those who were told of as members and are none any more.
func (w *syncing) removed(ctx context.Context, t *schedule.Task, at *syncAt) error {
	var some []string
	flush := func() error {
		err := w.tell(ctx, at, some, false)
		some = some[:0]
		return err
	}
	err := w.Spine.ToldPeople(ctx, w.line.key, w.target.Audience.Segment, knownIn, func(person string) error {
		if some = append(some, person); len(some) < syncPage {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = w.step(ctx, t, at, 0)
	}
	return err
}

// syncing is a synchronisation under way.
type syncing struct {
	*Outbox
	line    *line
	target  *effect.Target
	version int
	job     string
	done    *Synced
}

func (w *syncing) step(ctx context.Context, t *schedule.Task, at *syncAt, n int) error {
	if err := t.SetResult(w.done); err != nil {
		return err
	}
	return t.Advance(ctx, t.Done()+int64(n), *at)
}

// tell makes messages about some people: members, or those who were.
func (w *syncing) tell(ctx context.Context, at *syncAt, people []string, members bool) error {
	w.composing.RLock()
	defer w.composing.RUnlock()
	drafts := make([]draft, 0, len(people))
	for _, id := range people {
		k, err := w.Spine.AnchorOf(ctx, id)
		if err != nil {
			if isPermanent(err) {
				continue // erased, or nobody any more
			}
			return err
		}
		d := draft{line: w.line, target: w.target, version: w.version}
		d.Plan = effect.Plan{Position: at.At, Anchor: k, Destination: w.line.key, Kind: effect.Member, Segment: w.target.Audience.Segment, Time: w.now()}
		// The job stands for the cause: done again after a crash it is the same.
		d.Cause = effect.CauseOf(k, w.job+id)
		drafts = append(drafts, d)
	}
	if err := w.each(drafts, func(d *draft) error {
		if err := w.read(ctx, d); err != nil {
			return err
		}
		if err := w.instruct(ctx, d); err != nil {
			return err
		}
		return w.furnish(ctx, d)
	}); err != nil {
		return err
	}
	kept := drafts[:0]
	for _, d := range drafts {
		if w.judge(&d, members) {
			kept = append(kept, d)
		}
	}
	for i := range kept {
		w.fill(&kept[i])
		if kept[i].skip == effect.Failed {
			w.done.NotSent[effect.Failed]++
		}
	}
	if len(kept) == 0 {
		return nil
	}
	if err := w.keep(ctx, kept); err != nil {
		return fmt.Errorf("synchronise %q: %w", w.line.key, err)
	}
	return nil
}

// judge says what of a person is told, counts it, and tells whether there is
// anything to say.
func (w *syncing) judge(d *draft, members bool) bool {
	in := d.skip == "" && effect.In(d.person.View, d.Segment)
	if !members && (in || d.skip != "" && d.person == nil) {
		return false
	}
	d.as, d.known, d.change = effect.Member, knownIn, "added"
	if !in {
		d.known, d.change = knownOut, "removed"
	}
	switch {
	case d.skip != "":
		w.done.NotSent[d.skip]++
	case in:
		w.done.Sent++
	default:
		w.done.Removed++
	}
	return true
}

// SyncAudience says whom a synchronisation is about, for those who start it.
func (o *Outbox) SyncAudience(key string) error {
	l := o.today(key)
	if l == nil {
		return fault.Errorf(fault.NotFound, "destination_not_found", "there is no live destination %q: PUT it, or make a version live", key)
	}
	if t, _ := l.current(); t == nil || t.Audience == nil {
		return fault.Errorf(fault.Conflict, "no_audience", "the destination %q keeps no audience: give it one, then synchronise it", key)
	}
	return nil
}
