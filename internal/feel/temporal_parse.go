package feel

import (
	"math"
	"strings"
)

// ParseTemporal reads the text of an @ literal: a date, time, date and time or
// duration.
func ParseTemporal(s string) (Value, bool) {
	if v, ok := parseDuration(s); ok {
		return v, true
	}
	if v, ok := parseDate(s); ok {
		return v, true
	}
	if v, ok := parseTime(s); ok {
		return v, true
	}
	if strings.Contains(s, "T") {
		return parseDateTime(s)
	}
	return Null, false
}

// parseDate reads [-]YYYY-MM-DD. A year of more than four digits has no
// leading zero.
func parseDate(s string) (Value, bool) {
	neg := strings.HasPrefix(s, "-")
	if neg {
		s = s[1:]
	}
	i := strings.IndexByte(s, '-')
	if i < 4 || i > 9 || i > 4 && s[0] == '0' || len(s) != i+6 || s[i+3] != '-' {
		return Null, false
	}
	y, ok1 := digits(s[:i])
	m, ok2 := digits(s[i+1 : i+3])
	d, ok3 := digits(s[i+4:])
	if !ok1 || !ok2 || !ok3 {
		return Null, false
	}
	if neg {
		y = -y
	}
	return DateOf(y, m, d)
}

func digits(s string) (int64, bool) {
	if s == "" || len(s) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// parseTime reads HH:MM:SS[.f][zone]. The end of the day, 24:00:00, is read as
// its start.
func parseTime(s string) (Value, bool) {
	c, ok := parseClock(s)
	if !ok {
		return Null, false
	}
	return TimeOf(c.nanos, c.zone)
}

// parseDateTime reads a date, and behind T a time. A date alone is midnight.
func parseDateTime(s string) (Value, bool) {
	ds, ts, hasTime := strings.Cut(s, "T")
	d, ok := parseDate(ds)
	if !ok {
		return Null, false
	}
	if !hasTime {
		return dateTime(d.days()*daySeconds, 0, nil), true
	}
	c, ok := parseClock(ts)
	if !ok {
		return Null, false
	}
	sec := d.days()*daySeconds + c.nanos/nanosPerSec
	if c.nextDay {
		sec += daySeconds
	}
	v := dateTime(sec, int32(c.nanos%nanosPerSec), c.zone)
	return v, !v.IsNull()
}

// clockText is a time as written; nextDay is set for 24:00:00.
type clockText struct {
	nanos   int64
	zone    *Zone
	nextDay bool
}

func parseClock(s string) (c clockText, ok bool) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return c, false
	}
	h, ok1 := digits(s[:2])
	m, ok2 := digits(s[3:5])
	sec, ok3 := digits(s[6:8])
	frac, rest, ok4 := parseFraction(s[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || h > 24 || m > 59 || sec > 59 {
		return c, false
	}
	if h == 24 {
		if m != 0 || sec != 0 || frac != 0 {
			return c, false
		}
		h, c.nextDay = 0, true
	}
	c.nanos = (h*3600+m*60+sec)*nanosPerSec + frac
	c.zone, ok = parseZone(rest)
	return c, ok
}

// parseFraction reads .digits as nanoseconds; digits beyond are cut.
func parseFraction(s string) (nanos int64, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	i := 1
	unit := int64(nanosPerSec / 10)
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		nanos += int64(s[i]-'0') * unit
		unit /= 10
	}
	return nanos, s[i:], i > 1
}

// parseZone reads "", Z, ±HH:MM[:SS] or @Name.
func parseZone(s string) (*Zone, bool) {
	switch {
	case s == "":
		return nil, true
	case s == "Z" || s == "z":
		return UTC, true
	case s[0] == '@':
		z, ok := NamedZone(s[1:])
		return z, ok
	case (s[0] == '+' || s[0] == '-') && (len(s) == 6 || len(s) == 9) && s[3] == ':':
		h, ok1 := digits(s[1:3])
		m, ok2 := digits(s[4:6])
		sec := int64(0)
		if len(s) == 9 {
			var ok bool
			if sec, ok = digits(s[7:]); !ok || s[6] != ':' {
				return nil, false
			}
		}
		if !ok1 || !ok2 || m > 59 || sec > 59 {
			return nil, false
		}
		off := h*3600 + m*60 + sec
		if s[0] == '-' {
			off = -off
		}
		z := OffsetZone(int(off))
		return z, z != nil
	default:
		return nil, false
	}
}

// parseDuration reads [-]PnYnM or [-]PnDTnHnMnS.
func parseDuration(s string) (Value, bool) {
	p := durationParser{s: s}
	p.neg = p.eat('-')
	if !p.eat('P') || p.s == "" {
		return Null, false
	}
	if v, ok := p.yearsMonths(); ok {
		return v, true
	}
	return p.daysTime()
}

type durationParser struct {
	s     string
	neg   bool
	found bool
	frac  int64
}

func (p *durationParser) eat(c byte) bool {
	if p.s != "" && p.s[0] == c {
		p.s = p.s[1:]
		return true
	}
	return false
}

// part reads digits before the unit, 0 when the next unit is another.
func (p *durationParser) part(unit byte) (int64, bool) {
	i := 0
	for i < len(p.s) && p.s[i] >= '0' && p.s[i] <= '9' {
		i++
	}
	j := i
	var frac int64
	if unit == 'S' && i > 0 && j < len(p.s) && p.s[j] == '.' {
		scale := int64(nanosPerSec / 10)
		for j++; j < len(p.s) && p.s[j] >= '0' && p.s[j] <= '9'; j++ {
			frac += int64(p.s[j]-'0') * scale
			scale /= 10
		}
	}
	if i == 0 || j >= len(p.s) || p.s[j] != unit {
		return 0, true
	}
	n, ok := digits(p.s[:i])
	p.s, p.found, p.frac = p.s[j+1:], true, frac
	return n, ok
}

func (p durationParser) yearsMonths() (Value, bool) {
	y, ok1 := p.part('Y')
	m, ok2 := p.part('M')
	if !ok1 || !ok2 || !p.found || p.s != "" || y > math.MaxInt64/24 || m > math.MaxInt64/4 {
		return Null, false
	}
	total := y*12 + m
	if p.neg {
		total = -total
	}
	return YearsMonthsOf(total), true
}

func (p durationParser) daysTime() (Value, bool) {
	d, ok := p.part('D')
	if !ok || d > math.MaxInt64/4/daySeconds {
		return Null, false
	}
	var h, m, s int64
	if p.eat('T') {
		p.found = false
		var ok1, ok2, ok3 bool
		h, ok1 = p.part('H')
		m, ok2 = p.part('M')
		s, ok3 = p.part('S')
		const limit = math.MaxInt64 / 4
		if !ok1 || !ok2 || !ok3 || h > limit/3600 || m > limit/60 || s > limit {
			return Null, false
		}
	}
	if !p.found || p.s != "" {
		return Null, false
	}
	sec, nanos := d*daySeconds+h*3600+m*60+s, p.frac
	if sec < 0 {
		return Null, false // the parts together overflow
	}
	if p.neg {
		sec, nanos = -sec, -nanos
	}
	return DaysTimeOf(sec, int32(nanos)), true
}
