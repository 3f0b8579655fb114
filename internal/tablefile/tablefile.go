// Package tablefile reads tables that others wrote: CSV, JSON lines, Excel and
// Parquet, plain or packed, in memory that does not grow with their length. It
// names the rows it cannot read and goes on behind them. It never knows what the
// rows are about and never writes what an archive holds to a disk.
package tablefile

import (
	"errors"
	"fmt"
	"io"

	"rapport/internal/fault"
)

// Format is how a table is written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	Excel     Format = "xlsx"
	Parquet   Format = "parquet"
)

// Kind is what a cell holds.
type Kind uint8

// The kinds of cells.
const (
	Missing Kind = iota // the row says nothing of the column
	Text                // a text, perhaps an empty one
	JSON                // a number, true, false, null, an object or an array
)

// Cell is one value. Text points into the reader and is valid until the next row.
type Cell struct {
	Kind Kind
	Text []byte
}

// Row is one row. Columns only ever grow from one row to the next, and the place
// of a column never changes; Cells may be fewer than Columns. At the end of a table
// that has its columns' names Columns says them, however many rows could be read.
type Row struct {
	Number  int64 // counted from 1, as an editor or a spreadsheet shows it
	Columns []string
	Cells   []Cell
}

// Reader gives the rows of a table, one after the other, to one goroutine.
type Reader interface {
	// Next reads a row. io.EOF ends the table; of a CSV the row has its columns
	// then, also where no row came before. A *RowError names a row that is
	// none: the next call goes on behind it. Any other error is the table's end;
	// a fault of kind Invalid says that the file is to blame.
	Next(*Row) error
	// Warnings is what was strange about the table as such; it may grow.
	Warnings() []RowError
	Close() error
}

// RowError says what is wrong with one row, or with one cell of it.
type RowError struct {
	Line   int64  `json:"line"`
	Column string `json:"column,omitempty"`
	Value  string `json:"value,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Mend   string `json:"mend"`
}

// Error says it in one line.
func (e *RowError) Error() string {
	return fmt.Sprintf("row %d: %s; %s", e.Line, e.Reason, e.Mend)
}

// shown is how much of a value is shown, in bytes.
const shown = 120

// Show cuts a value to what a report shows of it.
func Show(value []byte) string {
	if len(value) > shown {
		value = value[:shown]
	}
	out := make([]rune, 0, len(value))
	for _, r := range string(value) {
		if r < ' ' {
			r = ' '
		}
		out = append(out, r)
	}
	return string(out)
}

// Limits bound what is read. Zero is the default.
type Limits struct {
	Row      int   // bytes of a row; 1 MiB
	Columns  int   // 2,000
	Unpacked int64 // bytes of a packed file after unpacking; 64 GiB
	Ratio    int64 // of unpacked to packed, beyond the first 256 MiB; 200
	Shared   int64 // bytes of the texts that the cells of a spreadsheet share; 256 MiB
}

func (l Limits) filled() Limits {
	if l.Row <= 0 {
		l.Row = 1 << 20
	}
	if l.Columns <= 0 {
		l.Columns = 2_000
	}
	if l.Unpacked <= 0 {
		l.Unpacked = 64 << 30
	}
	if l.Ratio <= 0 {
		l.Ratio = 200
	}
	if l.Shared <= 0 {
		l.Shared = 256 << 20
	}
	return l
}

// Options say what a file does not say itself. Zero values are found out.
type Options struct {
	Format    Format
	Encoding  string // a name as the web has them; empty: by the mark at the start, else UTF-8
	Delimiter byte   // of CSV
	Sheet     string // of a spreadsheet; empty: the first
	// Headless says that a CSV has no header: its rows have no columns, and each
	// as many cells as it has.
	Headless bool
	Limits   Limits
}

// File is what a table is read from.
type File interface {
	io.Reader
	io.ReaderAt
}

// Open begins to read a table. The file stays the caller's. A fault of kind
// Invalid says what is wrong with it.
func Open(f File, size int64, o Options) (Reader, error) {
	o.Limits = o.Limits.filled()
	head := make([]byte, 4)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the head of a table: %w", err)
	}
	switch head = head[:n]; {
	case n == 0:
		return nil, fault.Errorf(fault.Invalid, "empty_file", "the file is empty; send one with a header and rows")
	case string(head) == "PAR1":
		return openParquet(f, size, o)
	case string(head) == "PK\x03\x04" || string(head) == "PK\x05\x06":
		return openZip(f, size, o)
	}
	s, err := unpack(io.NewSectionReader(f, 0, size), head, size, o.Limits)
	if err != nil {
		return nil, err
	}
	return openText(s, o)
}

// openText begins with lines of text: CSV or JSON.
func openText(s *stream, o Options) (Reader, error) {
	in, err := decode(s, o.Encoding)
	if err != nil {
		return nil, err
	}
	format := o.Format
	if format == "" {
		if format, err = in.guess(); err != nil {
			return nil, err
		}
	}
	switch format {
	case CSV:
		return openCSV(in, s, o)
	case JSONLines:
		return &jsonReader{in: in, s: s, limits: o.Limits, at: map[string]int{}}, nil
	}
	return nil, fault.Errorf(fault.Invalid, "not_the_format", "the file is text and not %s; name the format that it has, or none", format)
}
