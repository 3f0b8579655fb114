package jsondoc

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxPlain is how many digits a canonical number shows before it is written
// with an exponent.
const maxPlain = 21

// AppendCanonical appends the one form in which equal values are equal bytes:
// no white space, keys sorted by their bytes, only the escapes JSON demands,
// and numbers by their exact decimal value (1.50 and 15e-1 are 1.5, -0 is 0,
// more than 21 digits are written 1.5e+30); no digit is lost. Of double keys
// the last counts; what is no text becomes U+FFFD. A value that is not there
// is null.
func AppendCanonical(dst []byte, v Value) []byte {
	switch v.Kind() {
	case True:
		return append(dst, "true"...)
	case False:
		return append(dst, "false"...)
	case Number:
		return appendNumber(dst, v.Raw())
	case String:
		return AppendString(dst, v.Text())
	case Array:
		dst = append(dst, '[')
		v.Items(func(i int, e Value) bool {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendCanonical(dst, e)
			return true
		})
		return append(dst, ']')
	case Object:
		return appendObject(dst, v)
	default:
		return append(dst, "null"...)
	}
}

func appendObject(dst []byte, v Value) []byte {
	type member struct {
		key string
		at  int32
	}
	members := make([]member, 0, v.Len())
	for key, m := range v.Members() {
		members = append(members, member{strings.ToValidUTF8(key, "\uFFFD"), m.at})
	}
	slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	dst = append(dst, '{')
	first := true
	for i, m := range members {
		if i+1 < len(members) && members[i+1].key == m.key {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendString(dst, m.key), ':')
		dst = AppendCanonical(dst, Value{doc: v.doc, at: m.at})
	}
	return append(dst, '}')
}

func appendNumber(dst, raw []byte) []byte {
	d := readDecimal(raw)
	n := len(d.digits)
	switch {
	case n == 0:
		return append(dst, '0')
	case d.exp >= 0 && n+d.exp <= maxPlain:
		return d.appendPlain(dst)
	}
	if d.negative {
		dst = append(dst, '-')
	}
	point := n + d.exp // digits before the point
	switch {
	case d.exp < 0 && point > 0 && n <= maxPlain:
		dst = append(append(dst, d.digits[:point]...), '.')
		return append(dst, d.digits[point:]...)
	case point <= 0 && point > -6 && n <= maxPlain:
		dst = append(dst, "0."...)
		for range -point {
			dst = append(dst, '0')
		}
		return append(dst, d.digits...)
	}
	dst = append(dst, d.digits[0])
	if n > 1 {
		dst = append(append(dst, '.'), d.digits[1:]...)
	}
	dst = append(dst, 'e')
	if point > 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, int64(point-1), 10)
}

const hexDigits = "0123456789abcdef"

// AppendString appends a JSON string with only the escapes JSON demands.
// Bytes that are no UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, c)
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
