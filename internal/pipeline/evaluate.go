package pipeline

import (
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/segment"
)

// glass is a lens with the scratch of one lane: what is needed to look through it.
type glass struct {
	*lens
	eval    *segment.Evaluator
	touched segment.Touched
	answers []segment.Answer
	due     []int
	said    []byte
}

func newGlass(l *lens, c segment.Catalog) *glass {
	if l == nil {
		return nil
	}
	return &glass{lens: l, eval: segment.NewEvaluator(l.set, c)}
}

// fold takes an event into what the conditions keep, and notes what it touches.
func (g *glass) fold(st *segment.State, e *event.Event, in segment.Input, portions []catalog.Portion) {
	g.touched.Reset(g.set)
	g.set.Fold(st, e, in, &g.touched)
	for i := range portions {
		g.set.FoldPortion(st, &portions[i], &g.touched)
	}
}

func (g *glass) foldPortion(st *segment.State, p *catalog.Portion) {
	g.touched.Reset(g.set)
	g.set.FoldPortion(st, p, &g.touched)
}

// watched tells whether a record at an anchor is evaluated there and now. A cold
// row is of a batch in which a backfill begins, which will come by.
func (w *people) watched(a *anchor) bool {
	return (w.glass != nil || w.job != nil) && a.cold == nil && !a.elsewhere()
}

// present is the latest instant that is known to have passed for a person.
func (w *people) present(a *anchor) clock.Instant {
	now := max(a.partial.Now(), w.passed[a.key.Bucket()])
	if a.home != nil {
		for _, f := range a.home.foreign {
			if f.row != nil {
				now = max(now, f.row.partial.Now())
			}
		}
	}
	return now
}

// catchUp lets the time pass that lies before a change of a person.
func (w *people) catchUp(a *anchor, now clock.Instant) {
	if w.watched(a) {
		w.advance(a, max(w.present(a), now))
	}
}

// before lets the time pass that lies before an event, and notes what the event
// can change.
func (w *people) before(a *anchor, e *event.Event) {
	if !w.watched(a) {
		return
	}
	w.advance(a, max(w.present(a), e.ReceivedAt))
	if w.glass != nil && a.members.judged && !a.cutItself() {
		w.glass.eval.Watch(w.subject(a).person, e)
	}
}

// foldLeaves takes an event into what the conditions keep.
func (w *people) foldLeaves(a *anchor, e *event.Event, in profile.Input, portions []catalog.Portion) {
	a.stirred()
	if w.glass == nil && w.job == nil || a.cold != nil {
		return
	}
	if a.leaves == nil {
		a.leaves = segment.NewState()
	}
	leafIn := segment.Input{Short: in.Short, Mapping: in.Mapping}
	if j := w.job; j != nil && j.covers(a) {
		j.fold(a.leaves, e, leafIn, portions)
	}
	if w.glass != nil {
		leafIn.Now = w.present(a) // of the evaluation that follows
		w.glass.fold(a.leaves, e, leafIn, portions)
	}
}

// foldOrder takes what a command said of an order into what the conditions keep.
func (w *people) foldOrder(a *anchor, p *catalog.Portion) {
	a.stirred()
	if w.glass == nil && w.job == nil {
		return
	}
	if a.leaves == nil {
		a.leaves = segment.NewState()
	}
	if w.glass != nil {
		w.glass.foldPortion(a.leaves, p)
	}
	if j := w.job; j != nil && j.glass != nil && j.covers(a) {
		j.glass.foldPortion(a.leaves, p)
	}
}

// after evaluates what an event changed.
func (w *people) after(a *anchor, e *event.Event) {
	if !w.watched(a) {
		return
	}
	now := w.present(a)
	if g := w.glass; g != nil {
		who := w.subject(a)
		if a.members.judged && !a.cutItself() {
			g.eval.Compare(who.person, &g.touched)
		} else {
			g.touched.All()
		}
		g.touched.Inside(a.members.insideNow(g.lens))
		why := cause{kind: causeEvent, messageID: e.MessageID, name: e.Name, time: e.Time}
		g.answers = g.eval.Evaluate(g.answers[:0], who.person, who.states, &g.touched, now)
		w.take(a, g, now, false, why)
	}
	a.members.judged = true
	w.judgeShadow(a, now)
}

// judge evaluates a person anew: so much changed that all of it may have.
func (w *people) judge(a *anchor, why cause) {
	if !w.watched(a) {
		return
	}
	now := w.present(a)
	w.advance(a, now)
	if a.nobody() {
		w.leaveSegments(a)
		w.touch(a)
		return
	}
	if g := w.glass; g != nil {
		who := w.subject(a)
		g.touched.Reset(g.set)
		g.touched.All()
		g.answers = g.eval.Evaluate(g.answers[:0], who.person, who.states, &g.touched, now)
		w.take(a, g, now, false, why)
	}
	a.members.judged = true
	w.judgeShadow(a, now)
}

