package lake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"rapport/internal/store"
)

// groupRows is how many rows a row group has at most, and copyRows from how many
// on it is copied as it is when files are joined.
const (
	groupRows = 120_000
	copyRows  = 8_000
	rowBatch  = 256
	// valueBatch is how many values of a column the library hands over at once.
	valueBatch = 1024
	// keptBytes is how much memory a column keeps for the next file.
	keptBytes = 4 << 20
)

// magic begins and ends a file.
const magic = "PAR1"

// writer makes files of one object, one after the other. Rows come column by
// column, as bytes; no value stands on its own on the way from the lane to a page.
type writer struct {
	of     *object
	raw    bool // of files that are soon joined
	kept   bool // it makes other files later, in the same memory
	pages  *pages
	groups []format.RowGroup
	// columns are the rows of the group that is being made, rows how many.
	columns []column
	rows    int
	coming  int // rows for which no room is made yet; 0: not known
	n       int
	low     store.Position
	high    store.Position
}

func newWriter(o *object) *writer { return makeWriter(o, false) }

// newRawWriter is a writer of files that are soon joined: without compression
// and dictionaries, which would cost more than they spare.
func newRawWriter(o *object) *writer { return makeWriter(o, true) }

func makeWriter(o *object, raw bool) *writer {
	return &writer{of: o, raw: raw, pages: newPages(!raw), columns: make([]column, len(o.columns))}
}

func (w *writer) begin() {
	w.pages.out.Reset()
	w.pages.out.WriteString(magic)
	w.groups = w.groups[:0]
	w.n, w.rows, w.coming, w.low, w.high = 0, 0, 0, math.MaxUint64, 0
	w.empty()
}

// expect says how many rows come, and how many bytes they have in their files.
func (w *writer) expect(rows, bytes int) {
	w.coming = rows
	if w.raw {
		w.pages.out.Grow(bytes)
	}
}

// room makes room in columns for all rows that come, by what the first of them
// take.
func (w *writer) room(first *format.RowGroup) {
	if w.coming == 0 || first.NumRows == 0 {
		return
	}
	n := min(w.coming, groupRows)
	for k := range w.columns {
		c := &w.columns[k]
		c.set = slices.Grow(c.set, n)
		c.plain = slices.Grow(c.plain, int(first.Columns[k].MetaData.TotalUncompressedSize*int64(n)/first.NumRows))
	}
	w.coming = 0
}

func (w *writer) empty() {
	w.rows = 0
	for k := range w.columns {
		if c := &w.columns[k]; cap(c.plain) > keptBytes {
			*c = column{}
		} else {
			c.reset()
		}
	}
}

// span notes from where to where in the log rows are.
func (w *writer) span(low, high store.Position) {
	w.low, w.high = min(w.low, low), max(w.high, high)
}

// chunk writes rows of a chunk that begin at one and end before another.
func (w *writer) chunk(c *chunk, from, to int) error {
	for from < to {
		n := min(groupRows, to-from)
		if err := w.grow(n); err != nil {
			return err
		}
		for k := range w.columns {
			w.columns[k].take(c.columns[k].part(w.of.columns[k].Type, from, from+n))
		}
		for _, m := range c.marks[from : from+n] {
			w.span(m.at, m.at)
		}
		from += n
	}
	return nil
}

