package tables

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/catalog"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// peopleAtOnce is how many people are written in one transaction.
const peopleAtOnce = 200

// writeWaiting writes some of the people who wait.
func (t *Tables) writeWaiting(ctx context.Context) error {
	keys := make([]id.Key, 0, peopleAtOnce)
	for k := range t.waiting {
		if keys = append(keys, k); len(keys) == peopleAtOnce {
			break
		}
	}
	lost, err := t.writeKeys(ctx, keys)
	if refused(err) {
		lost, err = t.writeEach(ctx, keys)
	}
	if err != nil {
		return err
	}
	for _, k := range keys {
		delete(t.waiting, k)
	}
	for _, k := range lost {
		t.waiting[k] = true
	}
	if len(t.waiting) == 0 {
		t.begun = 0
	}
	return nil
}

// writeKeys writes the people that identifiers belong to.
func (t *Tables) writeKeys(ctx context.Context, keys []id.Key) (lost []id.Key, err error) {
	g, err := t.gather(ctx, keys, false)
	if err != nil {
		return nil, err
	}
	return t.writePeople(ctx, g, *t.at)
}

// writeEach writes people one by one, and passes over those that the database
// refuses: nobody else shall wait for them.
func (t *Tables) writeEach(ctx context.Context, keys []id.Key) (lost []id.Key, err error) {
	for _, k := range keys {
		more, err := t.writeKeys(ctx, []id.Key{k})
		switch {
		case refused(err):
			t.Log.Error("the tables for analysts do not take somebody", "identifier", t.spine.OwnID(k), "error", err)
		case err != nil:
			return nil, err
		}
		lost = append(lost, more...)
	}
	return lost, nil
}

// group is people who are written together.
type group struct {
	people []person
	ids    []string          // of these people
	owner  map[string]string // of their identifiers' ids: the person's
	nobody []string          // ids of identifiers that lead to nobody, or to somebody who has others
	from   []string          // people who lose identifiers to these, or to nobody
	moved  map[string]string // of the identifiers that change hands: to whom
}

// person is one of them, with the ids that the identifiers have as people of their
// own.
type person struct {
	*pipeline.Portrait
	own []string
}

// writePeople writes people as they are now. lost are identifiers that the tables
// gave to one of them and that are not theirs any more: whose they are then is found
// by writing them.
func (t *Tables) writePeople(ctx context.Context, g *group, next progress) (lost []id.Key, err error) {
	err = t.commit(ctx, next, func(tx pgx.Tx) error {
		if lost, err = t.compare(ctx, tx, g); err != nil {
			return err
		}
		if err := g.write(ctx, tx, t.Now.Now().Time()); err != nil {
			return err
		}
		if err := move(ctx, tx, g.from, g.moved); err != nil {
			return err
		}
		return g.leave(ctx, tx)
	})
	t.state.people.Add(uint64(len(g.people)))
	return lost, err
}

// gather finds the people of some identifiers, each once; homes: those alone whose
// strongest identifier is among them.
func (t *Tables) gather(ctx context.Context, keys []id.Key, homes bool) (*group, error) {
	g := &group{owner: map[string]string{}, moved: map[string]string{}}
	known := map[string]bool{}
	for _, k := range keys {
		if homes {
			leads, err := t.spine.Leads(ctx, k)
			if err != nil {
				return nil, err
			}
			if !leads {
				continue
			}
		}
		p, err := t.spine.Portrait(ctx, k)
		if err != nil {
			return nil, err
		}
		if p == nil || known[p.ID] {
			continue
		}
		known[p.ID] = true
		x := person{Portrait: p}
		for i := range p.Identifiers {
			own := t.spine.OwnID(p.Identifiers[i].Key())
			g.owner[own], x.own = p.ID, append(x.own, own)
		}
		g.people, g.ids = append(g.people, x), append(g.ids, p.ID)
	}
	for _, k := range keys {
		if own := t.spine.OwnID(k); !homes && g.owner[own] == "" {
			g.nobody = append(g.nobody, own)
		}
	}
	return g, nil
}

// compare finds what changes hands. An identifier that the tables do not know was a
// person of its own, as far as its events say.
func (t *Tables) compare(ctx context.Context, tx pgx.Tx, g *group) (lost []id.Key, err error) {
	asked := append([]string(nil), g.nobody...)
	for own := range g.owner {
		asked = append(asked, own)
	}
	rows, err := tx.Query(ctx, `SELECT identifier_id, profile_id FROM identifiers WHERE identifier_id = ANY ($1) OR profile_id = ANY ($2)`, asked, g.ids)
	if err != nil {
		return nil, err
	}
	before := map[string]string{}
	var own, whose string
	_, err = pgx.ForEachRow(rows, []any{&own, &whose}, func() error {
		before[own] = whose
		return nil
	})
	if err != nil {
		return nil, err
	}
	left := map[string]bool{}
	for own, now := range g.owner {
		old, known := before[own]
		if !known {
			old = own
		}
		if old != now {
			g.moved[own] = now
			left[old] = true
		}
		delete(before, own)
	}
	for _, own := range g.nobody {
		left[own] = true
		if old, known := before[own]; known {
			left[old] = true
		}
		delete(before, own)
	}
	for own := range before {
		if k, ok := t.spine.KeyOf(own); ok {
			lost = append(lost, k)
		} else {
			g.nobody = append(g.nobody, own) // erased
		}
	}
	for old := range left {
		g.from = append(g.from, old)
	}
	return lost, nil
}

