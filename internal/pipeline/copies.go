package pipeline

import (
	"context"
	"fmt"

	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// findCopies looks up which messages of the batch stand in a chunk that is no
// longer in memory: those of later chunks in one reading, those of the first ones
// only where they are known to be there.
func (w *people) findCopies(ctx context.Context, tasks []task) error {
	var keys []store.RowKey
	var asked []*task
	var first map[*anchor][]profile.Entry
	for i := range tasks {
		t := &tasks[i]
		a, err := w.outgrown(ctx, t)
		switch {
		case err != nil:
			return err
		case a == nil:
		case a.known.has(t.short):
			if _, ok := a.seen(t.short); ok {
				continue
			}
			if first[a] == nil {
				if first == nil {
					first = map[*anchor][]profile.Entry{}
				}
				if first[a], err = w.firstChunks(ctx, a); err != nil {
					return err
				}
			}
			t.copy = entryWith(first[a], t.short)
		case a.chunks > knownChunks:
			keys = append(keys, seenRow(a.key, t.short))
			asked = append(asked, t)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := w.store.State().Load(ctx, keys)
	if err != nil {
		return fmt.Errorf("look up %d messages: %w", len(keys), err)
	}
	for i, parts := range rows {
		if len(parts) == 0 {
			continue
		}
		entries, err := readEntries(nil, parts[0])
		if err != nil || len(entries) == 0 {
			return fmt.Errorf("message of anchor %s: %w", asked[i].anchor.key, err)
		}
		asked[i].copy = &entries[0]
	}
	return nil
}

// outgrown gives the row of an event's anchor where it has finished chunks, with
// what is known of their messages.
func (w *people) outgrown(ctx context.Context, t *task) (*anchor, error) {
	if t.event == nil {
		return nil, nil
	}
	if t.anchor == nil {
		t.anchor, _ = w.anchors.Get(t.rec.Anchor)
	}
	a := t.anchor
	switch {
	case a == nil || a.chunks == 0:
		return nil, nil
	case a.known != nil:
		return a, nil
	}
	entries, err := w.firstChunks(ctx, a)
	if err != nil {
		return nil, err
	}
	a.known = newShorts(len(entries))
	for i := range entries {
		a.known.add(entries[i].Short)
	}
	return a, nil
}

// firstChunks gives the entries of an anchor's finished chunks whose messages have
// no rows.
func (w *people) firstChunks(ctx context.Context, a *anchor) ([]profile.Entry, error) {
	pending := a.pending
	for len(pending) > 0 && pending[len(pending)-1].number >= knownChunks {
		pending = pending[:len(pending)-1]
	}
	return w.finished(ctx, a.key, min(a.chunks, knownChunks), pending)
}

func entryWith(list []profile.Entry, short uint64) *profile.Entry {
	for i := range list {
		if list[i].Short == short {
			return &list[i]
		}
	}
	return nil
}

// peek gives an anchor for somebody who only looks: from memory, or read and not
// kept there. nil: it has no row.
func (w *people) peek(ctx context.Context, k id.Key) (*anchor, error) {
	if a, ok := w.anchors.Get(k); ok {
		return a, nil
	}
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableAnchors, Bucket: k.Bucket(), Key: k[:]}})
	if err != nil || rows[0] == nil {
		return nil, err
	}
	return w.whole(k, rows[0], nil)
}

// entryOf finds the entry of a message in the timeline of an anchor; at is where
// the log has the message, or a copy of it.
func (w *people) entryOf(ctx context.Context, k id.Key, short uint64, at store.Position) (entry *profile.Entry, err error) {
	a, err := w.peek(ctx, k)
	if a == nil || err != nil {
		return nil, err
	}
	if e, ok := a.seen(short); ok {
		return &e, nil
	}
	if a.chunks > knownChunks {
		rows, err := w.store.State().Load(ctx, []store.RowKey{seenRow(k, short)})
		if err != nil {
			return nil, err
		}
		if len(rows[0]) > 0 {
			list, err := readEntries(nil, rows[0][0])
			return entryWith(list, short), err
		}
	}
	if entry, err = w.entryAt(ctx, a, short, at); entry != nil || err != nil {
		return entry, err
	}
	list, err := w.firstChunks(ctx, a)
	return entryWith(list, short), err
}

// entryAt looks for a message in the first chunks of an anchor as if they were in
// the order of the log, which they are but for copies that took the place of
// others.
func (w *people) entryAt(ctx context.Context, a *anchor, short uint64, at store.Position) (*profile.Entry, error) {
	for from, to := uint32(0), min(a.chunks-uint32(len(a.pending)), knownChunks); from < to; {
		mid := from + (to-from)/2
		rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableTimeline, Bucket: a.key.Bucket(), Key: chunkKey(a.key, mid)}})
		if err != nil || len(rows[0]) == 0 {
			return nil, err
		}
		list, err := readEntries(nil, rows[0][0])
		switch {
		case err != nil || len(list) == 0:
			return nil, err
		case store.Position(list[0].Position) > at:
			to = mid
		case store.Position(list[len(list)-1].Position) < at:
			from = mid + 1
		default:
			return entryWith(list, short), nil
		}
	}
	return nil, nil
}

// seenRow is the row that says in which position a message of a finished chunk
// stands. Those of the first chunks have none.
func seenRow(a id.Key, short uint64) store.RowKey {
	return store.RowKey{Table: store.TableSeen, Bucket: a.Bucket(), Key: seenKey(a, short)}
}
