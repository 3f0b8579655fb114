package message

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// escaper follows the template's own text and says how a value is written at
// the place that was reached.
type escaper interface {
	literal(s string)
	value(v any) (string, error)
}

func newEscaper(f Format) escaper {
	switch f {
	case HTML:
		return &page{}
	case JSON:
		return &document{}
	case URL:
		return address{}
	case Slack:
		return slack{}
	case SlackJSON:
		return &document{slack: true}
	case Line:
		return line{}
	}
	return plainText{}
}

type plainText struct{}

func (plainText) literal(string)              {}
func (plainText) value(v any) (string, error) { return textOf(v), nil }

// line keeps a value from beginning a new line: in a header, a second one.
type line struct{}

func (line) literal(string) {}

func (line) value(v any) (string, error) {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x85 || c == 0x2028 || c == 0x2029 {
			return ' '
		}
		return c
	}, textOf(v)), nil
}

// address keeps a value within the part of an address in which it stands.
type address struct{}

func (address) literal(string) {}

func (address) value(v any) (string, error) {
	if s, ok := v.(safe); ok {
		return string(s), nil
	}
	text := textOf(v)
	// A path that is a dot or two would lead elsewhere.
	if text == "." || text == ".." {
		return "", fmt.Errorf("a part of an address cannot be %q", text)
	}
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), nil
}

// slack is the markup of Slack's messages.
type slack struct{}

func (slack) literal(string) {}

var slackMarks = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (slack) value(v any) (string, error) {
	if s, ok := v.(safe); ok {
		return string(s), nil
	}
	return slackMarks.Replace(textOf(v)), nil
}

// document is JSON. In quotes a value is what a string holds, outside it is a
// value of its own, so that {"age": {{ age }}} stays JSON whatever comes.
type document struct {
	quoted  bool
	escaped bool
	slack   bool // texts are Slack's markup
}

func (d *document) literal(s string) {
	for i := range len(s) {
		switch {
		case d.escaped:
			d.escaped = false
		case s[i] == '"':
			d.quoted = !d.quoted
		case d.quoted && s[i] == '\\':
			d.escaped = true
		}
	}
}

func (d *document) value(v any) (string, error) {
	if s, ok := v.(safe); ok {
		d.literal(string(s))
		return string(s), nil
	}
	if s, ok := v.(written); ok && !d.quoted && !d.slack {
		return string(s), nil
	}
	if d.quoted {
		v = textOf(v)
	}
	if s, ok := v.(string); ok && d.slack {
		v = slackMarks.Replace(s)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plain(v)); err != nil {
		return "", fmt.Errorf("a value cannot be JSON: %w", err)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	if d.quoted {
		text = text[1 : len(text)-1]
	}
	return text, nil
}