// write writes the rows of people, in one round trip.
func (g *group) write(ctx context.Context, tx pgx.Tx, now time.Time) error {
	b := &pgx.Batch{}
	gone := slices.Concat(g.nobody, slices.Collect(maps.Keys(g.moved)))
	b.Queue(`DELETE FROM identifiers WHERE identifier_id = ANY ($1)`, gone)
	profiles := newTable("profiles", 1, "profile_id text", "anonymous boolean", "traits jsonb", "computed jsonb", "affinities jsonb", "consent jsonb",
		"segments text[]", "event_count bigint", "order_count bigint", "first_seen timestamptz", "last_seen timestamptz", "updated_at timestamptz")
	identifiers := newTable("identifiers", 2, "profile_id text", "identifier_id text", "namespace text", "value text", "first_seen timestamptz", "last_seen timestamptz")
	memberships := newTable("memberships", 2, "profile_id text", "segment text", "since timestamptz")
	orders := newTable("orders", 2, "profile_id text", "order_id text", "status text", "purchased boolean", "time timestamptz", "currency text", "total numeric",
		"gross numeric", "refunded numeric", "net numeric", "cart_id text", "fields jsonb", "updated_at timestamptz")
	lines := newTable("order_lines", 3, "profile_id text", "order_id text", "line integer", "item_type text", "item_id text", "price numeric", "quantity numeric")
	for i := range g.people {
		p := &g.people[i]
		c := &p.Computed
		profiles.add(p.ID, p.Anonymous, encoded(p.Traits), encoded(c), encoded(p.Affinities), encoded(p.Consent), array(p.Segments),
			int64(c.EventCount), int64(c.OrderCount), whenKnown(c.FirstSeen), whenKnown(c.LastSeen), now)
		for n := range p.Identifiers {
			x := &p.Identifiers[n]
			identifiers.add(p.ID, p.own[n], clean(x.Namespace), clean(x.Value), when(x.FirstSeen), when(x.LastSeen))
		}
		for _, s := range p.Segments {
			memberships.add(p.ID, s, when(p.Since[s]))
		}
		for _, o := range p.Orders {
			orders.add(p.ID, clean(o.ID), clean(o.Status), o.Purchased, whenKnown(o.Time), clean(o.Currency), string(o.Total), string(o.Gross),
				string(o.Refunded), string(o.Net), orNull(o.Cart), encoded(o.Fields), when(o.UpdatedAt))
			addLines(lines, p.ID, o)
		}
	}
	for _, x := range []*table{memberships, orders, lines} {
		x.clear(b, g.ids)
	}
	for _, x := range []*table{profiles, identifiers, memberships, orders, lines} {
		x.put(b)
	}
	return tx.SendBatch(ctx, b).Close()
}

// addLines adds the lines of an order.
func addLines(lines *table, person string, o *catalog.OrderView) {
	doc, err := jsondoc.Parse([]byte(`{"lines":`+string(o.Lines)+`}`), jsondoc.Limits{})
	if err != nil {
		return
	}
	n := 0
	catalog.EachLine(doc.Root(), func(l catalog.Line) {
		n++
		lines.add(person, clean(o.ID), int64(n), orNull(l.Type), brief(l.Product), orNull(l.Price), orNull(l.Quantity))
	})
}

// leave takes out the rows of people who have no identifier any more: they are
// somebody else now, or nobody.
func (g *group) leave(ctx context.Context, tx pgx.Tx) error {
	if len(g.from) == 0 {
		return nil
	}
	alive, err := reading(ctx, tx, `SELECT DISTINCT profile_id FROM identifiers WHERE profile_id = ANY ($1)`, g.from)
	if err != nil {
		return err
	}
	gone := slices.DeleteFunc(g.from, func(id string) bool { return slices.Contains(alive, id) })
	b := &pgx.Batch{}
	for _, table := range ofPeople {
		b.Queue(`DELETE FROM `+table+` WHERE profile_id = ANY ($1)`, gone)
	}
	return tx.SendBatch(ctx, b).Close()
}

// ofPeople are the tables that have people as they are now, beside identifiers.
var ofPeople = []string{"profiles", "memberships", "orders", "order_lines"}
