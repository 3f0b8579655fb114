package store

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// errCounts says that bytes are no counts.
var errCounts = errors.New("counts are damaged")

const maxReasons = 1 << 16

// Tally is Counts that can be added to and kept by an engine. The zero value is
// empty.
type Tally struct {
	Received uint64
	Rejected map[string]uint64
}

// Add counts n more events refused for a reason.
func (t *Tally) Add(reason string, n uint64) {
	if n == 0 {
		return
	}
	if t.Rejected == nil {
		t.Rejected = map[string]uint64{}
	}
	t.Rejected[reason] += n
}

// AddAll adds another tally.
func (t *Tally) AddAll(o *Tally) {
	t.Received += o.Received
	for reason, n := range o.Rejected {
		t.Add(reason, n)
	}
}

// Clone gives a tally of its own.
func (t *Tally) Clone() Tally {
	return Tally{Received: t.Received, Rejected: maps.Clone(t.Rejected)}
}

// Counts gives the sums as the caller's own.
func (t *Tally) Counts() Counts {
	out := Counts{Received: t.Received, Rejected: maps.Clone(t.Rejected)}
	if out.Rejected == nil {
		out.Rejected = map[string]uint64{}
	}
	return out
}

// Append appends the stored form.
func (t *Tally) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, t.Received)
	b = binary.AppendUvarint(b, uint64(len(t.Rejected)))
	for _, reason := range slices.Sorted(maps.Keys(t.Rejected)) {
		b = binary.AppendUvarint(b, uint64(len(reason)))
		b = append(b, reason...)
		b = binary.AppendUvarint(b, t.Rejected[reason])
	}
	return b
}

// Parse reads the stored form and nothing else.
func (t *Tally) Parse(b []byte) error {
	*t = Tally{}
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
	t.Received = number()
	reasons := number()
	for i := uint64(0); i < reasons && !bad && i < maxReasons; i++ {
		n := number()
		if n > uint64(len(b)) {
			return errCounts
		}
		reason := string(b[:n])
		b = b[n:]
		t.Add(reason, number())
	}
	if bad || len(b) != 0 {
		return errCounts
	}
	return nil
}
