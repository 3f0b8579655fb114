package evergage

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"unicode/utf8"

	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// readBody reads a body of at most MaxBody. The bytes belong to the caller.
func readBody(r *http.Request) ([]byte, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		dialect.Drain(r)
		return nil, fault.Errorf(fault.Invalid, "unsupported_encoding", "Content-Encoding %.40q is not understood; send the body as it is", e)
	}
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
// form, as it is or in base64.
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
			text, err := url.QueryUnescape(string(value))
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "invalid_form", "the field event is not percent-encoded as a form is: %v", err)
			}
			return decode([]byte(text))
		}
	}
	return nil, fault.Errorf(fault.Invalid, "missing_event", "the body is neither JSON nor a form with the field event")
}

// decode takes JSON as it is or in either base64, padded or not. Browsers make
// base64 of the Latin-1 form of a text; such bytes are no UTF-8 and become it.
func decode(text []byte) ([]byte, error) {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return text, nil
	}
	// A plus sign that nobody escaped arrives as a space.
	packed := bytes.TrimRight(bytes.ReplaceAll(text, []byte{' '}, []byte{'+'}), "=")
	for _, e := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		out := make([]byte, e.DecodedLen(len(packed)))
		n, err := e.Decode(out, packed)
		if err != nil || n == 0 {
			continue
		}
		if out = out[:n]; utf8.Valid(out) {
			return out, nil
		}
		return latin1(out), nil
	}
	return nil, fault.Errorf(fault.Invalid, "invalid_base64", "the event is neither JSON nor base64 of JSON")
}

func latin1(b []byte) []byte {
	out := make([]byte, 0, len(b)+len(b)/8)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}
