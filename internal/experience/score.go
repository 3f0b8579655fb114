package experience

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
)

// Cell is what results are added up by.
type Cell struct {
	shown.Subject
	Day uint32 // of UTC, since 1970
}

// Sums are the results of a cell. They can be added and taken away, in any order.
type Sums struct {
	People  int64 // to whom it was decided for the first time: of variants and of offers, without a channel
	N       [shown.Outcomes]int64
	Goals   []GoalSum // by key and currency
	changed bool
}

// GoalSum is what a goal came to.
type GoalSum struct {
	Goal     string
	Currency string // of orders; empty: how many people did it
	Count    int64
	Sum      catalog.Sum
}

// Credits are the results of a person: a function of what is known of it and of
// versions of experiences, which never change.
type Credits map[Cell]*Sums

func (c Credits) at(s *shown.Subject, day uint32) *Sums {
	k := Cell{*s, day}
	x := c[k]
	if x == nil {
		x = &Sums{}
		c[k] = x
	}
	return x
}

func (x *Sums) goal(key, currency string) *GoalSum {
	i, ok := slices.BinarySearchFunc(x.Goals, [2]string{key, currency}, func(g GoalSum, k [2]string) int {
		return cmp.Or(strings.Compare(g.Goal, k[0]), strings.Compare(g.Currency, k[1]))
	})
	if !ok {
		x.Goals = slices.Insert(x.Goals, i, GoalSum{Goal: key, Currency: currency})
	}
	return &x.Goals[i]
}

// Add adds the results of others, or takes them away where sign is -1.
func (x *Sums) Add(o *Sums, sign int64) {
	x.changed = true
	x.People += sign * o.People
	for i := range o.N {
		x.N[i] += sign * o.N[i]
	}
	for i := range o.Goals {
		g := &o.Goals[i]
		to := x.goal(g.Goal, g.Currency)
		to.Count += sign * g.Count
		if sign > 0 {
			to.Sum.AddSum(&g.Sum)
		} else {
			to.Sum.Sub(&g.Sum)
		}
	}
}

// Changed tells whether something was added since the last call.
func (x *Sums) Changed() bool {
	c := x.changed
	x.changed = false
	return c
}

// CreditsOf gives the results of a person; nil: there are none. What was never
// decided for the person does not count, whatever clients say.
func CreditsOf(p *profile.Partial, b *Book) Credits {
	entries := p.Shown().Entries()
	if len(entries) == 0 {
		return nil
	}
	out := Credits{}
	for i := range entries {
		e := &entries[i]
		if e.First[shown.Decided] == 0 {
			continue
		}
		for _, d := range e.Days {
			x := out.at(&e.Subject, d.Number)
			for o, n := range d.N {
				x.N[o] += int64(n)
			}
		}
	}
	for i := 0; i < len(entries); {
		n := i + 1
		for n < len(entries) && sameVariant(&entries[i].Subject, &entries[n].Subject) {
			n++
		}
		out.people(entries[i:n])
		out.goals(p, b, entries[i:n])
		i = n
	}
	return out
}

// people counts a person once for a variant and once for each of its offers,
// however many offers and channels it was: what counts a variant names no offer.
func (c Credits) people(entries []shown.Entry) {
	one := func(s shown.Subject, of []shown.Entry) {
		if first := firstOf(of, shown.Decided); first != 0 {
			s.Channel = ""
			c.at(&s, dayOf(first)).People++
		}
	}
	if s := entries[0].Subject; s.Experience != "" {
		s.Offer = ""
		one(s, entries)
	}
	for i := 0; i < len(entries); {
		s, n := entries[i].Subject, i+1
		for n < len(entries) && entries[n].Offer == s.Offer {
			n++
		}
		if s.Offer != "" || s.Experience == "" {
			one(s, entries[i:n])
		}
		i = n
	}
}

func sameVariant(a, b *shown.Subject) bool {
	return a.Experience == b.Experience && a.Placement == b.Placement && a.Version == b.Version && a.Variant == b.Variant
}

// goals credits a variant with what a person did after seeing it first; where
// nobody reports what is seen, after it was decided.
func (c Credits) goals(p *profile.Partial, b *Book, entries []shown.Entry) {
	s := entries[0].Subject
	if s.Experience == "" {
		return
	}
	r := b.Version(s.Experience, s.Version)
	if r == nil || len(r.Goals) == 0 {
		return
	}
	decided, seen := firstOf(entries, shown.Decided), firstOf(entries, shown.Viewed)
	if decided == 0 {
		return
	}
	from := cmp.Or(seen, decided)
	s.Offer, s.Channel = "", ""
	for i := range r.Goals {
		g := &r.Goals[i]
		to := g.Within.After(from)
		if g.Orders {
			c.orders(p, &s, g.Key, from, to)
		} else if at := firstEvent(p, g.Event, from, to); at != 0 {
			c.at(&s, dayOf(at)).goal(g.Key, "").Count++
		}
	}
}

