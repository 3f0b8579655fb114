package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// sweeper takes a person out of the rows of one lane, which is locked.
type sweeper struct {
	*eraser
	people *people
}

func (s *sweeper) run(ctx context.Context) ([]store.Record, error) {
	w := s.people
	w.derived = nil
	w.position = s.p.store.Log().End()
	for _, ident := range s.idents {
		if k := ident.Key(); w.span.Holds(k.Bucket()) {
			if err := s.anchor(ctx, ident, k); err != nil {
				return nil, err
			}
		}
	}
	for text, drop := range s.plan.Others {
		if k := keyOfText(text); w.span.Holds(k.Bucket()) && !s.keys[k] {
			if err := s.other(ctx, k, drop); err != nil {
				return nil, err
			}
		}
	}
	for text := range s.plan.Entities {
		if k := keyOfText(text); w.span.Holds(k.Bucket()) {
			if err := s.entity(ctx, k); err != nil {
				return nil, err
			}
		}
	}
	if err := w.foldAgain(ctx); err != nil {
		return nil, err
	}
	w.sendAll(ctx)
	return w.derived, nil
}

// loaded gives the row of an anchor, nil where there is none.
func (w *people) loaded(ctx context.Context, k id.Key) (*anchor, error) {
	if a, ok := w.anchors.Get(k); ok {
		return a, nil
	}
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableAnchors, Bucket: k.Bucket(), Key: k[:]}})
	if err != nil || rows[0] == nil {
		return nil, err
	}
	if err := w.adopt(store.TableAnchors, k, rows[0]); err != nil {
		return nil, err
	}
	a, _ := w.anchors.Get(k)
	return a, nil
}

// anchor removes one of the person's own. What came after the erasure stays: it
// is of another person, who begins with it.
func (s *sweeper) anchor(ctx context.Context, ident event.Identifier, k id.Key) error {
	s.people.swept[k], s.people.unswept[k] = s.people.position, true
	a, err := s.people.loaded(ctx, k)
	if err == nil && a != nil {
		err = s.people.loadForeign(ctx, []*anchor{a}) // what the person is credited with is taken back
	}
	if err != nil {
		return err
	}
	s.people.credited([]id.Key{k}, func() { err = s.remove(ctx, ident, k, a) })
	return err
}

func (s *sweeper) remove(ctx context.Context, ident event.Identifier, k id.Key, a *anchor) error {
	w, proof := s.people, &s.plan.Proof
	if a == nil {
		return s.deleteRows(ctx, k, store.TableTimeline, store.TableSeen, store.TableShares, store.TableCuts, store.TableHistory)
	}
	entries, err := w.finished(ctx, k, a.chunks, a.pending)
	if err != nil {
		return err
	}
	entries = append(entries, a.open...)
	all := len(entries)
	entries = slices.DeleteFunc(entries, func(e profile.Entry) bool { return e.Time <= s.plan.Time })
	gone := uint64(all-len(entries)) + a.gone(false)
	copies := uint64(a.copies) + a.gone(true)
	w.tally.Stored -= gone
	w.tally.Deduplicated -= copies
	w.tally.Erased += gone + copies
	w.tally.changed = true
	proof.Events += int(gone) + int(copies)
	if err := s.deleteRows(ctx, k, store.TableAnchors, store.TableTimeline, store.TableSeen, store.TableShares, store.TableCuts, store.TableHistory); err != nil {
		return err
	}
	named := a.ident.Value != ""
	if a.home != nil {
		w.askForCuts(a, a.home.shared, nil, w.position, s.plan.Time)
	}
	s.forget(a)
	if len(entries) == 0 {
		if named {
			w.tally.Anchors--
			proof.Anchors++
		}
		return nil
	}
	proof.Returned = true
	fresh := newAnchor(ident)
	for _, e := range entries {
		fresh.note(e)
	}
	w.anchors.Put(k, fresh, fresh.size())
	s.stale(fresh)
	return nil
}

