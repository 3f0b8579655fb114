package segment

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// item is one thing that happened, or a sum of such things.
type item struct {
	at          clock.Instant // for its place in the window
	short       uint64
	count       int64
	kind        CellKind
	num         decimal.Num
	text        string
	total       decimal.Num
	min, max    decimal.Num
	first, last clock.Instant
	rolled      bool
}

func itemOf(e *entry) item {
	it := item{at: e.at, short: e.short, count: 1, kind: e.kind, num: e.num, text: e.text, first: e.at, last: e.at}
	if e.kind == Number {
		it.total, it.min, it.max = e.num, e.num, e.num
	}
	return it
}

func (s *sum) item(b *bounds) item {
	it := item{
		at: s.first, count: int64(s.count), kind: s.kind, num: s.num, text: s.text,
		total: s.total, min: s.min, max: s.max, first: s.first, last: s.last, rolled: true,
	}
	if b.roll == rollDays {
		it.at = dayStart(s.day, b.zone)
	}
	return it
}

// value names a value whose occurrences are counted.
type value struct {
	kind CellKind
	num  decimal.Num
	text string
}

func compareValue(a, b *value) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), a.num.Cmp(b.num), strings.Compare(a.text, b.text))
}

// tally adds items up, the newest first.
type tally struct {
	agg    condition.Aggregate
	timed  bool // First and Last ask for the time
	count  int64
	total  decimal.Num
	min    decimal.Num
	max    decimal.Num
	first  item
	last   item
	values map[value]int64
	best   value
	most   int64
}

func (t *tally) reset(q *condition.Question) {
	values := t.values
	clear(values)
	*t = tally{agg: q.Agg, timed: q.Of == "", values: values}
	if values == nil && (q.Agg == condition.Unique || q.Agg == condition.MostFrequent) {
		t.values = map[value]int64{}
	}
}

func (t *tally) add(it *item) {
	if t.count == 0 {
		t.min, t.max, t.last, t.first = it.min, it.max, *it, *it
	}
	t.count += it.count
	switch t.agg {
	case condition.Sum, condition.Average:
		t.total = t.total.Add(it.total)
	case condition.Min:
		if it.min.Cmp(t.min) < 0 {
			t.min = it.min
		}
	case condition.Max:
		if it.max.Cmp(t.max) > 0 {
			t.max = it.max
		}
	case condition.First, condition.Last:
		if it.last > t.last.last {
			t.last = *it
		}
		if it.first < t.first.first || !it.rolled && it.first == t.first.first {
			t.first = *it
		}
	case condition.Unique, condition.MostFrequent:
		v := value{it.kind, it.num, it.text}
		n := t.values[v] + it.count
		t.values[v] = n
		if n > t.most || n == t.most && compareValue(&v, &t.best) < 0 {
			t.best, t.most = v, n
		}
	}
}

// cell is what the items come to; Null is nothing.
func (t *tally) cell() Cell {
	switch t.agg {
	case condition.Count:
		return Cell{Kind: Number, Num: decimal.Of(t.count)}
	case condition.Sum:
		return Cell{Kind: Number, Num: t.total}
	case condition.Unique:
		return Cell{Kind: Number, Num: decimal.Of(int64(len(t.values)))}
	}
	if t.count == 0 {
		return Cell{}
	}
	switch t.agg {
	case condition.Average:
		return Cell{Kind: Number, Num: t.total.Quo(t.count)}
	case condition.Min:
		return Cell{Kind: Number, Num: t.min}
	case condition.Max:
		return Cell{Kind: Number, Num: t.max}
	case condition.MostFrequent:
		return t.best.cell()
	}
	it := &t.last
	at := it.last
	if t.agg == condition.First {
		it = &t.first
		at = it.first
	}
	if t.timed {
		return Cell{Kind: Time, At: at}
	}
	return (&value{it.kind, it.num, it.text}).cell()
}

func (v *value) cell() Cell {
	c := Cell{Kind: v.kind, Num: v.num, Bool: v.kind == Bool && v.num[0] == 1}
	if v.kind == Text {
		c.Text = []byte(v.text)
	}
	return c
}

// moving tells a test whose outcome changes by time alone.
func moving(t *condition.Test) bool {
	relative := func(b *condition.Bound) bool { return b != nil && b.Value.Kind == condition.Date && b.Value.Relative }
	return t.Op == condition.Range && (relative(t.Low) || relative(t.High))
}

// look is a question with the items it is about, ready to be asked at any
// instant.
type look struct {
	e     *Evaluator
	q     *condition.Question
	p     *period
	items []item // by time
}

// at answers for one instant alone; next is when a part changes.
func (k *look) at(now clock.Instant) (bool, clock.Instant) {
	c, next := k.value(now)
	yes, change := holds(&k.q.Test, k.e.present(c), now)
	return yes, sooner(next, change)
}

// value is what the items inside the window come to, and when the next of them
// comes in or goes.
func (k *look) value(now clock.Instant) (Cell, clock.Instant) {
	t := &k.e.tally
	t.reset(k.q)
	next := never
	for i := len(k.items) - 1; i >= 0; i-- {
		it := &k.items[i]
		if in := k.p.enters(it.at); in != never && in > now {
			next = sooner(next, in)
			continue
		}
		out := k.p.leaves(it.at)
		if out != never && out <= now {
			break // those before it have left too
		}
		next = sooner(next, out)
		if !k.again(i) {
			t.add(it)
		}
	}
	return t.cell(), next
}

// again tells whether the item after this one is of the same event and counts
// it already: an event about several items is one event.
func (k *look) again(i int) bool {
	return k.q.Attr != "" && k.q.What == condition.Event && i+1 < len(k.items) && !k.items[i].rolled &&
		k.items[i+1].short == k.items[i].short && k.items[i+1].at == k.items[i].at
}

// truncated tells that the answer rests on sums where single events would be
// needed, or on less than there was.
func (k *look) truncated(now clock.Instant, lost clock.Instant) bool {
	if lost != 0 && k.p.in(lost, now) {
		return true
	}
	if k.p.kind != condition.Sliding {
		return false
	}
	for i := range k.items {
		if k.items[i].rolled {
			return true
		}
	}
	return false
}

func sortItems(items []item) {
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.at, b.at) })
}
