package segment

import (
	"slices"

	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// constants finds those that compare with an equal constant.
type constants struct {
	texts map[string][]int32
	nums  map[decimal.Num][]int32
	bools [2][]int32
}

func (c *constants) add(values []condition.Value, at int32) {
	for _, v := range values {
		switch v.Kind {
		case condition.String:
			if c.texts == nil {
				c.texts = map[string][]int32{}
			}
			c.texts[v.Text] = append(c.texts[v.Text], at)
		case condition.Number:
			if c.nums == nil {
				c.nums = map[decimal.Num][]int32{}
			}
			c.nums[v.Num] = append(c.nums[v.Num], at)
		case condition.Bool:
			c.bools[truth(v.Bool)] = append(c.bools[truth(v.Bool)], at)
		}
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *constants) of(cell *Cell) []int32 {
	switch cell.Kind {
	case Text:
		return c.texts[string(cell.Text)]
	case Number:
		return c.nums[cell.Num]
	case Bool:
		return c.bools[truth(cell.Bool)]
	}
	return nil
}

// step is one end of a range: who compares with it.
type step struct {
	num decimal.Num
	at  int32
}

func compareSteps(a, b step) int { return a.num.Cmp(b.num) }

// upTo are the steps that are not above a number.
func upTo(steps []step, n decimal.Num) []step {
	lo, hi := 0, len(steps)
	for lo < hi {
		mid := (lo + hi) / 2
		if steps[mid].num.Cmp(n) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return steps[:lo]
}

// from are the steps that are not below a number.
func from(steps []step, n decimal.Num) []step {
	lo, hi := 0, len(steps)
	for lo < hi {
		mid := (lo + hi) / 2
		if steps[mid].num.Cmp(n) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return steps[lo:]
}

// index finds the sources that an event can concern without looking at the
// others.
type index struct {
	names map[string]*entrance
	any   entrance // of sources that name no event
	lines []int32  // sources of order items
}

// entrance leads from an event to sources: to all of them, or by a value.
type entrance struct {
	all   []int32
	paths []access
}

// itemID is the place of the item's id beside those that filters know.
const itemID condition.FilterField = 0

// access leads on by the value of one property.
type access struct {
	field condition.FilterField
	path  string
	equal constants
	lows  []step // ranges that begin there, by their beginning
	highs []step // ranges that only end, by their end
}

func indexOf(sources []source) index {
	x := index{names: map[string]*entrance{}}
	for i := range sources {
		s := &sources[i]
		if s.what == condition.OrderLine {
			x.lines = append(x.lines, int32(i))
			continue
		}
		if s.liking != nil {
			for _, name := range s.liking.names() {
				x.entrance(name).add(s, int32(i))
			}
			continue
		}
		x.entrance(s.match.Name).add(s, int32(i))
	}
	x.any.sort()
	for _, e := range x.names {
		e.sort()
	}
	return x
}

func (x *index) entrance(name string) *entrance {
	if name == "" {
		return &x.any
	}
	e := x.names[name]
	if e == nil {
		e = &entrance{}
		x.names[name] = e
	}
	return e
}

func (e *entrance) sort() {
	for i := range e.paths {
		slices.SortStableFunc(e.paths[i].lows, compareSteps)
		slices.SortStableFunc(e.paths[i].highs, compareSteps)
	}
}

// add takes a source in by the most telling of its tests.
func (e *entrance) add(s *source, at int32) {
	for i := range s.match.Filters {
		f := &s.match.Filters[i]
		if f.Test.Op == condition.In && !f.Test.Not {
			e.access(f.Field, f.Path).equal.add(f.Test.Values, at)
			return
		}
	}
	if s.item != nil && s.item.Op == condition.In && !s.item.Not {
		e.access(itemID, "").equal.add(s.item.Values, at)
		return
	}
	for i := range s.match.Filters {
		f := &s.match.Filters[i]
		t := &f.Test
		switch {
		case t.Op != condition.Range || t.Not:
		case t.Low != nil && t.Low.Value.Kind == condition.Number:
			a := e.access(f.Field, f.Path)
			a.lows = append(a.lows, step{t.Low.Value.Num, at})
			return
		case t.Low == nil && t.High.Value.Kind == condition.Number:
			a := e.access(f.Field, f.Path)
			a.highs = append(a.highs, step{t.High.Value.Num, at})
			return
		}
	}
	e.all = append(e.all, at)
}

func (e *entrance) access(field condition.FilterField, path string) *access {
	i := slices.IndexFunc(e.paths, func(a access) bool { return a.field == field && a.path == path })
	if i < 0 {
		e.paths = append(e.paths, access{field: field, path: path})
		i = len(e.paths) - 1
	}
	return &e.paths[i]
}

// attach lets a field find a leaf by the constants it compares with.
func (f *field) attach(at int32, n *condition.Node) {
	f.leaves = append(f.leaves, at)
	if t := &n.Field.Test; t.Op == condition.In {
		f.equal.add(t.Values, at)
	} else {
		f.others = append(f.others, at)
	}
}
