package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store/seal"
)

// seedBlock is a block as Append writes it.
func seedBlock(records int) []byte {
	var t tally
	t.received = uint64(records)
	t.add("bot", 2)
	t.add("no_consent", 1)
	b := beginBlock(nil, &t)
	for i := range records {
		key := id.KeyOf("user_id", fmt.Sprint(i))
		h := head{
			form: seal.Dict1, kind: 1, anchor: key, bucket: key.Bucket() + id.Bucket(i%2), received: 1,
			key: seal.KeyID(i), nonce: uint64(i), sealed: seal.Overhead + i,
		}
		b = h.append(b)
		b = append(b, make([]byte, h.sealed)...)
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
		var h head
		if err := h.parse(b); err == nil {
			if again := h.append(nil); !bytes.Equal(again, b[:h.bytes]) && len(again) >= h.bytes {
				t.Fatalf("head %x was written as %x", b[:h.bytes], again)
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
		counts, records := blockParts(b)
		var sums tally
		if err := sums.parse(counts); err == nil {
			var again tally
			if err := again.parse(sums.append(nil)); err != nil || again.received != sums.received {
				t.Fatalf("counts %+v came back as %+v: %v", sums, again, err)
			}
		}
		end := len(b) - len(records)
		err = eachRecord(b, func(at int, h *head, sealed []byte) error {
			if at != end || h.sealed != len(sealed) {
				t.Fatalf("record at %d, want %d", at, end)
			}
			end = at + h.bytes + len(sealed)
			return nil
		})
		if err == nil && end != len(b) || err != nil && !errors.Is(err, errNoRecord) && !errors.Is(err, errBlock) {
			t.Fatalf("records end at %d of %d: %v", end, len(b), err)
		}
	})
}

// FuzzSegmentHead feeds the decoder of segment heads with anything.
func FuzzSegmentHead(f *testing.F) {
	f.Add((&segment{base: 5, last: 3, before: tally{received: 9, rejected: map[string]uint64{"bot": 1}}}).encodeHead())
	f.Add((&segment{base: 5}).encodeHead())
	f.Fuzz(func(t *testing.T, b []byte) {
		s := segment{base: 5}
		if err := s.decodeHead(b); err != nil {
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
		parts, err := cutParts(b, nil)
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
