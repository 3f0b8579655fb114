package imports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/feed"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// row is a record of a user feed; "u1 a" names a person by two identifiers.
func row(t *testing.T, line int64, who, traits string) *record {
	t.Helper()
	r := &record{Record: feed.Record{Line: line, Rows: 1}}
	doc, err := jsondoc.Parse([]byte(traits), jsondoc.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{Type: event.Identify, Traits: doc.Root()}
	for _, v := range strings.Fields(who) {
		e.Identifiers = append(e.Identifiers, event.Identifier{Namespace: event.UserID, Value: v})
	}
	r.arrival = pipeline.Arrival{Event: e}
	return r
}

func lines(records []*record) string {
	var out []string
	for _, r := range records {
		s := fmt.Sprint(r.Line)
		for n := r.next; n != nil; n = n.next {
			s += fmt.Sprint("-", n.Line)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestPart_WhoComesAgainFollowsOrWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ who, now, later string }{
		{"a;b;c", "1 2 3", ""},
		{"a;a;b;a", "1-2-4 3", ""},
		{"a x;a x;b", "1-2 3", ""},
		{"a;a x;a", "1", "2 3"},     // what the second says of a is not known yet
		{"a;a x;x;b", "1 4", "2 3"}, // x waits for whom it is named with
		{"a;b;a b;b", "1 2", "3 4"},
		{"a;item:p;item:p;a", "1-4 2-3", ""},
		{"a;order:o;order:o", "1 2", "3"},
	} {
		var records []*record
		for i, who := range strings.Split(c.who, ";") {
			r := row(t, int64(i+1), who, "{}")
			if id, ok := strings.CutPrefix(who, "item:"); ok {
				r.Item, r.arrival.Event = id, nil
			}
			if id, ok := strings.CutPrefix(who, "order:"); ok {
				r.Order = id
			}
			records = append(records, r)
		}
		now, later, about := part(records)
		if got, wait := lines(now), lines(later); got != c.now || wait != c.later {
			t.Errorf("%s: %s, later %s; want %s, later %s", c.who, got, wait, c.now, c.later)
		}
		if strings.Contains(c.who, "item:") && !about[catalog.Key(catalog.Item, "p")] {
			t.Errorf("%s: nothing is about the item", c.who)
		}
	}
}

func TestFollow_RowsOfOnePersonAreSeenAsTheRowsBeforeLeaveThem(t *testing.T) {
	t.Parallel()
	w := &work{journal: &journal{known: map[int64]verdict{}}}
	for _, c := range []struct {
		head   delta
		known  string // traits before
		traits string // of the rows
		want   string
	}{
		{inserted, "", `{"a":1};{"a":1};{"a":2};{"a":1}`, "1 3 2 2"},
		{unchanged, `{"a":1,"b":2}`, `{"a":1};{"b":2};{"b":3};{"a":1}`, "3 3 2 3"},
		{updated, `{"a":1}`, `{"a":null};{"a":null};{"c":null};{"a":1}`, "2 3 3 2"},
		{conflict, `{"a":1}`, `{"a":2};{"a":2}`, "4 later"},
	} {
		var records []*record
		for i, traits := range strings.Split(c.traits, ";") {
			records = append(records, row(t, int64(i+1), "u", traits))
		}
		now, _, _ := part(records)
		now[0].delta = c.head
		if c.known != "" {
			v := &profile.View{Traits: (&record{}).whom().Traits}
			v.Learn(row(t, 0, "u", c.known).arrival.Event)
			now[0].known = []*profile.View{v}
		}
		decided, later := w.follow(now)
		var got []string
		for _, r := range decided {
			got = append(got, fmt.Sprint(r.delta))
		}
		if len(later) > 0 {
			got = append(got, "later")
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.traits, got, c.want)
		}
	}
}

func TestFollow_RowsOfOneItemAreSeenAsTheRowsBeforeLeaveThem(t *testing.T) {
	t.Parallel()
	w := &work{Door: &Door{Config: Config{Now: time.Now}}, journal: &journal{known: map[int64]verdict{9: {delta: unchanged}}}, items: true}
	for _, c := range []struct {
		known string // attributes before; empty: it is not there
		rows  string // their attributes
		want  string
	}{
		{"", `{"a":1};{"a":1};{"a":2};{"a":1}`, "1 3 2 2"},
		{`{"a":1,"b":2}`, `{"a":1};{"b":2};{"b":3};{"a":1};{"b":3}`, "3 3 2 3 3"},
		{`{"a":1}`, `{"a":null};{"a":null};{"c":null};{"a":1}`, "2 3 3 2"},
		{`{"a":{"x":1,"y":2}}`, `{"a":{"x":1}};{"a":{"z":3}};{"a":{"x":1,"z":3}};{"a":{"y":null}};{"a":{"y":null}}`, "3 2 3 2 3"},
		{"", `7;{"a":1};{"a":1}`, "1 1 3"},                                                                   // the catalog refuses 7
		{"", `{"a":1};{"a":2};{"a":3};{"a":4};{"a":5};{"a":6};{"a":7};{"a":8};{"a":9}`, "1 2 2 2 2 2 2 2 3"}, // the last was decided before
	} {
		var records []*record
		for i, attributes := range strings.Split(c.rows, ";") {
			records = append(records, &record{Record: feed.Record{Line: int64(i + 1), Rows: 1, Item: "p", Body: []byte(`{"attributes":` + attributes + `}`)}})
		}
		now, later, _ := part(records)
		if len(now) != 1 || len(later) > 0 {
			t.Fatalf("%s: %s, later %s", c.rows, lines(now), lines(later))
		}
		if c.known != "" {
			now[0].item = catalog.NewEntity(catalog.Item, "p")
			w.learn(now[0].item, &record{Record: feed.Record{Item: "p", Body: []byte(`{"attributes":` + c.known + `}`)}})
		}
		now[0].delta = w.changes(now[0])
		decided, _ := w.follow(now)
		var got []string
		for _, r := range decided {
			got = append(got, fmt.Sprint(r.delta))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.rows, got, c.want)
		}
	}
}
