package imports

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/feed"
	"rapport/internal/tablefile"
)

// Wherever a crash cuts the journal, what is read are whole parts from its
// beginning, and what is written after that is read the next time.
func TestJournal_GivesWholePartsWhereverItIsCut(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.decided")
	parts := [][]*record{
		{{Record: feed.Record{Line: 2}, delta: inserted}, {Record: feed.Record{Line: 3}, delta: failed}, {Record: feed.Record{Line: 4}, delta: unchanged}},
		{{Record: feed.Record{Line: 5}, delta: conflict, bad: &tablefile.RowError{Line: 5, Code: "conflict", Reason: "why"}}},
		{{Record: feed.Record{Line: 300}, delta: updated}},
	}
	j, err := openJournal(vfs.Default, name, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := []int64{0}
	for _, part := range parts {
		if err := j.write(part); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.file.Size())
	}
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := []int{0, 2, 3, 4} // rows known after so many parts; what failed is not kept
	for cut := range len(whole) + 1 {
		if err := os.WriteFile(name, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		for n+1 < len(ends) && int64(cut) >= ends[n+1] {
			n++
		}
		j, err := openJournal(vfs.Default, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(j.known) != want[n] || j.file.Size() != ends[n] {
			t.Fatalf("cut at %d: %v, %d bytes", cut, j.known, j.file.Size())
		}
		if err := j.write([]*record{{Record: feed.Record{Line: 1000}, delta: inserted}}); err != nil {
			t.Fatal(err)
		}
		_ = j.file.Close()
		again, err := openJournal(vfs.Default, name, 4)
		if err != nil {
			t.Fatal(err)
		}
		_ = again.file.Close()
		if again.known[1000].delta != inserted || again.known[2].delta != undecided || n > 1 && again.known[5].bad.Reason != "why" {
			t.Fatalf("cut at %d: %v", cut, again.known)
		}
	}
}
