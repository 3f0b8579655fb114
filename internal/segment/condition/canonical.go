package condition

import (
	"cmp"
	"strconv"
	"strings"

	"rapport/internal/jsondoc"
)

func compareFilters(a, b Filter) int {
	return cmp.Or(cmp.Compare(a.Field, b.Field), strings.Compare(a.Path, b.Path),
		strings.Compare(string(a.Test.appendTo(nil)), string(b.Test.appendTo(nil))))
}

// AppendJSON appends the canonical form: the one way to write the condition,
// in which equal conditions are equal bytes. Read gives the same condition
// again.
func (n *Node) AppendJSON(b []byte) []byte {
	switch n.Kind {
	case All:
		return appendGroup(b, "all", n.Nodes)
	case Any:
		return appendGroup(b, "any", n.Nodes)
	case Not:
		return append(n.Nodes[0].AppendJSON(append(b, `{"not":`...)), '}')
	case Events:
		return append(n.Events.appendTo(b), '}')
	case Sequence:
		return n.Sequence.appendTo(b)
	case Segment:
		return append(appendMember(append(b, '{'), "segment", n.Ref), '}')
	case Expression:
		return append(appendMember(append(b, '{'), "feel", n.Ref), '}')
	case Affinity:
		return n.Affinity.appendTo(b)
	case Always:
		return append(b, `{"always":true}`...)
	}
	b = appendMember(append(b, '{'), fieldKey[n.Kind], n.Field.Name)
	if n.Field.First {
		b = appendMember(b, "seen", "first")
	}
	return append(n.Field.Test.appendTo(b), '}')
}

// Canonical is AppendJSON as a text.
func (n *Node) Canonical() string { return string(n.AppendJSON(nil)) }

var fieldKey = map[Kind]string{
	Trait: "trait", Identifier: "identifier", Consent: "consent", Context: "context", Profile: "profile", Computed: "computed",
}

func appendGroup(b []byte, key string, nodes []*Node) []byte {
	b = append(append(append(b, `{"`...), key...), `":[`...)
	for i, n := range nodes {
		if i > 0 {
			b = append(b, ',')
		}
		b = n.AppendJSON(b)
	}
	return append(b, "]}"...)
}

// appendKey appends a member's name, behind a comma where it is not the first.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), key...), `":`...)
}

func appendMember(b []byte, key, text string) []byte {
	return jsondoc.AppendString(appendKey(b, key), text)
}

func appendNumber(b []byte, key string, n int) []byte {
	return strconv.AppendInt(appendKey(b, key), int64(n), 10)
}

// appendTo appends the members of a test.
func (t *Test) appendTo(b []byte) []byte {
	if len(b) == 0 {
		b = append(b, '{')
	}
	not := ""
	if t.Not {
		not = "not "
	}
	switch t.Op {
	case Exists:
		op := "exists"
		if t.Not {
			op = "missing"
		}
		return appendMember(b, "op", op)
	case In:
		if len(t.Values) > 1 {
			b = append(appendKey(appendMember(b, "op", not+"in"), "value"), '[')
			for i, v := range t.Values {
				if i > 0 {
					b = append(b, ',')
				}
				b = v.appendTo(b)
			}
			return append(b, ']')
		}
		op := "="
		if t.Not {
			op = "!="
		}
		return t.Values[0].appendTo(appendKey(appendMember(b, "op", op), "value"))
	case Like:
		return t.Values[0].appendTo(appendKey(appendMember(b, "op", not+"like"), "value"))
	}
	return t.appendRange(b, not)
}

func (t *Test) appendRange(b []byte, not string) []byte {
	if t.Low != nil && t.High != nil {
		b = appendMember(b, "op", not+"between")
		b = t.Low.Value.appendTo(appendKey(b, "from"))
		b = t.High.Value.appendTo(appendKey(b, "to"))
		if t.Low.Open {
			b = append(appendKey(b, "from_open"), "true"...)
		}
		if t.High.Open {
			b = append(appendKey(b, "to_open"), "true"...)
		}
		return b
	}
	end, op := t.Low, ">"
	if end == nil {
		end, op = t.High, "<"
	}
	if !end.Open {
		op += "="
	}
	return end.Value.appendTo(appendKey(appendMember(b, "op", op), "value"))
}

func (v Value) appendTo(b []byte) []byte {
	switch v.Kind {
	case Number:
		return append(b, v.Num.Text()...)
	case Bool:
		return strconv.AppendBool(b, v.Bool)
	}
	return jsondoc.AppendString(b, v.text())
}

