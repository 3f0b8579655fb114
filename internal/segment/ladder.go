package segment

import (
	"slices"
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// Whether there was an event with a number above a constant is asked of one
// staircase for all constants and all windows that end now: the events of which
// none later has a larger number. Below is above for the negatives.

// rung is the constant of a leaf that is looked up in a staircase.
type rung struct {
	num  decimal.Num
	open bool
}

func (r *rung) below(n decimal.Num) bool {
	c := r.num.Cmp(n)
	return c < 0 || c == 0 && !r.open
}

// bandOf is the source and the constant of a question that asks whether there
// was an event with a number on one side of a constant, in a window that ends
// now.
func bandOf(q *condition.Question, p *period, l Limits) (source, *rung, bool) {
	one := decimal.Of(1)
	t := &q.Test
	if q.What != condition.Event || q.Agg != condition.Count || q.Item != nil || p.delayed() ||
		t.Op != condition.Range || t.Not || t.High != nil || t.Low.Open || t.Low.Value.Num != one {
		return source{}, nil, false
	}
	at := slices.IndexFunc(q.Match.Filters, oneSided)
	if at < 0 {
		return source{}, nil, false
	}
	f := q.Match.Filters[at]
	bare := *q
	bare.Match.Filters = slices.Delete(slices.Clone(q.Match.Filters), at, at+1)
	s := sourceFor(&bare, p, l)
	s.path = f.Path
	s.bounds = bounds{stairs: true}
	if f.Test.Low != nil {
		s.record = keepAbove
		return s, &rung{num: f.Test.Low.Value.Num, open: f.Test.Low.Open}, true
	}
	s.record = keepBelow
	return s, &rung{num: f.Test.High.Value.Num.Neg(), open: f.Test.High.Open}, true
}

func oneSided(f condition.Filter) bool {
	t := &f.Test
	if f.Field != condition.Property || t.Op != condition.Range || t.Not || (t.Low == nil) == (t.High == nil) {
		return false
	}
	end := t.Low
	if end == nil {
		end = t.High
	}
	return end.Value.Kind == condition.Number
}

// climb puts an event on a staircase: where a later one is as large it is of no
// use, and those before that are not larger are of none any more. What is left
// is what some constant and some window need; nothing else bounds it, because
// what a bound dropped by age could come to count again.
func (s *series) climb(e entry) bool {
	i := len(s.entries)
	for i > 0 && s.entries[i-1].at > e.at {
		i--
	}
	if i < len(s.entries) && s.entries[i].num.Cmp(e.num) >= 0 {
		return false
	}
	if i > 0 && s.entries[i-1].at == e.at {
		// Of one instant the largest counts, and of equals one.
		if c := s.entries[i-1].num.Cmp(e.num); c > 0 || c == 0 && s.entries[i-1].short <= e.short {
			return false
		}
	}
	k := i
	for k > 0 && s.entries[k-1].num.Cmp(e.num) <= 0 {
		k--
	}
	s.entries = slices.Replace(s.entries, k, i, e)
	s.dirty = true
	return true
}

// stairs takes an event to a staircase.
func (f *fold) stairs(s *source) {
	best, some := decimal.Num{}, false
	cells := f.read(condition.Property, s.path)
	for i := range cells {
		if cells[i].Kind != Number {
			continue
		}
		n := cells[i].Num
		if s.record == keepBelow {
			n = n.Neg()
		}
		if !some || n.Cmp(best) > 0 {
			best, some = n, true
		}
	}
	if !some {
		return
	}
	steps := f.st.open(s.id)
	high := f.t.high[:0]
	for _, i := range s.ladders {
		high = append(high, f.set.ladders[i].height(steps, f.in.Now))
	}
	f.t.high = high
	if !steps.climb(entry{at: f.e.Time, short: f.in.Short, kind: Number, num: best}) {
		return
	}
	for k, i := range s.ladders {
		f.set.ladders[i].touch(high[k], best, f.t)
	}
}

// ladder are the constants that one window compares with one staircase.
type ladder struct {
	source int32
	period period
	steps  []step // by constant: of leaves that can be left to their timers
	rest   []step // of the others
}

// climb puts a leaf's constant on the ladder of its window.
func (c *compiler) climb(l *leaf, at int32) {
	w := condition.Question{What: condition.Event, Agg: condition.Count, Test: condition.Test{Op: condition.Exists}, Window: l.node.Events.Window}
	key := strconv.Itoa(int(l.sources[0])) + w.Canonical()
	i, ok := c.ladders[key]
	if !ok {
		i = int32(len(c.set.ladders))
		c.set.ladders = append(c.set.ladders, ladder{source: l.sources[0], period: l.period})
		c.ladders[key] = i
	}
	c.set.ladders[i].steps = append(c.set.ladders[i].steps, step{l.band.num, at})
}

// height is how high the staircase is inside the window at an instant. What
// lies below holds already: another event above it changes nothing now, and the
// timer that is set fires at its time and looks again.
type height struct {
	num  decimal.Num
	some bool
}

func (l *ladder) height(s *series, now clock.Instant) height {
	if now == never {
		return height{}
	}
	for i := range s.entries {
		if out := l.period.leaves(s.entries[i].at); out == never || out > now {
			return height{s.entries[i].num, true}
		}
	}
	return height{}
}

// touch notes the leaves whose constants lie from a height up to a number.
func (l *ladder) touch(h height, n decimal.Num, t *Touched) {
	for _, s := range upTo(l.rest, n) {
		t.leaf(s.at)
	}
	steps := upTo(l.steps, n)
	if h.some {
		steps = from(steps, h.num)
	}
	for _, s := range steps {
		t.leaf(s.at)
	}
}

// onStairs answers for a leaf that looks its constant up.
func (e *Evaluator) onStairs(l *leaf, now clock.Instant) (bool, clock.Instant) {
	s := e.source(l.sources[0])
	if s == nil {
		return false, never
	}
	// The numbers fall with time: the last that is above the constant is the
	// one that stays longest.
	lo, hi := 0, len(s.entries)
	for lo < hi {
		mid := (lo + hi) / 2
		if l.band.below(s.entries[mid].num) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return false, never
	}
	out := l.period.leaves(s.entries[lo-1].at)
	if out != never && out <= now {
		return false, never
	}
	return true, out
}
