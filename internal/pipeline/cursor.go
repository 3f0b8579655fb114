package pipeline

import (
	"encoding/binary"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// cursor reads binary fields; bad is set by the first that is not there.
type cursor struct {
	b   []byte
	bad bool
}

func (r *cursor) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *cursor) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(uint64(max(n, 0)))
	r.bad = r.bad || n <= 0
	return v
}

func (r *cursor) varint() int64 {
	v, n := binary.Varint(r.b)
	r.take(uint64(max(n, 0)))
	r.bad = r.bad || n <= 0
	return v
}

func (r *cursor) bytes() []byte { return r.take(r.uvarint()) }

func (r *cursor) section() []byte {
	if b := r.take(4); b != nil {
		return r.take(uint64(binary.LittleEndian.Uint32(b)))
	}
	return nil
}

func appendInstants(b []byte, instants ...clock.Instant) []byte {
	for _, i := range instants {
		b = binary.AppendVarint(b, int64(i))
	}
	return b
}

func appendBytes(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
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

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
