package evergage

import (
	"strconv"

	"rapport/internal/jsondoc"
)

// writer puts a JSON document together. Members without a value are left out,
// and so are objects and arrays in which nothing was put.
type writer struct {
	b      []byte
	beacon bool // items have their type in a letter
	flat   bool // lines are events of their own: what all events have is none of theirs
	whole  bool // lines have no quantity: they are meant whole
}

// mark is where a container began, with its key.
type mark struct{ before, inside int }

func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) key(name string) {
	w.comma()
	w.b = append(jsondoc.AppendString(w.b, name), ':')
}

// open begins an object or an array ('{' or '['). An element of an array has
// no name.
func (w *writer) open(name string, kind byte) mark {
	m := mark{before: len(w.b)}
	if name == "" {
		w.comma()
	} else {
		w.key(name)
	}
	w.b = append(w.b, kind)
	m.inside = len(w.b)
	return m
}

func (w *writer) close(m mark) {
	if len(w.b) == m.inside {
		w.b = w.b[:m.before]
		return
	}
	end := byte('}')
	if w.b[m.inside-1] == '[' {
		end = ']'
	}
	w.b = append(w.b, end)
}

// value copies a value as it was received.
func (w *writer) value(name string, v jsondoc.Value) {
	if v.Exists() && !v.IsNull() {
		w.key(name)
		w.b = append(w.b, v.Raw()...)
	}
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.key(name)
		w.b = jsondoc.AppendString(w.b, s)
	}
}

func (w *writer) number(name string, n int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) yes(name string) {
	w.key(name)
	w.b = append(w.b, "true"...)
}

// element appends a text to an array.
func (w *writer) element(s string) {
	w.comma()
	w.b = jsondoc.AppendString(w.b, s)
}
