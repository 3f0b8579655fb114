package graph

import (
	"encoding/binary"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Person is the payload of KindPerson: what the graph says of the person
// that an anchor belongs to. It comes in two forms. To the home, that of the
// person's strongest identifier, it names all identifiers. To any other anchor
// it names the home alone.
type Person struct {
	To id.Key // the anchor that is told
	// Version is the position of the link or the fact that caused it. Of two
	// records for an anchor the one with the larger version counts.
	Version store.Position
	Home    event.Identifier
	// Members are the person's identifiers, the home among them; only where the
	// home itself is told.
	Members []event.Identifier
	// Shared are identifiers that more than one person uses, with what of their
	// time line is this person's; only where the home itself is told.
	Shared []Shared
}

// Shared is a weak identifier that more than one person uses: what
// happened under it within the intervals is this person's.
type Shared struct {
	Identifier event.Identifier
	Owned      []Interval
}

// Interval is a span of event time, from included, to excluded.
type Interval struct{ From, To clock.Instant }

var errPerson = errors.New("person record is damaged or erased")

// The forms of a person record. The numbers are on disk.
const (
	personElsewhere = 1
	personHome      = 2
)

func (p *Person) encode() []byte {
	size := 64 + len(p.Home.Namespace) + len(p.Home.Value)
	for i := range p.Members {
		size += 4 + len(p.Members[i].Namespace) + len(p.Members[i].Value)
	}
	b := append(make([]byte, 0, size), p.To[:]...)
	form := byte(personElsewhere)
	if p.Members != nil {
		form = personHome
	}
	b = binary.AppendUvarint(append(b, form), uint64(p.Version))
	b = rows.AppendIdentifier(b, p.Home)
	if form == personElsewhere {
		return b
	}
	b = rows.AppendIdentifiers(b, p.Members)
	return AppendShared(b, p.Shared)
}

// ReadPerson reads the payload of one.
func ReadPerson(payload []byte) (p Person, err error) {
	r := rows.Cursor{B: payload}
	copy(p.To[:], r.Take(16))
	form := r.Byte()
	p.Version, p.Home = store.Position(r.Uvarint()), r.Identifier()
	switch form {
	case personElsewhere:
	case personHome:
		p.Members, p.Shared = r.Identifiers(), ReadShared(&r)
		r.Bad = r.Bad || len(p.Members) == 0 || p.Home.Key() != p.To
	default:
		r.Bad = true
	}
	if r.Bad || len(r.B) > 0 || p.Home.Value == "" {
		return Person{}, errPerson
	}
	return p, nil
}

// Record makes it one of the log. It is sealed under the home: what it says is
// erased with the person.
func (p *Person) Record(received clock.Instant) store.Record {
	return store.Record{
		Kind: store.KindPerson, Bucket: p.To.Bucket(), Anchor: p.Home.Key(), Received: received, Payload: p.encode(),
	}
}

// AppendShared encodes what of shared identifiers is a person's.
func AppendShared(b []byte, list []Shared) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = rows.AppendIdentifier(b, list[i].Identifier)
		b = AppendIntervals(b, list[i].Owned)
	}
	return b
}

// ReadShared reads what AppendShared wrote.
func ReadShared(r *rows.Cursor) []Shared {
	n := r.Count()
	if n == 0 {
		return nil
	}
	out := make([]Shared, 0, n)
	for range n {
		out = append(out, Shared{Identifier: r.Identifier(), Owned: ReadIntervals(r)})
	}
	return out
}

// AppendIntervals encodes spans of time.
func AppendIntervals(b []byte, list []Interval) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, o := range list {
		b = rows.AppendInstants(b, o.From, o.To-o.From)
	}
	return b
}

// ReadIntervals reads what AppendIntervals wrote.
func ReadIntervals(r *rows.Cursor) (out []Interval) {
	for range r.Count() {
		from := clock.Instant(r.Varint())
		out = append(out, Interval{from, from + clock.Instant(r.Varint())})
	}
	return out
}
