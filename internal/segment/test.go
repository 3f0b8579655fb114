package segment

import (
	"slices"
	"unicode/utf8"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// never is no instant.
const never clock.Instant = 0

// sooner is the earlier of two instants of which zero is none.
func sooner(a, b clock.Instant) clock.Instant {
	if a == never || b != never && b < a {
		return b
	}
	return a
}

// holds tells whether a test holds for values at an instant, and the next
// instant after it at which that changes while the values stay.
func holds(t *condition.Test, cells []Cell, now clock.Instant) (bool, clock.Instant) {
	some, next := false, never
	for i := range cells {
		yes, change := holdsOne(t, &cells[i], now)
		next = sooner(next, change)
		some = some || yes
	}
	if next != never && len(cells) > 1 {
		next = exactly(next, some, func(at clock.Instant) (bool, clock.Instant) { return holds1(t, cells, at) })
	}
	return some != t.Not, next
}

// holds1 is holds without the negation and without the search for the instant
// at which all of the values together change.
func holds1(t *condition.Test, cells []Cell, now clock.Instant) (some bool, next clock.Instant) {
	for i := range cells {
		yes, change := holdsOne(t, &cells[i], now)
		next = sooner(next, change)
		some = some || yes
	}
	return some, next
}

// exactly finds the first of the instants at which parts change at which the
// whole does.
func exactly(next clock.Instant, was bool, at func(clock.Instant) (bool, clock.Instant)) clock.Instant {
	for next != never {
		is, after := at(next)
		if is != was {
			return next
		}
		next = after
	}
	return never
}

func holdsOne(t *condition.Test, c *Cell, now clock.Instant) (bool, clock.Instant) {
	switch t.Op {
	case condition.Exists:
		return c.Kind != Null, never
	case condition.In:
		return in(t.Values, c), never
	case condition.Like:
		return c.Kind == Text && like(t.Values[0].Text, c.Text), never
	}
	return between(t, c, now)
}

// in looks a value up among the constants, which are sorted and of one type.
func in(values []condition.Value, c *Cell) bool {
	_, found := slices.BinarySearchFunc(values, c, func(v condition.Value, c *Cell) int {
		switch {
		case v.Kind == condition.String && c.Kind == Text:
			return compareText(v.Text, c.Text)
		case v.Kind == condition.Number && c.Kind == Number:
			return v.Num.Cmp(c.Num)
		case v.Kind == condition.Bool && c.Kind == Bool:
			switch {
			case v.Bool == c.Bool:
				return 0
			case v.Bool:
				return 1
			}
			return -1
		}
		return 1
	})
	return found
}

func compareText(a string, b []byte) int {
	switch {
	case a == string(b):
		return 0
	case a < string(b):
		return -1
	}
	return 1
}

// like matches % and _ by going back to the last % where a match fails.
func like(pattern string, text []byte) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, mark = p, i
			p++
			continue
		case p < len(pattern):
			if n, m := one(pattern[p:], text[i:]); n > 0 {
				p, i = p+n, i+m
				continue
			}
		}
		if star < 0 {
			return false
		}
		_, size := utf8.DecodeRune(text[mark:])
		mark += size
		p, i = star+1, mark
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

// one matches one character: how many bytes of the pattern and of the text.
func one(pattern string, text []byte) (int, int) {
	switch {
	case pattern[0] == '_':
		_, m := utf8.DecodeRune(text)
		return 1, m
	case pattern[0] == '\\' && len(pattern) > 1:
		if pattern[1] == text[0] {
			return 2, 1
		}
		return 0, 0
	case pattern[0] == text[0]:
		return 1, 1
	}
	return 0, 0
}

// between compares with a range. A range of times whose ends move with now
// changes by time alone.
func between(t *condition.Test, c *Cell, now clock.Instant) (bool, clock.Instant) {
	kind := condition.Number
	if t.Low != nil {
		kind = t.Low.Value.Kind
	} else if t.High != nil {
		kind = t.High.Value.Kind
	}
	if kind == condition.Number {
		return c.Kind == Number && inNumbers(t, c.Num), never
	}
	at, ok := c.instant()
	if !ok {
		return false, never
	}
	inside := insideAt(t, at, now)
	a, b := flip(t.Low, at, true), flip(t.High, at, false)
	if b < a {
		a, b = b, a
	}
	for _, c := range [...]clock.Instant{a, b} {
		if c > now && insideAt(t, at, c) != inside {
			return inside, c
		}
	}
	return inside, never
}

func insideAt(t *condition.Test, at, now clock.Instant) bool {
	if t.Low != nil {
		if b := instantOf(t.Low, now); at < b || at == b && t.Low.Open {
			return false
		}
	}
	if t.High != nil {
		if b := instantOf(t.High, now); at > b || at == b && t.High.Open {
			return false
		}
	}
	return true
}

// instantOf is where an end of a range is at an instant.
func instantOf(b *condition.Bound, now clock.Instant) clock.Instant {
	if b.Value.Relative {
		return now.Add(b.Value.Offset)
	}
	return b.Value.Time
}

// flip is the first instant at which a moving end has passed a time.
func flip(b *condition.Bound, at clock.Instant, low bool) clock.Instant {
	if b == nil || !b.Value.Relative {
		return never
	}
	at = at.Add(-b.Value.Offset)
	if b.Open != low {
		at++
	}
	return at
}

func inNumbers(t *condition.Test, n decimal.Num) bool {
	if t.Low != nil {
		if c := n.Cmp(t.Low.Value.Num); c < 0 || c == 0 && t.Low.Open {
			return false
		}
	}
	if t.High != nil {
		if c := n.Cmp(t.High.Value.Num); c > 0 || c == 0 && t.High.Open {
			return false
		}
	}
	return true
}
