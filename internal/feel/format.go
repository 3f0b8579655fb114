package feel

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
)

// String is FEEL's string(v): the text itself of a string, else the value as
// source, temporal values without quotes. Null is "null".
func (v Value) String() string {
	if v.kind == KindString {
		return v.str()
	}
	return string(v.appendText(nil, false))
}

// Literal is the value as FEEL source. Functions have none and are written as
// their signature.
func (v Value) Literal() string { return string(v.appendText(nil, true)) }

// appendText writes the value; source asks for text that reads back as the
// value. Nested strings are quoted in both forms.
func (v Value) appendText(b []byte, source bool) []byte {
	switch v.kind {
	case KindNull:
		return append(b, "null"...)
	case KindBoolean:
		return strconv.AppendBool(b, v.n == 1)
	case KindNumber:
		return v.appendNumber(b)
	case KindString:
		return appendQuoted(b, v.str())
	case KindDate, KindTime, KindDateTime, KindDaysTime, KindYearsMonths:
		if source {
			b = append(b, '@', '"')
		}
		b = v.appendTemporal(b)
		if source {
			b = append(b, '"')
		}
		return b
	case KindList:
		b = append(b, '[')
		for i, it := range v.items() {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = it.appendText(b, source)
		}
		return append(b, ']')
	case KindContext:
		return v.ctx().appendText(b, source)
	case KindRange:
		return v.rng().appendText(b, source)
	default:
		return v.fn().appendText(b)
	}
}

func (c *Context) appendText(b []byte, source bool) []byte {
	b = append(b, '{')
	for i := range c.vals {
		if i > 0 {
			b = append(b, ", "...)
		}
		if k := c.shape.keys[i]; isPlainName(k) {
			b = append(b, k...)
		} else {
			b = appendQuoted(b, k)
		}
		b = append(b, ": "...)
		b = c.vals[i].appendText(b, source)
	}
	return append(b, '}')
}

func (r *Range) appendText(b []byte, source bool) []byte {
	if r.Op != "" {
		end := r.High
		if r.Op == ">" || r.Op == ">=" {
			end = r.Low
		}
		b = append(b, '(')
		b = append(b, r.Op...)
		b = append(b, ' ')
		b = end.appendText(b, source)
		return append(b, ')')
	}
	open, closing := byte('('), byte(')')
	if r.LowClosed {
		open = '['
	}
	if r.HighClosed {
		closing = ']'
	}
	b = r.Low.appendText(append(b, open), source)
	b = append(b, ".."...)
	b = r.High.appendText(b, source)
	return append(b, closing)
}

func (f *Function) appendText(b []byte) []byte {
	if f.Name != "" {
		b = append(b, f.Name...)
	} else {
		b = append(b, "function"...)
	}
	b = append(b, '(')
	for i, p := range f.Params {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, p.Name...)
	}
	return append(b, ')')
}

func (v Value) appendNumber(b []byte) []byte {
	if v.p == nil && v.x == 0 {
		return strconv.AppendInt(b, v.n, 10)
	}
	if v.p == nil {
		return append(b, apd.New(v.n, -v.x).Text('f')...)
	}
	// Far exponents would fill pages with zeros.
	d := v.apd()
	if e := int64(d.Exponent) + d.NumDigits(); e > 60 || e < -60 {
		return append(b, d.Text('E')...)
	}
	return append(b, d.Text('f')...)
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch r {
		case '"', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

func (v Value) appendTemporal(b []byte) []byte {
	switch v.kind {
	case KindDate:
		return appendDate(b, v)
	case KindTime:
		return appendZone(appendClock(b, v.n), v.zone())
	case KindDateTime:
		b = append(appendDate(b, v), 'T')
		return appendZone(appendClock(b, v.secondOfDay()*nanosPerSec+int64(v.x)), v.zone())
	case KindYearsMonths:
		return appendYearsMonths(b, v.n)
	default:
		return appendDaysTime(b, v.n, int64(v.x))
	}
}

func appendDate(b []byte, v Value) []byte {
	y, m, d := v.ymd()
	if y < 0 {
		b = append(b, '-')
		y = -y
	}
	b = appendPadded(b, y, 4)
	b = append(b, '-')
	b = appendPadded(b, m, 2)
	b = append(b, '-')
	return appendPadded(b, d, 2)
}

func appendPadded(b []byte, n int64, width int) []byte {
	s := strconv.FormatInt(n, 10)
	for i := len(s); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, s...)
}

func appendClock(b []byte, nanos int64) []byte {
	s := nanos / nanosPerSec
	b = appendPadded(b, s/3600, 2)
	b = append(b, ':')
	b = appendPadded(b, s/60%60, 2)
	b = append(b, ':')
	b = appendPadded(b, s%60, 2)
	return appendFraction(b, nanos%nanosPerSec)
}

func appendFraction(b []byte, nanos int64) []byte {
	if nanos == 0 {
		return b
	}
	f := appendPadded(nil, nanos, 9)
	return append(append(b, '.'), strings.TrimRight(string(f), "0")...)
}

func appendZone(b []byte, z *Zone) []byte {
	switch {
	case z == nil:
		return b
	case z.name != "":
		return append(append(b, '@'), z.name...)
	case z.offset == 0:
		return append(b, 'Z')
	}
	o := int64(z.offset)
	sign := byte('+')
	if o < 0 {
		sign, o = '-', -o
	}
	b = appendPadded(append(b, sign), o/3600, 2)
	b = appendPadded(append(b, ':'), o/60%60, 2)
	if o%60 != 0 {
		b = appendPadded(append(b, ':'), o%60, 2)
	}
	return b
}

func appendYearsMonths(b []byte, n int64) []byte {
	if n < 0 {
		b = append(b, '-')
	}
	b = append(b, 'P')
	y, m := magnitude(n/12), magnitude(n%12)
	if y != 0 {
		b = append(strconv.AppendUint(b, y, 10), 'Y')
	}
	if m != 0 || y == 0 {
		b = append(strconv.AppendUint(b, m, 10), 'M')
	}
	return b
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func appendDaysTime(b []byte, sec, nanos int64) []byte {
	if sec == 0 && nanos == 0 {
		return append(b, "PT0S"...)
	}
	s := uint64(sec)
	if sec < 0 {
		b = append(b, '-')
		if s = magnitude(sec); nanos > 0 {
			s--
			nanos = nanosPerSec - nanos
		}
	}
	b = append(b, 'P')
	if d := s / daySeconds; d > 0 {
		b = append(strconv.AppendUint(b, d, 10), 'D')
	}
	s %= daySeconds
	if s == 0 && nanos == 0 {
		return b
	}
	b = append(b, 'T')
	if h := s / 3600; h > 0 {
		b = append(strconv.AppendUint(b, h, 10), 'H')
	}
	if m := s / 60 % 60; m > 0 {
		b = append(strconv.AppendUint(b, m, 10), 'M')
	}
	if s%60 > 0 || nanos > 0 {
		b = appendFraction(strconv.AppendUint(b, s%60, 10), nanos)
		b = append(b, 'S')
	}
	return b
}
