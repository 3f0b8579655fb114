package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// dirty is how many rows wait for the next commit.
func (w *people) dirty() int {
	n := len(w.changedAnchors) + len(w.changedEntities) + len(w.rows) + len(w.ticked) + w.ledger.dirty()
	if w.jobChanged || w.job != nil && w.job.changed {
		n++
	}
	return n
}

func (w *people) settled() bool { return len(w.stale) == 0 && len(w.cutting) == 0 }

func (w *people) full() bool { return w.anchors.Full() || w.entities.Full() }

// changes gives what to commit: of every row that changed either the whole or
// what is new, finished chunks, timers, and the counters of the span.
func (w *people) changes(at store.Position) []store.Change {
	if w.dirty() == 0 && !w.tally.changed && len(w.mirror.gone) == 0 && !w.mirror.outdated() {
		return nil
	}
	out := slices.Grow(w.rows, len(w.changedAnchors)+len(w.changedEntities)+len(w.ticked))
	w.rows, w.aged = nil, 0
	maps.Copy(w.gatheredNotices, w.notices)
	clear(w.notices)
	maps.Copy(w.gatheredUnswept, w.unswept)
	clear(w.unswept)
	out = w.ledgerChanges(out)
	for b := range w.ticked {
		out = append(out, passedRow(b, w.passed[b]))
	}
	clear(w.ticked)
	if w.jobChanged || w.job != nil && w.job.changed {
		out = append(out, w.jobChange())
	}
	out = w.flows.changes(out, w.span)
	out = w.results.changes(out, w.span)
	out = w.columnChanges(out, at)
	for _, a := range w.changedAnchors {
		out = w.anchorChanges(out, a)
	}
	for _, e := range w.changedEntities {
		out = w.entityChanges(out, e)
	}
	// Emptied, not only cut: rows that are let go of must not hang on to these.
	w.changedAnchors, w.changedEntities = rows.Emptied(w.changedAnchors), rows.Emptied(w.changedEntities)
	w.arena = nil // what is committed must not be held by what comes next
	return append(out, w.tally.change(w.span))
}

func (w *people) anchorChanges(out []store.Change, a *anchor) []store.Change {
	if a.cold != nil {
		return w.coldChanges(out, a)
	}
	part, full := a.part(w.arena.Open())
	part = w.arena.Close(part)
	op := store.Add
	if full {
		op = store.Put
	}
	out = append(out, w.row(store.TableAnchors, a.key, a.key[:], op, part))
	for _, c := range a.pending[a.gathered:] {
		out = append(out, w.row(store.TableTimeline, a.key, chunkKey(a.key, c.number), store.Put, w.arena.Close(appendEntries(w.arena.Open(), c.entries))))
		for i := range c.entries {
			if c.number < knownChunks {
				break
			}
			e := &c.entries[i]
			out = append(out, w.row(store.TableSeen, a.key, seenKey(a.key, e.Short), store.Put, w.arena.Close(profile.AppendEntry(w.arena.Open(), nil, e))))
		}
	}
	if a.gathered < len(a.pending) {
		a.gathered = len(a.pending)
		w.gathered = append(w.gathered, a)
	}
	a.changed = false
	w.anchors.Resize(a.key, a.size())
	return out
}

func (w *people) entityChanges(out []store.Change, e *entity) []store.Change {
	op, part := store.Add, []byte(nil)
	if e.fresh || e.deltas >= maxDeltas {
		op, part, e.deltas = store.Put, e.row.AppendFull(w.arena.Open()), 0
	} else {
		part = e.row.AppendChanges(w.arena.Open())
		e.deltas++
	}
	part = w.arena.Close(part)
	out = append(out, w.row(store.TableEntities, e.key, e.key[:], op, part))
	if exists := e.row.Exists(); exists != e.listed {
		e.listed = exists
		listing := store.Put
		if !exists {
			listing = store.Delete
		}
		out = append(out, w.row(store.TableKinds, e.key, kindKey(e), listing, e.key[:]))
	}
	e.fresh, e.changed = false, false
	w.entities.Resize(e.key, e.row.MemSize()+96)
	return out
}