func firstOf(entries []shown.Entry, o shown.Outcome) (first clock.Instant) {
	for i := range entries {
		if at := entries[i].First[o]; at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}

func (c Credits) orders(p *profile.Partial, s *shown.Subject, goal string, from, to clock.Instant) {
	first := clock.Instant(math.MaxInt64)
	p.EachOrder(nil, func(o *profile.OrderFact) {
		if at := o.Money.Time; o.Money.Counts() && at >= from && at <= to {
			g := c.at(s, dayOf(at)).goal(goal, o.Money.Currency)
			g.Count++
			g.Sum.AddSum(&o.Money.Total)
			first = min(first, at)
		}
	})
	if first != math.MaxInt64 {
		c.at(s, dayOf(first)).goal(goal, "").Count++
	}
}

// firstEvent gives when an event of a name happened first in a span, to a
// quarter of an hour; zero: it did not. In the quarter in which the span begins
// only the last one is known exactly.
func firstEvent(p *profile.Partial, name string, from, to clock.Instant) (at clock.Instant) {
	last := p.LastOf(name)
	p.EachEvent(func(n string, _ uint64, slots []profile.Slot) {
		if n != name {
			return
		}
		for _, x := range slots {
			if start := clock.Instant(x.Number) * profile.SlotLength; start > from && start <= to {
				at = start
				return
			}
		}
	})
	if last >= from && last <= to && (at == 0 || last < at) {
		return last
	}
	return at
}

const dayMicros = clock.Instant(24 * 60 * 60 * 1_000_000)

func dayOf(at clock.Instant) uint32 { return uint32(max(at, 0) / dayMicros) }

// AppendKey appends what a cell's row is called: an experience's rows stand
// together.
func (c *Cell) AppendKey(b []byte) []byte {
	for _, text := range [...]string{c.Experience, c.Placement, c.Variant, c.Offer, c.Channel} {
		b = append(append(b, text...), 0)
	}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(c.Version)), c.Day)
}

var errScore = errors.New("row of results is damaged")

// ReadKey reads what AppendKey wrote.
func ReadKey(b []byte) (c Cell, err error) {
	for _, to := range [...]*string{&c.Experience, &c.Placement, &c.Variant, &c.Offer, &c.Channel} {
		text, rest, ok := bytes.Cut(b, []byte{0})
		if !ok {
			return c, errScore
		}
		*to, b = string(text), rest
	}
	if len(b) != 8 {
		return c, errScore
	}
	c.Version, c.Day = int(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:])
	return c, nil
}

// Append encodes sums.
func (x *Sums) Append(b []byte) []byte {
	enc := wire.Encoder{B: b}
	enc.Int(x.People)
	for _, n := range x.N {
		enc.Int(n)
	}
	enc.Uint(uint64(len(x.Goals)))
	for i := range x.Goals {
		g := &x.Goals[i]
		enc.Str(g.Goal)
		enc.Str(g.Currency)
		enc.Int(g.Count)
		enc.Str(g.Sum.Text())
	}
	return enc.B
}

// ReadSums reads what Append wrote.
func ReadSums(b []byte) (x Sums, err error) {
	dec := wire.NewDecoder(b, nil)
	x.People = dec.Int()
	for i := range x.N {
		x.N[i] = dec.Int()
	}
	for n := dec.Count(); n > 0 && !dec.Bad(); n-- {
		g := x.goal(dec.Str(), dec.Str())
		g.Count = dec.Int()
		sum, ok := catalog.ParseSum(dec.Str())
		if !ok {
			dec.Fail()
		}
		g.Sum = sum
	}
	if dec.Bad() || dec.Len() != 0 {
		return Sums{}, errScore
	}
	return x, nil
}

// Empty tells that nothing is left of the sums.
func (x *Sums) Empty() bool {
	if x.People != 0 || x.N != [shown.Outcomes]int64{} {
		return false
	}
	return !slices.ContainsFunc(x.Goals, func(g GoalSum) bool { return g.Count != 0 || g.Sum.Sign() != 0 })
}
