package embedded

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// A row's value is its parts, each behind its length as a uvarint, the oldest
// first (docs/formats/state.md). Put sets one part, Add merges one in, and the
// merge of two values is the one behind the other.

var errParts = errors.New("row is damaged")

// lengthBytes is how many bytes the length of a part takes.
func lengthBytes(n int) int {
	k := 1
	for v := uint64(n); v >= 0x80; v >>= 7 {
		k++
	}
	return k
}

// cutParts gives the parts of a value; they point into it.
func cutParts(value []byte, out [][]byte) ([][]byte, error) {
	for len(value) > 0 {
		n, k := binary.Uvarint(value)
		if k <= 0 || n > uint64(len(value)-k) {
			return nil, errParts
		}
		end := k + int(n)
		out = append(out, value[k:end:end])
		value = value[end:]
	}
	return out, nil
}

// partsMerger is on disk by its name.
var partsMerger = &pebble.Merger{
	Name: "rapport.parts.1",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		m := &joining{}
		return m, m.MergeNewer(value)
	},
}

// joining gathers the operands of one row.
type joining struct {
	newer []byte   // joined already
	older [][]byte // the newest first
}

// MergeNewer puts a value behind all others.
func (m *joining) MergeNewer(value []byte) error {
	m.newer = append(m.newer, value...)
	return nil
}

// MergeOlder puts a value before all others.
func (m *joining) MergeOlder(value []byte) error {
	m.older = append(m.older, append([]byte(nil), value...))
	return nil
}

// Finish joins them.
func (m *joining) Finish(bool) ([]byte, io.Closer, error) {
	if len(m.older) == 0 {
		return m.newer, nil, nil
	}
	n := len(m.newer)
	for _, v := range m.older {
		n += len(v)
	}
	out := make([]byte, 0, n)
	for _, v := range slices.Backward(m.older) {
		out = append(out, v...)
	}
	return append(out, m.newer...), nil, nil
}
