package profile

import (
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
)

func mark(s catalog.Stamp, source string) wire.Mark {
	return wire.Mark{Time: int64(s.Time), Short: s.Short, Priority: s.Priority, Source: source}
}

func stampOf(m wire.Mark) catalog.Stamp {
	return catalog.Stamp{Time: clock.Instant(m.Time), Short: m.Short, Priority: m.Priority}
}

const (
	touchedAll = touchedStamp | touchedValue | touchedFirst
	// firstIsLatest says that the text that follows is the first value's too.
	firstIsLatest touch = 1 << 3
)

// encodeAbout writes the aspects.
func (p *Partial) encodeAbout(enc *wire.Encoder, full bool) section {
	n := 0
	for i := range p.about {
		if full || p.about[i].dirty != 0 {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	for i := range p.about {
		a := &p.about[i]
		d := a.dirty
		if full {
			d = touchedAll
		}
		if d == 0 {
			continue
		}
		if d == touchedAll && a.first.text == a.latest.text {
			d |= firstIsLatest
		}
		enc.Byte(byte(a.aspect))
		enc.Byte(byte(d))
		enc.Mark(mark(a.latest.stamp, ""))
		if d&touchedValue != 0 {
			enc.Str(a.latest.text)
		}
		if d&touchedFirst != 0 {
			enc.Mark(mark(a.first.stamp, ""))
			if d&firstIsLatest == 0 {
				enc.Str(a.first.text)
			}
		}
		a.dirty = 0
	}
	return inAbout
}

func (p *Partial) decodeAbout(dec *wire.Decoder) {
	n := dec.Count()
	if p.about == nil {
		p.about = make([]about, 0, min(n, int(aspects)))
	}
	for range n {
		a, d := aspect(dec.Byte()), touch(dec.Byte())
		if a == 0 || a >= aspects || d&^touchedAll != 0 && d != touchedAll|firstIsLatest {
			dec.Fail()
			return
		}
		i := p.findAbout(a)
		if i == len(p.about) || p.about[i].aspect != a {
			if d&touchedValue == 0 || d&touchedFirst == 0 {
				dec.Fail()
				return
			}
			p.about = slices.Insert(p.about, i, about{aspect: a})
		}
		x := &p.about[i]
		x.latest.stamp = stampOf(dec.Mark())
		if d&touchedValue != 0 {
			x.latest.text = dec.Name()
		}
		if d&touchedFirst != 0 {
			x.first = value{stamp: stampOf(dec.Mark()), text: x.latest.text}
			if d&firstIsLatest == 0 {
				x.first.text = dec.Name()
			}
		}
	}
}

func (p *Partial) encodeHalves(enc *wire.Encoder, full bool) section {
	list := p.halves
	if !full {
		list = list[p.written:]
	}
	p.written = len(p.halves)
	n := 0
	for i := range list {
		if full || list[i].dirty {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	before := uint32(0)
	for i := range list {
		h := &list[i]
		if full || h.dirty {
			enc.Uint(uint64(h.number - before))
			enc.Uint(uint64(h.first))
			enc.Uint(uint64(h.last - h.first))
			enc.Uint(uint64(h.count))
			before = h.number
			h.dirty = false
		}
	}
	return inHalves
}

func (p *Partial) decodeHalves(dec *wire.Decoder) {
	n := dec.Count()
	if p.halves == nil {
		p.halves = make([]halfHour, 0, min(n, MaxHalfHours))
	}
	before := uint32(0)
	for range n {
		h := halfHour{number: before + uint32(dec.Uint()), first: uint32(dec.Uint())}
		h.last = h.first + uint32(dec.Uint())
		h.count = uint32(dec.Uint())
		before = h.number
		if dec.Bad() {
			return
		}
		i := p.findHalfHour(h.number)
		if i < len(p.halves) && p.halves[i].number == h.number {
			p.halves[i] = h
		} else {
			p.insertHalfHour(i, h)
		}
	}
}

func encodeEntities(enc *wire.Encoder, list []*catalog.Entity, in section, full bool) section {
	n := 0
	for _, e := range list {
		if full || e.Changed() {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	for _, e := range list {
		if full || e.Changed() {
			e.Encode(enc, full)
		}
	}
	return in
}

func (p *Partial) decodeEntities(
	dec *wire.Decoder, list []*catalog.Entity, kind catalog.Kind, limit int, in section,
) []*catalog.Entity {
	for range dec.Count() {
		e := catalog.DecodeEntity(dec)
		if dec.Bad() || e.Kind != kind {
			dec.Fail()
			return list
		}
		i, found := slices.BinarySearchFunc(list, e.ID, compareEntity)
		if found {
			list[i].Merge(e)
			e = list[i]
		} else {
			list = slices.Insert(list, i, e)
		}
		e.Clean()
	}
	if len(list) > limit {
		list = list[:limit]
		p.truncated |= in
	}
	return list
}
