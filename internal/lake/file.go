package lake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/store"
)

// groupRows is how many rows a row group has at most, and copyRows from how many
// on it is copied as it is when files are joined.
const (
	groupRows = 120_000
	copyRows  = 8_000
	rowBatch  = 256
	// valueBatch is how many values of a column are handed over at once.
	valueBatch = 1024
)

// writer makes files of one object, one after the other.
type writer struct {
	of   *object
	kept bool // it makes other files later, in the same memory
	raw  bool // of files that are soon joined
	out  bytes.Buffer
	w    *parquet.GenericWriter[any]
	rows []parquet.Row
	// values are rows on their way column by column, grouped how many of those are
	// in the row group that is being made.
	values  [][]parquet.Value
	grouped int
	n       int
	low     store.Position
	high    store.Position
}

func newWriter(o *object) *writer { return makeWriter(o, o.schema, false) }

// newRawWriter is a writer of files that are soon joined.
func newRawWriter(o *object) *writer { return makeWriter(o, o.raw, true) }

func makeWriter(o *object, schema *parquet.Schema, raw bool) *writer {
	w := &writer{of: o, raw: raw}
	w.w = parquet.NewGenericWriter[any](&w.out, schema, parquet.MaxRowsPerRowGroup(groupRows),
		parquet.CreatedBy("rapport", "lake", ""), parquet.PageBufferSize(128<<10))
	for range o.columns {
		w.values = append(w.values, make([]parquet.Value, valueBatch))
	}
	return w
}

// room gives rows to fill, for those that have to be made one by one.
func (w *writer) room() []parquet.Row {
	if w.rows == nil {
		values := make([]parquet.Value, rowBatch*len(w.values))
		for i := range rowBatch {
			w.rows = append(w.rows, parquet.Row(values[i*len(w.values):(i+1)*len(w.values)]))
		}
	}
	return w.rows
}

func (w *writer) begin() {
	w.out.Reset()
	w.w.Reset(&w.out)
	w.n, w.grouped, w.low, w.high = 0, 0, math.MaxUint64, 0
}

// span notes from where to where in the log rows are.
func (w *writer) span(low, high store.Position) {
	w.low, w.high = min(w.low, low), max(w.high, high)
}

// chunk writes rows of a chunk that begin at one and end before another.
func (w *writer) chunk(c *chunk, from, to int) error {
	for from < to {
		n := min(valueBatch, to-from)
		for i := range n {
			c.row(w.of, from+i, w.values, i)
			w.span(c.marks[from+i].at, c.marks[from+i].at)
		}
		if err := w.grow(n); err != nil {
			return err
		}
		for k, column := range w.w.ColumnWriters() {
			if _, err := column.WriteRowValues(w.values[k][:n]); err != nil {
				return fmt.Errorf("write rows of %s: %w", w.of.name, err)
			}
		}
		from += n
	}
	return nil
}

// grow notes rows that are written next, and ends the row group that they have no
// room in: the library bounds only what is written row by row.
func (w *writer) grow(n int) error {
	if w.grouped > 0 && w.grouped+n > groupRows {
		if err := w.w.Flush(); err != nil {
			return fmt.Errorf("write rows of %s: %w", w.of.name, err)
		}
		w.grouped = 0
	}
	w.grouped, w.n = w.grouped+n, w.n+n
	return nil
}

// columns adds the rows of a group that has the same columns, each by itself: no
// row is put together.
func (w *writer) columns(g parquet.RowGroup) error {
	if err := w.grow(int(g.NumRows())); err != nil {
		return err
	}
	from := g.ColumnChunks()
	for k, column := range w.w.ColumnWriters() {
		if err := copyColumn(column, from[k], w.values[k]); err != nil {
			return fmt.Errorf("copy rows of %s: %w", w.of.name, err)
		}
	}
	return nil
}

// copyColumn hands the values of a column over.
func copyColumn(to *parquet.ColumnWriter, from parquet.ColumnChunk, room []parquet.Value) (err error) {
	in := parquet.NewColumnChunkValueReader(from)
	defer func() { err = errors.Join(err, in.Close()) }()
	for {
		n, err := in.ReadValues(room)
		if n > 0 {
			if _, bad := to.WriteRowValues(room[:n]); bad != nil {
				return bad
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (w *writer) write(rows []parquet.Row) error {
	if err := w.grow(len(rows)); err != nil {
		return err
	}
	if _, err := w.w.WriteRows(rows); err != nil {
		return fmt.Errorf("write rows of %s: %w", w.of.name, err)
	}
	return nil
}

// end gives the file. It is valid until the next begin.
func (w *writer) end() ([]byte, error) {
	if err := w.w.Close(); err != nil {
		return nil, fmt.Errorf("end a file of %s: %w", w.of.name, err)
	}
	return w.out.Bytes(), nil
}

// open reads a file.
func open(content []byte) (*parquet.File, error) {
	return parquet.OpenFile(bytes.NewReader(content), int64(len(content)), parquet.SkipBloomFilters(true))
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

// columnsOf are the columns of a file by name.
func columnsOf(f *parquet.File) map[string]int {
	out := map[string]int{}
	for i, path := range f.Schema().Columns() {
		out[path[0]] = i
	}
	return out
}

// fixedValue is a value that has eight bytes in a chunk.
func fixedValue(t Type, n int64) parquet.Value {
	switch t {
	case Number:
		return parquet.DoubleValue(math.Float64frombits(uint64(n)))
	case Boolean:
		return parquet.BooleanValue(n != 0)
	}
	return parquet.Int64Value(n)
}
