package pipeline

import (
	"encoding/binary"
	"errors"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// personRecord is the payload of KindPerson: what the graph says of the person
// that an anchor belongs to. It comes in two forms. To the home, that of the
// person's strongest identifier, it names all identifiers. To any other anchor
// it names the home alone.
type personRecord struct {
	to id.Key // the anchor that is told
	// version is the position of the link or the fact that caused it. Of two
	// records for an anchor the one with the larger version counts.
	version store.Position
	home    event.Identifier
	// members are the person's identifiers, the home among them; only where the
	// home itself is told.
	members []event.Identifier
	// shared are identifiers that more than one person uses, with what of their
	// time line is this person's; only where the home itself is told.
	shared []sharedIdentifier
}

// sharedIdentifier is a weak identifier that more than one person uses: what
// happened under it within the intervals is this person's.
type sharedIdentifier struct {
	ident event.Identifier
	owned []interval
}

// interval is a span of event time, from included, to excluded.
type interval struct{ from, to clock.Instant }

var errPerson = errors.New("person record is damaged or erased")

// The forms of a person record. The numbers are on disk.
const (
	personElsewhere = 1
	personHome      = 2
)

func (p *personRecord) encode() []byte {
	size := 64 + len(p.home.Namespace) + len(p.home.Value)
	for i := range p.members {
		size += 4 + len(p.members[i].Namespace) + len(p.members[i].Value)
	}
	b := append(make([]byte, 0, size), p.to[:]...)
	form := byte(personElsewhere)
	if p.members != nil {
		form = personHome
	}
	b = binary.AppendUvarint(append(b, form), uint64(p.version))
	b = appendIdentifier(b, p.home)
	if form == personElsewhere {
		return b
	}
	b = appendIdentifiers(b, p.members)
	return appendShared(b, p.shared)
}

func readPerson(payload []byte) (p personRecord, err error) {
	r := cursor{b: payload}
	copy(p.to[:], r.take(16))
	form := r.byte()
	p.version, p.home = store.Position(r.uvarint()), r.identifier()
	switch form {
	case personElsewhere:
	case personHome:
		p.members, p.shared = r.identifiers(), readShared(&r)
		r.bad = r.bad || len(p.members) == 0 || p.home.Key() != p.to
	default:
		r.bad = true
	}
	if r.bad || len(r.b) > 0 || p.home.Value == "" {
		return personRecord{}, errPerson
	}
	return p, nil
}

// record makes it one of the log. It is sealed under the home: what it says is
// erased with the person.
func (p *personRecord) record(received clock.Instant) store.Record {
	return store.Record{
		Kind: store.KindPerson, Bucket: p.to.Bucket(), Anchor: p.home.Key(), Received: received, Payload: p.encode(),
	}
}

func appendShared(b []byte, list []sharedIdentifier) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = appendIdentifier(b, list[i].ident)
		b = appendIntervals(b, list[i].owned)
	}
	return b
}

func readShared(r *cursor) []sharedIdentifier {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]sharedIdentifier, 0, n)
	for range n {
		out = append(out, sharedIdentifier{ident: r.identifier(), owned: readIntervals(r)})
	}
	return out
}

func appendIntervals(b []byte, list []interval) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, o := range list {
		b = appendInstants(b, o.from, o.to-o.from)
	}
	return b
}

func readIntervals(r *cursor) (out []interval) {
	for range r.count() {
		from := clock.Instant(r.varint())
		out = append(out, interval{from, from + clock.Instant(r.varint())})
	}
	return out
}
