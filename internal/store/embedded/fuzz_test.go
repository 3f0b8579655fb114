package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
	"rapport/internal/store/seal"
)

// seedBlock is a block as Append writes it.
func seedBlock(records int) []byte {
	var t store.Tally
	t.Received = uint64(records)
	t.Add("bot", 2)
	t.Add("no_consent", 1)
	b := beginBlock(nil, &t)
	for i := range records {
		key := id.KeyOf("user_id", fmt.Sprint(i))
		h := seal.Head{
			Form: seal.Dict1, Kind: 1, Anchor: key, Bucket: key.Bucket() + id.Bucket(i%2), Received: 1,
			Key: seal.KeyID(i), Nonce: uint64(i), Sealed: seal.Overhead + i,
		}
		b = h.Append(b)
		b = append(b, make([]byte, h.Sealed)...)
	}
	finishBlock(b, 4096, 7)
	return b
}

// FuzzBlock feeds the decoder of blocks and records with anything. It must
// neither panic nor accept what it would not write again just so.
func FuzzBlock(f *testing.F) {
	for _, n := range []int{0, 1, 5} {
		f.Add(seedBlock(n))
	}
	f.Add([]byte("RPB1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h seal.Head
		if err := h.Parse(b); err == nil {
			if again := h.Append(nil); !bytes.Equal(again, b[:h.Bytes]) && len(again) >= h.Bytes {
				t.Fatalf("head %x was written as %x", b[:h.Bytes], again)
			}
		}
		n, err := blockLength(b, 4096)
		if err != nil || n > len(b) {
			return
		}
		b = b[:n]
		finishBlock(b, 4096, 7) // the fuzzer cannot guess sums
		if err := checkBlock(b); err != nil {
			t.Fatal(err)
		}
		whole := block{bytes: b, at: 4096, records: recordsOf(b)}
		var sums store.Tally
		if err := sums.Parse(whole.counts()); err == nil {
			var again store.Tally
			if err := again.Parse(sums.Append(nil)); err != nil || again.Received != sums.Received {
				t.Fatalf("counts %+v came back as %+v: %v", sums, again, err)
			}
		}
		end := whole.at + uint64(whole.records)
		err = whole.each(func(at uint64, h *seal.Head, raw, sealed []byte) error {
			if at != end || h.Sealed != len(sealed) || h.Bytes != len(raw) {
				t.Fatalf("record at %d, want %d", at, end)
			}
			end = at + uint64(h.Bytes+len(sealed))
			return nil
		})
		if err == nil && end != whole.end() || err != nil && !errors.Is(err, seal.ErrNoRecord) && !errors.Is(err, errBlock) {
			t.Fatalf("records end at %d of %d: %v", end, len(b), err)
		}
	})
}

// FuzzSegmentHead feeds the decoder of segment heads with anything.
func FuzzSegmentHead(f *testing.F) {
	f.Add((&segment{base: 5, last: 3, before: store.Tally{Received: 9, Rejected: map[string]uint64{"bot": 1}}}).encodeHead())
	f.Add((&segment{base: 5}).encodeHead())
	f.Add((&segment{base: 5, first: 9, moved: &moved{body: 70, count: 2, sum: 3}}).encodeMoved())
	f.Fuzz(func(t *testing.T, b []byte) {
		s := segment{base: 5}
		if err := s.decodeHead(b); err != nil {
			return
		}
		if s.moved != nil {
			if again := s.encodeMoved(); !bytes.Equal(again, b[:s.head]) {
				t.Fatalf("head %x was written as %x", b[:s.head], again)
			}
			return
		}
		if again := s.encodeHead(); len(again) == s.head && !bytes.Equal(again, b[:s.head]) {
			t.Fatalf("head %x was written as %x", b[:s.head], again)
		}
	})
}

// FuzzParts feeds the decoder of rows with anything.
func FuzzParts(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte("\x05hello\x00\x01x"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := store.CutParts(b, nil)
		if err != nil {
			return
		}
		n := 0
		for _, p := range parts {
			n += len(p)
		}
		if n > len(b) {
			t.Fatalf("%d bytes of parts in %d", n, len(b))
		}
	})
}
