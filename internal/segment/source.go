package segment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// record says what a source keeps of an event.
type record uint8

const (
	keepTime   record = iota // that it happened
	keepNumber               // each number at the path
	keepValue                // each value at the path
	keepFirst                // the first value at the path
	keepItem                 // each item's id
	keepPoints               // affinities: items and what they are worth
	keepAbove                // the largest numbers at the path: of none is a later one larger
	keepBelow                // the smallest, as their negatives
)

// source is what is folded: the events that match and what is kept of them.
// Questions that need the same share it.
type source struct {
	id     SourceID
	what   condition.What
	typ    event.Type
	match  condition.Match
	item   *condition.Test // of the item's id
	from   clock.Instant   // before it and
	to     clock.Instant   // from it on nothing counts; zero is open
	record record
	path   string
	bounds bounds
	leaves []int32
	traits []int32 // computed traits
	// ladders are the leaves that look their constants up in a staircase.
	ladders []int32
	rises   []int32   // the leaves that follow an aggregate
	liking  *affinity // keepPoints
}

func (s *source) identify() {
	var b strings.Builder
	fmt.Fprintf(&b, "%d|", s.what)
	q := condition.Question{What: s.what, Match: s.match, Item: s.item, Agg: condition.Count, Test: condition.Test{Op: condition.Exists}}
	if s.liking != nil {
		b.WriteString(s.liking.identity)
	} else {
		b.WriteString(q.Canonical())
	}
	x := &s.bounds
	zone := ""
	if x.zone != nil {
		zone = x.zone.String()
	}
	fmt.Fprintf(&b, "|%d|%d|%d|%s|%d|%v|%d|%v|%v|%d|%d|%s|%d", s.from, s.to, s.record, s.path,
		x.keep, x.oldest, x.roll, x.lossy, x.byValue || x.stairs, x.cells, x.horizon, zone, x.half)
	h := sha256.Sum256([]byte(b.String()))
	s.id = SourceID(binary.BigEndian.Uint64(h[:8]))
}

// sourceFor is the source that answers a question with no more than it needs.
func sourceFor(q *condition.Question, p *period, l Limits) source {
	s := source{what: q.What, match: q.Match, from: q.Window.From, to: q.Window.To, typ: event.TypeOf(q.Match.Type)}
	if q.Item != nil && q.Attr == "" {
		s.item = q.Item
	}
	projected := q.Item != nil && q.Attr != ""
	s.record, s.path = recordOf(q, projected), q.Of
	if s.record == keepItem || s.record == keepTime {
		s.path = ""
	}
	if q.What == condition.OrderLine {
		s.from, s.to = 0, 0 // the order's time counts, which can change
		return s
	}
	s.bounds = boundsOf(q, p, l, projected)
	return s
}

func recordOf(q *condition.Question, projected bool) record {
	switch {
	case projected && q.What == condition.Event:
		return keepItem
	case q.Of == "":
		return keepTime
	}
	switch q.Agg {
	case condition.Unique, condition.MostFrequent:
		return keepValue
	case condition.First, condition.Last:
		return keepFirst
	}
	return keepNumber
}

func boundsOf(q *condition.Question, p *period, l Limits, projected bool) bounds {
	still := !p.moves()
	if !projected && !p.delayed() {
		switch {
		case q.Agg == condition.Count:
			if n, ok := enough(&q.Test); ok {
				return bounds{keep: n}
			}
		case q.Agg == condition.Last:
			return bounds{keep: 1}
		case q.Agg == condition.First && still:
			return bounds{keep: 1, oldest: true}
		}
	}
	b := bounds{keep: l.Entries, roll: rollDays, zone: p.zone, cells: l.Cells, lossy: true}
	b.byValue = projected || q.Agg == condition.Unique || q.Agg == condition.MostFrequent
	if q.Agg == condition.First || q.Agg == condition.Last {
		if b.roll = rollDays; q.Of != "" {
			b.roll = rollNone // the values themselves are asked for
		}
	}
	if still && b.roll == rollDays {
		b.roll = rollOne
	}
	b.horizon = p.horizon()
	return b
}

// enough is how many of the newest events tell whether a count is within a
// test: one more than its largest constant. It comes in a few sizes, so that
// questions share what they keep.
func enough(t *condition.Test) (int, bool) {
	if t.Op != condition.Range && t.Op != condition.In {
		return 0, false
	}
	most := int64(0)
	see := func(n decimal.Num, more int64) {
		if k, ok := n.Whole(); ok {
			most = max(most, k+more)
		}
	}
	for _, v := range t.Values {
		see(v.Num, 1)
	}
	if t.Low != nil {
		more := int64(0)
		if t.Low.Open {
			more = 1
		}
		see(t.Low.Value.Num, more)
	}
	if t.High != nil {
		see(t.High.Value.Num, 1)
	}
	n := 1
	for int64(n) < most {
		n *= 2
	}
	return n, n <= 2*condition.MaxCount
}

// horizon is how long before now an event can count; zero is for ever.
func (p *period) horizon() time.Duration {
	const day = 24 * time.Hour
	switch {
	case p.unbounded:
		return 0
	case p.kind == condition.Sliding:
		return p.last + day
	}
	longest := map[condition.Unit]int{condition.Day: 1, condition.Week: 7, condition.Month: 31, condition.Quarter: 92, condition.Year: 366}
	return time.Duration((p.ago+p.periods)*longest[p.unit]+2) * day
}
