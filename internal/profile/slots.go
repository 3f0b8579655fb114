package profile

import (
	"slices"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/event"
)

// MaxSlots is how many quarters of an hour are kept of each event name: the
// newest. What happened before them is a number without times.
const MaxSlots = 1_000

// SlotLength is a quarter of an hour in microseconds: fine enough for days and
// hours in every time zone, coarse enough to stay small.
const SlotLength = clock.Instant(15 * 60 * 1_000_000)

// Slot is how often something happened in a quarter of an hour.
type Slot struct {
	Number uint32 // quarters of an hour since 1970
	count  uint32 // with slotDirty
}

// Count is how often it happened.
func (s Slot) Count() uint64 { return uint64(s.count &^ slotDirty) }

const slotDirty = 1 << 31

// slots are the quarters of an hour in which something happened, sorted.
type slots struct {
	list []Slot
	// blind says that some of the count is older than slots are: when that
	// happened is not known.
	blind   bool
	dirty   bool
	written int // so many first slots are not dirty
}

func slotOf(t clock.Instant) uint32 { return uint32(max(t, 0) / SlotLength) }

// add counts in a slot. The newest slots stay: one that was dropped has so
// many after it for ever.
func (s *slots) add(number, count uint32) {
	s.dirty = true
	i := s.find(number)
	s.written = min(s.written, i)
	if i < len(s.list) && s.list[i].Number == number {
		s.list[i].count = (s.list[i].count + count) | slotDirty
		return
	}
	s.insert(i, Slot{number, count | slotDirty})
}

func (s *slots) find(number uint32) int {
	i := len(s.list)
	for i > 0 && s.list[i-1].Number >= number {
		i--
	}
	return i
}

func (s *slots) insert(i int, x Slot) {
	if i == 0 && len(s.list) >= MaxSlots {
		return
	}
	s.list = slices.Insert(s.list, i, x)
	if n := len(s.list) - MaxSlots; n > 0 {
		s.list = slices.Delete(s.list, 0, n)
		s.written = max(s.written-n, 0)
	}
}

// overlay takes a later state of a slot.
func (s *slots) overlay(x Slot) {
	if i := s.find(x.Number); i < len(s.list) && s.list[i].Number == x.Number {
		s.list[i] = x
	} else {
		s.insert(i, x)
	}
}

func (s *slots) merge(o *slots) {
	s.blind, s.dirty = s.blind || o.blind, true
	for _, x := range o.list {
		s.add(x.Number, uint32(x.Count()))
	}
}

func (s *slots) clone() *slots {
	if s == nil {
		return nil
	}
	c := *s
	c.list = slices.Clone(s.list)
	return &c
}

// name counts an event by its name, and by the quarter of an hour it was in.
func (p *Partial) name(e *event.Event, names *Names) {
	if e.Name == "" {
		return
	}
	i, found := findSeen(p.names, e.Name)
	if found {
		p.names[i].at(e.Time)
	} else if p.names, p.truncated = noteNew(p.names, i, once(e.Name, e), names, bounded{MaxNames, inNames, p.truncated}); i >= len(p.names) {
		return // there are too many already
	}
	if p.names[i].slots == nil {
		p.names[i].slots = &slots{blind: p.names[i].count > 1}
	}
	p.names[i].slots.add(slotOf(e.Time), 1)
}

// EachEvent visits the events by name: the slots that are known, and how many
// happened before the first of them. Where slots is empty it is not known when
// any of them happened. Nothing of it may be changed or kept.
func (p *Partial) EachEvent(visit func(name string, before uint64, slots []Slot)) {
	for i := range p.names {
		s := &p.names[i]
		before := uint64(s.count)
		if s.slots == nil || s.slots.blind {
			visit(s.key, before, nil)
			continue
		}
		for _, x := range s.slots.list {
			before -= min(before, x.Count())
		}
		visit(s.key, before, s.slots.list)
	}
}

// LastOf is when an event of a name happened last; zero: it is not known that
// one did.
func (p *Partial) LastOf(name string) clock.Instant {
	i, found := findSeen(p.names, name)
	if !found {
		return 0
	}
	return p.names[i].last
}

// EventsTruncated tells whether there were more event names than are kept.
func (p *Partial) EventsTruncated() bool { return p.truncated&inNames != 0 }

func (p *Partial) encodeSlots(enc *wire.Encoder, full bool) section {
	n := 0
	for i := range p.names {
		if s := p.names[i].slots; s != nil && (full || s.dirty) {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	for i := range p.names {
		if s := p.names[i].slots; s != nil && (full || s.dirty) {
			enc.Str(p.names[i].key)
			s.encode(enc, full)
		}
	}
	return inSlots
}

func (s *slots) encode(enc *wire.Encoder, full bool) {
	n := 0
	list := s.list
	if !full {
		list = list[s.written:]
	}
	s.written = len(s.list)
	for _, x := range list {
		if full || x.count&slotDirty != 0 {
			n++
		}
	}
	blind := byte(0)
	if s.blind {
		blind = 1
	}
	enc.Byte(blind)
	enc.Uint(uint64(n))
	before := uint32(0)
	for i := range list {
		x := &list[i]
		if full || x.count&slotDirty != 0 {
			enc.Uint(uint64(x.Number - before))
			enc.Uint(x.Count())
			before = x.Number
			x.count &^= slotDirty
		}
	}
	s.dirty = false
}

func (p *Partial) decodeSlots(dec *wire.Decoder) {
	for range dec.Count() {
		i, found := findSeen(p.names, dec.Name())
		blind := dec.Byte()
		if dec.Bad() || !found || blind > 1 {
			dec.Fail()
			return
		}
		s := p.names[i].slots
		if s == nil {
			s = &slots{}
			p.names[i].slots = s
		}
		s.blind = blind != 0
		n := dec.Count()
		if s.list == nil {
			s.list = make([]Slot, 0, min(n, MaxSlots))
		}
		number := uint32(0)
		for range n {
			number += uint32(dec.Uint())
			count := dec.Uint()
			if dec.Bad() || count == 0 || count >= slotDirty {
				dec.Fail()
				return
			}
			s.overlay(Slot{number, uint32(count)})
		}
	}
}
