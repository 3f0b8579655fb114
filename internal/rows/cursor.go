package rows

import (
	"encoding/binary"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// Cursor reads binary fields; bad is set by the first that is not there.
type Cursor struct {
	B   []byte
	Bad bool
}

// Take reads so many bytes.
func (r *Cursor) Take(n uint64) []byte {
	if n > uint64(len(r.B)) {
		r.B, r.Bad = nil, true
		return nil
	}
	out := r.B[:n]
	r.B = r.B[n:]
	return out
}

// Byte reads one byte.
func (r *Cursor) Byte() byte {
	if b := r.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uvarint reads an unsigned number.
func (r *Cursor) Uvarint() uint64 {
	v, n := binary.Uvarint(r.B)
	r.Take(uint64(max(n, 0)))
	r.Bad = r.Bad || n <= 0
	return v
}

// Varint reads a signed number.
func (r *Cursor) Varint() int64 {
	v, n := binary.Varint(r.B)
	r.Take(uint64(max(n, 0)))
	r.Bad = r.Bad || n <= 0
	return v
}

// Bytes reads bytes behind their length.
func (r *Cursor) Bytes() []byte { return r.Take(r.Uvarint()) }

// Section reads bytes behind a length of four bytes.
func (r *Cursor) Section() []byte {
	if b := r.Take(4); b != nil {
		return r.Take(uint64(binary.LittleEndian.Uint32(b)))
	}
	return nil
}

// AppendInstants appends instants, in microseconds.
func AppendInstants(b []byte, instants ...clock.Instant) []byte {
	for _, i := range instants {
		b = binary.AppendVarint(b, int64(i))
	}
	return b
}

// AppendBytes appends bytes behind their length.
func AppendBytes(b, s []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// AppendIdentifier appends an identifier.
func AppendIdentifier(b []byte, i event.Identifier) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(i.Namespace))), i.Namespace...)
	return append(binary.AppendUvarint(b, uint64(len(i.Value))), i.Value...)
}

// AppendIdentifiers appends a list of identifiers.
func AppendIdentifiers(b []byte, list []event.Identifier) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, i := range list {
		b = AppendIdentifier(b, i)
	}
	return b
}

// Identifier reads an identifier.
func (r *Cursor) Identifier() event.Identifier {
	return event.Identifier{Namespace: namespace(r.Bytes()), Value: string(r.Bytes())}
}

// namespace makes a text of a name. Those that most identifiers have are in
// memory once.
func namespace(b []byte) string {
	switch string(b) {
	case event.UserID:
		return event.UserID
	case event.AnonymousID:
		return event.AnonymousID
	case event.Email:
		return event.Email
	case event.Phone:
		return event.Phone
	}
	return string(b)
}

// Count reads how many entries of at least one byte each follow.
func (r *Cursor) Count() int {
	n := r.Uvarint()
	if n > uint64(len(r.B)) {
		r.B, r.Bad = nil, true
		return 0
	}
	return int(n)
}

// Identifiers reads a list of identifiers; none of them may be empty.
func (r *Cursor) Identifiers() []event.Identifier {
	n := r.Count()
	if n == 0 {
		return nil
	}
	out := make([]event.Identifier, 0, n)
	for range n {
		i := r.Identifier()
		r.Bad = r.Bad || i.Value == ""
		out = append(out, i)
	}
	return out
}

// Flag is 1 for true and 0 for false.
func Flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
