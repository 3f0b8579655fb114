package embedded

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// A record in the log (docs/formats/log.md):
//
//	crc32c of the rest of the head    4 bytes, little-endian
//	form and flags                    1 byte
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
	recordLeast  = 4 + 1 + 1 + 16 + 4 + seal.Overhead
	recordHead   = 4 + 1 + 1 + 16 + 2 + 4*binary.MaxVarintLen64 // at most
	flagBucket   = 0x80
	formMask     = 0x0f
	recordFlags  = flagBucket | formMask
	maxRecord    = 1 << 30
	anchorOffset = 6
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNoRecord says that bytes are not a record.
var errNoRecord = errors.New("no record begins here")

// head is what a record says of itself in the clear.
type head struct {
	form     seal.Form
	kind     store.Kind
	anchor   id.Key
	bucket   id.Bucket
	received clock.Instant
	key      seal.KeyID
	nonce    uint64
	bytes    int // of the head
	sealed   int // bytes of the sealed payload, which follows
}

// append writes the head.
func (h *head) append(b []byte) []byte {
	start := len(b)
	form := byte(h.form)
	explicit := h.bucket != h.anchor.Bucket()
	if explicit {
		form |= flagBucket
	}
	b = append(b, 0, 0, 0, 0, form, byte(h.kind))
	b = append(b, h.anchor[:]...)
	if explicit {
		b = binary.LittleEndian.AppendUint16(b, uint16(h.bucket))
	}
	b = binary.AppendVarint(b, int64(h.received))
	b = binary.AppendUvarint(b, uint64(h.key))
	b = binary.AppendUvarint(b, h.nonce)
	b = binary.AppendUvarint(b, uint64(h.sealed))
	binary.LittleEndian.PutUint32(b[start:], crc32.Checksum(b[start+4:], castagnoli))
	h.bytes = len(b) - start
	return b
}

// parse reads a head; the sealed payload need not be in b. It gives errNoRecord
// for anything that append did not write.
func (h *head) parse(b []byte) error {
	if len(b) < recordLeast-seal.Overhead || b[4]&^recordFlags != 0 {
		return errNoRecord
	}
	h.form, h.kind = seal.Form(b[4]&formMask), store.Kind(b[5])
	h.anchor = id.Key(b[anchorOffset : anchorOffset+16])
	h.bucket = h.anchor.Bucket()
	at := anchorOffset + 16
	if b[4]&flagBucket != 0 {
		h.bucket = id.Bucket(binary.LittleEndian.Uint16(b[at:]))
		at += 2
	}
	received, n := binary.Varint(b[at:])
	if n <= 0 {
		return errNoRecord
	}
	at += n
	var rest [3]uint64
	for i := range rest {
		v, n := binary.Uvarint(b[at:])
		if n <= 0 {
			return errNoRecord
		}
		rest[i], at = v, at+n
	}
	if rest[2] < seal.Overhead || rest[2] > maxRecord {
		return errNoRecord
	}
	if crc32.Checksum(b[4:at], castagnoli) != binary.LittleEndian.Uint32(b) {
		return errNoRecord
	}
	h.received, h.key, h.nonce = clock.Instant(received), seal.KeyID(rest[0]), rest[1]
	h.bytes, h.sealed = at, int(rest[2])
	return nil
}

// record gives the head as a record without payload.
func (h *head) record(at store.Position) store.Record {
	return store.Record{Position: at, Kind: h.kind, Bucket: h.bucket, Anchor: h.anchor, Received: h.received}
}
