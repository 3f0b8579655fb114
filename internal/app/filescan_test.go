package app

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/consent"
	"rapport/internal/event"
)

// A value is found wherever the cut between two pieces of a file falls, and its
// neighbours with it.
func TestScanFile_FindsWhatLiesAcrossACut(t *testing.T) {
	t.Parallel()
	const value, longer = "customer-1", "customer-12"
	traces := consent.NewMentions([]event.Identifier{{Namespace: "user_id", Value: value}}).Traces()
	traces.Learn([]byte(longer))
	for _, c := range []struct {
		word string
		hit  bool
	}{{value + "\x00", true}, {"Customer-1", true}, {longer, false}, {"customer-2", false}} {
		for at := scanPiece - 1; at < scanPiece+2*len(longer)+3; at += 2 {
			files := vfs.NewMem()
			text := append(bytes.Repeat([]byte{'.'}, at), c.word...)
			f, err := files.Create("file", vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(text); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			n, hit, err := scanFile(t.Context(), files, "file", traces)
			if err != nil || n != int64(len(text)) || hit != c.hit {
				t.Fatalf("%q at %d: found %t in %d bytes, want %t in %d; %v", c.word, at, hit, n, c.hit, len(text), err)
			}
		}
	}
}
