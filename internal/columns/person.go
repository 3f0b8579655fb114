package columns

import (
	"math"
	"slices"
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
)

// Person is what a row is made of.
type Person struct {
	Home        id.Key
	Partial     *profile.Partial // of all anchors of the person
	Identifiers []profile.IdentifierSeen
	Rules       *profile.Rules
	// Consent visits the purposes of which something is known; nil: none are.
	Consent func(visit func(purpose, state string))
	Members []uint64
	Own     []OwnTrait
}

// OwnTrait is a computed trait of the user's own, as it was made for a person.
// Every row names all of them: of a person who lacks one it is not known yet.
type OwnTrait struct {
	Evaluation uint64
	JSON       string        // canonical; "" where the value is no JSON
	At         clock.Instant // the value, where it is a time
	None       bool          // there is no value
	Until      clock.Instant // time alone may change it from there on; zero is never
}

// RowMaker makes rows one after another. It belongs to one goroutine.
type RowMaker struct {
	row    Row
	cells  []uint32
	starts []int             // where the cells of each event begin
	parts  map[string]string // of contexts, by the whole
}

// aspects of the context that have a column.
var aspects = [...]string{"device", "os", "browser", "user_agent", "locale", "timezone", "location", "app", "referrer", "campaign"}

// Row makes the row of a person. It is valid until the next call.
func (m *RowMaker) Row(p *Person) *Row {
	r := &m.row
	r.Key, r.Members = p.Home, p.Members
	r.Values, r.Identifiers, r.Events = r.Values[:0], r.Identifiers[:0], r.Events[:0]
	r.Incomplete = p.Partial.EventsTruncated()
	p.Partial.EachTrait(p.Rules, func(name, value string) bool {
		r.Values = append(r.Values, JSONValue(Field{Trait, name}, value))
		return true
	})
	for i := range p.Identifiers {
		r.Identifiers = append(r.Identifiers, Identifier{p.Identifiers[i].Namespace, p.Identifiers[i].Value})
	}
	if p.Consent != nil {
		p.Consent(func(purpose, state string) {
			r.Values = append(r.Values, Value{Field: Field{Consent, purpose}, Text: string(jsondoc.AppendString(nil, state))})
		})
	}
	m.context(p.Partial)
	m.computed(p)
	for i := range p.Own {
		m.own(&p.Own[i])
	}
	m.events(p.Partial)
	return r
}

// own is a computed trait: what it is, and from when on it may be another.
func (m *RowMaker) own(t *OwnTrait) {
	r, f := &m.row, ownFields(t.Evaluation)
	text := t.JSON
	switch {
	case t.None:
		text = "null"
	case t.At != 0:
		text = "null"
		r.Values = append(r.Values, InstantValue(f.at, t.At))
	case text == "":
		text = "{}" // it is there, and equals nothing
	}
	r.Values = append(r.Values, JSONValue(f.value, text))
	if t.Until != 0 {
		r.Values = append(r.Values, InstantValue(f.until, t.Until))
	}
}

// ownColumns are the columns of a computed trait.
type ownColumns struct{ value, at, until Field }

func ownFields(evaluation uint64) ownColumns {
	name := strconv.FormatUint(evaluation, 10)
	return ownColumns{Field{Own, name}, Field{Own, name + " at"}, Field{Own, name + " until"}}
}

// Expired holds for people of whom a computed trait may have become another by
// time alone.
func Expired(evaluation uint64, now clock.Instant) Node {
	return Scalar{ownFields(evaluation).until, Test{Ranges: []Range{{math.Inf(-1), float64(now)}}}}
}

func (m *RowMaker) context(p *profile.Partial) {
	for _, aspect := range aspects {
		for _, first := range [...]bool{false, true} {
			kept, without := ContextFields(aspect, first)
			if !kept {
				continue
			}
			text := p.Aspect(aspect, first)
			if text == "" {
				continue
			}
			f := Field{Latest, aspect}
			if first {
				f.Kind = First
			}
			m.row.Values = append(m.row.Values, JSONValue(f, m.part(text, without)))
		}
	}
}

// keptParts is how many different contexts are remembered.
const keptParts = 4096

// part is an object without some of its members.
func (m *RowMaker) part(text string, without []string) string {
	if len(without) == 0 || text[0] != '{' {
		return text
	}
	if part, ok := m.parts[text]; ok {
		return part
	}
	doc, err := jsondoc.Parse([]byte(text), jsondoc.Limits{})
	if err != nil {
		return text
	}
	var keys []string
	for key := range doc.Root().Members() {
		if !slices.Contains(without, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	out := []byte{'{'}
	for i, key := range slices.Compact(keys) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(jsondoc.AppendString(out, key), ':')
		out = jsondoc.AppendCanonical(out, doc.Root().Get(key))
	}
	if len(m.parts) >= keptParts || m.parts == nil {
		m.parts = map[string]string{}
	}
	part := string(append(out, '}'))
	m.parts[text] = part
	return part
}

func (m *RowMaker) computed(p *Person) {
	r := &m.row
	count := func(name string, n uint64) {
		r.Values = append(r.Values, CountValue(Field{Computed, name}, n))
	}
	instant := func(name string, at clock.Instant) {
		if at != 0 {
			r.Values = append(r.Values, InstantValue(Field{Computed, name}, at))
		}
	}
	first, last := p.Partial.Seen()
	instant("first_seen", first)
	instant(lastSeenField.Name, last)
	count("event_count", p.Partial.EventCount())
	count("session_count", uint64(p.Partial.SessionCount()))
	orders, first, last := uint64(0), clock.Instant(0), clock.Instant(0)
	p.Partial.EachOrder(p.Identifiers, func(f *profile.OrderFact) {
		if !f.Counts {
			return
		}
		orders++
		if at := f.Money.Time; at != 0 && (first == 0 || at < first) {
			first = at
		}
		last = max(last, f.Money.Time)
	})
	count("order_count", orders)
	instant("first_order_at", first)
	instant("last_order_at", last)
	anonymous := "false"
	if profile.Anonymous(p.Identifiers) {
		anonymous = "true"
	}
	r.Values = append(r.Values, Value{Field: Field{Computed, "anonymous"}, Text: anonymous})
	m.list("channel", p.Partial.EachChannel)
	m.list("account", p.Partial.EachAccount)
}

// list is a list of texts as one value, where there are any.
func (m *RowMaker) list(name string, each func(visit func(string))) {
	var out []byte
	each(func(s string) {
		if out == nil {
			out = append(out, '[')
		} else {
			out = append(out, ',')
		}
		out = jsondoc.AppendString(out, s)
	})
	if out != nil {
		m.row.Values = append(m.row.Values, Value{Field: Field{Computed, name}, Text: string(append(out, ']'))})
	}
}

func (m *RowMaker) events(p *profile.Partial) {
	r := &m.row
	m.cells, m.starts = m.cells[:0], m.starts[:0]
	p.EachEvent(func(name string, before uint64, slots []profile.Slot) {
		m.starts = append(m.starts, len(m.cells))
		m.cells = AppendCell(m.cells, 0, before)
		for _, s := range slots {
			m.cells = AppendCell(m.cells, min(max(s.Number, 1), maxSlot), s.Count())
		}
		r.Events = append(r.Events, Events{Name: name})
	})
	for i := range r.Events {
		end := len(m.cells)
		if i+1 < len(m.starts) {
			end = m.starts[i+1]
		}
		r.Events[i].Cells = m.cells[m.starts[i]:end:end]
	}
}
