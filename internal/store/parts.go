package store

import (
	"encoding/binary"
	"errors"
)

// ErrParts says that the bytes of a row are not its parts.
var ErrParts = errors.New("row is damaged")

// AppendPart appends a part as engines keep it: its length as a uvarint, then
// its bytes. A row is its parts one behind the other, the oldest first
// (docs/formats/state.md), so that two runs of parts join by appending.
func AppendPart(b, part []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// PartBytes is how many bytes AppendPart takes for a part of n bytes.
func PartBytes(n int) int {
	k := 1
	for v := uint64(n); v >= 0x80; v >>= 7 {
		k++
	}
	return k + n
}

// CutParts appends the parts of a row to out; they point into value.
func CutParts(value []byte, out [][]byte) ([][]byte, error) {
	for len(value) > 0 {
		n, k := binary.Uvarint(value)
		if k <= 0 || n > uint64(len(value)-k) {
			return nil, ErrParts
		}
		end := k + int(n)
		out = append(out, value[k:end:end])
		value = value[end:]
	}
	return out, nil
}
