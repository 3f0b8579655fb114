package segment

import (
	"slices"
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// rise are the leaves that compare one aggregate with a constant each. An event
// moves the aggregate a little, and only constants on its way change anything.
type rise struct {
	first  int32   // one of the leaves
	leaves []int32 // all of them
	steps  []step  // by constant: of leaves that can be left to their timers
	rest   []step  // of the others
	// above are the segments of the leaves, where an event can only bring people
	// in and keep them there longer; nil where it can do anything else.
	above []int32
	keep  int // entries of which none is added up yet
}

// rises tells a leaf whose answer follows the height of its aggregate alone.
func (l *leaf) rises() bool {
	q := l.node.Events
	t := &q.Test
	if q.What != condition.Event || q.Attr != "" || l.period.delayed() ||
		t.Op != condition.Range || t.Not || (t.Low == nil) == (t.High == nil) {
		return false
	}
	return q.Agg == condition.Count || q.Of != "" && (q.Agg == condition.Sum || q.Agg == condition.Max || q.Agg == condition.Unique)
}

// rise puts a leaf beside those that ask for the same aggregate.
func (c *compiler) rise(l *leaf, at int32) {
	key := "rise " + strconv.Itoa(int(l.shape))
	i, ok := c.ladders[key]
	if !ok {
		i = int32(len(c.set.rises))
		c.ladders[key] = i
		c.set.rises = append(c.set.rises, rise{first: at})
		src := &c.set.sources[l.sources[0]]
		src.rises = append(src.rises, i)
	}
	r := &c.set.rises[i]
	end := l.node.Events.Test.Low
	if end == nil {
		end = l.node.Events.Test.High
	}
	r.leaves = append(r.leaves, at)
	r.steps = append(r.steps, step{end.Value.Num, at})
}

// rising notes that an event may have moved the aggregates of a source.
func (t *Touched) rising(s *source, short uint64, known bool) {
	for _, i := range s.rises {
		if !known {
			t.list(t.set.rises[i].leaves)
			continue
		}
		if !slices.Contains(t.risen, i) {
			t.risen = append(t.risen, i)
		}
	}
	t.shorts = append(t.shorts, short)
}

// risen touches the leaves whose constants lie between what their aggregate was
// without the new events and what it is. A leaf that answers as before keeps
// its timer: with more, nothing ends sooner.
func (e *Evaluator) risen(t *Touched) {
	for _, i := range t.risen {
		r := &e.set.rises[i]
		if r.above != nil && t.settled(r.above) && e.onlyMore(r, t.shorts) {
			continue
		}
		for _, x := range r.rest {
			t.leaf(x.at)
		}
		if len(r.steps) == 0 {
			continue
		}
		before, after, ok := e.heights(&e.set.leaves[r.first], t.shorts)
		if !ok {
			t.list(r.leaves)
			continue
		}
		for _, x := range from(upTo(r.steps, after), before) {
			t.leaf(x.at)
		}
	}
}

// onlyMore tells whether some events made an aggregate larger, or left it as it
// was, now and at all times to come.
func (e *Evaluator) onlyMore(r *rise, shorts []uint64) bool {
	l := &e.set.leaves[r.first]
	if l.node.Events.Agg == condition.Count {
		return true
	}
	if len(e.states) != 1 {
		return false
	}
	s := e.source(l.sources[0])
	if s == nil || len(s.sums) > 0 || len(s.entries) >= r.keep ||
		slices.ContainsFunc(shorts, func(other uint64) bool { return other != shorts[0] }) {
		return false // what is added up may leave sooner
	}
	found := false
	for i := len(s.entries) - 1; i >= 0; i-- {
		switch x := &s.entries[i]; {
		case x.short == shorts[0] && x.num.Negative():
			return false
		case x.short == shorts[0]:
			found = true
		case found:
			return true // those of one event stand together
		}
	}
	return found
}

// only finds the segments above a rise, where more of it never takes anybody
// out of them.
func (s *Set) only(r *rise) {
	l := &s.leaves[r.first]
	src := &s.sources[l.sources[0]]
	switch q := l.node.Events; {
	case q.Agg == condition.Count && src.bounds.roll == rollNone && !src.bounds.lossy:
	case q.Agg == condition.Sum:
		r.keep = src.bounds.keep
	default:
		return
	}
	for _, at := range r.leaves {
		if s.leaves[at].node.Events.Test.Low == nil {
			r.above = nil
			return
		}
		for _, i := range s.leaves[at].segments {
			if s.denies(s.segments[i].root) {
				r.above = nil
				return
			}
			if !slices.Contains(r.above, i) {
				r.above = append(r.above, i)
			}
		}
	}
}

// denies tells whether there is a not at or below a node.
func (s *Set) denies(n int32) bool {
	x := &s.nodes[n]
	return x.kind == condition.Not || slices.ContainsFunc(x.kids, s.denies)
}

// heights are what the aggregate of a leaf comes to without some events and
// with them. They are not known where more could make it less.
func (e *Evaluator) heights(l *leaf, shorts []uint64) (before, after decimal.Num, ok bool) {
	if s := e.source(l.sources[0]); s != nil && len(s.sums) == 0 {
		switch l.node.Events.Agg {
		case condition.Count:
			n, some := s.number(&l.period, shorts, e.now)
			return decimal.Of(int64(n - some)), decimal.Of(int64(n)), true
		case condition.Sum:
			return s.total(&l.period, shorts, e.now)
		}
	}
	k := e.look(l)
	low, whole := k.without(shorts, e.now)
	s := &e.shapes[l.shape]
	k.shape(s)
	s.epoch = e.epoch
	if !whole || !s.grows {
		return before, after, false
	}
	return low.Num, s.cells[s.start(e.now)].Num, true
}

// number is how many entries are inside a window that nothing enters late, and
// how many of these are of some events.
func (s *series) number(p *period, shorts []uint64, now clock.Instant) (n, some int) {
	for i := len(s.entries) - 1; i >= 0; i-- {
		x := &s.entries[i]
		if out := p.leaves(x.at); out != never && out <= now {
			break // those before it have left too
		}
		n++
		if slices.Contains(shorts, x.short) {
			some++
		}
	}
	return n, some
}

// total is what the numbers inside a window come to, without some events and
// with them. It is not known where one of them is negative.
func (s *series) total(p *period, shorts []uint64, now clock.Instant) (before, after decimal.Num, ok bool) {
	for i := len(s.entries) - 1; i >= 0; i-- {
		x := &s.entries[i]
		if out := p.leaves(x.at); out != never && out <= now {
			break
		}
		if x.kind != Number || x.num.Negative() {
			return before, after, false
		}
		after = after.Add(x.num)
		if !slices.Contains(shorts, x.short) {
			before = before.Add(x.num)
		}
	}
	return before, after, true
}

// without is what the items inside the window come to but for some events.
// whole is false where that cannot be told.
func (k *look) without(shorts []uint64, now clock.Instant) (c Cell, whole bool) {
	t := &k.e.tally
	t.reset(k.q)
	for i := range k.items {
		it := &k.items[i]
		if it.rolled && k.p.kind == condition.Sliding {
			return Cell{}, false // an event that joins its day's sum leaves sooner
		}
		if out := k.p.leaves(it.at); out != never && out <= now || !it.rolled && slices.Contains(shorts, it.short) {
			continue
		}
		t.add(it)
	}
	if c = t.cell(); c.Kind == Null {
		return c, false // nothing is no height
	}
	return c, true
}
