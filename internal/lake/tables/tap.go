package tables

import (
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/lake"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// tap takes what the lanes apply, each lane into a basin of its own: rows of events
// while it is open, and always whose people changed. When more rows wait than it may
// hold it lets go of them and closes, and the log tells the rest.
type tap struct {
	mapping func(source string) *catalog.Mapping
	ownID   func(id.Key) string
	most    int64

	mu     sync.Mutex
	lanes  map[int]*basin
	open   atomic.Bool
	held   atomic.Int64
	oldest atomic.Int64 // when the oldest row that waits was received; 0: none waits
}

// basin is what came from one lane.
type basin struct {
	mu      sync.Mutex
	reached store.Position
	maker   *eventRows
	rows    []row
	marks   map[id.Key]bool
	many    bool // more people changed than there are marks for
}

// mostMarks bounds the people of one lane who are marked: beyond it everybody counts
// as changed.
const mostMarks = 250_000

func newTap(mapping func(string) *catalog.Mapping, ownID func(id.Key) string, most int64) *tap {
	return &tap{mapping: mapping, ownID: ownID, most: most, lanes: map[int]*basin{}}
}

func (t *tap) basin(lane int) *basin {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.lanes[lane]
	if b == nil {
		b = &basin{maker: newEventRows(t.ownID, t.mapping), marks: map[id.Key]bool{}}
		t.lanes[lane] = b
	}
	return b
}

// Take is of a pipeline.Follower.
func (t *tap) Take(lane int, r *store.Record, e *event.Event) {
	if !t.open.Load() {
		return
	}
	b := t.basin(lane)
	b.mu.Lock()
	x, ok := b.maker.row(r, e)
	if ok {
		b.rows = append(b.rows, x)
	}
	b.mu.Unlock()
	if !ok {
		return
	}
	t.oldest.CompareAndSwap(0, int64(r.Received))
	if t.held.Add(int64(x.size())) > t.most {
		t.drop()
	}
}

// Stir is of a pipeline.Follower: Touched says more.
func (t *tap) Stir(int, id.Key, store.Position, store.Position, clock.Instant) {}

// Touched is of a pipeline.Follower.
func (t *tap) Touched(lane int, home id.Key) {
	b := t.basin(lane)
	b.mu.Lock()
	if b.marks[home] = true; len(b.marks) > mostMarks {
		b.many = true
		clear(b.marks)
	}
	b.mu.Unlock()
}

// Reached is of a pipeline.Follower.
func (t *tap) Reached(lane int, at store.Position) {
	b := t.basin(lane)
	b.mu.Lock()
	b.reached = at
	b.mu.Unlock()
}

func (t *tap) all() []*basin {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*basin, 0, len(t.lanes))
	for _, b := range t.lanes {
		out = append(out, b)
	}
	return out
}

// begin lets go of the rows that wait and takes those that come.
func (t *tap) begin() {
	t.drop()
	t.open.Store(true)
}

// drop lets go of all rows and takes no more of them.
func (t *tap) drop() {
	t.open.Store(false)
	for _, b := range t.all() {
		b.mu.Lock()
		b.rows = nil
		b.mu.Unlock()
	}
	t.held.Store(0)
	t.oldest.Store(0)
}

// drained is what waited: the rows up to where all lanes have come, and who changed.
type drained struct {
	upTo  store.Position
	rows  []row
	marks map[id.Key]bool
	many  bool // more people than these
}

