package tables

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// eventColumns are the columns of events in the order in which they are written.
var eventColumns = append([]string{"profile_id", "time", "position", "received_at"}, textColumns[:]...)

// textColumns name the texts of a row.
var textColumns = [texts]string{
	identifierID: "identifier_id", eventID: "event_id", kind: "kind", typeOf: "type", name: "name", source: "source", session: "session_id",
	channel: "channel", locale: "locale", pageType: "page_type", url: "url", referrer: "referrer", itemType: "item_type", itemID: "item_id",
	cartID: "cart_id", orderID: "order_id", total: "total", currency: "currency", properties: "properties",
}

// writeEvents writes events, each with whose it is, and how far the tables are then.
func (t *Tables) writeEvents(ctx context.Context, rows []row, next *progress) error {
	months, ids, asked := map[time.Time]bool{}, []string(nil), map[string]bool{}
	for i := range rows {
		if rows[i].expired == nil {
			months[monthOf(rows[i].time.Time())] = true
		}
		if n := rows[i].texts[identifierID]; !asked[n] {
			asked[n] = true
			ids = append(ids, n)
		}
	}
	if err := t.ensureMonths(ctx, months); err != nil {
		return err
	}
	return t.commit(ctx, *next, func(tx pgx.Tx) error {
		if len(rows) == 0 {
			return nil
		}
		whose, err := owners(ctx, tx, ids)
		if err != nil {
			return err
		}
		events := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.expired != nil })
		t.state.events.Add(uint64(len(events)))
		if len(events) > 0 {
			if err := t.copyIn(ctx, tx, events, whose); err != nil {
				return err
			}
		}
		return expire(ctx, tx, rows, whose)
	})
}

// expire takes out the events that retention took out of the log; they came before.
func expire(ctx context.Context, tx pgx.Tx, rows []row, whose map[string]string) error {
	var people []string
	var places []int64
	for i := range rows {
		if rows[i].expired == nil {
			continue
		}
		people = append(people, rows[i].owner(whose))
		for _, at := range rows[i].expired {
			places = append(places, int64(at))
		}
	}
	if len(people) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `DELETE FROM events WHERE profile_id = ANY ($1) AND position = ANY ($2)`, people, places)
	return err
}

// owner is whose the row is.
func (r *row) owner(whose map[string]string) string {
	own := r.texts[identifierID]
	if p, ok := whose[own]; ok {
		return p
	}
	return own
}

// copyIn adds rows. Those that the database refuses are found by halves and passed
// over: what they say stays in the log.
func (t *Tables) copyIn(ctx context.Context, tx pgx.Tx, rows []row, whose map[string]string) error {
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"events"}, eventColumns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			return rows[i].values(whose), nil
		}))
		return err
	})
	if !refused(err) {
		return err
	}
	if len(rows) == 1 {
		t.Log.Error("the tables for analysts do not take an event", "position", rows[0].position, "error", err)
		return nil
	}
	half := len(rows) / 2
	if err := t.copyIn(ctx, tx, rows[:half], whose); err != nil {
		return err
	}
	return t.copyIn(ctx, tx, rows[half:], whose)
}

// owners says to whom identifiers belong, as the tables have it. One that they do
// not know is a person of its own for now: it moves when that person is written.
func owners(ctx context.Context, tx pgx.Tx, ids []string) (map[string]string, error) {
	rows, err := tx.Query(ctx, `SELECT identifier_id, profile_id FROM identifiers WHERE identifier_id = ANY ($1)`, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(ids))
	var of, whose string
	_, err = pgx.ForEachRow(rows, []any{&of, &whose}, func() error {
		out[of] = whose
		return nil
	})
	return out, err
}

func (r *row) values(whose map[string]string) []any {
	out := make([]any, 0, len(eventColumns))
	out = append(out, r.owner(whose), r.time.Time(), int64(r.position), r.received.Time())
	for i, s := range r.texts {
		switch {
		case i == properties && s != "":
			out = append(out, cleanJSON(s))
		case i == name || i == itemID:
			out = append(out, brief(s))
		default:
			out = append(out, orNull(s))
		}
	}
	return out
}

// move gives the events of some identifiers to other people. They are taken out and
// put in again, for Citus lets no row change its place.
func move(ctx context.Context, tx pgx.Tx, from []string, to map[string]string) error {
	if len(to) == 0 {
		return nil
	}
	moved := make([]string, 0, len(to))
	for n := range to {
		moved = append(moved, n)
	}
	const take = `DELETE FROM events WHERE profile_id = ANY ($1) AND identifier_id = ANY ($2) RETURNING `
	rows, err := tx.Query(ctx, take+columnList(eventColumns), from, moved)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	if err != nil || len(list) == 0 {
		return err
	}
	for _, values := range list {
		if own, ok := values[identifierAt].(string); ok {
			values[0] = to[own]
		}
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"events"}, eventColumns, pgx.CopyFromRows(list))
	return err
}

// identifierAt is where eventColumns have the identifier.
const identifierAt = 4 + identifierID

func columnList(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += pgx.Identifier{n}.Sanitize()
	}
	return out
}
