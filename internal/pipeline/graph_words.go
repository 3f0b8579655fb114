package pipeline

import (
	"encoding/binary"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
)

// link is the payload of a link record.
type link struct {
	strong, weak    event.Identifier // weak is empty where the anchor only announces itself
	first, received clock.Instant
	event           store.Position // that showed it
}

func (l *link) append(b []byte) []byte {
	b = appendIdentifier(appendIdentifier(b, l.strong), l.weak)
	b = appendInstants(b, l.first, l.received)
	return binary.AppendUvarint(b, uint64(l.event))
}

// seenLink is a link as it is read. Most say nothing that is not known, so what
// they name stays in the record until it is needed.
type seenLink struct {
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

func readNamed(r *cursor) (n namedKey) {
	n.namespace, n.value = r.bytes(), r.bytes()
	if len(n.value) > 0 {
		n.key = id.KeyOfBytes(n.namespace, n.value)
	}
	return n
}

func readLink(b []byte) (l seenLink, ok bool) {
	r := cursor{b: b}
	l.strong, l.weak = readNamed(&r), readNamed(&r)
	l.first, l.received = clock.Instant(r.varint()), clock.Instant(r.varint())
	l.event = store.Position(r.uvarint())
	return l, !r.bad && len(l.strong.value) > 0
}

// sightingRecord is the payload of KindAsk, without moments, and of
// KindSighting.
type sightingRecord struct {
	strong, weak event.Identifier
	seen         []clock.Instant
}

func (s *sightingRecord) append(b []byte) []byte {
	b = appendIdentifier(appendIdentifier(b, s.strong), s.weak)
	b = binary.AppendUvarint(b, uint64(len(s.seen)))
	return appendInstants(b, s.seen...)
}

func readSighting(payload []byte) (s sightingRecord, ok bool) {
	r := cursor{b: payload}
	s.strong, s.weak = r.identifier(), r.identifier()
	for range r.count() {
		s.seen = append(s.seen, clock.Instant(r.varint()))
	}
	return s, !r.bad && len(r.b) == 0 && s.strong.Value != "" && s.weak.Value != ""
}
