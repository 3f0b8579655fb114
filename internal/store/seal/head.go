package seal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/store"
)

// A sealed record as engines keep it (docs/formats/log.md):
//
//	crc32c of the rest of the head    4 bytes, little-endian
//	form and flags                    1 byte: bit 7 a bucket follows, 6 removed, 5 padded
//	kind                              1 byte
//	anchor                            16 bytes
//	bucket, where it is not the anchor's  2 bytes, little-endian
//	received, microseconds            varint
//	key id                            uvarint
//	nonce                             uvarint
//	length of the sealed payload      uvarint
//	sealed payload
//
// The head is the additional data of the seal, so nobody can put a payload
// under another head.
const (
	headLeast    = 4 + 1 + 1 + 16 + 4
	flagBucket   = 0x80
	flagGone     = 0x40 // the payload was removed: filler in its place
	flagPadded   = 0x20 // the payload was replaced by a shorter one
	formMask     = 0x0f
	recordFlags  = flagBucket | flagGone | flagPadded | formMask
	anchorOffset = 6
)

// RecordLeast is the fewest bytes of a sealed record, head and payload.
const RecordLeast = headLeast + Overhead

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrNoRecord says that bytes are not a record.
var ErrNoRecord = errors.New("no record begins here")

// Head is what a sealed record says of itself in the clear. It never holds
// anything that must be forgotten.
type Head struct {
	Form     Form
	Kind     store.Kind
	Anchor   id.Key
	Bucket   id.Bucket
	Received clock.Instant
	Key      KeyID
	Nonce    uint64
	Bytes    int  // of the head
	Sealed   int  // bytes of the sealed payload, which follows
	Gone     bool // the payload was removed
	Padded   bool // what is sealed ends with a padding
}

// Append appends the head to b and notes its length in Bytes.
func (h *Head) Append(b []byte) []byte {
	start := len(b)
	form := byte(h.Form)
	explicit := h.Bucket != h.Anchor.Bucket()
	if explicit {
		form |= flagBucket
	}
	if h.Padded {
		form |= flagPadded
	}
	b = append(b, 0, 0, 0, 0, form, byte(h.Kind))
	b = append(b, h.Anchor[:]...)
	if explicit {
		b = binary.LittleEndian.AppendUint16(b, uint16(h.Bucket))
	}
	b = binary.AppendVarint(b, int64(h.Received))
	b = binary.AppendUvarint(b, uint64(h.Key))
	b = binary.AppendUvarint(b, h.Nonce)
	b = binary.AppendUvarint(b, uint64(h.Sealed))
	binary.LittleEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli))
	h.Bytes = len(b) - start
	return b
}

// Parse reads a head; the sealed payload need not be in b. It gives ErrNoRecord
// for anything that Append did not write.
func (h *Head) Parse(b []byte) error {
	if len(b) < headLeast || b[4]&^recordFlags != 0 {
		return ErrNoRecord
	}
	h.Form, h.Kind = Form(b[4]&formMask), store.Kind(b[5])
	h.Gone, h.Padded = b[4]&flagGone != 0, b[4]&flagPadded != 0
	h.Anchor = id.Key(b[anchorOffset : anchorOffset+16])
	h.Bucket = h.Anchor.Bucket()
	at := anchorOffset + 16
	if b[4]&flagBucket != 0 {
		h.Bucket = id.Bucket(binary.LittleEndian.Uint16(b[at:]))
		at += 2
	}
	received, n := binary.Varint(b[at:])
	if n <= 0 {
		return ErrNoRecord
	}
	at += n
	var rest [3]uint64
	for i := range rest {
		v, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return ErrNoRecord
		}
		rest[i], at = v, at+n
	}
	if rest[2] < Overhead && !h.Gone || rest[2] > MaxPayload {
		return ErrNoRecord
	}
	if crc32.Checksum(b[4:at], castagnoli) != binary.LittleEndian.Uint32(b) {
		return ErrNoRecord
	}
	h.Received, h.Key, h.Nonce = clock.Instant(received), KeyID(rest[0]), rest[1]
	h.Bytes, h.Sealed = at, int(rest[2])
	return nil
}

// Record gives the head as a record without payload.
func (h *Head) Record(at store.Position) store.Record {
	return store.Record{Position: at, Kind: h.Kind, Bucket: h.Bucket, Anchor: h.Anchor, Received: h.Received}
}

// EachRecord visits the sealed records that lie one behind the other in b, with
// their offset, until visit returns an error. It gives ErrNoRecord where
// something else begins, and ErrDamaged where a record is cut off.
func EachRecord(b []byte, visit func(at int, h *Head, sealed []byte) error) error {
	var h Head
	for at := 0; at < len(b); {
		if err := h.Parse(b[at:]); err != nil {
			return err
		}
		body := at + h.Bytes
		if h.Sealed > len(b)-body {
			return ErrDamaged
		}
		if err := visit(at, &h, b[body:body+h.Sealed]); err != nil {
			return err
		}
		at = body + h.Sealed
	}
	return nil
}
