package lake

import (
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// EventRows makes the rows that a lake has of events, for who keeps them in
// another place: which events count, what they are called and whose they are is
// decided once. It is for one goroutine.
type EventRows struct{ maker *maker }

// NewEventRows makes rows with the ids that identifiers have as people of their
// own, by the item actions of a source.
func NewEventRows(ownID func(id.Key) string, mapping func(source string) *catalog.Mapping) *EventRows {
	objects := map[string]*object{}
	for name, o := range fixed() {
		switch name {
		case baseName, catalogName, cartName, orderName:
			objects[name] = o
		}
	}
	return &EventRows{newMaker(objects, ownID, mapping)}
}

// EventRow is the row of an event. It is valid until the next one is made.
type EventRow struct{ d *draft }

// Row gives the row of an event; ok is false where it has none, since it only says
// who somebody is.
func (m *EventRows) Row(r *store.Record, e *event.Event) (row EventRow, ok bool) {
	m.maker.event(r, e, func(d *draft) { row, ok = EventRow{d}, true })
	return row, ok
}

// Object is the object of the lake that the row is of, such as order_events.
func (r EventRow) Object() string { return r.d.of.name }

func (r EventRow) cell(column string) cell {
	if at, ok := r.d.of.find(column); ok {
		return r.d.cells[at]
	}
	return cell{}
}

// Text gives a column of texts or amounts; empty where the row has none.
func (r EventRow) Text(column string) string { return r.cell(column).text }

// Time gives a column of instants; zero where the row has none.
func (r EventRow) Time(column string) clock.Instant { return clock.Instant(r.cell(column).n) }
