package imports

import (
	"runtime"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
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
		return w.happened(r, v)
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
func (w *work) happened(r *record, v *profile.View) error {
	e := r.arrival.Event
	if r.delta = inserted; v == nil {
		return nil
	}
	page, err := w.Spine.Timeline(w.ctx, e.Anchor().String(), pipeline.TimelineQuery{
		Filter: profile.Filter{From: e.Time, To: e.Time + 1}, Limit: 200,
	})
	if err != nil && fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Gone {
		return err
	}
	for i := range page.Items {
		if page.Items[i].MessageID == e.MessageID {
			r.delta = unchanged
			return nil
		}
	}
	if r.Order == "" {
		return nil
	}
	switch _, err := w.Spine.Entity(w.ctx, catalog.Order, r.Order); fault.KindOf(err) {
	case fault.NotFound:
	default:
		if err != nil {
			return err
		}
		r.delta = updated
	}
	return nil
}

// askAtOnce is for how many records it is asked at a time who they are about.
const askAtOnce = 500

// meet asks who is known by the identifiers of the records.
func (w *work) meet(records []*record) error {
	open := slices.DeleteFunc(slices.Clone(records), func(r *record) bool { return r.arrival.Event == nil || r.delta != undecided })
	return tried(slices.Collect(slices.Chunk(open, askAtOnce)), runtime.GOMAXPROCS(0), func(some []*record) error {
		idents := make([][]event.Identifier, len(some))
		for i, r := range some {
			idents[i] = r.arrival.Event.Identifiers
		}
		views, err := w.Spine.Known(w.ctx, idents)
		for i := range views {
			some[i].known = views[i]
		}
		return err
	})
}
