package consent

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"rapport/internal/event"
)

// ShortestMention is the shortest value, in bytes, that is looked for in texts.
// A shorter one, such as the user id 7, stands in too many places that are not
// about the person: it is found only where it identifies somebody.
const ShortestMention = 6

// Mentions finds the values of identifiers in whatever bytes: in JSON, in the
// compact forms of records, in bodies that never parsed. Letters count whatever
// their case, and a value that is a part of a longer word does not.
type Mentions struct {
	values [][]byte // in lower case
	phones [][]byte // digits
}

// NewMentions takes the identifiers to look for, and other values, such as
// profile ids, that stand for them.
func NewMentions(list []event.Identifier, others ...string) *Mentions {
	m := &Mentions{}
	for _, i := range list {
		m.add(i.Value)
		if i.Namespace == event.Phone {
			if d := digits([]byte(i.Value)); len(d) >= ShortestMention {
				m.phones = append(m.phones, d)
			}
		}
	}
	for _, v := range others {
		m.add(v)
	}
	return m
}

func (m *Mentions) add(value string) {
	if len(value) >= ShortestMention {
		m.values = append(m.values, lower([]byte(value)))
	}
}

// Values are what is looked for, as it may stand in files.
func (m *Mentions) Values() [][]byte { return m.values }

// Phones are the digits of phone numbers among them: who looks for these must also
// find them with other signs between, and without the code of the country.
func (m *Mentions) Phones() [][]byte { return m.phones }

// In tells whether any of the values is in b.
func (m *Mentions) In(b []byte) bool {
	var room [4096]byte // most of what is searched is smaller: nothing is allocated for it
	if m.in(appendLower(room[:0], b)) {
		return true
	}
	if bytes.IndexByte(b, '\\') >= 0 && m.in(lower(unescape(b))) {
		return true
	}
	return len(m.phones) > 0 && m.phone(b)
}

func (m *Mentions) in(lowered []byte) bool {
	for _, v := range m.values {
		if from, _ := find(lowered, v); from >= 0 {
			return true
		}
	}
	return false
}

// find gives the first place of a value that is not a part of a longer word.
func find(b, value []byte) (from, to int) {
	for at := 0; ; {
		i := bytes.Index(b[at:], value)
		if i < 0 {
			return -1, -1
		}
		from, to = at+i, at+i+len(value)
		if (from == 0 || !word(b[from-1]) || !word(value[0])) && (to == len(b) || !word(b[to]) || !word(value[len(value)-1])) {
			return from, to
		}
		at = from + 1
	}
}

func word(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

// phone looks for a number however it is written: with spaces, hyphens and
// brackets between its digits.
func (m *Mentions) phone(b []byte) bool {
	run := make([]byte, 0, 64)
	for i := 0; i <= len(b); i++ {
		if i < len(b) {
			switch c := b[i]; {
			case c >= '0' && c <= '9':
				run = append(run, c)
				continue
			case c == ' ' || c == '-' || c == '(' || c == ')' || c == '/' || c == '.' || c == '+':
				continue
			}
		}
		if m.isPhone(run) {
			return true
		}
		run = run[:0]
	}
	return false
}

func (m *Mentions) isPhone(run []byte) bool {
	for _, p := range m.phones {
		if bytes.Contains(run, p) {
			return true
		}
		// Without the code of the country, with the zero that stands for it.
		if national := bytes.TrimLeft(run, "0"); len(national) >= 8 && bytes.HasSuffix(p, national) {
			return true
		}
	}
	return false
}

// Redact takes the values out of the texts of a JSON document; it tells whether
// anything was there. What is not JSON comes back as it is.
func (m *Mentions) Redact(doc []byte) ([]byte, bool) {
	out := make([]byte, 0, len(doc))
	changed := false
	for i := 0; i < len(doc); {
		if doc[i] != '"' {
			out = append(out, doc[i])
			i++
			continue
		}
		end := stringEnd(doc, i)
		token := doc[i:end]
		var text string
		if m.In(token) && json.Unmarshal(token, &text) == nil {
			clean, err := json.Marshal(m.clean(text))
			if err == nil {
				out, i, changed = append(out, clean...), end, true
				continue
			}
		}
		out, i = append(out, token...), end
	}
	return out, changed
}

// clean is a text without the values; where only the digits of a phone number
// were found, nothing of the text stays.
func (m *Mentions) clean(text string) string {
	b := []byte(text)
	for _, v := range m.values {
		for {
			from, to := find(lower(b), v)
			if from < 0 {
				break
			}
			b = append(b[:from:from], b[to:]...)
		}
	}
	if m.In(b) {
		return ""
	}
	return strings.ToValidUTF8(string(b), "")
}

// stringEnd is behind the string that begins at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// lower is b with ASCII letters in lower case: as long as b, place for place.
func lower(b []byte) []byte { return appendLower(make([]byte, 0, len(b)), b) }

func appendLower(out, b []byte) []byte {
	from := len(out)
	out = append(out, b...)
	for i, c := range out[from:] {
		if c >= 'A' && c <= 'Z' {
			out[from+i] = c + 'a' - 'A'
		}
	}
	return out
}

func digits(b []byte) []byte {
	var out []byte
	for _, c := range b {
		if c >= '0' && c <= '9' {
			out = append(out, c)
		}
	}
	return out
}

// unescape undoes the escapes of JSON strings, wherever they stand.
func unescape(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		if b[i] != 'u' {
			out = append(out, b[i])
			continue
		}
		n, read := rune(0), 0
		for read < 4 && i+1 < len(b) {
			d := hexDigit(b[i+1])
			if d < 0 {
				break
			}
			n, read, i = n<<4|d, read+1, i+1
		}
		out = utf8.AppendRune(out, n)
	}
	return out
}

func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}
