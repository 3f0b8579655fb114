package condition

import (
	"strconv"
	"strings"
	"time"

	"rapport/internal/wording"
)

// DurationWords is a duration in English words.
func DurationWords(d time.Duration) string { return voice{wording.English}.span(d) }

// span is a duration in words.
func (v voice) span(d time.Duration) string {
	var parts []string
	for _, u := range units[1:] {
		n := d / u.d
		if n == 0 {
			continue
		}
		d -= n * u.d
		if n == 1 {
			parts = append(parts, v.say("1 "+u.long))
		} else {
			parts = append(parts, v.say("%d "+u.long+"s", int64(n)))
		}
	}
	if len(parts) == 0 {
		return v.say("%d seconds", 0)
	}
	return strings.Join(parts, " ")
}

// sentence says the question in words.
func (q *Question) sentence(v voice) string { return q.value(v) + " " + q.Test.sentence(v) }

// value says what is asked for, without the test.
func (q *Question) value(v voice) string {
	s := q.things(v)
	if w := q.Window.sentence(v); w != "" {
		s += " " + w
	}
	switch q.Agg {
	case Count:
		return v.say("the number of %s", s)
	case First, Last:
		if q.Of == "" {
			return v.say("the "+q.Agg.String()+" of %s", s)
		}
		return v.say("the %s of the "+q.Agg.String()+" of %s", q.Of, s)
	case Unique:
		return v.say("the number of different %s of %s", q.Of, s)
	}
	of := q.Of
	if q.Money != "" {
		of = v.say("%s in %s", of, q.Money)
	}
	format := map[Aggregate]string{
		Sum: "the sum of %s of %s", Average: "the average of %s of %s", Min: "the smallest %s of %s", Max: "the largest %s of %s", MostFrequent: "the most frequent %s of %s",
	}[q.Agg]
	return v.say(format, of, s)
}

func (q *Question) things(v voice) string {
	var s string
	switch q.What {
	case Order:
		s = v.say("orders")
	case OrderLine:
		s = v.say("order items")
	default:
		s = q.Match.subject(v)
	}
	if q.Item != nil {
		if q.Attr != "" {
			s = v.say("%s whose item's %s %s", s, q.Attr, q.Item.sentence(v))
		} else {
			s = v.say("%s whose item id %s", s, q.Item.sentence(v))
		}
	}
	return s + q.Match.filters(v)
}

func (m *Match) subject(v voice) string {
	s := v.say("events")
	switch {
	case m.Type == "page" || m.Type == "screen":
		s = v.say(m.Type + "s")
	case m.Type != "":
		s = v.say("%s events", m.Type)
	}
	if m.Name != "" {
		s += " " + strconv.Quote(m.Name)
	}
	if m.Action != "" {
		s = v.say("%s that %q", s, m.Action)
	}
	return s
}

func (m *Match) filters(v voice) string {
	var out []string
	for _, f := range m.Filters {
		name := f.Path
		switch f.Field {
		case EventContext:
			name = v.say("context %s", f.Path)
		case Channel:
			name = v.say("channel")
		case Source:
			name = v.say("source")
		}
		out = append(out, name+" "+f.Test.sentence(v))
	}
	if out == nil {
		return ""
	}
	return " " + v.say("where %s", strings.Join(out, " "+v.say("and")+" "))
}

func (w *Window) sentence(v voice) string {
	switch w.Kind {
	case Sliding:
		switch {
		case w.Until == 0:
			return v.say("in the last %s", v.span(w.Last))
		case w.Last == 0:
			return v.say("more than %s ago", v.span(w.Until))
		}
		return v.say("between %s and %s ago", v.span(w.Last), v.span(w.Until))
	case Fixed:
		switch {
		case w.From == 0:
			return v.say("before %s", w.To.String())
		case w.To == 0:
			return v.say("since %s", w.From.String())
		}
		return v.say("from %s until before %s", w.From.String(), w.To.String())
	case Calendar:
		return w.calendarText(v)
	}
	return ""
}

func (w *Window) calendarText(v voice) string {
	zone := w.Zone
	if zone == "" {
		zone = "UTC"
	}
	unit := w.Unit.String()
	s := v.say("in this " + unit)
	switch {
	case w.Ago == 1 && w.Periods == 1:
		s = v.say("in the previous " + unit)
	case w.Ago == 0 && w.Periods > 1:
		s = v.say("in the last %d "+unit+"s of the calendar, this one included,", w.Periods)
	case w.Ago > 0:
		s = v.say("in the %d "+unit+"s of the calendar up to %d before this one,", w.Periods, w.Ago)
	}
	return s + " (" + zone + ")"
}

func (c *Chain) sentence(v voice) string {
	var b strings.Builder
	for i := range c.Steps {
		m := &c.Steps[i]
		switch {
		case i == 0:
		case c.Absent:
			b.WriteString(" " + v.say("and then none of") + " ")
		default:
			b.WriteString(" " + v.say("and then") + " ")
		}
		b.WriteString(m.subject(v) + m.filters(v))
	}
	if c.Within != 0 {
		b.WriteString(" " + v.say("within %s", v.span(c.Within)))
	}
	if w := c.Window.sentence(v); w != "" {
		b.WriteString(v.say(", all %s", w))
	}
	return b.String()
}

func (l *Liking) sentence(v voice) string {
	var parts []string
	if l.Top > 0 {
		parts = append(parts, v.say("among the first %d", l.Top))
	}
	if l.Share != nil {
		parts = append(parts, v.say("of a share in percent that %s", l.Share.sentence(v)))
	}
	if parts == nil {
		parts = []string{v.say("above nothing")}
	}
	return v.say("the affinity %s to %q is %s", l.Key, l.Value, strings.Join(parts, " "+v.say("and")+" "))
}