// kindKey is the row that lists an entity among those of its kind.
func kindKey(e *entity) []byte {
	return append(append([]byte(e.row.Kind.String()), 0), e.row.ID...)
}

// untoldBytes is what an item takes that is to be told.
const untoldBytes = 60

// taken is what else takes room from the rows: columns beyond their share, and the
// lane's part of suppression lists and of the items that conditions see.
func (w *people) taken() int {
	all := w.suppressed.bytes() + w.items.bytes()
	return int(w.pressed.Load()) + int(all*int64(w.span.Last-w.span.First+1)/id.Buckets) + untoldBytes*len(w.untold)
}

// trim lets go of chunks that are committed now, and of rows beyond the budget.
func (w *people) trim() {
	for _, a := range w.gathered {
		for _, c := range a.pending[:a.gathered] {
			for i := range c.entries {
				delete(a.recent, c.entries[i].Short)
			}
		}
		a.pending, a.gathered = append([]chunk(nil), a.pending[a.gathered:]...), 0
		if len(a.pending) == 0 {
			a.recent = nil
		}
	}
	w.gathered = rows.Emptied(w.gathered)
	clear(w.gatheredNotices)
	clear(w.gatheredUnswept)
	clear(w.ledger.gathered)
	w.confirmCold()
	room := max(w.rowBudget-w.timers.bytes()-w.taken(), w.rowBudget/4)
	w.heads.bound(headShare(room))
	w.anchors.Limit = max(room-w.heads.bytes(), w.rowBudget/8)
	if w.job != nil {
		w.job.ahead = nil // not all of them may stay, and others may have come
	}
	w.anchors.Trim(func(a *anchor) bool {
		return a.changed || a.refold || w.job != nil && w.job.holds(a)
	})
	w.entities.Trim(func(e *entity) bool { return e.changed || w.undecided[e.key] != nil })
}

// finished gives the entries of an anchor's finished chunks: those that are
// committed, then those that wait.
func (s *setting) finished(ctx context.Context, k id.Key, chunks uint32, pending []chunk) ([]profile.Entry, error) {
	if chunks == 0 {
		return nil, nil
	}
	var out []profile.Entry
	committed := chunks - uint32(len(pending))
	var bad error
	err := s.store.State().Scan(ctx, store.Range{Table: store.TableTimeline, Bucket: k.Bucket(), Prefix: k[:]}, func(key []byte, parts [][]byte) bool {
		if len(key) != 20 || len(parts) == 0 {
			return true
		}
		if binary.BigEndian.Uint32(key[16:]) >= committed {
			return false
		}
		out, bad = readEntries(out, parts[0])
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("timeline of %s: %w", k, err)
	}
	for _, c := range pending {
		out = append(out, c.entries...)
	}
	return out, nil
}

// replaceCommitted puts the position of a copy that counts more into a
// finished chunk.
func (w *people) replaceCommitted(ctx context.Context, a *anchor, better profile.Entry) error {
	var number uint32
	var entries []profile.Entry
	var bad error
	err := w.store.State().Scan(ctx, store.Range{Table: store.TableTimeline, Bucket: a.key.Bucket(), Prefix: a.key[:]}, func(key []byte, parts [][]byte) bool {
		if len(key) != 20 || len(parts) == 0 {
			return true
		}
		entries, bad = readEntries(entries[:0], parts[0])
		for i := range entries {
			if entries[i].Short == better.Short {
				entries[i], number = better, binary.BigEndian.Uint32(key[16:])
				return false
			}
		}
		entries = entries[:0]
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	w.rows = append(w.rows, w.row(store.TableTimeline, a.key, chunkKey(a.key, number), store.Put, appendEntries(nil, entries)))
	if number >= knownChunks {
		w.rows = append(w.rows, w.row(store.TableSeen, a.key, seenKey(a.key, better.Short), store.Put, profile.AppendEntry(nil, nil, &better)))
	}
	return nil
}
