package lake_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"rapport/internal/blob"
	"rapport/internal/lake"
	"rapport/internal/store/memory"
)

// shapes gives, of the base events' files by level, how many groups of rows each
// has and whether it is compressed.
func (h *house) shapes() map[int][]string {
	h.t.Helper()
	b, err := h.target.Get(h.t.Context(), "manifest.json")
	if err != nil {
		h.t.Fatal(err)
	}
	m, err := lake.ReadManifest(b)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[int][]string{}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Object != "base_events" || f.Rows == 0 {
			continue
		}
		content, err := h.target.Get(h.t.Context(), f.Path)
		if err != nil {
			h.t.Fatal(err)
		}
		file, err := parquet.OpenFile(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			h.t.Fatal(err)
		}
		kind := "raw"
		for _, c := range file.Metadata().RowGroups[0].Columns {
			if c.MetaData.Codec != format.Uncompressed {
				kind = "compressed"
			}
		}
		out[f.Level] = append(out[f.Level], fmt.Sprint(len(file.RowGroups()), " ", kind))
	}
	return out
}

// A row is encoded when it comes and once more with others around it, not each
// time its file is joined.
func TestJoin_CopiesNewRowsAndEncodesThemOnce(t *testing.T) {
	t.Parallel()
	h := open(t, memory.New(), blob.NewFolder(vfs.NewMem(), "lake", 0o755), nil)
	write := func(n int) {
		for i := range 3 {
			h.send(fmt.Sprintf(`{"type":"track","messageId":"%d-%d","userId":"u","event":"x"}`, n, i))
			h.step()
		}
	}
	join := func(want string) {
		t.Helper()
		if err := h.lake.JoinOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(h.shapes()); got != want {
			t.Errorf("files %s, want %s", got, want)
		}
	}
	write(0)
	join("map[1:[3 raw]]")
	write(1)
	join("map[1:[3 raw 3 raw]]")
	write(2)
	join("map[2:[1 compressed]]")
	// A day that is over is joined for good, whatever there is of it.
	write(3)
	h.pass(25 * time.Hour)
	join("map[3:[1 compressed]]")
	if n := len(h.rows("base_events")); n != 12 {
		t.Errorf("%d rows", n)
	}
	h.pass(25 * time.Hour)
	write(4) // before anything is joined, its day is over
	h.pass(25 * time.Hour)
	join("map[1:[1 compressed] 3:[1 compressed]]")
	h.close()
}
