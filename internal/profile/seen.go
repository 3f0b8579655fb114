package profile

import (
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// seen counts how often something occurred, and says when first and last.
type seen struct {
	key         string
	first, last clock.Instant
	count       uint32
	dirty       bool
	slots       *slots // of event names only
}

func (s *seen) at(t clock.Instant) {
	s.count++
	if t < s.first {
		s.first = t
	}
	s.last = max(s.last, t)
	s.dirty = true
}

// add takes another's count of the same key.
func (s *seen) add(o *seen) {
	s.count += o.count
	s.first, s.last = min(s.first, o.first), max(s.last, o.last)
	s.dirty = true
	if o.slots != nil {
		if s.slots == nil {
			s.slots = &slots{blind: true}
		}
		s.slots.merge(o.slots)
	} else if s.slots != nil {
		s.slots.blind, s.slots.dirty = true, true
	}
}

// findSeen gives the place of a key, and whether it is there.
func findSeen(list []seen, key string) (int, bool) {
	from, to := 0, len(list)
	for from < to {
		mid := (from + to) / 2
		switch c := strings.Compare(list[mid].key, key); {
		case c == 0:
			return mid, true
		case c < 0:
			from = mid + 1
		default:
			to = mid
		}
	}
	return from, false
}

// bounded is the limit of a list, its name, and what was truncated so far. The
// first keys in byte order stay. That is exact in any order of arrival: a key
// that was dropped has so many before it for ever.
type bounded struct {
	limit     int
	in        section
	truncated section
}

// note counts an occurrence; an empty key is none.
func note(list []seen, key string, e *event.Event, names *Names, b bounded) ([]seen, section) {
	if key == "" {
		return list, b.truncated
	}
	i, found := findSeen(list, key)
	if found {
		list[i].at(e.Time)
		return list, b.truncated
	}
	return noteNew(list, i, once(key, e), names, b)
}

// once is what occurred for the first time.
func once(key string, e *event.Event) seen {
	return seen{key: key, first: e.Time, last: e.Time, count: 1, dirty: true}
}

// noteNew takes in the first occurrence of a key, whose place is i.
func noteNew(list []seen, i int, s seen, names *Names, b bounded) ([]seen, section) {
	if i >= b.limit {
		return list, b.truncated | b.in
	}
	if names != nil {
		s.key = names.OfText(s.key)
	} else {
		s.key = strings.Clone(s.key)
	}
	return insert(list, i, s, b)
}

func insert(list []seen, i int, s seen, b bounded) ([]seen, section) {
	list = slices.Insert(list, i, s)
	if len(list) > b.limit {
		list = list[:b.limit]
		b.truncated |= b.in
	}
	return list, b.truncated
}

// merge adds another list.
func merge(list, other []seen, b bounded) ([]seen, section) {
	for k := range other {
		i, found := findSeen(list, other[k].key)
		if found {
			list[i].add(&other[k])
			continue
		}
		s := other[k]
		s.slots = s.slots.clone()
		list, b.truncated = insert(list, i, s, b)
	}
	return list, b.truncated
}

// overlay takes a later state of a key.
func overlay(list []seen, s seen, b bounded) ([]seen, section) {
	i, found := findSeen(list, s.key)
	if found {
		s.slots = list[i].slots
		list[i] = s
		return list, b.truncated
	}
	return insert(list, i, s, b)
}

// halfHour is what happened in one half hour of the clock. Events of one half
// hour are never further apart than a session's silence, so the first and last
// of each are enough to cut the whole time line into sessions exactly, however
// late an event comes.
type halfHour struct {
	number      uint32 // half hours since 1970
	first, last uint32 // microseconds from its start
	count       uint32
	dirty       bool
}

const halfHourMicros = int64(SessionGap / time.Microsecond)

func halfHourOf(t clock.Instant) halfHour {
	n := max(int64(t), 0)
	offset := uint32(n % halfHourMicros)
	return halfHour{number: uint32(n / halfHourMicros), first: offset, last: offset, count: 1, dirty: true}
}

func (h *halfHour) start() clock.Instant { return h.instant(h.first) }
func (h *halfHour) end() clock.Instant   { return h.instant(h.last) }

func (h *halfHour) instant(offset uint32) clock.Instant {
	return clock.Instant(int64(h.number)*halfHourMicros + int64(offset))
}

func (p *Partial) halfHour(t clock.Instant) { p.addHalfHour(halfHourOf(t)) }

// addHalfHour adds to the half hours; the newest stay.
func (p *Partial) addHalfHour(h halfHour) {
	i := p.findHalfHour(h.number)
	p.written = min(p.written, i)
	if i < len(p.halves) && p.halves[i].number == h.number {
		x := &p.halves[i]
		x.first, x.last = min(x.first, h.first), max(x.last, h.last)
		x.count += h.count
		x.dirty = true
		return
	}
	p.insertHalfHour(i, h)
}

func (p *Partial) findHalfHour(number uint32) int {
	i := len(p.halves)
	for i > 0 && p.halves[i-1].number >= number {
		i--
	}
	return i
}

func (p *Partial) insertHalfHour(i int, h halfHour) {
	if i == 0 && len(p.halves) >= MaxHalfHours {
		p.truncated |= inHalves
		return
	}
	p.halves = slices.Insert(p.halves, i, h)
	if n := len(p.halves) - MaxHalfHours; n > 0 {
		p.halves = slices.Delete(p.halves, 0, n)
		p.written = max(p.written-n, 0)
		p.truncated |= inHalves
	}
}

// session is a run of events without a silence longer than SessionGap.
type session struct {
	start, end clock.Instant
	events     uint64
}

// sessions counts the sessions and gives the last.
func (p *Partial) sessions() (count int, last session) {
	for i := range p.halves {
		h := &p.halves[i]
		if count == 0 || h.start().Sub(last.end) > SessionGap {
			count++
			last = session{start: h.start()}
		}
		last.end = h.end()
		last.events += uint64(h.count)
	}
	return count, last
}
