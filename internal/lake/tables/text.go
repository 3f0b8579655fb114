package tables

import (
	"bytes"
	"encoding/json"
	"strings"

	"rapport/internal/clock"
)

// What PostgreSQL has no place for is taken out here: one row that it refuses would
// hold up all others.

// clean is a text without zero bytes and what is no UTF-8.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// orNull is a text, null where it is empty.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return clean(s)
}

// mostIndexed is how long a text in an index may be, in bytes.
const mostIndexed = 512

// brief is a text that an index takes, null where it is empty.
func brief(s string) any {
	if len(s) > mostIndexed {
		s = s[:mostIndexed]
	}
	return orNull(s)
}

// when is an instant, null where it is zero.
func when(i clock.Instant) any {
	if i == 0 {
		return nil
	}
	return i.Time()
}

// whenKnown is an instant that may not be known.
func whenKnown(i *clock.Instant) any {
	if i == nil {
		return nil
	}
	return when(*i)
}

// The longest number and the longest exponent that are surely taken, in digits.
const (
	mostDigits   = 1000
	mostExponent = 3
)

// odd tells whether a document, or a number, has what jsonb may not take: escapes, or
// numbers that are too large.
func odd(s string) bool {
	digits, exponent := 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits++; digits > mostDigits || exponent && digits > mostExponent {
				return true
			}
		case c == '.':
		case c == 'e' || c == 'E':
			exponent, digits = digits > 0, 0
		case exponent && digits == 0 && (c == '-' || c == '+'):
		case c == '\\' && i+1 < len(s) && s[i+1] == 'u':
			return true
		default:
			digits, exponent = 0, false
		}
	}
	return false
}

// cleanJSON is a document that jsonb takes: escapes of zero bytes and of halves of
// characters go, numbers without end become texts.
func cleanJSON(doc string) string {
	if !odd(doc) {
		return clean(doc)
	}
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return "null"
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(cleanValue(v)) != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func cleanValue(v any) any {
	switch x := v.(type) {
	case string:
		return clean(x)
	case json.Number:
		if odd(string(x)) {
			return string(x)
		}
	case []any:
		for i := range x {
			x[i] = cleanValue(x[i])
		}
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, m := range x {
			out[clean(k)] = cleanValue(m)
		}
		return out
	}
	return v
}

// encoded is a value as a document that jsonb takes.
func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return cleanJSON(string(b))
}
