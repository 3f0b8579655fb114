package imports

import (
	"encoding/json"
	"maps"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/id"
	"rapport/internal/profile"
)

// part gives the records that can be compared with what is known at the same time,
// those that must wait for them, and the keys of what the first are compared with.
// What says when it happened changes nothing that others of its kind are compared
// with, unless it is the same again. What says more of the very same is no record of
// its own but the next of the one before it.
func part(records []*record) (now, later []*record, about map[id.Key]bool) {
	now, about = make([]*record, 0, len(records)), make(map[id.Key]bool, len(records))
	var heads map[id.Key]*record // by the keys; the last of their line
	var keys []id.Key
	for i, r := range records {
		r.next, keys = nil, r.about(keys[:0])
		if !slices.ContainsFunc(keys, func(k id.Key) bool { return about[k] }) {
			now = append(now, r)
			for _, k := range keys {
				about[k] = true
				if heads != nil {
					heads[k] = r
				}
			}
			continue
		}
		if heads == nil {
			heads = headsOf(records[:i])
		}
		if h := heads[keys[0]]; h != nil && r.repeats(h, keys, heads) {
			h.next = r
			for _, k := range keys {
				heads[k] = r
			}
			continue
		}
		later = append(later, r)
		for _, k := range keys { // whoever names one of them waits, too
			about[k], heads[k] = true, nil
		}
	}
	return now, later, about
}

func headsOf(records []*record) map[id.Key]*record {
	heads := make(map[id.Key]*record, len(records))
	var keys []id.Key
	for _, r := range records {
		for _, k := range r.about(keys[:0]) {
			heads[k] = r
		}
	}
	return heads
}

// repeats tells that a record is about the same as the one before it with its keys,
// so that what it changes follows from that one alone.
func (r *record) repeats(h *record, keys []id.Key, heads map[id.Key]*record) bool {
	if r.Item != "" {
		return r.delta == undecided
	}
	return h.Item == "" && r.Order == "" && r.delta == undecided && r.Timed == h.Timed && r.arrival.Event.Type == h.arrival.Event.Type &&
		slices.Equal(r.arrival.Event.Identifiers, h.arrival.Event.Identifiers) &&
		!slices.ContainsFunc(keys, func(k id.Key) bool { return heads[k] != h })
}

// follow decides on those that come next, and gives all that are decided. Whose
// identifiers belonged to different people is to be seen once they are joined.
func (w *work) follow(heads []*record) (decided, later []*record) {
	if !slices.ContainsFunc(heads, func(r *record) bool { return r.next != nil }) {
		return heads, nil
	}
	for _, h := range heads {
		if h.Item != "" {
			decided = append(decided, w.followItem(h)...)
			continue
		}
		decided = append(decided, h)
		var known *profile.View
		for r, before := h.next, h; r != nil; r, before = r.next, r {
			if h.delta == conflict {
				later = append(later, r)
				continue
			}
			if known == nil {
				known = h.whom()
			}
			known.Learn(before.arrival.Event)
			switch v, again := w.journal.known[r.Line]; {
			case again:
				r.delta, r.bad, r.redone = v.delta, v.bad, true
			case r.Timed, w.of.Again, known.Knows(r.arrival.Event):
				r.delta = unchanged
			default:
				r.delta = updated
			}
			decided = append(decided, r)
		}
	}
	return decided, later
}

// followItem decides on those that come next on an item.
func (w *work) followItem(h *record) (decided []*record) {
	known := h.item
	if known == nil && h.next != nil {
		known = catalog.NewEntity(catalog.Item, h.Item)
	}
	for r := h; r != nil; r = r.next {
		decided = append(decided, r)
		switch v, again := w.journal.known[r.Line]; {
		case r == h:
		case again:
			r.delta, r.bad, r.redone = v.delta, v.bad, true
		default:
			r.item = known
			r.delta = w.changes(r)
		}
		if r.next != nil && (r.delta == inserted || r.delta == updated) {
			w.learn(known, r)
		}
	}
	return decided
}

// learn makes of an item what the catalog will make of it: what it will refuse
// changes nothing for the records after it.
func (w *work) learn(known *catalog.Entity, r *record) {
	c := w.command(r)
	change, err := catalog.Decide(catalog.Change{Kind: c.Kind, ID: c.ID, Op: c.Op, Time: c.Received, Document: c.Body}, known, nil)
	if err != nil {
		return
	}
	if portion, err := change.Portion(); err == nil {
		known.Apply(&portion)
	}
}

// whom gives a copy of the person that a record is about, as known before it.
func (r *record) whom() *profile.View {
	for _, v := range r.known {
		if v != nil {
			return &profile.View{Identifiers: slices.Clone(v.Identifiers), Traits: maps.Clone(v.Traits)}
		}
	}
	return &profile.View{Traits: map[string]json.RawMessage{}}
}