// grow notes rows that come next, and ends the row group that they have no room
// in.
func (w *writer) grow(n int) error {
	if w.rows > 0 && w.rows+n > groupRows {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.rows, w.n = w.rows+n, w.n+n
	return nil
}

// flush writes the row group that is being made.
func (w *writer) flush() error {
	if w.rows == 0 {
		return nil
	}
	g := format.RowGroup{NumRows: int64(w.rows), FileOffset: int64(w.pages.out.Len()), Ordinal: int16(len(w.groups))}
	for k := range w.columns {
		c, err := w.pages.column(&w.of.columns[k], &w.columns[k])
		if err != nil {
			return fmt.Errorf("write rows of %s: %w", w.of.name, err)
		}
		g.TotalByteSize += c.MetaData.TotalUncompressedSize
		g.TotalCompressedSize += c.MetaData.TotalCompressedSize
		g.Columns = append(g.Columns, c)
	}
	w.groups = append(w.groups, g)
	w.empty()
	return nil
}

// copied writes a row group of another file as it is.
func (w *writer) copied(content []byte, from *format.RowGroup) error {
	rows := int(from.NumRows)
	if err := w.flush(); err != nil {
		return err
	}
	g := format.RowGroup{
		NumRows: from.NumRows, TotalByteSize: from.TotalByteSize, TotalCompressedSize: from.TotalCompressedSize,
		FileOffset: int64(w.pages.out.Len()), Ordinal: int16(len(w.groups)),
	}
	for k := range from.Columns {
		meta := from.Columns[k].MetaData
		b, err := bytesOf(content, &meta)
		if err != nil {
			return err
		}
		by := int64(w.pages.out.Len()) - startOf(&meta)
		meta.DataPageOffset += by
		if meta.DictionaryPageOffset > 0 {
			meta.DictionaryPageOffset += by
		}
		meta.IndexPageOffset, meta.BloomFilterOffset, meta.BloomFilterLength = 0, 0, 0
		w.pages.out.Write(b)
		g.Columns = append(g.Columns, format.ColumnChunk{MetaData: meta})
	}
	w.groups = append(w.groups, g)
	w.n += rows
	return nil
}

// end gives the file. It is valid until the next begin.
func (w *writer) end() ([]byte, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	out := &w.pages.out
	start := out.Len()
	// The second version of the format.
	err := w.pages.encoder.Encode(&format.FileMetaData{
		Version: 2, Schema: w.of.elements, NumRows: int64(w.n), RowGroups: w.groups, CreatedBy: "rapport version 1 (build lake)", ColumnOrders: w.of.orders,
	})
	if err != nil {
		return nil, fmt.Errorf("end a file of %s: %w", w.of.name, err)
	}
	out.Write(binary.LittleEndian.AppendUint32(out.AvailableBuffer(), uint32(out.Len()-start)))
	out.WriteString(magic)
	return out.Bytes(), nil
}

// open reads a file: as one, or each row group as a file of its own where some are
// compressed and others are not. Lakes had such files, which the library takes
// for all compressed or none.
func open(content []byte) ([]*parquet.File, error) {
	f, err := openWhole(content)
	if err != nil {
		return nil, err
	}
	groups := f.Metadata().RowGroups
	if len(groups) == 0 || !slices.ContainsFunc(groups, func(g format.RowGroup) bool { return compressed(&g) != compressed(&groups[0]) }) {
		return []*parquet.File{f}, nil
	}
	out := make([]*parquet.File, len(groups))
	for i := range groups {
		end, g := *f.Metadata(), groups[i]
		g.Ordinal = 0
		end.RowGroups, end.NumRows = []format.RowGroup{g}, g.NumRows
		tail, err := thrift.Marshal(new(thrift.CompactProtocol), &end)
		if err != nil {
			return nil, err
		}
		tail = append(binary.LittleEndian.AppendUint32(tail, uint32(len(tail))), magic...)
		if out[i], err = openAt(tailed{content, tail}, len(content)+len(tail)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func openWhole(content []byte) (*parquet.File, error) {
	return openAt(bytes.NewReader(content), len(content))
}

func openAt(r io.ReaderAt, size int) (*parquet.File, error) {
	return parquet.OpenFile(r, int64(size), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
}

// tailed is a file with another end behind it.
type tailed struct{ content, tail []byte }

func (t tailed) ReadAt(p []byte, at int64) (n int, err error) {
	if size := int64(len(t.content)); at < size {
		n = copy(p, t.content[at:])
		at = size
	}
	n += copy(p[n:], t.tail[min(at-int64(len(t.content)), int64(len(t.tail))):])
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// eachRow visits the rows of a file as its own columns have them. Rows and
// values are valid during the visit only.
func eachRow(g parquet.RowGroup, visit func(rows []parquet.Row) error) error {
	rows := g.Rows()
	buffer := make([]parquet.Row, rowBatch)
	for {
		n, err := rows.ReadRows(buffer)
		if n > 0 {
			if bad := visit(buffer[:n]); bad != nil {
				return errors.Join(bad, rows.Close())
			}
		}
		if errors.Is(err, io.EOF) {
			return rows.Close()
		}
		if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
}

func groupsOf(files []*parquet.File) (out []parquet.RowGroup) {
	for _, f := range files {
		out = append(out, f.RowGroups()...)
	}
	return out
}

// columnsOf are the columns of a file by name.
func columnsOf(f *parquet.File) map[string]int {
	out := map[string]int{}
	for i, path := range f.Schema().Columns() {
		out[path[0]] = i
	}
	return out
}
