package columns

import (
	"slices"

	"rapport/internal/clock"
)

func (n Member) bind(c *columns) step {
	in := c.members[uint64(n)]
	if in == nil {
		return constStep(No)
	}
	dense := make([]uint64, len(c.live)*words)
	in.WriteDenseTo(dense)
	return &memberStep{dense}
}

// memberStep is the set of a segment's people, laid out in blocks.
type memberStep struct{ dense []uint64 }

func (m *memberStep) scan(block int, selected, yes, unknown *set) {
	*yes, *unknown = set(m.dense[block*words:]), set{}
	yes.and(selected)
}

func (n HasIdentifier) bind(c *columns) step {
	if c.lacks(identifierColumn(n.Namespace)) {
		return constStep(Unknown)
	}
	l := c.idents[n.Namespace]
	if l == nil {
		return constStep(No)
	}
	s := &identStep{list: l, any: n.Values == nil}
	for _, v := range n.Values {
		s.hashes = append(s.hashes, hashText(v))
	}
	slices.Sort(s.hashes)
	return s
}

type identStep struct {
	list   *lists[uint64]
	hashes []uint64
	any    bool
}

func (s *identStep) scan(block int, selected, yes, unknown *set) {
	*yes, *unknown = set{}, set{}
	b := s.list.block(block)
	if b == nil {
		return
	}
	switch {
	case s.any:
		for _, row := range b.rows {
			yes.add(row)
		}
	case len(s.hashes) == 1:
		h := s.hashes[0]
		for i, x := range b.items {
			if x == h {
				yes.add(b.owner(i))
			}
		}
	default:
		for i, x := range b.items {
			if _, found := slices.BinarySearch(s.hashes, x); found {
				yes.add(b.owner(i))
			}
		}
	}
	yes.and(selected)
}

// owner is the row of an item.
func (b *listBlock[T]) owner(item int) uint16 {
	i, found := slices.BinarySearch(b.ends, uint32(item))
	if found {
		i++ // ends are not included, and nobody has an empty list
	}
	return b.rows[i]
}

func (n Did) bind(c *columns) step {
	if c.lacks(eventColumn(n.Name)) {
		return constStep(Unknown)
	}
	s := &didStep{
		list: c.events[n.Name], incomplete: c.incomplete, lastSeen: c.values[lastSeenField],
		from: SlotOf(n.From), to: maxSlot + 1, min: n.Min, max: n.Max, since: n.From, until: n.To,
	}
	s.ever = n.From <= 0
	s.fromEdge = !s.ever && SlotStart(s.from) != n.From
	if n.To != 0 {
		s.to = SlotOf(n.To)
		s.toEdge = SlotStart(s.to) != n.To
	}
	s.absent = No
	if s.min == 0 {
		s.absent = Yes
	}
	if n.To != 0 && n.To <= n.From {
		return constStep(s.absent) // nothing happens in an empty window
	}
	if s.min > s.max {
		return constStep(No)
	}
	return s
}

// didStep counts cells in a window. A slot that a boundary cuts counts as
// perhaps.
type didStep struct {
	list       *lists[uint32] // nil: nobody did it
	incomplete []set
	lastSeen   *scalars
	from, to   uint32 // slots; to is not included
	fromEdge   bool   // the first slot is cut
	toEdge     bool   // slot to is cut
	ever       bool   // the window has no beginning
	since      clock.Instant
	until      clock.Instant
	min, max   uint64
	absent     Verdict
}

func (s *didStep) scan(block int, selected, yes, unknown *set) {
	var b *listBlock[uint32]
	if s.list != nil {
		b = s.list.block(block)
	}
	s.nobody(block, b, selected, yes, unknown)
	if b == nil {
		return
	}
	start := uint32(0)
	for i, row := range b.rows {
		end := b.ends[i]
		if selected.has(row) {
			switch s.count(block, row, b.items[start:end]) {
			case Yes:
				yes.add(row)
			case Unknown:
				unknown.add(row)
			}
		}
		start = end
	}
}

// nobody gives the verdict on those who did nothing of the name.
func (s *didStep) nobody(block int, b *listBlock[uint32], selected, yes, unknown *set) {
	*yes, *unknown = set{}, set{}
	others := *selected
	if b != nil {
		for _, row := range b.rows {
			others.remove(row)
		}
	}
	if s.absent == Yes {
		*yes = others
	}
	// Of whom not all names are known nothing is known about this one.
	others.and(&s.incomplete[block])
	yes.less(&others)
	*unknown = others
}

// count decides on the cells of one person, from the newest back.
func (s *didStep) count(block int, row uint16, cells []uint32) Verdict {
	var sure, perhaps uint64
	first := uint32(maxSlot + 1) // the oldest slot so far
	for left := cells; len(left) > 0; left = left[:len(left)-1] {
		c := left[len(left)-1]
		slot, n := c>>countBits, uint64(c&maxCount)
		if slot != 0 && slot < s.from {
			break
		}
		switch s.covers(block, row, slot, first) {
		case Yes:
			sure += n
			if sure >= s.min && s.max == Often {
				return Yes
			}
		case Unknown:
			perhaps += n
		}
		first = slot
	}
	switch {
	case sure >= s.min && sure+perhaps <= s.max:
		return Yes
	case sure+perhaps < s.min, sure > s.max:
		return No
	default:
		return Unknown
	}
}

// covers tells whether what happened in a slot happened in the window. Slot
// zero is all the time before the first slot that is kept.
func (s *didStep) covers(block int, row uint16, slot, first uint32) Verdict {
	switch {
	case slot == 0 && first <= s.from && !s.ever:
		return No
	case slot == 0 && first <= s.to && s.ever:
		return Yes
	case slot == 0:
		return Unknown
	case slot > s.to, slot == s.to && !s.toEdge:
		return No
	case slot == s.from && s.fromEdge:
		if s.nothingFrom(block, row, s.since) {
			return No
		}
		return Unknown
	case slot == s.to && !s.nothingFrom(block, row, s.until):
		return Unknown
	default:
		return Yes
	}
}

// nothingFrom tells whether a person's last event lies before an instant, so
// that a slot which the instant cuts is not cut for this person.
func (s *didStep) nothingFrom(block int, row uint16, at clock.Instant) bool {
	if s.lastSeen == nil {
		return false
	}
	v := s.lastSeen.block(block)
	if v == nil {
		return false
	}
	c := v.get(row)
	if _, isCode := c.code(); isCode || c == noCell {
		return false
	}
	return c.number() < float64(at)
}
