package segment

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/segment/decimal"
)

// SourceID names what a series holds by a hash of what it asks: a state made
// under one set fits every set that asks the same.
type SourceID uint64

// roll says what becomes of events that are too many to be kept one by one.
type roll uint8

const (
	rollNone roll = iota // they are not needed, or lost
	rollOne              // added up as a whole
	rollDays             // added up per day
)

// bounds say what of a series is kept. They are the same for everybody who
// folds or merges it.
type bounds struct {
	keep    int
	oldest  bool // the oldest are kept, not the newest
	roll    roll
	lossy   bool // what is not kept is missed
	byValue bool // sums are per value
	stairs  bool // of numbers, of which none later is larger
	cells   int
	horizon time.Duration // what is so much older than the newest is gone; zero keeps it
	zone    *time.Location
	half    time.Duration // affinities: days are half-lives of this length
}

func (b *bounds) day(at clock.Instant) int32 {
	if b.half != 0 {
		return int32(floorDiv(int64(at), int64(b.half/time.Microsecond)))
	}
	return dayOf(at, b.zone)
}

// entry is one event, or one value of one.
type entry struct {
	at    clock.Instant
	short uint64 // of its message
	seq   uint16 // which of the event's values
	kind  CellKind
	num   decimal.Num
	text  string
}

func compareEntries(a, b *entry) int {
	if a.at != b.at {
		return cmp.Compare(a.at, b.at)
	}
	return cmp.Or(cmp.Compare(a.short, b.short), cmp.Compare(a.seq, b.seq), cmp.Compare(a.kind, b.kind),
		a.num.Cmp(b.num), strings.Compare(a.text, b.text))
}

// sum is what events come to that are no longer kept one by one.
type sum struct {
	day         int32
	kind        CellKind // of the value that the sum is of
	num         decimal.Num
	text        string
	count       uint64
	total       decimal.Num
	min, max    decimal.Num
	first, last clock.Instant
}

func compareSums(a, b *sum) int {
	if a.day != b.day {
		return cmp.Compare(a.day, b.day)
	}
	return cmp.Or(cmp.Compare(a.kind, b.kind), a.num.Cmp(b.num), strings.Compare(a.text, b.text))
}

func (s *sum) add(o *sum) {
	s.count += o.count
	s.total = s.total.Add(o.total)
	if o.min.Cmp(s.min) < 0 {
		s.min = o.min
	}
	if o.max.Cmp(s.max) > 0 {
		s.max = o.max
	}
	s.first, s.last = min(s.first, o.first), max(s.last, o.last)
}

// series is what is kept of the events of one source: a function of their set,
// as long as each is told once.
type series struct {
	id      SourceID
	entries []entry // by time
	sums    []sum   // by day and value; none is newer than the entries
	newest  clock.Instant
	lost    clock.Instant // the newest that is missed
	dirty   bool
}

// put adds an event. It tells whether the series changed: an event that is
// there already, or too old to count, changes nothing.
func (s *series) put(e entry, b *bounds) bool {
	if b.stairs {
		return s.climb(e)
	}
	if b.horizon != 0 {
		s.newest = max(s.newest, e.at)
	}
	if b.keep == 0 {
		s.roll(&e, b)
		s.trim(b)
		s.dirty = true
		return true
	}
	n := len(s.entries)
	if n > 0 && b.roll == rollNone && !b.lossy && n >= b.keep {
		// What can be told at once to be of no use is not taken in.
		if !b.oldest && compareEntries(&e, &s.entries[0]) < 0 || b.oldest && compareEntries(&e, &s.entries[n-1]) > 0 {
			return false
		}
	}
	i := n
	for i > 0 && compareEntries(&s.entries[i-1], &e) > 0 {
		i--
	}
	if i > 0 && compareEntries(&s.entries[i-1], &e) == 0 {
		return false
	}
	e.text = strings.Clone(e.text)
	s.entries = slices.Insert(s.entries, i, e)
	s.dirty = true
	s.trim(b)
	return true
}

// trim brings the series within its bounds.
func (s *series) trim(b *bounds) {
	if b.horizon != 0 {
		s.forget(b)
	}
	if n := len(s.entries) - b.keep; n > 0 {
		if b.oldest {
			clear(s.entries[b.keep:])
			s.entries = s.entries[:b.keep]
		} else {
			for i := range n {
				s.evict(&s.entries[i], b)
			}
			s.entries = slices.Delete(s.entries, 0, n)
		}
	}
	if n := len(s.sums) - b.cells; n > 0 && b.cells > 0 {
		for i := range n {
			s.lost = max(s.lost, s.sums[i].last)
		}
		s.sums = slices.Delete(s.sums, 0, n)
	}
}

// forget drops whole days that lie behind the horizon.
func (s *series) forget(b *bounds) {
	day := b.day(s.newest.Add(-b.horizon))
	i := 0
	for i < len(s.sums) && s.sums[i].day < day {
		i++
	}
	s.sums = slices.Delete(s.sums, 0, i)
	i = 0
	for i < len(s.entries) && s.entries[i].at < s.newest.Add(-b.horizon) && b.day(s.entries[i].at) < day {
		i++
	}
	s.entries = slices.Delete(s.entries, 0, i)
	if s.lost != 0 && b.day(s.lost) < day {
		s.lost = 0
	}
}

func (s *series) evict(e *entry, b *bounds) {
	switch {
	case b.roll != rollNone:
		s.roll(e, b)
	case b.lossy:
		s.lost = max(s.lost, e.at)
	}
}

func (s *series) roll(e *entry, b *bounds) {
	c := sum{count: 1, first: e.at, last: e.at}
	if b.roll == rollDays {
		c.day = b.day(e.at)
	}
	if b.byValue {
		c.kind, c.text = e.kind, e.text
		if b.half == 0 {
			c.num = e.num
		}
	}
	if e.kind == Number || b.half != 0 {
		c.total, c.min, c.max = e.num, e.num, e.num
	}
	s.addSum(c)
}

func (s *series) addSum(c sum) {
	i, found := slices.BinarySearchFunc(s.sums, &c, func(a sum, c *sum) int { return compareSums(&a, c) })
	if found {
		s.sums[i].add(&c)
		return
	}
	c.text = strings.Clone(c.text)
	s.sums = slices.Insert(s.sums, i, c)
}

// merge adds another anchor's series of the same source.
func (s *series) merge(o *series, b *bounds) {
	s.dirty = true
	s.newest, s.lost = max(s.newest, o.newest), max(s.lost, o.lost)
	if b.stairs {
		for i := range o.entries {
			s.climb(o.entries[i])
		}
		return
	}
	for i := range o.sums {
		s.addSum(o.sums[i])
	}
	if len(o.entries) > 0 {
		both := make([]entry, 0, len(s.entries)+len(o.entries))
		i := 0
		for k := range o.entries {
			for i < len(s.entries) && compareEntries(&s.entries[i], &o.entries[k]) < 0 {
				both = append(both, s.entries[i])
				i++
			}
			if i < len(s.entries) && compareEntries(&s.entries[i], &o.entries[k]) == 0 {
				continue
			}
			both = append(both, o.entries[k])
		}
		s.entries = append(both, s.entries[i:]...)
	}
	s.trim(b)
}
