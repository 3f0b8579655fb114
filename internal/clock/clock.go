// Package clock holds time as a value. It never reads the machine's clock by
// itself: whoever needs the present is handed a Clock.
package clock

import "time"

// Clock tells the present. The program passes time.Now, a test its own.
type Clock func() time.Time

// Instant is a point in time in microseconds since 1970 UTC. Zero means
// "not known"; an event of exactly 1970-01-01T00:00:00Z does not exist here.
type Instant int64

// From turns a time into an instant, cutting what is below a microsecond.
func From(t time.Time) Instant {
	if t.IsZero() {
		return 0
	}
	return Instant(t.UnixMicro())
}

// Now asks the clock.
func (c Clock) Now() Instant { return From(c()) }

// Time gives the instant as a UTC time; the zero instant gives the zero time.
func (i Instant) Time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(i)).UTC()
}

// String is RFC 3339 in UTC with milliseconds, or microseconds where they say
// more. It is the form of every time in the API.
func (i Instant) String() string {
	if i == 0 {
		return ""
	}
	layout := "2006-01-02T15:04:05.000Z"
	if i%1000 != 0 {
		layout = "2006-01-02T15:04:05.000000Z"
	}
	return i.Time().Format(layout)
}

// MarshalText gives the form of String.
func (i Instant) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads RFC 3339; empty text is the zero instant.
func (i *Instant) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*i = 0
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return err
	}
	*i = From(t)
	return nil
}

// Add moves an instant.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d/time.Microsecond) }

// Sub is the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i-j) * time.Microsecond }
