package jsondoc

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Str is what a string says, as a copy that may be kept. Bytes that are no
// UTF-8, which are a flaw, become U+FFFD.
func (v Value) Str() (string, bool) {
	b, ok := v.StrBytes()
	if !ok {
		return "", false
	}
	if len(v.doc.flaws) > 0 && !utf8.Valid(b) {
		return strings.ToValidUTF8(string(b), "\uFFFD"), true
	}
	return string(b), true
}

// Text is what a string says and "" for any other value.
func (v Value) Text() string {
	s, _ := v.Str()
	return s
}

// StrBytes is what a string says. It points into the document where there is
// nothing to unescape, and must not be changed.
func (v Value) StrBytes() ([]byte, bool) {
	if v.Kind() != String {
		return nil, false
	}
	return v.doc.text(v.word()), true
}

// Bool is the value of true and false.
func (v Value) Bool() (value, ok bool) {
	k := v.Kind()
	return k == True, k == True || k == False
}

// Number is the text of a number as received, "" for any other value.
func (v Value) Number() string {
	if v.Kind() != Number {
		return ""
	}
	return string(v.Raw())
}

// Float is a number as the nearest 64-bit float; one outside its range is no
// number here.
func (v Value) Float() (float64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.Raw()), 64)
	return f, err == nil
}

// Int is a number that is a whole one within 64 bits, however it is written:
// 5, 5.0 and 5e0 are the same.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Number {
		return 0, false
	}
	raw := v.Raw()
	if len(raw) <= 18 {
		n, ok := plain(raw)
		if ok {
			return n, true
		}
	}
	d := readDecimal(raw)
	if len(d.digits) == 0 {
		return 0, true
	}
	if d.exp < 0 || len(d.digits)+d.exp > 19 {
		return 0, false
	}
	var buf [20]byte
	b := d.appendPlain(buf[:0])
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// plain reads up to 18 bytes that are only digits and a sign.
func plain(raw []byte) (int64, bool) {
	b, sign := raw, int64(1)
	if b[0] == '-' {
		b, sign = b[1:], -1
	}
	var n int64
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n * sign, true
}

// decimal is a number as digits without zeros at either end, times a power of
// ten. Zero has no digits.
type decimal struct {
	negative bool
	digits   []byte
	exp      int
}

// readDecimal takes a valid JSON number apart. An exponent that fits nowhere
// is held at a bound that stays out of every range.
func readDecimal(raw []byte) decimal {
	var d decimal
	if raw[0] == '-' {
		d.negative, raw = true, raw[1:]
	}
	d.digits = make([]byte, 0, len(raw))
	point := false
	for i, c := range raw {
		switch {
		case c == '.':
			point = true
		case c|0x20 == 'e':
			d.exp += exponent(raw[i+1:])
			return d.trimmed()
		default:
			d.digits = append(d.digits, c)
			if point {
				d.exp--
			}
		}
	}
	return d.trimmed()
}

func exponent(b []byte) int {
	e, err := strconv.Atoi(strings.TrimPrefix(string(b), "+"))
	if err != nil || e > math.MaxInt32 || e < -math.MaxInt32 {
		if b[0] == '-' {
			return -math.MaxInt32
		}
		return math.MaxInt32
	}
	return e
}

func (d decimal) trimmed() decimal {
	for len(d.digits) > 0 && d.digits[0] == '0' {
		d.digits = d.digits[1:]
	}
	for n := len(d.digits); n > 0 && d.digits[n-1] == '0'; n-- {
		d.digits = d.digits[:n-1]
		d.exp++
	}
	return d
}

// appendPlain writes a whole number; exp must not be negative.
func (d decimal) appendPlain(dst []byte) []byte {
	if d.negative {
		dst = append(dst, '-')
	}
	dst = append(dst, d.digits...)
	for range d.exp {
		dst = append(dst, '0')
	}
	return dst
}