// text is the value without quotes.
func (v Value) text() string {
	switch {
	case v.Kind == Number:
		return v.Num.Text()
	case v.Kind == Bool:
		return strconv.FormatBool(v.Bool)
	case v.Kind == String:
		return v.Text
	case v.Relative && v.Offset < 0:
		return "now-" + DurationText(-v.Offset)
	case v.Relative && v.Offset > 0:
		return "now+" + DurationText(v.Offset)
	case v.Relative:
		return "now"
	case v.DayOnly:
		return v.Time.Time().Format("2006-01-02")
	}
	return v.Time.String()
}

func (q *Question) appendTo(b []byte) []byte {
	b = append(b, '{')
	switch q.What {
	case Order:
		b = append(appendKey(b, "order"), "{}"...)
	case OrderLine:
		b = append(appendKey(b, "order_item"), "{}"...)
	}
	b = q.Match.appendTo(b, q.What == Event)
	if q.Item != nil {
		b = append(appendKey(b, "item"), '{')
		if q.Attr != "" {
			b = q.Item.appendTo(appendMember(b, "attribute", q.Attr))
		} else {
			b = append(q.Item.appendTo(append(appendKey(b, "id"), '{')), '}')
		}
		b = append(b, '}')
	}
	b = append(appendKey(b, q.Agg.String()), '{')
	if q.Of != "" {
		b = appendMember(b, "property", q.Of)
	}
	if q.Money != "" {
		b = appendMember(b, "currency", q.Money)
	}
	b = append(q.Test.appendTo(b), '}')
	return q.Window.appendTo(b)
}

func (m *Match) appendTo(b []byte, named bool) []byte {
	if named {
		key := "event"
		if m.Type == "page" || m.Type == "screen" {
			key = m.Type
		}
		name := m.Name
		if name == "" {
			name = "*"
		}
		b = appendMember(b, key, name)
		if key == "event" && m.Type != "" {
			b = appendMember(b, "type", m.Type)
		}
		if m.Action != "" {
			b = appendMember(b, "action", m.Action)
		}
	}
	if len(m.Filters) == 0 {
		return b
	}
	b = append(appendKey(b, "where"), '[')
	for i := range m.Filters {
		if i > 0 {
			b = append(b, ',')
		}
		b = m.Filters[i].appendTo(b)
	}
	return append(b, ']')
}

func (f *Filter) appendTo(b []byte) []byte {
	key := filterKeys[f.Field-1]
	if f.Field == Channel || f.Field == Source {
		return append(f.Test.appendTo(append(appendKey(append(b, '{'), key), '{')), "}}"...)
	}
	return append(f.Test.appendTo(appendMember(append(b, '{'), key, f.Path)), '}')
}

func (w *Window) appendTo(b []byte) []byte {
	if w.Kind == Ever {
		return b
	}
	b = append(appendKey(b, "window"), '{')
	switch w.Kind {
	case Sliding:
		if w.Until == 0 {
			b = appendMember(b, "last", DurationText(w.Last))
			break
		}
		if w.Last != 0 {
			b = appendMember(b, "from", "now-"+DurationText(w.Last))
		}
		b = appendMember(b, "to", "now-"+DurationText(w.Until))
	case Fixed:
		if w.From != 0 {
			b = appendMember(b, "from", w.From.String())
		}
		if w.To != 0 {
			b = appendMember(b, "to", w.To.String())
		}
	case Calendar:
		b = appendMember(b, "calendar", w.Unit.String())
		if w.Periods != 1 {
			b = appendNumber(b, "periods", w.Periods)
		}
		if w.Ago != 0 {
			b = appendNumber(b, "ago", w.Ago)
		}
		if w.Zone != "" {
			b = appendMember(b, "zone", w.Zone)
		}
	}
	return append(b, '}')
}

func (c *Chain) appendTo(b []byte) []byte {
	b = append(b, `{"sequence":[`...)
	for i := range c.Steps {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.Steps[i].appendTo(append(b, '{'), true)
		if c.Absent && i == len(c.Steps)-1 {
			b = append(appendKey(b, "absent"), "true"...)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	if c.Within != 0 {
		b = appendMember(b, "within", DurationText(c.Within))
	}
	return append(c.Window.appendTo(b), '}')
}

func (l *Liking) appendTo(b []byte) []byte {
	b = appendMember(appendMember(append(b, '{'), "affinity", l.Key), "value", l.Value)
	if l.Top != 0 {
		b = appendNumber(b, "top", l.Top)
	}
	if l.Share != nil {
		b = append(l.Share.appendTo(append(appendKey(b, "share"), '{')), '}')
	}
	return append(b, '}')
}

// Canonical is the canonical form of a question alone: it identifies what is
// asked.
func (q *Question) Canonical() string { return string(append(q.appendTo(nil), '}')) }
