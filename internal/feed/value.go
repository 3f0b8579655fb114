package feed

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

// transform changes the text of a cell. ok is false where it becomes no value.
type transform func(text []byte) (out []byte, ok bool)

// transformOf reads one transform.
func transformOf(text string) (transform, error) {
	verb, of, _ := strings.Cut(text, ":")
	switch verb {
	case "trim":
		return func(b []byte) ([]byte, bool) { return bytes.TrimSpace(b), true }, nil
	case "lower":
		return func(b []byte) ([]byte, bool) { return bytes.ToLower(b), true }, nil
	case "upper":
		return func(b []byte) ([]byte, bool) { return bytes.ToUpper(b), true }, nil
	case "digits":
		return func(b []byte) ([]byte, bool) {
			return bytes.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r
				}
				return -1
			}, b), true
		}, nil
	case "decimal_comma":
		return func(b []byte) ([]byte, bool) {
			return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("."), nil), []byte(","), []byte(".")), true
		}, nil
	case "null":
		return func(b []byte) ([]byte, bool) { return b, string(b) != of }, nil
	case "prefix":
		return func(b []byte) ([]byte, bool) { return append([]byte(of), b...), true }, nil
	case "suffix":
		return func(b []byte) ([]byte, bool) { return append(bytes.Clone(b), of...), true }, nil
	case "default":
		return func(b []byte) ([]byte, bool) {
			if len(b) == 0 {
				return []byte(of), true
			}
			return b, true
		}, nil
	case "replace":
		old, new, ok := strings.Cut(of, "=>")
		if !ok || old == "" {
			return nil, fmt.Errorf("%.60q: write replace:old=>new", text)
		}
		return func(b []byte) ([]byte, bool) { return bytes.ReplaceAll(b, []byte(old), []byte(new)), true }, nil
	case "split":
		if of == "" {
			return nil, fmt.Errorf("%.60q: write split: and what parts the texts", text)
		}
		return func(b []byte) ([]byte, bool) { return b, true }, nil
	}
	return nil, fmt.Errorf("%.60q is none", text)
}

// blank tells that a cell says nothing.
var errBlank = fmt.Errorf("it is empty")

// errNoName tells of an object or a list where a name is to be.
var errNoName = fmt.Errorf("it is an object or a list, and names nothing")

// scribe makes a value of a cell.
type scribe struct {
	as         Type
	format     string
	separator  string
	transforms []transform
	name       bool // of somebody or something: no object and no list is one
}

func newScribe(c *Column) scribe {
	s := scribe{as: c.Type, format: c.Format, separator: "|"}
	for _, text := range c.Transform {
		t, err := transformOf(text)
		if err != nil {
			continue // Check has refused it
		}
		s.transforms = append(s.transforms, t)
		if of, ok := strings.CutPrefix(text, "split:"); ok {
			s.separator = of
		}
	}
	return s
}

// append adds the JSON of a cell; errBlank where it has no value.
func (s *scribe) append(out []byte, cell tablefile.Cell) ([]byte, error) {
	text := cell.Text
	if cell.Kind == tablefile.Missing || cell.Kind == tablefile.JSON && string(text) == "null" {
		text = nil
	}
	for _, t := range s.transforms {
		var ok bool
		if text, ok = t(text); !ok {
			return out, errBlank
		}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return out, errBlank
	}
	if s.name && cell.Kind == tablefile.JSON && (text[0] == '{' || text[0] == '[') {
		return out, errNoName
	}
	if cell.Kind == tablefile.JSON && (s.as == "" || s.as == AsAny || s.as == AsJSON || s.as == AsList && text[0] == '[') {
		return append(out, text...), nil
	}
	return s.typed(out, text)
}

func (s *scribe) typed(out, text []byte) ([]byte, error) {
	switch s.as {
	case AsNumber, AsInteger:
		return number(out, bytes.TrimSpace(text), s.as == AsInteger)
	case AsBoolean:
		switch strings.ToLower(string(bytes.TrimSpace(text))) {
		case "true", "yes", "y", "1", "t", "on":
			return append(out, "true"...), nil
		case "false", "no", "n", "0", "f", "off":
			return append(out, "false"...), nil
		}
		return out, fmt.Errorf("it is neither true nor false")
	case AsTime, AsDate:
		at, err := moment(string(bytes.TrimSpace(text)), s.format)
		if err != nil {
			return out, err
		}
		out = append(out, '"')
		if s.as == AsDate {
			out = at.AppendFormat(out, time.DateOnly)
		} else {
			out = at.AppendFormat(out, time.RFC3339Nano)
		}
		return append(out, '"'), nil
	case AsList:
		out = append(out, '[')
		for i, part := range strings.Split(string(text), s.separator) {
			if i > 0 {
				out = append(out, ',')
			}
			out = jsondoc.AppendString(out, strings.TrimSpace(part))
		}
		return append(out, ']'), nil
	case AsJSON:
		doc, err := jsondoc.Parse(text, jsondoc.Limits{})
		if err != nil {
			return out, fmt.Errorf("it is no JSON: %w", err)
		}
		if flaw, bad := doc.Root().Flaw(); bad {
			return out, fmt.Errorf("it is no JSON: %s", flaw.Msg)
		}
		return append(out, bytes.TrimSpace(text)...), nil
	}
	return jsondoc.AppendString(out, string(text)), nil
}

// number takes a decimal number as it is written, without needless zeros before
// it.
func number(out, text []byte, whole bool) ([]byte, error) {
	digits := bytes.TrimPrefix(text, []byte("+"))
	negative := bytes.HasPrefix(digits, []byte("-"))
	digits = bytes.TrimPrefix(digits, []byte("-"))
	for len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		digits = digits[1:]
	}
	from := len(out)
	if negative {
		out = append(out, '-')
	}
	if len(digits) > 0 && digits[0] == '.' {
		out = append(out, '0')
	}
	out = append(out, digits...)
	doc, err := jsondoc.Parse(out[from:], jsondoc.Limits{})
	if err != nil || doc.Root().Kind() != jsondoc.Number {
		return out[:from], fmt.Errorf("it is no number")
	}
	if _, ok := doc.Root().Int(); whole && !ok {
		return out[:from], fmt.Errorf("it is no whole number")
	}
	return out, nil
}

// layouts are the ways to write a moment that need no format.
var layouts = []string{
	time.RFC3339Nano, time.DateOnly, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", "2006-01-02T15:04:05-0700", "20060102", "2006/01/02", "2006/01/02 15:04:05",
}

func moment(text, format string) (time.Time, error) {
	var at time.Time
	var err error
	switch format {
	case "":
		for _, layout := range layouts {
			if at, err = time.Parse(layout, text); err == nil {
				break
			}
		}
	case "unix", "unix_ms":
		var n int64
		if n, err = strconv.ParseInt(text, 10, 64); err == nil {
			at = time.Unix(n, 0)
			if format == "unix_ms" {
				at = time.UnixMilli(n)
			}
		}
	default:
		at, err = time.Parse(format, text)
	}
	if err != nil {
		if format == "" {
			format = "2006-01-02T15:04:05Z"
		}
		return at, fmt.Errorf("it is no time as %s", format)
	}
	if at.Year() < 1 || at.Year() > 9999 {
		return at, fmt.Errorf("its year is out of range")
	}
	return at.UTC(), nil
}
