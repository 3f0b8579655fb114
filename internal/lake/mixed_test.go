package lake

import (
	"testing"

	"github.com/parquet-go/parquet-go"
)

// A file that an erasure wrote anew is compressed, whatever its level, and is
// joined with others that are not. What comes of it can be read, and so can files
// that have both side by side.
func TestJoin_TakesCompressedFilesWithOthers(t *testing.T) {
	t.Parallel()
	o := fixed()[baseName]
	const n = 100
	rows := someRows(o, n)
	var files [][]byte
	for _, w := range []*writer{newRawWriter(o), newWriter(o)} {
		w.begin()
		if err := w.chunk(rows, 0, n); err != nil {
			t.Fatal(err)
		}
		content, err := w.end()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, content)
	}
	joined, mixed := newRawWriter(o), newRawWriter(o)
	joined.begin()
	mixed.begin()
	for _, content := range files {
		if err := joined.file(content); err != nil {
			t.Fatal(err)
		}
		f, err := openWhole(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := mixed.copied(content, &f.Metadata().RowGroups[0]); err != nil {
			t.Fatal(err)
		}
	}
	for name, w := range map[string]*writer{"joined": joined, "side by side": mixed} {
		content, err := w.end()
		if err != nil {
			t.Fatal(err)
		}
		parts, err := open(content)
		if err != nil {
			t.Fatal(err)
		}
		seen, at := 0, o.at(position)
		for _, g := range groupsOf(parts) {
			err := eachRow(g, func(rows []parquet.Row) error {
				for _, r := range rows {
					if want := int64(seen % n); r[at].Int64() != want {
						t.Errorf("%s: row %d has %d", name, seen, r[at].Int64())
					}
					seen++
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if seen != 2*n {
			t.Errorf("%s: %d rows", name, seen)
		}
		if name == "joined" && len(parts) != 1 {
			t.Error("what was joined has compressed rows beside others")
		}
		again := newWriter(o)
		again.begin()
		if err := again.file(content); err != nil || again.n != 2*n {
			t.Errorf("%s: joined once more it has %d rows: %v", name, again.n, err)
		}
	}
}
