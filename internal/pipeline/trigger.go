package pipeline

import (
	"encoding/binary"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/feel"
	"rapport/internal/id"
)

// A triggered experience is set off by a record at an anchor and waits there
// until it is due: then a tick plans that it is sent. Whether it still is to be,
// by all that is known of the person at that moment, is found out when the plan
// is settled. What waits is state of its anchor, made again from the log.

// setOffByEvent takes what an event sets off, and what it calls off.
func (w *people) setOffByEvent(a *anchor, e *event.Event) {
	book := w.experiences.Load()
	if !book.Triggers() || a.cold != nil {
		return
	}
	var value *feel.Value
	read := func() feel.Value {
		if value == nil {
			v := effect.EventValue(e)
			value = &v
		}
		return *value
	}
	book.EachTriggered(e.ReceivedAt, func(r *experience.Ready) {
		if r.EndsBy(e) {
			w.callOff(a, r)
		}
		s, ok := r.OnEvent(e, read)
		if !ok {
			return
		}
		t := w.plans.book.Load().At(r.Destination, e.ReceivedAt)
		switch reason := untold(t, e); {
		case reason == "":
			x := experience.Waiting{Experience: r.Key, Set: s.Happens, Due: s.Due, Origin: uint64(w.position), Cause: effect.CauseOf(a.key, e.MessageID)}
			w.setOff(a, r, &s, x)
		case r.Trigger.Event != nil:
			w.tally.effect(r.Destination, reason, 1)
		}
	})
}

// untold says why an event sets nothing off for a destination.
func untold(t *effect.Edition, e *event.Event) string {
	switch {
	case t == nil:
		return effect.Deleted
	case e.Historical:
		return effect.Historical
	case t.Late(e.Time, e.ReceivedAt):
		return effect.Stale
	}
	return ""
}

// setOffByPassage takes what an entry or an exit sets off.
func (w *people) setOffByPassage(a *anchor, x *effect.Passed, why [16]byte) {
	if x.Moved || a.cold != nil {
		return // the person is in the segment where it went, or is not
	}
	now := max(x.Received, x.At)
	w.experiences.Load().EachTriggered(now, func(r *experience.Ready) {
		s, ok := r.OnPassage(x.Segment, x.Entered, x.At)
		if !ok {
			return
		}
		t, reason := w.plans.book.Load().At(r.Destination, now), effect.Deleted
		if t != nil {
			reason = x.Reason(t.Target)
		}
		if reason != "" {
			w.tally.effect(r.Destination, reason, 1)
			return
		}
		name := binary.BigEndian.AppendUint64(append([]byte(x.Segment), 0), uint64(x.At))
		if why == [16]byte{} {
			why = [16]byte(a.key)
		}
		w.setOff(a, r, &s, experience.Waiting{Experience: r.Key, Set: s.Happens, Due: s.Due, Cause: effect.CauseOf(id.Key(why), string(name))})
	})
}

// setOff lets an experience wait until it is due, or plans it where it is at
// once.
func (w *people) setOff(a *anchor, r *experience.Ready, s *experience.Signal, x experience.Waiting) {
	if s.Closes && a.waiting.Close(r.Key, s.Happens) {
		w.rewait(a)
	}
	if !s.Ends && !s.Renews && s.Due <= s.Happens {
		w.planTriggered(a, r, &x)
		return
	}
	before := len(a.waiting)
	if !a.waiting.Take(x, s) && len(a.waiting) == before {
		return
	}
	w.rewait(a)
}

func (w *people) callOff(a *anchor, r *experience.Ready) {
	if a.waiting.End(r.Key) {
		w.tally.effect(r.Destination, experience.Cancelled, 1)
		w.rewait(a)
	}
}

// rewait notes that what waits at an anchor changed.
func (w *people) rewait(a *anchor) {
	a.rewait = true
	if due := a.due(); due != 0 && (a.timer == 0 || due < a.timer) {
		w.rearm(a, due)
	}
	w.touch(a)
}

// fireWaiting plans what is due at an anchor. What comes again waits for that.
func (w *people) fireWaiting(a *anchor, now clock.Instant) {
	list := a.waiting.Pop(now)
	if len(list) == 0 {
		return
	}
	book := w.experiences.Load()
	for i := range list {
		x := &list[i]
		r := book.Triggered(x.Experience, now)
		if r == nil {
			continue // it was taken away
		}
		w.planTriggered(a, r, x)
		if again := r.Again(x.Due); again != 0 {
			next := *x
			next.Due, next.Cause = again, effect.CauseOf(id.Key(x.Cause), again.String())
			a.waiting = append(a.waiting, next)
		}
	}
	a.rewait = true
	w.touch(a)
}

func (w *people) planTriggered(a *anchor, r *experience.Ready, x *experience.Waiting) {
	set := x.Set
	if r.Trigger.Date != nil {
		set = r.Since(x.Due) // it is the day that sets it off
	}
	w.plan(&effect.Plan{
		Position: uint64(w.position), Anchor: a.key, Destination: r.Destination, Kind: effect.Triggered, Segment: r.Key,
		Time: x.Due, Cause: x.Cause, Set: set, Origin: x.Origin,
	}, "")
}
