package segment

import (
	"bytes"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// CellKind is the type of a Cell.
type CellKind uint8

// The types of a cell. Null says "known to be nothing" and is no value; Other
// is an object or an empty list: it exists and equals nothing.
const (
	Null CellKind = iota
	Text
	Number
	Bool
	Time
	Other
)

// Cell is one value of a field or of a property. Its text is valid as long as
// what it was read from.
type Cell struct {
	Kind CellKind
	Text []byte // Text; Number as written
	Num  decimal.Num
	Bool bool
	At   clock.Instant // Time
}

// Cells collects the values of a field. It is used again and again: what was
// in it is void after Reset.
type Cells struct {
	List  []Cell
	arena []byte
	doc   jsondoc.Doc
}

// Reset forgets everything.
func (c *Cells) Reset() { c.List, c.arena = c.List[:0], c.arena[:0] }

// keep copies a text to where it stays until Reset.
func (c *Cells) keep(s string) []byte {
	at := len(c.arena)
	c.arena = append(c.arena, s...)
	return c.arena[at:len(c.arena):len(c.arena)]
}

// AddText adds a text.
func (c *Cells) AddText(s string) { c.List = append(c.List, Cell{Kind: Text, Text: c.keep(s)}) }

// AddNumber adds a whole number.
func (c *Cells) AddNumber(n int64) { c.List = append(c.List, Cell{Kind: Number, Num: decimal.Of(n)}) }

// AddNum adds an exact number.
func (c *Cells) AddNum(n decimal.Num) { c.List = append(c.List, Cell{Kind: Number, Num: n}) }

// AddBool adds a truth value.
func (c *Cells) AddBool(b bool) { c.List = append(c.List, Cell{Kind: Bool, Bool: b}) }

// AddTime adds an instant; zero adds nothing.
func (c *Cells) AddTime(t clock.Instant) {
	if t != 0 {
		c.List = append(c.List, Cell{Kind: Time, At: t})
	}
}

// AddJSON adds the values at a path of a JSON document, "" for the whole: of a
// list each element.
func (c *Cells) AddJSON(canonical, path string) {
	n := len(canonical)
	if path == "" && n >= 2 && canonical[0] == '"' && strings.IndexByte(canonical, '\\') < 0 {
		c.AddText(canonical[1 : n-1])
		return
	}
	raw := c.keep(canonical)
	if err := c.doc.Reset(raw, jsondoc.Limits{StringBytes: n, Keys: n}); err != nil {
		return
	}
	c.addValue(c.doc.Root(), path)
}

// addValue adds the values at a dotted path. A key that has the dots itself
// comes first; a list on the way stands for each of its elements.
func (c *Cells) addValue(v jsondoc.Value, path string) {
	for path != "" {
		if v.Kind() == jsondoc.Array {
			v.Items(func(_ int, e jsondoc.Value) bool {
				c.addValue(e, path)
				return true
			})
			return
		}
		if whole := v.Get(path); whole.Exists() {
			v = whole
			break
		}
		key, rest, _ := strings.Cut(path, ".")
		if rest == "" && key == path {
			return
		}
		v, path = v.Get(key), rest
		if !v.Exists() {
			return
		}
	}
	c.addLeaf(v)
}

func (c *Cells) addLeaf(v jsondoc.Value) {
	switch v.Kind() {
	case jsondoc.String:
		b, _ := v.StrBytes()
		c.List = append(c.List, Cell{Kind: Text, Text: b})
	case jsondoc.Number:
		raw := v.Raw()
		if n, ok := decimal.ParseBytes(raw); ok {
			c.List = append(c.List, Cell{Kind: Number, Num: n, Text: raw})
		} else {
			c.List = append(c.List, Cell{Kind: Other})
		}
	case jsondoc.True, jsondoc.False:
		c.List = append(c.List, Cell{Kind: Bool, Bool: v.Kind() == jsondoc.True})
	case jsondoc.Array:
		if v.Len() == 0 {
			c.List = append(c.List, Cell{Kind: Other})
		}
		v.Items(func(_ int, e jsondoc.Value) bool {
			c.addLeaf(e)
			return true
		})
	case jsondoc.Object:
		c.List = append(c.List, Cell{Kind: Other})
	}
}

// same tells equal cells.
func (c *Cell) same(o *Cell) bool {
	if c.Kind != o.Kind {
		return false
	}
	switch c.Kind {
	case Text:
		return bytes.Equal(c.Text, o.Text)
	case Number:
		return c.Num == o.Num
	case Bool:
		return c.Bool == o.Bool
	case Time:
		return c.At == o.At
	}
	return true
}

// instant is the time that a cell says.
func (c *Cell) instant() (clock.Instant, bool) {
	switch c.Kind {
	case Time:
		return c.At, true
	case Text:
		const shortest = len("2006-01-02")
		if len(c.Text) < shortest || c.Text[4] != '-' || c.Text[0] < '0' || c.Text[0] > '9' {
			return 0, false
		}
		at, _, ok := condition.ParseTime(string(c.Text))
		return at, ok
	}
	return 0, false
}

// text is the cell for a person to read.
func (c *Cell) text() string {
	switch c.Kind {
	case Text:
		return string(c.Text)
	case Number:
		return c.Num.Text()
	case Bool:
		if c.Bool {
			return "true"
		}
		return "false"
	case Time:
		return c.At.String()
	case Other:
		return "an object"
	}
	return "null"
}