// drain gives what waits, and forgets it; rows of lanes ahead of the others stay.
func (t *tap) drain() drained {
	all := t.all()
	out := drained{upTo: math.MaxUint64, marks: map[id.Key]bool{}}
	for _, b := range all {
		b.mu.Lock()
		out.upTo = min(out.upTo, b.reached)
		b.mu.Unlock()
	}
	if len(all) == 0 {
		out.upTo = 0
	}
	var left clock.Instant
	for _, b := range all {
		b.mu.Lock()
		n := 0
		for n < len(b.rows) && b.rows[n].position <= out.upTo {
			t.held.Add(-int64(b.rows[n].size()))
			n++
		}
		out.rows = append(out.rows, b.rows[:n]...)
		b.rows = append([]row(nil), b.rows[n:]...)
		if len(b.rows) > 0 && (left == 0 || b.rows[0].received < left) {
			left = b.rows[0].received
		}
		for k := range b.marks {
			out.marks[k] = true
		}
		clear(b.marks)
		out.many, b.many = out.many || b.many, false
		b.mu.Unlock()
	}
	t.oldest.Store(int64(left))
	return out
}

// behind gives the rows after a place.
func behind(rows []row, at store.Position) []row {
	kept := rows[:0]
	for i := range rows {
		if rows[i].position > at {
			kept = append(kept, rows[i])
		}
	}
	return kept
}

// The texts of a row, by their columns.
const (
	identifierID = iota
	eventID
	kind
	typeOf
	name
	source
	session
	channel
	locale
	pageType
	url
	referrer
	itemType
	itemID
	cartID
	orderID
	total
	currency
	properties
	texts
)

// inLake are the columns of a lake's rows that texts of a row come from.
var inLake = [texts]string{
	identifierID: "deviceId", eventID: "eventId", typeOf: "eventType", name: "interactionName", source: "siteId", session: "sessionId",
	channel: "sourceChannel", locale: "sourceLocale", pageType: "sourcePageType", url: "sourceUrl", referrer: "sourceUrlReferrer",
	itemType: "itemType", itemID: "itemId", cartID: "cartId", orderID: "orderId", total: "totalValue", currency: "currency",
}

// row is an event. It holds its texts in one string of its own. One with expired
// says which events of an identifier retention took out of the log.
type row struct {
	position       store.Position
	time, received clock.Instant
	texts          [texts]string
	expired        []store.Position
}

const rowBytes = 72 + 16*texts

func (r *row) size() int {
	n := rowBytes + 8*len(r.expired)
	for _, s := range r.texts {
		n += len(s)
	}
	return n
}

// eventRows makes rows as a lake has them, with the properties of every event.
type eventRows struct {
	lake  *lake.EventRows
	ownID func(id.Key) string
}

func newEventRows(ownID func(id.Key) string, mapping func(string) *catalog.Mapping) *eventRows {
	return &eventRows{lake.NewEventRows(ownID, mapping), ownID}
}

// row is what a record comes to; nothing for most that are no events.
func (m *eventRows) row(r *store.Record, e *event.Event) (row, bool) {
	if e == nil {
		if r.Kind != store.KindBase {
			return row{}, false
		}
		places, err := pipeline.Expired(r)
		out := row{position: r.Position, received: r.Received, expired: places}
		out.texts[identifierID] = m.ownID(r.Anchor)
		return out, err == nil && len(places) > 0 // the lane says what is wrong with one that cannot be read
	}
	in, ok := m.lake.Row(r, e)
	if !ok {
		return row{}, false
	}
	out := row{position: r.Position, time: in.Time("dateTime"), received: r.Received}
	for i, column := range inLake {
		if column != "" {
			out.texts[i] = in.Text(column)
		}
	}
	out.texts[kind] = strings.TrimSuffix(in.Object(), "_events")
	if p := e.Properties; p.Kind() == jsondoc.Object && p.Len() > 0 {
		out.texts[properties] = string(p.Raw())
	}
	out.own()
	return out, true
}

// own copies the texts: those of an event are gone with it.
func (r *row) own() {
	var b strings.Builder
	n := 0
	for _, s := range r.texts {
		n += len(s)
	}
	b.Grow(n)
	for _, s := range r.texts {
		b.WriteString(s)
	}
	all := b.String()
	for i, s := range r.texts {
		r.texts[i], all = all[:len(s)], all[len(s):]
	}
}
