package embedded

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"

	"rapport/internal/store"
)

// A block is what one Append writes (docs/formats/log.md), all or nothing:
//
//	magic "RPB1"                      4 bytes
//	crc32c of the rest                4 bytes, little-endian
//	length of the block               4 bytes
//	salt                              4 bytes
//	position of the block             8 bytes
//	length of the counts              4 bytes
//	counts: received, then how many reasons, then each: length, text, number
//	records
//
// The salt differs from one attempt to the next, so that what a failed attempt
// left behind can never complete a later one.
const (
	blockHead  = 28
	blockMagic = 0x31425052 // "RPB1"
	maxBlock   = 1 << 30
	maxReasons = 1 << 16
)

var (
	errNoBlock = errors.New("no block begins here")
	errBlock   = errors.New("block is damaged")
)

// tally is store.Counts that can be added to.
type tally struct {
	received uint64
	rejected map[string]uint64
}

func (t *tally) add(reason string, n uint64) {
	if n == 0 {
		return
	}
	if t.rejected == nil {
		t.rejected = map[string]uint64{}
	}
	t.rejected[reason] += n
}

func (t *tally) addAll(o *tally) {
	t.received += o.received
	for reason, n := range o.rejected {
		t.add(reason, n)
	}
}

func (t *tally) clone() tally {
	return tally{received: t.received, rejected: maps.Clone(t.rejected)}
}

func (t *tally) counts() store.Counts {
	out := store.Counts{Received: t.received, Rejected: maps.Clone(t.rejected)}
	if out.Rejected == nil {
		out.Rejected = map[string]uint64{}
	}
	return out
}

func (t *tally) append(b []byte) []byte {
	b = binary.AppendUvarint(b, t.received)
	b = binary.AppendUvarint(b, uint64(len(t.rejected)))
	for _, reason := range slices.Sorted(maps.Keys(t.rejected)) {
		b = binary.AppendUvarint(b, uint64(len(reason)))
		b = append(b, reason...)
		b = binary.AppendUvarint(b, t.rejected[reason])
	}
	return b
}

func (t *tally) parse(b []byte) error {
	*t = tally{}
	bad := false
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	t.received = number()
	reasons := number()
	for i := uint64(0); i < reasons && !bad && i < maxReasons; i++ {
		n := number()
		if n > uint64(len(b)) {
			return errBlock
		}
		reason := string(b[:n])
		b = b[n:]
		t.add(reason, number())
	}
	if bad || len(b) != 0 {
		return errBlock
	}
	return nil
}

// beginBlock appends a head, still without length, position and sum.
func beginBlock(b []byte, t *tally) []byte {
	start := len(b)
	b = append(b, make([]byte, blockHead)...)
	b = t.append(b)
	binary.LittleEndian.PutUint32(b[start:], blockMagic)
	binary.LittleEndian.PutUint32(b[start+24:], uint32(len(b)-start-blockHead))
	return b
}

// finishBlock fills in what is only known when the block is whole.
func finishBlock(b []byte, at uint64, salt uint32) {
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[12:], salt)
	binary.LittleEndian.PutUint64(b[16:], at)
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
}

// blockLength reads the length of the block that begins at an address, without
// looking at more than its head.
func blockLength(b []byte, at uint64) (int, error) {
	if len(b) < blockHead || binary.LittleEndian.Uint32(b) != blockMagic ||
		binary.LittleEndian.Uint64(b[16:]) != at {
		return 0, errNoBlock
	}
	n, counts := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[24:])
	if n > maxBlock || uint64(n) < blockHead+uint64(counts) {
		return 0, errNoBlock
	}
	return int(n), nil
}

// checkBlock verifies a whole block.
func checkBlock(b []byte) error {
	if crc32.Checksum(b[8:], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return errBlock
	}
	return nil
}

// blockParts cuts a verified block into counts and records.
func blockParts(b []byte) (counts, records []byte) {
	n := blockHead + int(binary.LittleEndian.Uint32(b[24:]))
	return b[blockHead:n], b[n:]
}

// eachRecord visits the heads of a verified block's records with their offset
// in the block and their sealed payload.
func eachRecord(b []byte, visit func(at int, h *head, sealed []byte) error) error {
	_, rest := blockParts(b)
	at := len(b) - len(rest)
	var h head
	for at < len(b) {
		if err := h.parse(b[at:]); err != nil {
			return err
		}
		body := at + h.bytes
		if h.sealed > len(b)-body {
			return errBlock
		}
		if err := visit(at, &h, b[body:body+h.sealed]); err != nil {
			return err
		}
		at = body + h.sealed
	}
	return nil
}
