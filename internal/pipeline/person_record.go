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

var (
	errPerson = errors.New("person record is damaged or erased")
	errShare  = errors.New("share is damaged or erased")
)

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
		p.members, p.shared = r.identifiers(), r.sharedIdentifiers()
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

func appendIdentifier(b []byte, i event.Identifier) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(i.Namespace))), i.Namespace...)
	return append(binary.AppendUvarint(b, uint64(len(i.Value))), i.Value...)
}

func appendIdentifiers(b []byte, list []event.Identifier) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, i := range list {
		b = appendIdentifier(b, i)
	}
	return b
}

func appendShared(b []byte, list []sharedIdentifier) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = appendIdentifier(b, list[i].ident)
		b = appendIntervals(b, list[i].owned)
	}
	return b
}

func (r *cursor) identifier() event.Identifier {
	return event.Identifier{Namespace: string(r.bytes()), Value: string(r.bytes())}
}

// count reads how many entries of at least one byte each follow.
func (r *cursor) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return 0
	}
	return int(n)
}

func (r *cursor) identifiers() []event.Identifier {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]event.Identifier, 0, n)
	for range n {
		i := r.identifier()
		r.bad = r.bad || i.Value == ""
		out = append(out, i)
	}
	return out
}

func (r *cursor) sharedIdentifiers() []sharedIdentifier {
	n := r.count()
	if n == 0 {
		return nil
	}
	out := make([]sharedIdentifier, 0, n)
	for range n {
		out = append(out, sharedIdentifier{ident: r.identifier(), owned: r.intervals()})
	}
	return out
}

// shareRecord is the payload of KindShare: all that an anchor knows, for the
// home of its person.
type shareRecord struct {
	home id.Key
	from id.Key
	// version is the position of the last record that the sender applied to
	// itself. Of two shares of a sender the one with the larger version counts.
	version    store.Position
	generation uint64 // the backfill that filled what the sender keeps, if one did
	cut        bool   // only what of the anchor is the person's
	// news is the time of the newest event that led to it, zero where none did,
	// newsHistorical where all of them are history: what is planned asks.
	news clock.Instant
	row  []byte // as shareRow made it
}

func (s *shareRecord) append(b []byte) []byte {
	b = append(append(b, s.home[:]...), s.from[:]...)
	b = binary.AppendUvarint(b, uint64(s.version))
	b = append(binary.AppendUvarint(b, s.generation), flag(s.cut))
	return append(binary.AppendVarint(b, int64(s.news)), s.row...)
}

func readShare(payload []byte) (s shareRecord, err error) {
	r := cursor{b: payload}
	copy(s.home[:], r.take(16))
	copy(s.from[:], r.take(16))
	s.version, s.generation, s.cut = store.Position(r.uvarint()), r.uvarint(), r.byte() == 1
	s.news = clock.Instant(r.varint())
	if r.bad || len(r.b) == 0 {
		return s, errShare
	}
	s.row = r.b
	return s, nil
}
