package segment

import (
	"time"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
)

// ahead is how far an event may lie in the future of its receipt.
const ahead = 5 * time.Minute

// corrected is when an event happened by our clock: the client's clock is as
// wrong in the event as in the request that brought it. What would lie in the
// future, or at or before 1970, cannot be right: it takes the time of receipt
// and is skewed. Zero instants are not known.
func corrected(received, sent, original clock.Instant) (at clock.Instant, skewed bool) {
	if original == 0 {
		return received, false
	}
	at = original
	if sent != 0 {
		at = received - (sent - original)
	}
	if at <= 0 || at > received.Add(ahead) {
		return received, true
	}
	return at, false
}

// instantOf reads a time of an event: ISO 8601 as the clients write it, or
// seconds or milliseconds since 1970. Null, nothing and the year 1, which some
// languages send for "not set", are zero.
func instantOf(v jsondoc.Value) (clock.Instant, bool) {
	switch v.Kind() {
	case jsondoc.None, jsondoc.Null:
		return 0, true
	case jsondoc.String:
		b, _ := v.StrBytes()
		if len(b) == 0 {
			return 0, true
		}
		return parseTime(b)
	case jsondoc.Number:
		f, ok := v.Float()
		if n, exact := v.Int(); exact && n > 1e11 {
			return clock.Instant(min(n, 1e15) * 1e3), ok
		}
		if !ok || f < 0 || f > 1e15 {
			return 0, false
		}
		if f > 1e11 {
			return clock.Instant(f * 1e3), true
		}
		return clock.Instant(f * 1e6), true
	}
	return 0, false
}

// parseTime reads YYYY-MM-DD[(T| )hh:mm[:ss[.fff]][Z|±hh[:]mm]] without
// allocating; a time without a zone is UTC.
func parseTime(b []byte) (clock.Instant, bool) {
	p := timeParser{b: b}
	year := p.digits(4)
	p.need('-')
	month := p.digits(2)
	p.need('-')
	day := p.digits(2)
	if p.bad || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	micros := daysSince1970(year, month, day) * 86_400e6
	if len(p.b) > 0 {
		if c := p.b[0]; c != 'T' && c != 't' && c != ' ' {
			return 0, false
		}
		p.b = p.b[1:]
		micros += p.clock()
	}
	if p.bad || len(p.b) > 0 {
		return 0, false
	}
	if year <= 1 {
		return 0, true
	}
	return clock.Instant(micros), true
}

type timeParser struct {
	b   []byte
	bad bool
}

func (p *timeParser) digits(n int) int64 {
	if len(p.b) < n {
		p.bad = true
		return 0
	}
	var v int64
	for _, c := range p.b[:n] {
		if c-'0' > 9 {
			p.bad = true
			return 0
		}
		v = v*10 + int64(c-'0')
	}
	p.b = p.b[n:]
	return v
}

func (p *timeParser) need(c byte) {
	if !p.has(c) {
		p.bad = true
	}
}

func (p *timeParser) has(c byte) bool {
	if len(p.b) == 0 || p.b[0] != c {
		return false
	}
	p.b = p.b[1:]
	return true
}

// clock reads the time of day and the zone, in microseconds.
func (p *timeParser) clock() int64 {
	hour := p.digits(2)
	p.need(':')
	minute := p.digits(2)
	var second, micros int64
	if p.has(':') {
		second = p.digits(2)
		if p.has('.') || p.has(',') {
			micros = p.fraction()
		}
	}
	if hour > 23 || minute > 59 || second > 60 {
		p.bad = true
	}
	return ((hour*60+minute)*60+min(second, 59))*1e6 + micros - p.zone()
}

func (p *timeParser) fraction() int64 {
	var v int64
	n := 0
	for n < len(p.b) && p.b[n]-'0' <= 9 {
		if n < 6 {
			v = v*10 + int64(p.b[n]-'0')
		}
		n++
	}
	if n == 0 || n > 12 {
		p.bad = true
	}
	p.b = p.b[n:]
	for ; n < 6; n++ {
		v *= 10
	}
	return v
}

func (p *timeParser) zone() int64 {
	sign := int64(1)
	switch {
	case len(p.b) == 0 || p.has('Z') || p.has('z'):
		return 0
	case p.has('-'):
		sign = -1
	default:
		p.need('+')
	}
	hour := p.digits(2)
	minute := int64(0)
	if p.has(':') || len(p.b) > 0 {
		minute = p.digits(2)
	}
	if hour > 23 || minute > 59 {
		p.bad = true
	}
	return sign * (hour*60 + minute) * 60e6
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysSince1970 counts the days of the Gregorian calendar. Years begin in
// March here, so that the leap day is the last of its year.
func daysSince1970(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146_097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719_468
}
