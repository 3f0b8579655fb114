package segment

import (
	"crypto/sha256"
	"encoding/binary"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
)

// Input is what a fold needs beside the event.
type Input struct {
	Short   uint64 // id.Message of the message id
	Mapping *catalog.Mapping
	// Now is the instant of the evaluation that follows. With it fewer leaves
	// are touched: those that hold and go on to hold are left to their timers,
	// which may then fire early. Zero is always right.
	Now clock.Instant
}

// fold is one event on its way into a state.
type fold struct {
	set    *Set
	st     *State
	e      *event.Event
	in     Input
	t      *Touched
	only   Sources
	action string
	asked  bool // action is known
}

// Fold adds an event to the state of its anchor and notes which leaves that
// can have changed. It must be called once per message, as profile.Fold.
func (s *Set) Fold(st *State, e *event.Event, in Input, t *Touched) {
	s.FoldOnly(st, e, in, t, nil)
}

// FoldOnly is Fold for some of the sources: those that a new set asks for and
// the state does not know yet. Nil is all.
func (s *Set) FoldOnly(st *State, e *event.Event, in Input, t *Touched, only Sources) {
	if t.set != s {
		t.Reset(s)
	}
	t.cells.Reset()
	t.reads = t.reads[:0]
	f := fold{set: s, st: st, e: e, in: in, t: t, only: only}
	if n := s.index.names[e.Name]; n != nil && e.Name != "" {
		f.enter(n)
	}
	f.enter(&s.index.any)
	for _, i := range t.seen {
		t.sources[i] = false
	}
	t.seen = t.seen[:0]
}

func (f *fold) enter(n *entrance) {
	for _, i := range n.all {
		f.try(i)
	}
	for i := range n.paths {
		a := &n.paths[i]
		cells := f.read(a.field, a.path)
		for k := range cells {
			cell := &cells[k]
			for _, i := range a.equal.of(cell) {
				f.try(i)
			}
			if cell.Kind != Number {
				continue
			}
			for _, s := range upTo(a.lows, cell.Num) {
				f.try(s.at)
			}
			for _, s := range from(a.highs, cell.Num) {
				f.try(s.at)
			}
		}
	}
}

// read is what a filter looks at, read once per event.
func (f *fold) read(field condition.FilterField, path string) []Cell {
	t := f.t
	for i := range t.reads {
		if r := &t.reads[i]; r.field == field && r.path == path {
			return t.cells.List[r.from:r.to]
		}
	}
	from := len(t.cells.List)
	f.collect(&t.cells, field, path)
	t.reads = append(t.reads, reading{field: field, path: path, from: from, to: len(t.cells.List)})
	return t.cells.List[from:]
}

// reading is a place among the values of an event.
type reading struct {
	field    condition.FilterField
	path     string
	from, to int
}

// collect reads what a filter looks at.
func (f *fold) collect(c *Cells, field condition.FilterField, path string) {
	switch field {
	case itemID:
		addItems(c, f.e.Properties)
	case condition.Property:
		c.addValue(f.e.Properties, path)
	case condition.EventContext:
		before := len(c.List)
		c.addValue(f.e.Context, path)
		if len(c.List) == before {
			c.addValue(f.e.Shared, path)
		}
		if len(c.List) == before {
			c.addValue(f.e.Derived, path)
		}
	case condition.Channel:
		if f.e.Channel != "" {
			c.AddText(f.e.Channel)
		}
	case condition.Source:
		c.AddText(f.e.Source)
	}
}

// itemNames are the names under which clients send an item's id, and listNames
// those of the lists of items.
var (
	itemNames = [...]string{"product_id", "productId", "_id", "sku"}
	listNames = [...]string{"products", "line_items", "lineItems", "lines"}
)

// addItems adds the ids of the items that an event is about.
func addItems(c *Cells, props jsondoc.Value) {
	if props.Len() == 0 {
		return
	}
	addItem(c, props)
	for _, name := range listNames {
		if list := props.Get(name); list.Kind() == jsondoc.Array {
			list.Items(func(i int, v jsondoc.Value) bool {
				addItem(c, v)
				return i < catalog.MaxLines
			})
			return
		}
	}
}

func addItem(c *Cells, v jsondoc.Value) {
	for _, name := range itemNames {
		switch id := v.Get(name); id.Kind() {
		case jsondoc.String:
			b, _ := id.StrBytes()
			for len(b) > 0 && b[0] <= ' ' {
				b = b[1:]
			}
			for len(b) > 0 && b[len(b)-1] <= ' ' {
				b = b[:len(b)-1]
			}
			if len(b) > 0 && len(b) <= catalog.MaxID {
				c.List = append(c.List, Cell{Kind: Text, Text: b})
				return
			}
		case jsondoc.Number:
			c.AddText(catalog.Canonical(id))
			return
		}
	}
}

