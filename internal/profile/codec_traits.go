package profile

import (
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
)

func (p *Partial) encodeTraits(enc *wire.Encoder, full bool) section {
	n := 0
	for i := range p.traits {
		if full || p.traits[i].dirty != 0 {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	for i := range p.traits {
		t := &p.traits[i]
		d := t.dirty
		if full {
			d = touchedStamp | touchedValue
		}
		if d == 0 {
			continue
		}
		enc.Byte(byte(d))
		enc.Str(t.name)
		enc.Mark(mark(t.stamp, t.source))
		enc.Uint(uint64(t.count))
		if d&touchedValue != 0 {
			enc.Str(t.value)
		}
		t.dirty = 0
	}
	return inTraits
}

func (p *Partial) decodeTraits(dec *wire.Decoder, version byte) {
	n := dec.Count()
	if p.traits == nil {
		p.traits = make([]trait, 0, min(n, MaxTraits))
	}
	for range n {
		d := touch(dec.Byte())
		t := trait{name: dec.Name()}
		m := dec.Mark()
		t.source, t.stamp = m.Source, stampOf(m)
		if version != firstVersion {
			t.count = uint32(dec.Uint())
		}
		i, found := p.findTrait([]byte(t.name), t.source)
		if d&^(touchedStamp|touchedValue) != 0 || !found && d&touchedValue == 0 || t.name == "" {
			dec.Fail()
			return
		}
		if d&touchedValue != 0 {
			t.value = dec.Str()
		} else {
			t.value = p.traits[i].value
		}
		if version == firstVersion {
			t.count = countable(t.value)
		}
		if t.count > 0 && countable(t.value) == 0 {
			dec.Fail()
			return
		}
		p.putTrait(i, found, t)
	}
}

// putTrait takes a later state of a register. Its earlier values go where it
// is no longer counted, and the one that it holds again is not among them.
func (p *Partial) putTrait(i int, found bool, t trait) {
	if !found {
		p.insertTrait(i, t)
		return
	}
	if p.truncated&inTraits != 0 {
		t.count = 0
	}
	p.traits[i] = t
	from, to := p.pastOf(t.name, t.source)
	if t.count == 0 {
		p.past = slices.Delete(p.past, from, to)
	} else if k, again := p.findPast(from, to, t.value); again {
		p.past = slices.Delete(p.past, k, k+1)
	}
}

func (p *Partial) encodePast(enc *wire.Encoder, full bool) section {
	n := 0
	for i := range p.past {
		if full || p.past[i].dirty != 0 {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	for i := range p.past {
		t := &p.past[i]
		if full || t.dirty != 0 {
			enc.Str(t.name)
			enc.Mark(mark(t.stamp, t.source))
			enc.Uint(uint64(t.count))
			enc.Str(t.value)
			t.dirty = 0
		}
	}
	return inValues
}

func (p *Partial) decodePast(dec *wire.Decoder) {
	n := dec.Count()
	if p.past == nil {
		p.past = make([]trait, 0, n)
	}
	for range n {
		t := trait{name: dec.Name()}
		m := dec.Mark()
		t.source, t.stamp = m.Source, stampOf(m)
		t.count, t.value = uint32(dec.Uint()), dec.Str()
		i, found := p.findTrait([]byte(t.name), t.source)
		if !found || p.traits[i].count == 0 || p.traits[i].value == t.value || t.count == 0 || countable(t.value) == 0 {
			dec.Fail()
			return
		}
		from, to := p.pastOf(t.name, p.traits[i].source)
		k, again := p.findPast(from, to, t.value)
		switch {
		case again:
			p.past[k] = t
		case to-from+2 > MaxValues:
			dec.Fail()
			return
		default:
			p.past = slices.Insert(p.past, k, t)
		}
	}
}

func (p *Partial) encodeContacts(enc *wire.Encoder, full bool) section {
	n := 0
	for i := range p.contacts {
		if full || p.contacts[i].dirty {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	enc.Uint(uint64(n))
	for i := range p.contacts {
		c := &p.contacts[i]
		if !full && !c.dirty {
			continue
		}
		enc.Byte(byte(c.kind))
		enc.Str(c.value)
		enc.Int(int64(c.last))
		enc.Uint(uint64(c.last - c.first))
		enc.Uint(uint64(c.count))
		enc.Str(c.source)
		if c.verified == 0 {
			enc.Uint(0)
		} else {
			enc.Uint(uint64(c.verified-c.first) + 1)
		}
		c.dirty = false
	}
	return inContacts
}

// decodeContacts reads contact points. In the first version the kind and the
// value were one text, without source and verification.
func (p *Partial) decodeContacts(dec *wire.Decoder, version byte) {
	n := dec.Count()
	if p.contacts == nil {
		p.contacts = make([]contact, 0, n)
	}
	for range n {
		var c contact
		if version == firstVersion {
			if text := dec.Name(); text != "" {
				c.kind, c.value = contactKind(text[0]), text[1:]
			}
		} else {
			c.kind, c.value = contactKind(dec.Byte()), dec.Str()
		}
		c.last = clock.Instant(dec.Int())
		c.first = c.last - clock.Instant(dec.Uint())
		c.count = uint32(dec.Uint())
		if version != firstVersion {
			c.source = dec.Name()
			if v := dec.Uint(); v > 0 {
				c.verified = c.first + clock.Instant(v-1)
			}
		}
		if c.kind.String() == "" || c.value == "" || dec.Bad() {
			dec.Fail()
			return
		}
		if i, found := p.findContact(c.kind, c.value); found {
			p.contacts[i] = c
			continue
		}
		p.addContact(c)
		if i, found := p.findContact(c.kind, c.value); found {
			p.contacts[i].dirty = false
		}
	}
}

func (p *Partial) encodeLoyalty(enc *wire.Encoder, full bool) section {
	l := p.loyalty
	if l == nil || !full && !l.dirty {
		return 0
	}
	enc.Str(l.earned.Text())
	enc.Str(l.spent.Text())
	enc.Int(int64(l.joined))
	for _, v := range [...]*value{&l.tier, &l.balance} {
		enc.Str(v.text)
		if v.text != "" {
			enc.Mark(mark(v.stamp, ""))
		}
	}
	l.dirty = false
	return inLoyalty
}

func (p *Partial) decodeLoyalty(dec *wire.Decoder) {
	l := &loyalty{}
	var ok [2]bool
	l.earned, ok[0] = catalog.ParseSum(dec.Str())
	l.spent, ok[1] = catalog.ParseSum(dec.Str())
	l.joined = clock.Instant(dec.Int())
	for _, v := range [...]*value{&l.tier, &l.balance} {
		if v.text = dec.Str(); v.text != "" {
			v.stamp = stampOf(dec.Mark())
		}
	}
	if !ok[0] || !ok[1] {
		dec.Fail()
		return
	}
	p.loyalty = l
}
