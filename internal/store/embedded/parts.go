package embedded

import (
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// A row's value is its parts in the form of store.AppendPart. Put sets one part, Add merges one in, and the
// merge of two values is the one behind the other.

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
