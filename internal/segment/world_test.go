package segment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/naive"
	"rapport/internal/segment/segmenttest"
)

// shelf is a catalog in memory.
type shelf map[string]map[string]any

func theShelf() shelf {
	return shelf{
		"i1": {"category": "Shoes", "size": 41}, "i2": {"category": []any{"Hats", "Shoes"}, "size": 39},
		"i3": {"category": "Hats"}, "i4": {},
	}
}

func (s shelf) Values(c *segment.Cells, item, attribute string) {
	switch x := s[item][attribute].(type) {
	case string:
		c.AddText(x)
	case int:
		c.AddNumber(int64(x))
	case []any:
		for _, v := range x {
			c.AddText(v.(string))
		}
	}
}

func (s shelf) item(id, attribute string) any {
	if n, ok := s[id][attribute].(int); ok {
		return jsonNumber(n)
	}
	return s[id][attribute]
}

func doc(t testing.TB, text string) jsondoc.Value {
	t.Helper()
	d, err := jsondoc.Parse([]byte(text), jsondoc.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d.Root()
}

func read(t testing.TB, text string) *condition.Node {
	t.Helper()
	n, err := condition.Read([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

// anchored is one of the anchors of a person.
type anchored struct {
	ident   event.Identifier
	partial *profile.Partial
	state   *segment.State
}

// human is a person as the pipeline would hold it, with all that the naive
// interpreter wants to know.
type human struct {
	t       testing.TB
	set     *segment.Set
	shelf   shelf
	anchors []*anchored
	events  []*event.Event
	consent map[string]string
	touched segment.Touched
	ev      *segment.Evaluator
	who     segment.ProfilePerson
	orders  map[string]*catalog.Entity
	now     clock.Instant // told to the fold; zero tells nothing
	inside  []uint64      // told to the evaluation, with now
}

var mapping = catalog.DefaultMapping()

func newHuman(t testing.TB, set *segment.Set, anchors int) *human {
	h := &human{t: t, set: set, shelf: theShelf(), orders: map[string]*catalog.Entity{}, consent: map[string]string{}}
	h.ev = segment.NewEvaluator(set, h.shelf)
	for i := range anchors {
		ns := []string{event.UserID, event.AnonymousID, event.Email}[i%3]
		h.anchors = append(h.anchors, &anchored{
			ident: event.Identifier{Namespace: ns, Value: fmt.Sprint("v", i)}, partial: profile.New(), state: segment.NewState(),
		})
	}
	return h
}

func (h *human) ids() []profile.IdentifierSeen {
	var out []profile.IdentifierSeen
	for _, a := range h.anchors {
		out = append(out, profile.IdentifierSeen{Identifier: a.ident})
	}
	return out
}

func (h *human) partials() []*profile.Partial {
	var out []*profile.Partial
	for _, a := range h.anchors {
		out = append(out, a.partial)
	}
	return out
}

func (h *human) states() []*segment.State {
	var out []*segment.State
	for _, a := range h.anchors {
		out = append(out, a.state)
	}
	return out
}

func (h *human) person() segment.Person {
	h.who.Set(profile.Merged(h.partials()), h.ids(), nil, func(p string) string { return h.consent[p] })
	return &h.who
}

// fold takes an event as the pipeline does; touched says what that changed.
func (h *human) fold(e *event.Event) *segment.Touched {
	i := slices.IndexFunc(h.anchors, func(a *anchored) bool { return a.ident == e.Anchor() })
	a := h.anchors[i]
	h.touched.Reset(h.set)
	h.touched.Inside(h.inside)
	h.ev.Watch(h.person(), e)
	in := profile.Input{Short: id.Message(e.MessageID), Mapping: mapping}
	portions := a.partial.Fold(e, in)
	h.set.Fold(a.state, e, segment.Input{Short: in.Short, Mapping: mapping, Now: h.now}, &h.touched)
	for k := range portions {
		p := &portions[k]
		h.set.FoldPortion(a.state, p, &h.touched)
		if p.Kind == catalog.Order {
			if h.orders[p.ID] == nil {
				h.orders[p.ID] = catalog.NewEntity(catalog.Order, p.ID)
			}
			h.orders[p.ID].Apply(p)
		}
	}
	h.ev.Compare(h.person(), &h.touched)
	h.events = append(h.events, e)
	return &h.touched
}

// facts are what the naive interpreter is told.
func (h *human) facts() *naive.Facts {
	f := &naive.Facts{
		View:   profile.Assemble(h.ids(), h.partials(), profile.Options{}),
		Events: h.events, Consent: h.consent, Item: h.shelf.item,
		Mapping: func(string) *catalog.Mapping { return mapping },
	}
	for _, o := range h.orders {
		v := o.View(nil).(*catalog.OrderView)
		m := o.Money(nil)
		x := naive.Order{ID: o.ID, Status: v.Status, Currency: v.Currency, Total: v.Total.String(), Cancelled: !m.Counts(), Time: m.Time}
		for _, l := range decodeLines(h.t, v.Lines) {
			x.Lines = append(x.Lines, l.(map[string]any))
		}
		f.Orders = append(f.Orders, x)
	}
	return f
}

// randomEvent happens somewhere in the segmenttest.Stretch, on one of the anchors.
func (h *human) randomEvent(m *segmenttest.Maker, n int, now clock.Instant) *event.Event {
	name := segmenttest.Pick(m.Rand, "A", "A", "B", "C", "Order Completed", "Order Cancelled")
	at := clock.From(segmenttest.Spring.Add(time.Duration(m.Int64N(int64(segmenttest.Stretch)))))
	switch {
	case at > now+5*60e6 || m.IntN(2) == 0:
		at = now - clock.Instant(m.Int64N(86_400e6)) + 60e6 // about now, a little ahead even
	}
	e := &event.Event{
		Type: event.Track, Name: name, MessageID: fmt.Sprint("m", n), Time: at, ReceivedAt: max(now, at-5*60e6), Source: segmenttest.Pick(m.Rand, "s1", "s2"),
		Channel: segmenttest.Pick(m.Rand, "web", "app", "", "web"), Identifiers: []event.Identifier{segmenttest.Pick(m.Rand, h.anchors...).ident},
		Properties: doc(h.t, m.Properties(name, m.IntN(6))),
	}
	if m.IntN(4) == 0 {
		e.Type, e.Name = event.Identify, ""
		e.Traits, e.Properties = doc(h.t, m.UserTraits()), jsondoc.Value{}
	}
	if m.IntN(3) == 0 {
		e.Context = doc(h.t, segmenttest.Pick(m.Rand, `{"device":{"type":"mobile"},"locale":"de-DE"}`, `{"campaign":{"source":"ads"}}`,
			`{"location":{"country":"DE"},"device":{"type":"desktop"}}`))
		e.Shared = doc(h.t, segmenttest.Pick(m.Rand, `{"device":{"type":"mobile"}}`, `{}`))
	}
	return e
}
