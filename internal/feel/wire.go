package feel

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// wireMark is the key that tells a value JSON has no form for from a context.
const wireMark = "@"

// AppendWire writes a value as JSON that ReadWire reads back as the same value,
// of the same kind and the same representation: text, numbers with all their
// digits, lists and contexts as JSON has them, what JSON has not as an object
// with the key "@". Functions have no such form and become null.
func AppendWire(b []byte, v Value) []byte {
	switch v.kind {
	case KindNull:
		return append(b, "null"...)
	case KindBoolean:
		return strconv.AppendBool(b, v.n == 1)
	case KindNumber:
		return v.appendNumber(b)
	case KindString:
		return appendJSONText(b, v.str())
	case KindDate, KindTime, KindDateTime, KindDaysTime, KindYearsMonths:
		b = append(b, `{"@":"temporal","v":`...)
		return append(appendJSONText(b, string(v.appendTemporal(nil))), '}')
	case KindList:
		b = append(b, '[')
		for i, it := range v.items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendWire(b, it)
		}
		return append(b, ']')
	case KindContext:
		return v.ctx().appendWire(b)
	case KindRange:
		r := v.rng()
		b = append(b, `{"@":"range","v":[`...)
		b = appendJSONText(b, r.Op)
		b = strconv.AppendBool(append(b, ','), r.LowClosed)
		b = strconv.AppendBool(append(b, ','), r.HighClosed)
		b = AppendWire(append(b, ','), r.Low)
		b = AppendWire(append(b, ','), r.High)
		return append(b, "]}"...)
	default:
		return append(b, "null"...)
	}
}

// appendWire writes a context. One that could be taken for a marked value is
// itself marked, with a list of its members.
func (c *Context) appendWire(b []byte) []byte {
	if _, marked := c.Get(wireMark); marked {
		b = append(b, `{"@":"context","v":[`...)
		for i := range c.vals {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendJSONText(append(b, '['), c.shape.keys[i]), ',')
			b = append(AppendWire(b, c.vals[i]), ']')
		}
		return append(b, "]}"...)
	}
	b = append(b, '{')
	for i := range c.vals {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONText(b, c.shape.keys[i]), ':')
		b = AppendWire(b, c.vals[i])
	}
	return append(b, '}')
}

// appendJSONText quotes text for JSON. Text that is not UTF-8 cannot come back;
// its bad bytes become U+FFFD, as JSON has it.
func appendJSONText(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < 0x20:
			b = append(b, fmt.Sprintf(`\u%04x`, c)...)
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	return append(b, '"')
}

// ReadWire reads what AppendWire wrote. Objects keep the order of their members.
func ReadWire(text []byte) (Value, error) {
	r := wireReader{text: text}
	v, err := r.value(maxValueDepth)
	if err == nil {
		r.space()
		if r.at < len(r.text) {
			err = r.fail("something follows the value")
		}
	}
	return v, err
}

type wireReader struct {
	text []byte
	at   int
}

func (r *wireReader) fail(why string) error { return fmt.Errorf("value at byte %d: %s", r.at, why) }

func (r *wireReader) space() {
	for r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '\n' || r.text[r.at] == '\t' || r.text[r.at] == '\r') {
		r.at++
	}
}

// next skips spaces and gives the byte that comes then, 0 at the end.
func (r *wireReader) next() byte {
	r.space()
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *wireReader) value(depth int) (Value, error) {
	if depth == 0 {
		return Null, r.fail("nested too deeply")
	}
	switch c := r.next(); c {
	case '"':
		s, err := r.str()
		return String(s), err
	case '[':
		return r.list(depth)
	case '{':
		return r.object(depth)
	case 'n', 't', 'f':
		for word, v := range map[string]Value{"null": Null, "true": True, "false": False} {
			if len(r.text)-r.at >= len(word) && string(r.text[r.at:r.at+len(word)]) == word {
				r.at += len(word)
				return v, nil
			}
		}
		return Null, r.fail("no such word")
	default:
		from := r.at
		for r.at < len(r.text) && (r.text[r.at] >= '0' && r.text[r.at] <= '9' || r.text[r.at] == '-' || r.text[r.at] == '.' ||
			r.text[r.at] == '+' || r.text[r.at]|0x20 == 'e') {
			r.at++
		}
		v, ok := ParseNumber(string(r.text[from:r.at]))
		if !ok {
			return Null, r.fail("no value")
		}
		return v, nil
	}
}

func (r *wireReader) str() (string, error) {
	from := r.at
	for r.at++; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '\\':
			r.at++
		case '"':
			r.at++
			var s string
			if err := json.Unmarshal(r.text[from:r.at], &s); err != nil {
				return "", r.fail(err.Error())
			}
			return s, nil
		}
	}
	return "", r.fail("text without an end")
}

func (r *wireReader) list(depth int) (Value, error) {
	var items []Value
	for r.at++; r.next() != ']'; {
		if len(items) > 0 {
			if r.next() != ',' {
				return Null, r.fail("a comma is missing")
			}
			r.at++
		}
		v, err := r.value(depth - 1)
		if err != nil {
			return Null, err
		}
		items = append(items, v)
	}
	r.at++
	return ListOf(items...), nil
}

func (r *wireReader) object(depth int) (Value, error) {
	var entries []Entry
	for r.at++; r.next() != '}'; {
		if len(entries) > 0 {
			if r.next() != ',' {
				return Null, r.fail("a comma is missing")
			}
			r.at++
		}
		if r.next() != '"' {
			return Null, r.fail("a key is missing")
		}
		key, err := r.str()
		if err != nil {
			return Null, err
		}
		if r.next() != ':' {
			return Null, r.fail("a colon is missing")
		}
		r.at++
		v, err := r.value(depth - 1)
		if err != nil {
			return Null, err
		}
		entries = append(entries, Entry{Key: key, Value: v})
	}
	r.at++
	if len(entries) == 2 && entries[0].Key == wireMark && entries[1].Key == "v" {
		return r.marked(entries[0].Value, entries[1].Value)
	}
	return ContextOf(entries...), nil
}

// marked gives the value that an object with the key "@" stands for.
func (r *wireReader) marked(kind, v Value) (Value, error) {
	name, _ := kind.AsString()
	switch name {
	case "temporal":
		if text, ok := v.AsString(); ok {
			if t, ok := ParseTemporal(text); ok {
				return t, nil
			}
		}
	case "context":
		if members, ok := v.AsList(); ok {
			return markedContext(members)
		}
	case "range":
		if parts, ok := v.AsList(); ok && len(parts) == 5 {
			op, isText := parts[0].AsString()
			low, isLow := parts[1].AsBool()
			high, isHigh := parts[2].AsBool()
			if isText && isLow && isHigh {
				return RangeOf(&Range{Op: op, LowClosed: low, HighClosed: high, Low: parts[3], High: parts[4]}), nil
			}
		}
	}
	return Null, r.fail("no value of kind " + strconv.Quote(name))
}

func markedContext(members []Value) (Value, error) {
	entries := make([]Entry, len(members))
	for i, m := range members {
		pair, _ := m.AsList()
		if len(pair) != 2 {
			return Null, fmt.Errorf("member %d of a context is no pair", i)
		}
		key, ok := pair[0].AsString()
		if !ok {
			return Null, fmt.Errorf("member %d of a context has no key", i)
		}
		entries[i] = Entry{Key: key, Value: pair[1]}
	}
	return ContextOf(entries...), nil
}