// judgeShadow evaluates what is not in force yet, for a person that the
// backfill has been at.
func (w *people) judgeShadow(a *anchor, now clock.Instant) {
	j := w.job
	if j == nil || !j.covers(a) || len(j.numbers) == 0 || a.nobody() {
		return
	}
	who := w.subject(a)
	who.person.Under(j.glass.rules)
	j.glass.answers = j.glass.eval.EvaluateSegments(j.glass.answers[:0], who.person, who.states, j.numbers, now)
	w.take(a, j.glass, now, true, cause{})
}

// advance lets time pass for a home: what is due up to an instant is evaluated
// at exactly the instants at which it is due.
func (w *people) advance(a *anchor, to clock.Instant) {
	m := a.membershipsOf()
	w.settle(a)
	for m.due != 0 && m.due <= to {
		at := m.due
		if w.glass != nil {
			w.evaluateDue(a, w.glass, at, false)
		}
		if w.job != nil && w.job.glass != nil {
			w.evaluateDue(a, w.job.glass, at, true)
		}
		w.wind(m, at)
	}
}

// wind makes sure that time goes on: what was due at an instant and did not
// say anything else is not due any more.
func (w *people) wind(m *memberships, at clock.Instant) {
	for i := 0; i < len(m.list); {
		x := m.list[i]
		if x.next == 0 || x.next > at {
			i++
			continue
		}
		x.next = 0
		n := len(m.list)
		m.put(x)
		i += 1 - (n - len(m.list))
	}
	m.soonest()
}

func (w *people) evaluateDue(a *anchor, g *glass, at clock.Instant, shadow bool) {
	g.due = g.due[:0]
	for i := range a.members.list {
		x := &a.members.list[i]
		if x.next == 0 || x.next > at || x.shadow != shadow {
			continue
		}
		if n, ok := g.numbers[x.id]; ok {
			g.due = append(g.due, n)
		}
	}
	if len(g.due) == 0 {
		return
	}
	who := w.subject(a)
	who.person.Under(g.rules)
	g.answers = g.eval.EvaluateSegments(g.answers[:0], who.person, who.states, g.due, at)
	w.take(a, g, at, shadow, cause{kind: causeTime})
}

// take notes the answers of an evaluation: who came in and who left.
func (w *people) take(a *anchor, g *glass, now clock.Instant, shadow bool, why cause) {
	m := a.membershipsOf()
	changed := false
	for _, ans := range g.answers {
		n := g.ids[ans.Segment]
		x := m.get(n)
		next := ans.Next
		if next != 0 && next <= now {
			next = now + 1
		}
		if x.member == ans.Member && x.next == next {
			continue
		}
		passed := x.member != ans.Member
		x.member, x.next, x.shadow = ans.Member, next, shadow
		if passed {
			x.since = 0
			if x.member {
				x.since = now
			}
			w.enroll(a, n, x.member)
		}
		of := m.insideOf
		m.put(x)
		if of == g.lens && !shadow {
			m.insideOf = of
			m.mark(ans.Segment, x.member)
		}
		changed = true
		if passed && !shadow {
			w.pass(a, w.force.criterion(n), now, passage{entered: x.member, cause: why, reasons: g.reasons(ans.Segment)})
		}
	}
	if changed {
		m.soonest()
		w.touch(a)
	}
}

// leaveSegments takes a person out of everything: its home is elsewhere now, or
// there is nobody any more.
func (w *people) leaveSegments(a *anchor) {
	m := a.members
	if m == nil {
		return
	}
	if w.glass != nil {
		w.settle(a)
	}
	now := w.present(a)
	for _, x := range slices.Clone(m.list) {
		if x.member {
			w.enroll(a, x.id, false)
			if _, active := w.force.ids[x.id]; active && !x.shadow {
				w.pass(a, w.force.criterion(x.id), now, passage{cause: cause{kind: causeMerge}, reasons: w.reasons(a, x.id, now)})
			}
		}
		m.put(membership{id: x.id})
	}
	m.judged = false
	m.soonest()
}

// reasons are why a person was in a segment or not at an instant.
func (w *people) reasons(a *anchor, n uint64, at clock.Instant) []byte {
	g := w.glass
	if g == nil {
		return nil
	}
	number, ok := g.numbers[n]
	if !ok {
		return nil
	}
	who := w.subject(a)
	g.answers = g.eval.EvaluateSegments(g.answers[:0], who.person, who.states, []int{number}, at)
	return g.reasons(number)
}

// membershipsOf gives the memberships of a home, new ones where there are none.
func (a *anchor) membershipsOf() *memberships {
	if a.members == nil {
		a.members = &memberships{}
	}
	return a.members
}