// try adds the event to one source, if it matches.
func (f *fold) try(i int32) {
	if f.t.sources[i] {
		return
	}
	f.t.sources[i] = true
	f.t.seen = append(f.t.seen, i)
	s := &f.set.sources[i]
	if f.only != nil && !f.only[s.id] {
		return
	}
	if s.liking != nil {
		f.like(s)
		return
	}
	if !f.matches(s) {
		return
	}
	if s.bounds.stairs {
		f.stairs(s)
		return
	}
	if f.take(s) {
		f.t.source(s)
		f.t.rising(s, f.in.Short, f.in.Now != never)
	}
}

func (f *fold) matches(s *source) bool {
	e := f.e
	if s.typ != 0 && e.Type != s.typ || s.from != 0 && e.Time < s.from || s.to != 0 && e.Time >= s.to {
		return false
	}
	if s.match.Action != "" && f.itemAction() != s.match.Action {
		return false
	}
	for k := range s.match.Filters {
		x := &s.match.Filters[k]
		// In a filter now is the time of the event.
		if ok, _ := holds(&x.Test, f.read(x.Field, x.Path), e.Time); !ok {
			return false
		}
	}
	if s.item == nil {
		return true
	}
	ok, _ := holds(s.item, f.read(itemID, ""), e.Time)
	return ok
}

func (f *fold) itemAction() string {
	if !f.asked {
		f.asked = true
		f.action = f.e.ItemAction
		if f.in.Mapping != nil {
			if a, ok := f.in.Mapping.Classify(f.e); ok {
				f.action = a.Name
			}
		}
	}
	return f.action
}

// take puts what the source keeps of the event into its series.
func (f *fold) take(s *source) (changed bool) {
	e := entry{at: f.e.Time, short: f.in.Short}
	if s.record == keepTime {
		return f.st.open(s.id).put(e, &s.bounds)
	}
	field := condition.Property
	if s.record == keepItem {
		field = itemID
	}
	cells := f.read(field, s.path)
	for k := range cells {
		cell := &cells[k]
		if cell.Kind == Null || cell.Kind == Other || s.record == keepNumber && cell.Kind != Number {
			continue
		}
		e.kind, e.num, e.text = cell.Kind, cell.Num, ""
		switch cell.Kind {
		case Text:
			e.text = string(cell.Text[:min(len(cell.Text), condition.MaxText)])
		case Bool:
			e.num[0] = uint64(truth(cell.Bool))
		}
		changed = f.st.open(s.id).put(e, &s.bounds) || changed
		if e.seq++; s.record == keepFirst || e.seq == maxValues {
			break
		}
	}
	return changed
}

// maxValues is how many values of one event count.
const maxValues = 1_000

// FoldPortion takes what was said of an order: by an event, as profile.Fold
// gives it, or by a command. Told again it changes nothing.
func (s *Set) FoldPortion(st *State, p *catalog.Portion, t *Touched) {
	if t.set != s {
		t.Reset(s)
	}
	if p.Kind != catalog.Order {
		return
	}
	t.Orders()
	text, said := "[]", p.Op != catalog.Merge
	for i := range p.Fields {
		if p.Fields[i].Name == "lines" {
			text, said = p.Fields[i].Value, true
		}
	}
	if !said || len(s.index.lines) == 0 {
		return
	}
	c := &t.cells
	c.Reset()
	var root jsondoc.Value
	if err := c.doc.Reset([]byte(text), jsondoc.Limits{StringBytes: len(text), Keys: len(text)}); err == nil {
		root = c.doc.Root()
	}
	for _, i := range s.index.lines {
		src := &s.sources[i]
		o := ordered{source: src.id, order: hashID(p.ID), stamp: p.Stamp, lines: src.lines(root, &t.more, p)}
		st.setOrder(o, s.limits.Orders)
	}
}

func hashID(id string) uint64 {
	h := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(h[:8])
}

// lines are the items of an order that a source asks for.
func (s *source) lines(root jsondoc.Value, c *Cells, p *catalog.Portion) []line {
	var out []line
	root.Items(func(i int, v jsondoc.Value) bool {
		if l, ok := s.line(v, c, p); ok {
			out = append(out, l)
		}
		return i < catalog.MaxLines
	})
	return out
}

func (s *source) line(v jsondoc.Value, c *Cells, p *catalog.Portion) (line, bool) {
	for k := range s.match.Filters {
		x := &s.match.Filters[k]
		c.Reset()
		switch x.Field {
		case condition.Property:
			c.addValue(v, x.Path)
		case condition.Source:
			c.AddText(p.Source)
		}
		if ok, _ := holds(&x.Test, c.List, p.Stamp.Time); !ok {
			return line{}, false
		}
	}
	var l line
	c.Reset()
	addItem(c, v)
	if s.item != nil {
		if ok, _ := holds(s.item, c.List, p.Stamp.Time); !ok {
			return line{}, false
		}
	}
	if len(c.List) > 0 {
		l.item = string(c.List[0].Text)
	}
	if s.path == "" {
		return l, true
	}
	c.Reset()
	c.addValue(v, s.path)
	if len(c.List) > 0 {
		l.kind, l.num = c.List[0].Kind, c.List[0].Num
		if l.kind == Text {
			l.text = string(c.List[0].Text)
		}
	}
	return l, true
}
