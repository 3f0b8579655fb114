package transfer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// Sums are what a store holds, in numbers: how much of each, and a checksum. Two
// stores with the same sums hold the same.
type Sums struct {
	Records  Sum
	Keys     Sum
	Tables   map[store.Table]Sum
	Received uint64
	Rejected uint64
	Last     store.Position
	Spans    map[store.Span]store.Position
}

// Sum counts things and adds up their SHA-256, whatever their order.
type Sum struct {
	Count uint64
	Bytes uint64
	Check [2]uint64
}

func (s *Sum) add(parts ...[]byte) {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
		s.Bytes += uint64(len(p))
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	s.Count++
	s.Check[0] += binary.LittleEndian.Uint64(sum[:])
	s.Check[1] += binary.LittleEndian.Uint64(sum[8:])
}

// String is the checksum in hexadecimal digits.
func (s Sum) String() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], s.Check[0])
	binary.BigEndian.PutUint64(b[8:], s.Check[1])
	return hex.EncodeToString(b[:])
}

// SumsOf reads everything that a store holds.
func SumsOf(ctx context.Context, of store.Image, tell func(stage Stage, bytes uint64)) (*Sums, error) {
	if tell == nil {
		tell = func(Stage, uint64) {}
	}
	e, err := of.Extent(ctx)
	if err != nil {
		return nil, err
	}
	out := &Sums{Tables: map[store.Table]Sum{}, Received: e.Counts.Received, Last: e.Last}
	if out.Spans, err = of.Spans(ctx); err != nil {
		return nil, err
	}
	for _, n := range e.Counts.Rejected {
		out.Rejected += n
	}
	done := uint64(0)
	err = of.Runs(ctx, 0, func(r store.Run) error {
		done += uint64(len(r.Bytes))
		tell(StageVerify, done)
		return seal.EachRecord(r.Bytes, func(at int, h *seal.Head, _ []byte) error {
			position := binary.LittleEndian.AppendUint64(nil, uint64(r.At)+uint64(at))
			out.Records.add(position, r.Bytes[at:at+h.Bytes+h.Sealed])
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	err = of.WrappedKeys(ctx, func(k store.WrappedKey) error {
		out.Keys.add(binary.LittleEndian.AppendUint64(nil, k.ID), k.Anchor[:], k.Wrapped[:])
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = of.Rows(ctx, nil, func(r store.Row) error {
		done += uint64(len(r.Key) + len(r.Parts))
		tell(StageVerify, done)
		s := out.Tables[r.Table]
		s.add([]byte{byte(r.Table), byte(r.Bucket >> 8), byte(r.Bucket)}, r.Key, r.Parts)
		out.Tables[r.Table] = s
		return nil
	})
	return out, err
}

// Rows is how many rows there are in all tables.
func (s *Sums) Rows() (n uint64) {
	for _, t := range s.Tables {
		n += t.Count
	}
	return n
}

// Compare tells what differs between what was copied and where it came from.
func Compare(to, from *Sums) error {
	var wrong []string
	note := func(what string, a, b Sum) {
		if a != b {
			wrong = append(wrong, fmt.Sprintf("%s: %d with checksum %s where the source has %d with %s", what, a.Count, a, b.Count, b))
		}
	}
	note("records of the log", to.Records, from.Records)
	note("data keys", to.Keys, from.Keys)
	tables := maps.Clone(from.Tables)
	maps.Copy(tables, to.Tables)
	for _, t := range slices.SortedFunc(maps.Keys(tables), cmp.Compare[store.Table]) {
		note(fmt.Sprintf("rows of table %c", t), to.Tables[t], from.Tables[t])
	}
	if to.Received != from.Received || to.Rejected != from.Rejected {
		wrong = append(wrong, fmt.Sprintf("sums: %d received and %d rejected where the source has %d and %d", to.Received, to.Rejected, from.Received, from.Rejected))
	}
	if to.Last != from.Last || !maps.Equal(to.Spans, from.Spans) {
		wrong = append(wrong, fmt.Sprintf("the log ends at %d and %d spans are applied where the source has %d and %d", to.Last, len(to.Spans), from.Last, len(from.Spans)))
	}
	if len(wrong) > 0 {
		return fault.Errorf(fault.Internal, "copy_differs", "the copy is not what the source is: %s: copy again into an empty place", strings.Join(wrong, "; "))
	}
	return nil
}
