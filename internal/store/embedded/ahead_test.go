package embedded_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store"
	"rapport/internal/store/embedded"
)

// TestAppend_WritesAhead appends small blocks: the file's length changes with the
// first of them and not with the others, also after the log was opened again;
// where nothing may be written twice, it changes with each.
func TestAppend_WritesAhead(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		t.Run(fmt.Sprintf("written once %v", once), func(t *testing.T) {
			t.Parallel()
			fs, lengths, n := vfs.NewMem(), map[int]bool{}, 0
			for range 2 {
				o := small(fs)
				o.WrittenOnce = once
				s, err := embedded.Open(folder, o)
				if err != nil {
					t.Fatal(err)
				}
				for range 5 {
					appendOne(t, s, "somebody", fmt.Sprint("payload ", n))
					n++
					for path, text := range contents(t, fs, folder) {
						if strings.HasSuffix(path, ".seg") {
							lengths[len(text)] = true
						}
					}
				}
				mustClose(t, s)
			}
			s := mustOpen(t, fs)
			defer mustClose(t, s)
			seen := 0
			if err := s.Log().Read(t.Context(), 0, func(*store.Record) error { seen++; return nil }); err != nil || seen != n {
				t.Fatalf("%d of %d records: %v", seen, n, err)
			}
			if want := map[bool]int{false: 1, true: n}[once]; len(lengths) != want {
				t.Errorf("%d appends gave the file %d lengths, want %d", n, len(lengths), want)
			}
		})
	}
}
