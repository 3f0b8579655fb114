package lake

import (
	"rapport/internal/clock"
	"rapport/internal/jsondoc"
	"rapport/internal/store"
)

// draft is a row that is being made: a cell for each column.
type draft struct {
	of    *object
	cells []cell
}

type cell struct {
	text string
	n    int64
	set  bool
}

func newDraft(o *object) *draft { return &draft{o, make([]cell, len(o.columns))} }

func (d *draft) clear() { clear(d.cells) }

// text sets a column of texts; an empty one is none.
func (d *draft) text(at int, s string) {
	if s != "" {
		d.cells[at] = cell{text: s, set: true}
	}
}

// fill sets a column that has no text yet.
func (d *draft) fill(at int, v jsondoc.Value) {
	if !d.cells[at].set {
		d.text(at, v.Text())
	}
}

func (d *draft) int(at int, n int64) { d.cells[at] = cell{n: n, set: true} }

// time sets an instant; zero is none.
func (d *draft) time(at int, i clock.Instant) {
	if i != 0 {
		d.int(at, int64(i))
	}
}

// mark says the day that a row belongs to, and where in the log it comes from.
type mark struct {
	day int32
	at  store.Position
}

// chunk is rows of one object column by column, in the order of the log. What it
// takes it copies. size is how many bytes it holds on to.
type chunk struct {
	columns []column
	marks   []mark
	size    int
}

// newChunk is an empty one, in the memory of one that was given back where there
// is one.
func newChunk(o *object) *chunk {
	if c, ok := o.spare.Get().(*chunk); ok {
		return c
	}
	return &chunk{columns: make([]column, len(o.columns))}
}

// giveBack lets the memory of a chunk be used again: nobody reads it any more.
func (o *object) giveBack(c *chunk) {
	for k := range c.columns {
		c.columns[k].reset()
	}
	c.marks, c.size = c.marks[:0], 0
	o.spare.Put(c)
}

// add takes a row, and tells how many bytes it has.
func (c *chunk) add(d *draft, at store.Position, received clock.Instant) int {
	n := len(d.cells)
	for i := range d.cells {
		k := &c.columns[i]
		before := len(k.plain)
		k.cell(d.of.columns[i].Type, &d.cells[i])
		n += len(k.plain) - before
	}
	c.marks = append(c.marks, mark{dayOf(received), at})
	c.size += n
	return n
}

// dayOf counts days since 1970 UTC.
func dayOf(i clock.Instant) int32 {
	const day = 24 * 60 * 60 * 1_000_000
	n := int64(i) / day
	if int64(i) < n*day {
		n--
	}
	return int32(n)
}

func dayText(day int32) string {
	return clock.Instant(int64(day) * 24 * 60 * 60 * 1_000_000).Time().UTC().Format("2006-01-02")
}