// forget takes an anchor out of everything that the lane has in memory.
func (s *sweeper) forget(a *anchor) {
	w := s.people
	if a.timer != 0 {
		w.rows = append(w.rows, w.row(store.TableTimers, a.key, timerKey(a.timer, a.key), store.Delete, nil))
		w.timers.set(a.key, 0)
	}
	if a.members != nil {
		for _, x := range a.members.list {
			if x.member {
				w.enroll(a, x.id, false)
				if _, active := w.force.ids[x.id]; active && !x.shadow {
					w.counted(w.force.criterion(x.id), s.plan.Time, false)
				}
				s.touched = append(s.touched, store.RowKey{Table: store.TableMembers, Bucket: a.key.Bucket(), Key: memberKey(x.id, a.key)})
			}
		}
	}
	is := func(o *anchor) bool { return o == a }
	w.changedAnchors = slices.DeleteFunc(w.changedAnchors, is)
	w.gathered = slices.DeleteFunc(w.gathered, is)
	w.stale = slices.DeleteFunc(w.stale, is)
	w.sharing = slices.DeleteFunc(w.sharing, is)
	w.cutting = slices.DeleteFunc(w.cutting, is)
	delete(w.notices, a.key)
	delete(w.gatheredNotices, a.key)
	w.anchors.Drop(a.key)
	w.forgetColumns(a.key)
	w.moved(a.key)
}

func (s *sweeper) stale(a *anchor) {
	w := s.people
	a.linked = false
	w.allCutAnew(a)
	if !a.refold {
		a.refold = true
		w.stale = append(w.stale, a)
	}
	w.touch(a)
}

// deleteRows removes the rows of an anchor, those of each table whose keys begin
// with the anchor's.
func (s *sweeper) deleteRows(ctx context.Context, k id.Key, tables ...store.Table) error {
	w := s.people
	for _, t := range tables {
		var keys [][]byte
		err := w.store.State().Scan(ctx, store.Range{Table: t, Bucket: k.Bucket(), Prefix: k[:]}, func(key []byte, _ [][]byte) bool {
			keys = append(keys, bytes.Clone(key))
			return true
		})
		if err != nil {
			return fmt.Errorf("rows of %s: %w", k, err)
		}
		if t == store.TableAnchors && len(keys) == 0 {
			keys = append(keys, slices.Clone(k[:]))
		}
		for _, key := range keys {
			w.rows = append(w.rows, w.row(t, k, key, store.Delete, nil))
			s.touched = append(s.touched, store.RowKey{Table: t, Bucket: k.Bucket(), Key: key})
		}
	}
	return nil
}

// other takes events from an anchor of somebody else and folds the rest again,
// as the log has it now.
func (s *sweeper) other(ctx context.Context, k id.Key, drop []store.Position) error {
	w := s.people
	a, err := s.people.loaded(ctx, k)
	if err != nil || a == nil || a.ident.Value == "" {
		return err
	}
	if err := w.loadCuts(ctx, a); err != nil {
		return err
	}
	s.touched = append(s.touched, store.RowKey{Table: store.TableAnchors, Bucket: k.Bucket(), Key: slices.Clone(k[:])})
	if a.elsewhere() {
		s.touched = append(s.touched, store.RowKey{Table: store.TableShares, Bucket: a.home.key.Bucket(), Key: shareKey(a.home.key, k)})
	}
	s.plan.Proof.Others++
	dropped := map[uint64]bool{}
	for _, at := range drop {
		dropped[uint64(at)] = true
	}
	entries, err := w.finished(ctx, k, a.chunks, a.pending)
	if err != nil {
		return err
	}
	entries = append(entries, a.open...)
	all := len(entries)
	entries = slices.DeleteFunc(entries, func(e profile.Entry) bool { return dropped[e.Position] })
	found := all - len(entries)
	copies := uint64(min(len(dropped)-found, int(a.copies)))
	w.tally.Stored -= uint64(found)
	w.tally.Deduplicated -= copies
	w.tally.Erased += uint64(found) + copies
	w.tally.changed = true
	a.copies -= uint32(copies)
	if found > 0 {
		if err := s.deleteRows(ctx, k, store.TableTimeline, store.TableSeen); err != nil {
			return err
		}
		a.open, a.shorts, a.pending, a.recent, a.known, a.chunks = nil, nil, nil, nil, nil, 0
		w.gathered = slices.DeleteFunc(w.gathered, func(o *anchor) bool { return o == a })
		a.gathered, a.savedOpen = 0, -1
		for _, e := range entries {
			a.note(e)
		}
	}
	s.stale(a)
	return nil
}

