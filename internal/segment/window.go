package segment

import (
	"time"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/segment/condition"
)

// period is a window made ready: when an event enters it and when it leaves.
// Both grow with the event's time, so that the events inside are neighbours.
type period struct {
	kind      condition.WindowKind
	from, to  clock.Instant // Fixed
	last      time.Duration
	until     time.Duration
	unit      condition.Unit
	periods   int
	ago       int
	zone      *time.Location
	unbounded bool // nothing leaves
}

func periodOf(w *condition.Window) (period, error) {
	p := period{
		kind: w.Kind, from: w.From, to: w.To, last: w.Last, until: w.Until,
		unit: w.Unit, periods: w.Periods, ago: w.Ago, zone: time.UTC,
	}
	p.unbounded = w.Kind == condition.Ever || w.Kind == condition.Fixed || w.Kind == condition.Sliding && w.Last == 0
	if w.Zone != "" {
		z, ok := feel.NamedZone(w.Zone)
		if !ok {
			return p, errZone
		}
		p.zone = z.Location()
	}
	return p, nil
}

// enters is the instant from which an event counts; never means at once.
func (p *period) enters(at clock.Instant) clock.Instant {
	switch {
	case p.kind == condition.Sliding && p.until != 0:
		return at.Add(p.until)
	case p.kind == condition.Calendar && p.ago > 0:
		return p.start(at, p.ago)
	}
	return never
}

// leaves is the instant from which an event no longer counts; never means it
// stays.
func (p *period) leaves(at clock.Instant) clock.Instant {
	switch {
	case p.unbounded:
		return never
	case p.kind == condition.Sliding:
		return at.Add(p.last)
	}
	return p.start(at, p.ago+p.periods)
}

// in tells whether an event counts at an instant.
func (p *period) in(at, now clock.Instant) bool {
	if p.kind == condition.Fixed {
		return (p.from == 0 || at >= p.from) && (p.to == 0 || at < p.to)
	}
	if e := p.enters(at); e != never && now < e {
		return false
	}
	l := p.leaves(at)
	return l == never || now < l
}

// moves tells whether time alone changes what is inside.
func (p *period) moves() bool { return !p.unbounded || p.until != 0 }

// delayed tells whether events come into the window later than they happen.
func (p *period) delayed() bool { return p.until != 0 || p.ago > 0 }

// start is the beginning of the calendar period that is so many after the one
// of an instant.
func (p *period) start(at clock.Instant, after int) clock.Instant {
	t := at.Time().In(p.zone)
	y, m, d := t.Date()
	switch p.unit {
	case condition.Day:
		d += after
	case condition.Week:
		d += 7*after - (int(t.Weekday())+6)%7
	case condition.Month:
		m, d = m+time.Month(after), 1
	case condition.Quarter:
		m, d = m-(m-1)%3+time.Month(3*after), 1
	case condition.Year:
		y, m, d = y+after, time.January, 1
	}
	return clock.From(midnight(y, m, d, p.zone))
}

// midnight is the first instant of a day: where clocks are put forward at
// midnight the day begins later.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	want := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
	if _, _, day := t.Date(); day == want.Day() {
		return t
	}
	// The midnight that does not exist was read as one of the day before: the
	// day begins where the clocks jump.
	_, end := t.ZoneBounds()
	return end
}

const dayMicros = int64(24 * time.Hour / time.Microsecond)

// dayOf numbers the days of a zone.
func dayOf(at clock.Instant, zone *time.Location) int32 {
	if zone == time.UTC || zone == nil {
		return int32(floorDiv(int64(at), dayMicros))
	}
	t := at.Time().In(zone)
	y, m, d := t.Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / int64(24*time.Hour/time.Second))
}

// dayStart is the first instant of a day of a zone.
func dayStart(day int32, zone *time.Location) clock.Instant {
	if zone == time.UTC || zone == nil {
		return clock.Instant(int64(day) * dayMicros)
	}
	t := time.Unix(int64(day)*int64(24*time.Hour/time.Second), 0).UTC()
	y, m, d := t.Date()
	return clock.From(midnight(y, m, d, zone))
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
