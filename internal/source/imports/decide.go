package imports

import (
	"runtime"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/profile"
	"rapport/internal/tablefile"
)

// decide tells what an event changes.
func (w *work) decide(r *record) error {
	e := r.arrival.Event
	var v *profile.View
	for i, other := range r.known {
		switch {
		case other == nil || other == v:
		case v == nil:
			v = other
		case other.ID != v.ID && !v.Has(e.Identifiers[i]):
			r.delta = conflict
			r.bad = &tablefile.RowError{
				Line: r.Line, Value: tablefile.Show([]byte(e.Identifiers[i].String())), Code: "conflict",
				Reason: "its identifiers belonged to different people; it was taken, and the identity rules decide who they are",
				Mend:   "look at GET /api/v1/profiles/" + e.Identifiers[i].String() + "/identity, and mend the row where it is wrong",
			}
			return nil
		}
	}
	switch {
	case e.Type != event.Identify || r.Timed:
		return w.happened(r)
	case v == nil:
		r.delta = inserted
	case v.Knows(e), w.of.Again:
		// Of several rows on one person the last counts: the file again would make
		// the first of them news.
		r.delta = unchanged
	default:
		r.delta = updated
	}
	return nil
}

// happened tells whether an event that says its time is known already. An order
// that is known with something else is one that is updated.
func (w *work) happened(r *record) error {
	switch {
	case r.told:
		r.delta = unchanged
	case r.Order == "":
		r.delta = inserted
	default:
		switch _, err := w.Spine.Entity(w.ctx, catalog.Order, r.Order); {
		case fault.KindOf(err) == fault.NotFound:
			r.delta = inserted
		case err != nil:
			return err
		default:
			r.delta = updated
		}
	}
	return nil
}

// askAtOnce is for how many records it is asked at a time who they are about.
const askAtOnce = 500

// meet asks who is known by the identifiers of the records, and which of those that
// say when they happened are known.
func (w *work) meet(records []*record) error {
	open := slices.DeleteFunc(slices.Clone(records), func(r *record) bool { return r.arrival.Event == nil || r.delta != undecided })
	return tried(slices.Collect(slices.Chunk(open, askAtOnce)), runtime.GOMAXPROCS(0), func(some []*record) error {
		idents := make([][]event.Identifier, len(some))
		var happened []*event.Event
		var of []*record
		for i, r := range some {
			idents[i] = r.arrival.Event.Identifiers
			if r.arrival.Event.Type != event.Identify || r.Timed {
				happened, of = append(happened, r.arrival.Event), append(of, r)
			}
		}
		views, err := w.Spine.Known(w.ctx, idents)
		if err != nil {
			return err
		}
		for i := range views {
			some[i].known = views[i]
		}
		told, err := w.Spine.Have(w.ctx, happened)
		for i := range told {
			of[i].told = told[i]
		}
		return err
	})
}
