package seal

import (
	"encoding/binary"
	"hash/crc32"
)

// Remove gives what takes the place of a record that must be forgotten, in as
// many bytes: its kind, its bucket and nothing else.
func (h *Head) Remove() []byte {
	whole := h.Bytes + h.Sealed
	b := make([]byte, anchorOffset+16, whole)
	b[4], b[5] = flagBucket|flagGone, byte(h.Kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Bucket))
	b = append(b, 0, 0, 0) // received, key id, nonce
	// The length in five bytes, whatever it is, so that it does not depend on
	// itself.
	const lengthBytes = 5
	n := uint64(whole - len(b) - lengthBytes)
	for range lengthBytes - 1 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	b = append(b, byte(n))
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b[:whole]
}

// Reseal seals another payload under the present key of a record's anchor, in as
// many bytes as the record has; nil where there is no room for it. A key that
// may not be durable is given to keep before it is used.
func (s *Sealer) Reseal(old *Head, payload []byte, keep func(*Key) error) ([]byte, error) {
	small, form := smallest(payload)
	lease, err := s.Ring.Lease(old.Anchor)
	if err != nil {
		return nil, err
	}
	if !lease.Durable {
		if err := keep(&lease.Key); err != nil {
			return nil, err
		}
	}
	whole := old.Bytes + old.Sealed
	h := Head{
		Form: form, Kind: old.Kind, Anchor: old.Anchor, Bucket: old.Bucket, Received: old.Received,
		Key: lease.ID, Nonce: lease.Nonce, Sealed: old.Sealed, Padded: true,
	}
	var b []byte
	for range 3 { // the head is shorter where the length is
		b = h.Append(b[:0])
		if len(b)+h.Sealed == whole {
			break
		}
		h.Sealed = whole - len(b)
	}
	pad := h.Sealed - Overhead - len(small)
	if len(b)+h.Sealed != whole || pad < 1 {
		return nil, nil
	}
	aead, err := s.Ring.Cipher(&lease.Key)
	if err != nil {
		return nil, err
	}
	nonce := Nonce(lease.Nonce)
	return aead.Seal(b, nonce[:], appendPad(small, pad), b), nil
}

// smallest gives the shorter form of what both encoders make: a log that the
// library's has written has no more room than that one leaves.
func smallest(payload []byte) ([]byte, Form) {
	small, form := Compress(nil, payload)
	if len(payload) < worthwhile || len(payload) > mostEncoded {
		return small, form
	}
	if other := dictionary().Encode(nil, payload); len(other) < len(small) {
		return other, Dict1
	}
	return small, form
}

// longPad is what the last byte of a padding says where the four before it
// have its length; otherwise it is the length.
const longPad = 255

func appendPad(b []byte, n int) []byte {
	start := len(b)
	b = append(b, make([]byte, n)...)
	if n < longPad {
		b[len(b)-1] = byte(n)
		return b
	}
	binary.LittleEndian.PutUint32(b[start+n-5:], uint32(n))
	b[len(b)-1] = longPad
	return b
}

// Unpad takes the padding off what was opened and stands in b from start on.
func Unpad(b []byte, start int) ([]byte, error) {
	if len(b) <= start {
		return b, ErrDamaged
	}
	n := int(b[len(b)-1])
	if n == longPad {
		if len(b)-start < longPad {
			return b, ErrDamaged
		}
		n = int(binary.LittleEndian.Uint32(b[len(b)-5:]))
	}
	if n < 1 || n > len(b)-start {
		return b, ErrDamaged
	}
	return b[:len(b)-n], nil
}
