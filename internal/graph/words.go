package graph

import (
	"encoding/binary"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Link is the payload of a link record.
type Link struct {
	Strong, Weak    event.Identifier // Weak is empty where the anchor only announces itself
	First, Received clock.Instant
	Event           store.Position // that showed it
}

// Append encodes it.
func (l *Link) Append(b []byte) []byte {
	b = rows.AppendIdentifier(rows.AppendIdentifier(b, l.Strong), l.Weak)
	b = rows.AppendInstants(b, l.First, l.Received)
	return binary.AppendUvarint(b, uint64(l.Event))
}

// seenLink is a link as it is read. Most say nothing that is not known, so what
// they name stays in the record until it is needed.
type seenLink struct {
	known           bool     // it says nothing new, whatever the edges in memory are by now
	loose           bool     // it may be applied without the row of strong
	strong, weak    namedKey // no value in weak where the anchor only announces itself
	first, received clock.Instant
	event           store.Position
}

// namedKey is an identifier that lies in a record, with its key.
type namedKey struct {
	key              id.Key
	namespace, value []byte
}

func (n *namedKey) ident(rules *identity.Rules) event.Identifier {
	for i := range rules.Namespaces {
		if rules.Namespaces[i].Name == string(n.namespace) {
			return event.Identifier{Namespace: rules.Namespaces[i].Name, Value: string(n.value)}
		}
	}
	return event.Identifier{Namespace: string(n.namespace), Value: string(n.value)}
}

func readNamed(r *rows.Cursor) (n namedKey) {
	n.namespace, n.value = r.Bytes(), r.Bytes()
	if len(n.value) > 0 {
		n.key = id.KeyOfBytes(n.namespace, n.value)
	}
	return n
}

func readLink(b []byte) (l seenLink, ok bool) {
	r := rows.Cursor{B: b}
	l.strong, l.weak = readNamed(&r), readNamed(&r)
	l.first, l.received = clock.Instant(r.Varint()), clock.Instant(r.Varint())
	l.event = store.Position(r.Uvarint())
	return l, !r.Bad && len(l.strong.value) > 0
}

// Sighting is the payload of KindAsk, without moments, and of
// KindSighting.
type Sighting struct {
	Strong, Weak event.Identifier
	Seen         []clock.Instant
}

// Append encodes it.
func (s *Sighting) Append(b []byte) []byte {
	b = rows.AppendIdentifier(rows.AppendIdentifier(b, s.Strong), s.Weak)
	b = binary.AppendUvarint(b, uint64(len(s.Seen)))
	return rows.AppendInstants(b, s.Seen...)
}

// ReadSighting reads one; not ok where it is damaged or erased.
func ReadSighting(payload []byte) (s Sighting, ok bool) {
	r := rows.Cursor{B: payload}
	s.Strong, s.Weak = r.Identifier(), r.Identifier()
	for range r.Count() {
		s.Seen = append(s.Seen, clock.Instant(r.Varint()))
	}
	return s, !r.Bad && len(r.B) == 0 && s.Strong.Value != "" && s.Weak.Value != ""
}
