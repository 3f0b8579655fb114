package condition

import (
	"strconv"
	"strings"
	"time"
)

// DurationWords is a duration in words.
func DurationWords(d time.Duration) string {
	var parts []string
	for _, u := range units[1:] {
		n := d / u.d
		if n == 0 {
			continue
		}
		d -= n * u.d
		s := strconv.FormatInt(int64(n), 10) + " " + u.long
		if n != 1 {
			s += "s"
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		return "0 seconds"
	}
	return strings.Join(parts, " ")
}

// Sentence says the question in plain English.
func (q *Question) Sentence() string { return q.value() + " " + q.Test.sentence() }

// value says what is asked for, without the test.
func (q *Question) value() string {
	s := q.things()
	if w := q.Window.sentence(); w != "" {
		s += " " + w
	}
	switch q.Agg {
	case Count:
		return "the number of " + s
	case First, Last:
		if q.Of == "" {
			return "the " + q.Agg.String() + " of " + s
		}
		return "the " + q.Of + " of the " + q.Agg.String() + " of " + s
	case Unique:
		return "the number of different " + q.Of + " of " + s
	}
	name := map[Aggregate]string{Sum: "sum of ", Average: "average of ", Min: "smallest ", Max: "largest ", MostFrequent: "most frequent "}[q.Agg]
	of := q.Of
	if q.Money != "" {
		of += " in " + q.Money
	}
	return "the " + name + of + " of " + s
}

func (q *Question) things() string {
	var s string
	switch q.What {
	case Order:
		s = "orders"
	case OrderLine:
		s = "order items"
	default:
		s = q.Match.subject()
	}
	if q.Item != nil {
		what := "item id"
		if q.Attr != "" {
			what = "item's " + q.Attr
		}
		s += " whose " + what + " " + q.Item.sentence()
	}
	return s + q.Match.filters()
}

func (m *Match) subject() string {
	s := "events"
	switch {
	case m.Type == "page" || m.Type == "screen":
		s = m.Type + "s"
	case m.Type != "":
		s = m.Type + " events"
	}
	if m.Name != "" {
		s += " " + strconv.Quote(m.Name)
	}
	if m.Action != "" {
		s += " that " + strconv.Quote(m.Action)
	}
	return s
}

func (m *Match) filters() string {
	var out []string
	for _, f := range m.Filters {
		name := f.Path
		switch f.Field {
		case EventContext:
			name = "context " + f.Path
		case Channel:
			name = "channel"
		case Source:
			name = "source"
		}
		out = append(out, name+" "+f.Test.sentence())
	}
	if out == nil {
		return ""
	}
	return " where " + strings.Join(out, " and ")
}

func (w *Window) sentence() string {
	switch w.Kind {
	case Sliding:
		switch {
		case w.Until == 0:
			return "in the last " + DurationWords(w.Last)
		case w.Last == 0:
			return "more than " + DurationWords(w.Until) + " ago"
		}
		return "between " + DurationWords(w.Last) + " and " + DurationWords(w.Until) + " ago"
	case Fixed:
		switch {
		case w.From == 0:
			return "before " + w.To.String()
		case w.To == 0:
			return "since " + w.From.String()
		}
		return "from " + w.From.String() + " until before " + w.To.String()
	case Calendar:
		return w.calendarText()
	}
	return ""
}

func (w *Window) calendarText() string {
	zone := w.Zone
	if zone == "" {
		zone = "UTC"
	}
	unit := w.Unit.String()
	s := "in this " + unit
	switch {
	case w.Ago == 1 && w.Periods == 1:
		s = "in the previous " + unit
	case w.Ago == 0 && w.Periods > 1:
		s = "in the last " + strconv.Itoa(w.Periods) + " " + unit + "s of the calendar, this one included,"
	case w.Ago > 0:
		s = "in the " + strconv.Itoa(w.Periods) + " " + unit + "s of the calendar up to " + strconv.Itoa(w.Ago) + " before this one,"
	}
	return s + " (" + zone + ")"
}

func (c *Chain) sentence() string {
	var b strings.Builder
	for i := range c.Steps {
		m := &c.Steps[i]
		switch {
		case i == 0:
		case c.Absent:
			b.WriteString(" and then none of ")
		default:
			b.WriteString(" and then ")
		}
		b.WriteString(m.subject() + m.filters())
	}
	if c.Within != 0 {
		b.WriteString(" within " + DurationWords(c.Within))
	}
	if w := c.Window.sentence(); w != "" {
		b.WriteString(", all " + w)
	}
	return b.String()
}

func (l *Liking) sentence() string {
	s := "the affinity " + l.Key + " to " + strconv.Quote(l.Value) + " is "
	var parts []string
	if l.Top > 0 {
		parts = append(parts, "among the first "+strconv.Itoa(l.Top))
	}
	if l.Share != nil {
		parts = append(parts, "of a share in percent that "+l.Share.sentence())
	}
	if parts == nil {
		parts = []string{"above nothing"}
	}
	return s + strings.Join(parts, " and ")
}
