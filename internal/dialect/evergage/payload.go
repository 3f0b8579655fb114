package evergage

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"unicode/utf8"

	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// readBody reads a body of at most MaxBody, packed or not. The bytes belong to the caller.
func readBody(r *http.Request) ([]byte, error) {
	return dialect.ReadBody(r, MaxBody, tooLong)
}

// parseBody reads a body that is a JSON object.
func parseBody(r *http.Request) (jsondoc.Value, error) {
	body, err := readBody(r)
	if err != nil {
		return jsondoc.Value{}, err
	}
	return parse(body)
}

func tooLong(most int) error {
	return fault.Errorf(fault.TooLarge, "body_too_large", "the body is longer than %d bytes; send less at once", most)
}

var eventField = []byte("event=")

// payload finds the JSON in a body: the body itself, or the field event of a
// form, as it is or in base64. The body is void afterwards.
func payload(body []byte) ([]byte, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, fault.Errorf(fault.Invalid, "empty_body", "the body is empty; send the event as JSON or as the field event of a form")
	}
	if body[0] == '{' || body[0] == '[' {
		return body, nil
	}
	for field := range bytes.SplitSeq(body, []byte{'&'}) {
		if value, ok := bytes.CutPrefix(field, eventField); ok {
			text, err := unescape(value)
			if err != nil {
				return nil, err
			}
			return decode(text)
		}
	}
	return nil, fault.Errorf(fault.Invalid, "missing_event", "the body is neither JSON nor a form with the field event")
}

// unescape takes the percent-encoding of a form away, in place.
func unescape(b []byte) ([]byte, error) {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			high, low := -1, -1
			if i+2 < len(b) {
				high, low = digit(b[i+1]), digit(b[i+2])
			}
			if high < 0 || low < 0 {
				return nil, fault.Errorf(fault.Invalid, "invalid_form", "the field event is not percent-encoded as a form is: %q is no byte", b[i:min(i+3, len(b))])
			}
			c = byte(high<<4 | low)
			i += 2
		}
		b[n] = c
		n++
	}
	return b[:n], nil
}

// digit is what a hexadecimal digit counts; -1 for what is none.
func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// decode takes JSON as it is or in either base64, padded or not. Browsers make
// base64 of the Latin-1 form of a text; such bytes are no UTF-8 and become it.
func decode(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return text, nil
	}
	packed := bytes.TrimRight(text, "=")
	for i, c := range packed {
		if c == ' ' { // a plus sign that nobody escaped arrives as a space
			packed[i] = '+'
		}
	}
	as := base64.RawStdEncoding
	if bytes.ContainsAny(packed, "-_") {
		as = base64.RawURLEncoding
	}
	out := make([]byte, as.DecodedLen(len(packed)))
	n, err := as.Decode(out, packed)
	if err != nil || n == 0 {
		return nil, fault.Errorf(fault.Invalid, "invalid_base64", "the event is neither JSON nor base64 of JSON")
	}
	if out = out[:n]; !utf8.Valid(out) {
		out = latin1(out)
	}
	return out, nil
}

func latin1(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}
