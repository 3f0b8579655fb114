package offer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
)

// Span is a time span as text, such as 90s, 24h or 7d.
type Span time.Duration

const (
	minute = Span(time.Minute)
	day    = Span(24 * time.Hour)
)

// MarshalText writes days where the span is some.
func (s Span) MarshalText() ([]byte, error) {
	if s != 0 && s%day == 0 {
		return fmt.Appendf(nil, "%dd", s/day), nil
	}
	return []byte(time.Duration(s).String()), nil
}

// UnmarshalText reads a span.
func (s *Span) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36_500 {
			return fmt.Errorf("%q is no time span: give 15m, 24h or 7d", text)
		}
		*s = Span(n) * day
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time span: give 15m, 24h or 7d", text)
	}
	*s = Span(d)
	return nil
}

// Before is the moment so long before another.
func (s Span) Before(at clock.Instant) clock.Instant { return at.Add(-time.Duration(s)) }

// After is the moment so long after another.
func (s Span) After(at clock.Instant) clock.Instant { return at.Add(time.Duration(s)) }

// begin is when the hour, day, week or month of UTC began that a moment is in.
func begin(each string, now clock.Instant) clock.Instant {
	t := now.Time().UTC()
	switch each {
	case "hour":
		return clock.From(t.Truncate(time.Hour))
	case "day":
		return clock.From(t.Truncate(24 * time.Hour))
	case "week":
		t = t.Truncate(24 * time.Hour)
		return clock.From(t.AddDate(0, 0, -int(t.Weekday()+6)%7))
	case "month":
		return clock.From(time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC))
	}
	return 0
}
