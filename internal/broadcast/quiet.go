package broadcast

import (
	"encoding/json"
	"time"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/profile"
)

// ready checks quiet hours and reads their times.
func (q *QuietHours) ready(at string) (err error) {
	if q == nil {
		return nil
	}
	for _, x := range []struct {
		name, text string
		into       *int
	}{{"from", q.From, &q.from}, {"to", q.To, &q.to}} {
		t, err := time.Parse("15:04", x.text)
		if err != nil {
			return invalid(at+"/"+x.name, "%s %q is no time of the day: give it like 21:00", x.name, x.text)
		}
		*x.into = 60*t.Hour() + t.Minute()
	}
	if q.from == q.to {
		return invalid(at+"/to", "from and to are the same: leave quiet_hours out where there are none")
	}
	if _, ok := feel.NamedZone(q.TimeZone); !ok && q.TimeZone != "" {
		return invalid(at+"/time_zone", "there is no time zone %q: give one such as Europe/Berlin", q.TimeZone)
	}
	return nil
}

// zone is that of a person, else the usual one.
func (q *QuietHours) zone(v *profile.View) *time.Location {
	raw := v.Computed.Derived["timezone"].Value
	if q.Trait != "" {
		raw = v.Traits[q.Trait]
	}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		if z, ok := feel.NamedZone(name); ok && name != "" {
			return z.Location()
		}
	}
	if z, ok := feel.NamedZone(q.TimeZone); ok && q.TimeZone != "" {
		return z.Location()
	}
	return time.UTC
}

// After is when a person may be written to: zero where that is now.
func (q *QuietHours) After(v *profile.View, now clock.Instant) clock.Instant {
	if q == nil {
		return 0
	}
	local := now.Time().In(q.zone(v))
	minute := 60*local.Hour() + local.Minute()
	overnight := q.to < q.from
	quiet := minute >= q.from && minute < q.to
	if overnight {
		quiet = minute >= q.from || minute < q.to
	}
	if !quiet {
		return 0
	}
	day := local.Day()
	if overnight && minute >= q.from {
		day++
	}
	end := time.Date(local.Year(), local.Month(), day, q.to/60, q.to%60, 0, 0, local.Location())
	if !end.After(local) {
		return 0 // the clocks were put back meanwhile
	}
	return clock.From(end)
}
