package profile

import (
	"errors"

	"rapport/internal/catalog"
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/profile/shown"
)

// The versions of a part. The first knew neither counts of values nor more of
// contact points than of anything else that is seen.
const (
	firstVersion   = 1
	partialVersion = 2
)

var errPartial = errors.New("partial state is damaged")

// AppendFull appends the whole state as one part and forgets what was changed.
func (p *Partial) AppendFull(b []byte) []byte { return p.encode(b, true) }

// AppendChanges appends what changed since the last AppendFull or
// AppendChanges as a part, and forgets it.
func (p *Partial) AppendChanges(b []byte) []byte { return p.encode(b, false) }

func (p *Partial) encode(b []byte, full bool) []byte {
	enc := wire.Encoder{B: append(b, partialVersion)}
	p.encodeHead(&enc)
	// Which lists follow is known only after they were looked through.
	at := len(enc.B)
	enc.B = append(enc.B, 0, 0)
	has := p.encodeAbout(&enc, full) | p.encodeTraits(&enc, full) | p.encodeHalves(&enc, full) |
		encodeEntities(&enc, p.orders, inOrders, full) | encodeEntities(&enc, p.carts, inCarts, full) |
		encodeSeen(&enc, p.names, inNames, full) | encodeSeen(&enc, p.channels, inChannels, full) |
		encodeSeen(&enc, p.groups, inGroups, full) | p.encodeContacts(&enc, full) |
		p.encodePast(&enc, full) | p.encodeLoyalty(&enc, full) | p.encodeSlots(&enc, full) | p.encodeShown(&enc, full) |
		encodeEntities(&enc, p.objects, inObjects, full) |
		encodeSeen(&enc, p.variants, inVariants, full)
	enc.B[at], enc.B[at+1] = byte(has>>8), byte(has)
	p.dirty = false
	return enc.B
}

func (p *Partial) encodeHead(enc *wire.Encoder) {
	enc.Uint(p.events)
	for _, n := range p.types[1:] {
		enc.Uint(uint64(n))
	}
	enc.Int(int64(p.lastSeen))
	enc.Int(int64(p.lastSeen - p.firstSeen))
	enc.Int(int64(p.now - p.lastSeen))
	enc.Int(int64(p.now - p.firstReceived))
	enc.Uint(uint64(p.truncated))
}

func (p *Partial) decodeHead(dec *wire.Decoder) {
	p.events = dec.Uint()
	for i := range p.types[1:] {
		p.types[i+1] = uint32(dec.Uint())
	}
	p.lastSeen = clock.Instant(dec.Int())
	p.firstSeen = p.lastSeen - clock.Instant(dec.Int())
	p.now = p.lastSeen + clock.Instant(dec.Int())
	p.firstReceived = p.now - clock.Instant(dec.Int())
	p.truncated = section(dec.Uint())
}

// Decode reads a state from its parts, the full one first; an increment among
// them is merged into what was read before it. names may be nil.
func Decode(parts [][]byte, names *Names) (*Partial, error) {
	if len(parts) == 0 {
		return nil, errPartial
	}
	p := New()
	for _, part := range parts {
		if len(part) == 0 {
			return nil, errPartial
		}
		into, version := p, part[0]&^increment
		if version != partialVersion && version != firstVersion {
			return nil, errPartial
		}
		if part[0]&increment != 0 {
			into = New()
		}
		dec := wire.NewDecoder(part[1:], names)
		into.overlay(dec, version)
		if dec.Bad() || dec.Len() != 0 {
			return nil, errPartial
		}
		if into != p {
			p.Merge(into)
		}
	}
	return p, nil
}

func (p *Partial) overlay(dec *wire.Decoder, version byte) {
	p.decodeHead(dec)
	has := section(dec.Byte())<<8 | section(dec.Byte())
	if has&inAbout != 0 {
		p.decodeAbout(dec)
	}
	if has&inTraits != 0 {
		p.decodeTraits(dec, version)
	}
	if has&inHalves != 0 {
		p.decodeHalves(dec)
	}
	if has&inOrders != 0 {
		p.orders = p.decodeEntities(dec, p.orders, catalog.Order, MaxOrders, inOrders)
	}
	if has&inCarts != 0 {
		p.carts = p.decodeEntities(dec, p.carts, catalog.Cart, MaxCarts, inCarts)
	}
	for _, s := range [...]struct {
		in    section
		list  *[]seen
		limit int
	}{
		{inNames, &p.names, MaxNames},
		{inChannels, &p.channels, MaxChannels},
		{inGroups, &p.groups, MaxGroups},
	} {
		if has&s.in != 0 {
			*s.list, p.truncated = decodeSeen(dec, *s.list, bounded{s.limit, s.in, p.truncated})
		}
	}
	if has&inContacts != 0 {
		p.decodeContacts(dec, version)
	}
	if has&inValues != 0 {
		p.decodePast(dec)
	}
	if has&inLoyalty != 0 {
		p.decodeLoyalty(dec)
	}
	if has&inSlots != 0 {
		p.decodeSlots(dec)
	}
	if has&inShown != 0 {
		p.shown = shown.Read(dec)
	}
	if has&inObjects != 0 {
		p.objects = p.decodeEntities(dec, p.objects, catalog.Object, MaxObjects, inObjects)
	}
	if has&inVariants != 0 {
		p.variants, p.truncated = decodeSeen(dec, p.variants, bounded{MaxVariants, inVariants, p.truncated})
	}
}

func encodeSeen(enc *wire.Encoder, list []seen, in section, full bool) section {
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
	for i := range list {
		s := &list[i]
		if full || s.dirty {
			enc.Str(s.key)
			enc.Int(int64(s.last))
			enc.Uint(uint64(s.last - s.first))
			enc.Uint(uint64(s.count))
			s.dirty = false
		}
	}
	return in
}

func decodeSeen(dec *wire.Decoder, list []seen, b bounded) ([]seen, section) {
	n := dec.Count()
	if list == nil {
		list = make([]seen, 0, min(n, b.limit))
	}
	for range n {
		s := seen{key: dec.Name(), last: clock.Instant(dec.Int())}
		s.first = s.last - clock.Instant(dec.Uint())
		s.count = uint32(dec.Uint())
		if s.key == "" || dec.Bad() {
			dec.Fail()
			return list, b.truncated
		}
		list, b.truncated = overlay(list, s, b)
	}
	return list, b.truncated
}