// entity folds an entity again, of what the log still says of it.
func (s *sweeper) entity(ctx context.Context, k id.Key) error {
	w := s.people
	s.touched = append(s.touched, store.RowKey{Table: store.TableEntities, Bucket: k.Bucket(), Key: slices.Clone(k[:])})
	if err := s.answers(ctx, k); err != nil {
		return err
	}
	old, ok := w.entities.Get(k)
	if !ok {
		rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableEntities, Bucket: k.Bucket(), Key: k[:]}})
		if err != nil || rows[0] == nil {
			return err
		}
		if err := w.adopt(store.TableEntities, k, rows[0]); err != nil {
			return err
		}
		old, _ = w.entities.Get(k)
	}
	fresh := &entity{key: k, row: catalog.NewEntity(old.row.Kind, old.row.ID), fresh: true, listed: old.listed}
	w.changedEntities = slices.DeleteFunc(w.changedEntities, func(e *entity) bool { return e == old })
	w.entities.Drop(k)
	w.entities.Put(k, fresh, 256)
	for _, at := range s.entities[k] {
		if err := s.again(ctx, fresh, at); err != nil {
			return err
		}
	}
	if fresh.row.Kind == catalog.Item {
		s.touched = append(s.touched, w.forgetItem(k, fresh.row.ID, fresh.row)...)
	}
	listed := store.RowKey{Table: store.TableKinds, Bucket: k.Bucket(), Key: kindKey(old)}
	s.touched = append(s.touched, listed)
	if fresh.row.Exists() {
		w.touchEntity(fresh)
		return nil
	}
	w.changedEntities = slices.DeleteFunc(w.changedEntities, func(e *entity) bool { return e == fresh })
	w.entities.Drop(k)
	w.rows = append(w.rows,
		w.row(store.TableEntities, k, slices.Clone(k[:]), store.Delete, nil),
		w.row(store.TableKinds, k, listed.Key, store.Delete, nil))
	return nil
}

// again applies one record about an entity.
func (s *sweeper) again(ctx context.Context, e *entity, at store.Position) error {
	w := s.people
	rec, err := s.p.store.Log().At(ctx, at)
	if err != nil {
		if isErased(err) {
			return nil
		}
		return err
	}
	var part catalog.Portion
	if rec.Kind == store.KindPortion {
		_, part, err = readPortion(rec.Payload)
	} else {
		var c catalog.Change
		if c, err = readChange(rec.Payload); err == nil {
			part, err = c.Portion()
		}
	}
	if err != nil {
		return fmt.Errorf("record at %d: %w", at, err)
	}
	w.applyToEntity(e, &part)
	if who := e.row.Customer(); rec.Kind == store.KindChange && who.Value != "" {
		part.Customer = who
		w.tell(&part)
	}
	return nil
}

// answers removes the answers to commands that were taken out of the log, or
// changed in it.
func (s *sweeper) answers(ctx context.Context, k id.Key) error {
	changed := map[store.Position]bool{}
	for _, c := range s.changes {
		changed[c.At] = true
	}
	var keys [][]byte
	var bad error
	err := s.p.store.State().Scan(ctx, store.Range{Table: store.TableAnswers, Bucket: k.Bucket(), Prefix: k[:]}, func(key []byte, parts [][]byte) bool {
		var a answer
		if bad = json.Unmarshal(parts[0], &a); bad == nil && (changed[a.Position] || s.plan.Entities[keyText(k)]) {
			keys = append(keys, bytes.Clone(key))
		}
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	for _, key := range keys {
		s.people.rows = append(s.people.rows, s.people.row(store.TableAnswers, k, key, store.Delete, nil))
		s.touched = append(s.touched, store.RowKey{Table: store.TableAnswers, Bucket: k.Bucket(), Key: key})
		s.plan.Proof.Answers++
	}
	return err
}
