package embedded

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"rapport/internal/store"
	"rapport/internal/store/seal"
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
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errNoBlock = errors.New("no block begins here")
	errBlock   = errors.New("block is damaged")
)

// beginBlock appends a head, still without length, position and sum.
func beginBlock(b []byte, t *store.Tally) []byte {
	start := len(b)
	b = append(b, make([]byte, blockHead)...)
	b = t.Append(b)
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

// recordsOf is where the records of a verified block begin in it.
func recordsOf(b []byte) int { return blockHead + int(binary.LittleEndian.Uint32(b[24:])) }

// block is a verified block, or a run of records that another engine wrote,
// which has no head.
type block struct {
	bytes   []byte
	at      uint64 // its address
	records int    // where in it the records begin; 0: it is nothing else
}

func (b *block) end() uint64 { return b.at + uint64(len(b.bytes)) }

func (b *block) counts() []byte { return b.bytes[min(blockHead, b.records):b.records] }

// each visits the records with their address, their head, its bytes and their
// sealed payload.
func (b *block) each(visit func(at uint64, h *seal.Head, raw, sealed []byte) error) error {
	rest := b.bytes[b.records:]
	first := b.at + uint64(b.records)
	return seal.EachRecord(rest, func(at int, h *seal.Head, sealed []byte) error {
		return visit(first+uint64(at), h, rest[at:at+h.Bytes], sealed)
	})
}
