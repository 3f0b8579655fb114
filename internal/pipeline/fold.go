package pipeline

import (
	"cmp"
	"context"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// fold takes one record into the rows it touches. What follows from it for
// other buckets is added to the records that the batch sends on.
func (w *people) fold(t *task) {
	w.position, w.received = t.rec.Position, t.rec.Received
	switch t.rec.Kind {
	case store.KindEvent, store.KindReplay:
		w.foldEvent(t)
	case store.KindPortion:
		w.foldPortion(t.rec)
	case store.KindChange:
		w.foldChange(t.rec)
	case store.KindTick:
		w.foldTick(t.rec)
	case store.KindPerson:
		w.foldPerson(t.rec)
	case store.KindShare:
		w.foldShare(t.rec)
	case store.KindDecision:
		w.keepDecision(t.rec)
		w.follow(t.rec, nil, nil)
	case store.KindActivation:
		w.foldActivation(t.rec)
	case store.KindAsk:
		w.answerGraph(t.rec)
	case store.KindItem:
		w.foldItem(t.rec)
	case store.KindRecheck:
		w.foldRecheck(t.rec)
	case store.KindCut:
		w.foldCut(t.rec)
	case store.KindEffect:
		w.foldEffect(t.rec)
		w.follow(t.rec, nil, nil)
	case store.KindTaking:
		w.foldTaking(t.rec)
	case store.KindBase:
		w.foldBase(t.rec)
	}
}

// foldEvent is what happens to an event: it is counted, known as a copy or as
// new, folded into its anchor's partial state, noted in the timeline, and told
// to the graph and to the entities it speaks of.
func (w *people) foldEvent(t *task) {
	w.tally.take(t.rec.Kind)
	if t.event == nil {
		w.misread(t)
		return
	}
	e := t.event
	if w.erased.Load().Refuses(e) {
		w.tally.Erased++
		return
	}
	w.erased.Load().Strip(e)
	a := t.anchor
	if a == nil || a.ident.Value == "" {
		a = w.anchor(e.Anchor(), t.rec.Anchor)
	}
	source := w.sources(e.Source)
	in := profile.Input{Short: t.short, Priority: source.Priority, Mapping: source.Mapping, Names: w.names}
	entry := profile.EntryOf(e, in, uint64(t.rec.Position))
	if other, ok := a.seen(in.Short); ok {
		w.foldCopy(t, a, entry, other)
		return
	}
	if t.copy != nil {
		w.foldCopy(t, a, entry, *t.copy)
		return
	}
	w.tally.Stored++
	w.historical = e.Historical
	for _, reason := range e.Dropped {
		w.tally.drop(reason, 1)
	}
	w.touch(a)
	a.heard(e)
	w.before(a, e)
	portions := a.partial.Fold(e, in)
	a.note(entry)
	w.foldCuts(a, e, in)
	w.foldLeaves(a, e, in, portions)
	for _, news := range a.meet(e.Identifiers[1:], e.Time, e.ReceivedAt) {
		w.link(a, news)
		a.linked = true // the link names it
	}
	w.saySightings(a)
	a.taken(e.ReceivedAt)
	w.announce(a)
	w.after(a, e)
	w.planEvent(a, e)
	w.setOffByEvent(a, e)
	w.triedBy(a, e, &entry)
	w.arm(a, e.ReceivedAt)
	for i := range portions {
		w.portion(a.key, &portions[i])
	}
	w.follow(t.rec, e, a)
}

// foldCopy counts a copy of a message. Where the copy counts more than the one
// that was folded, it takes its place and the anchor is folded again.
func (w *people) foldCopy(t *task, a *anchor, entry, other profile.Entry) {
	if replayOfStored(t, &entry, &other) {
		w.tally.Replayed-- // it was never a letter, as things are now
		return
	}
	w.tally.Deduplicated++
	a.copies++
	w.touch(a)
	more, err := w.counts(context.Background(), t, other)
	if err != nil {
		w.log.Error("copies cannot be compared", "anchor", a.key, "error", err)
		return
	}
	if !more || entry.Position == other.Position {
		return
	}
	a.better = append(a.better, entry)
	w.displace(a, entry, other)
	w.cutAt(a, other.Time, entry.Time)
	w.foldAnew(a)
}

// foldAnew has an anchor folded again from its timeline.
func (w *people) foldAnew(a *anchor) {
	if w.glass != nil || w.job != nil {
		// What is evaluated must not depend on where a batch ends.
		err := w.refold(context.Background(), a)
		if err == nil {
			return
		}
		w.log.Error("anchor cannot be folded again yet", "anchor", a.key, "error", err)
	}
	if !a.refold {
		a.refold = true
		w.stale = append(w.stale, a)
	}
	w.touch(a)
}

// arm sets the timer to the next instant at which time alone changes the
// partial. What was due before the event was received has passed already.
func (w *people) arm(a *anchor, received clock.Instant) {
	if due := a.partial.Due(); due != 0 && due <= received {
		a.partial.Tick(received)
	}
	due := a.due()
	if a.timer != 0 && (due == 0 || a.timer <= due) {
		return // the armed timer fires first and looks again
	}
	w.rearm(a, due)
}

// due is the next instant at which time alone changes the anchor, or at a home
// its person.
func (a *anchor) due() clock.Instant {
	due := a.partial.Due()
	if a.members != nil && !a.elsewhere() && a.members.due != 0 && (due == 0 || a.members.due < due) {
		due = a.members.due
	}
	if a.cuts != nil && len(a.cuts.alive) > 0 && (due == 0 || a.cuts.alive[0].due < due) {
		due = a.cuts.alive[0].due
	}
	if next := a.waiting.Next(); next != 0 && (due == 0 || next < due) {
		due = next
	}
	return due
}

func (w *people) rearm(a *anchor, due clock.Instant) {
	if a.timer == due {
		return
	}
	if a.timer != 0 {
		w.rows = append(w.rows, w.row(store.TableTimers, a.key, timerKey(a.timer, a.key), store.Delete, nil))
	}
	if due != 0 {
		w.rows = append(w.rows, w.row(store.TableTimers, a.key, timerKey(due, a.key), store.Put, nil))
	}
	a.timer = due
	w.timers.set(a.key, due)
	w.touch(a)
}

func (w *people) row(t store.Table, owner id.Key, key []byte, op store.Op, value []byte) store.Change {
	return store.Change{RowKey: store.RowKey{Table: t, Bucket: owner.Bucket(), Key: key}, Op: op, Value: value}
}

// foldPortion takes what an event or a command elsewhere says of a row here.
func (w *people) foldPortion(r *store.Record) {
	k, table, ok := portionTarget(r)
	if !ok {
		return
	}
	who, p, err := readPortion(r.Payload)
	if err != nil {
		w.log.Error("portion cannot be read", "position", r.Position, "error", err)
		return
	}
	if table == store.TableAnchors {
		a := w.anchor(who, k)
		w.touch(a)
		w.catchUp(a, r.Received)
		a.partial.ApplyPortion(&p)
		a.partial.Tick(r.Received)
		a.told = append(a.told, r.Position)
		w.cutAt(a, p.Stamp.Time)
		w.announce(a)
		w.foldOrder(a, &p)
		w.judge(a, cause{kind: causeOrder, time: p.Stamp.Time})
		w.arm(a, 0)
		return
	}
	w.applyToEntity(w.entity(p.Kind, p.ID, k), &p)
}

// foldChange takes the outcome of a command into its entity, and tells the
// customer it names.
func (w *people) foldChange(r *store.Record) {
	l, err := changeOf(r)
	if err != nil {
		w.log.Error("change cannot be read", "position", r.Position, "error", err)
		return
	}
	p, k := l.portion, l.portion.Key()
	e := w.entity(p.Kind, p.ID, k)
	before := e.row.Customer()
	w.applyToEntity(e, &p)
	// Of a deleted order its last customer has to know.
	if who := cmp.Or(e.row.Customer(), before); who.Value != "" {
		p.Customer = who
		w.tell(&p)
	}
	w.answer(k, r, &l.outcome)
	if !l.more {
		w.leave(k)
	}
}
