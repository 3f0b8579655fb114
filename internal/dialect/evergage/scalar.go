package evergage

import (
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// ahead is how far an event may lie in the future of its receipt.
const ahead = 5 * time.Minute

// scalar reads a text, a number as its exact decimal text, or nothing.
func scalar(v jsondoc.Value) string {
	switch v.Kind() {
	case jsondoc.String:
		return v.Text()
	case jsondoc.Number:
		var buf [32]byte
		return string(jsondoc.AppendCanonical(buf[:0], v))
	}
	return ""
}

// first is the first of several members that is there and not null.
func first(v jsondoc.Value, names ...string) jsondoc.Value {
	for _, n := range names {
		if m := v.Get(n); m.Exists() && !m.IsNull() {
			return m
		}
	}
	return jsondoc.Value{}
}

// eventTime is when something happened: milliseconds or seconds since 1970 or
// ISO 8601. Nothing is the time of receipt, and so is what cannot be right
// because it lies in the future or before 1970.
func eventTime(v jsondoc.Value, received clock.Instant, field string) (clock.Instant, error) {
	at := clock.Instant(0)
	switch v.Kind() {
	case jsondoc.None, jsondoc.Null:
		return received, nil
	case jsondoc.Number:
		f, ok := v.Float()
		if !ok || f < 0 || f > 1e15 {
			return 0, errTime(v, field)
		}
		if f > 1e11 {
			f /= 1e3
		}
		at = clock.Instant(f * 1e6)
	default:
		var ok bool
		if at, ok = parseTime(v.Text()); !ok {
			return 0, errTime(v, field)
		}
	}
	if at <= 0 || at > received.Add(ahead) {
		return received, nil
	}
	return at, nil
}

func errTime(v jsondoc.Value, field string) error {
	return fault.Errorf(fault.Invalid, "invalid_time",
		"%s %.40s is no time; send milliseconds since 1970 or ISO 8601", field, v.Raw()).At("/" + strings.ReplaceAll(field, ".", "/"))
}

var layouts = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02", "2006-01-02T15:04:05.999999999Z0700"}

func parseTime(text string) (clock.Instant, bool) {
	text = strings.TrimSpace(text)
	for _, l := range layouts {
		if t, err := time.Parse(l, text); err == nil {
			return clock.From(t), true
		}
	}
	return 0, false
}

// folded is a name without what people write differently in it: case, spaces,
// _ and -.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '_' || r == '-':
			return -1
		case r >= 'A' && r <= 'Z':
			return r | 0x20
		}
		return r
	}, name)
}

// snake writes a camelCase name with underscores.
func snake(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(r | 0x20)
			lower = false
		case r == ' ' || r == '-':
			b.WriteByte('_')
			lower = false
		default:
			b.WriteRune(r)
			lower = true
		}
	}
	return b.String()
}

// limited refuses a text of more than so many characters.
func limited(s, field, code string, most int) (string, error) {
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return "", fault.Errorf(fault.Invalid, code, "%s is longer than %d characters", field, most).At("/" + field)
	}
	return s, nil
}
