// Package rowfile writes rows to a stream as CSV, JSON lines or Parquet, in
// memory that does not grow with their number. It never knows what the rows are
// about.
package rowfile

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// Format is how rows are written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	Parquet   Format = "parquet"
)

// ContentType is the media type of a file.
func (f Format) ContentType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8"
	case Parquet:
		return "application/vnd.apache.parquet"
	}
	return "application/x-ndjson"
}

// Writer takes rows. Its methods are called by one goroutine; after an error
// the file is of no use.
type Writer interface {
	// Write takes a row: for each column its canonical JSON, nil where there is
	// no value. It does not keep the row.
	Write(row []json.RawMessage) error
	// Close ends the file; the stream beneath stays open.
	Close() error
}

// New begins a file with columns of these names, each once.
//
// CSV and Parquet have a text for each value: a string as it is, all else as
// JSON. In CSV no value and an empty text look the same; in Parquet every column
// is optional.
func New(f Format, w io.Writer, columns []string) (Writer, error) {
	switch f {
	case CSV:
		c := &csvWriter{w: csv.NewWriter(w), line: make([]string, len(columns))}
		return c, c.w.Write(columns)
	case JSONLines:
		j := &jsonWriter{w: w}
		for _, name := range columns {
			b, err := json.Marshal(name)
			if err != nil {
				return nil, err
			}
			j.names = append(j.names, b)
		}
		return j, nil
	case Parquet:
		return newParquet(w, columns)
	}
	return nil, fmt.Errorf("no format %q: there are csv, jsonl and parquet", f)
}

// text is a value as CSV and Parquet have it.
func text(v json.RawMessage) string {
	if len(v) > 0 && v[0] == '"' {
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	}
	return string(v)
}

type csvWriter struct {
	w    *csv.Writer
	line []string
}

func (c *csvWriter) Write(row []json.RawMessage) error {
	for i := range c.line {
		c.line[i] = text(row[i])
	}
	return c.w.Write(c.line)
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

type jsonWriter struct {
	w     io.Writer
	names [][]byte
	line  bytes.Buffer
}

func (j *jsonWriter) Write(row []json.RawMessage) error {
	j.line.Reset()
	for i, name := range j.names {
		j.line.WriteByte("{,"[min(i, 1)])
		j.line.Write(name)
		j.line.WriteByte(':')
		if row[i] == nil {
			j.line.WriteString("null")
		} else {
			j.line.Write(row[i])
		}
	}
	j.line.WriteString("}\n")
	_, err := j.w.Write(j.line.Bytes())
	return err
}

func (j *jsonWriter) Close() error { return nil }

// groupRows is how many rows lie in memory before they are written.
const groupRows = 10_000

type parquetWriter struct {
	w    *parquet.GenericWriter[any]
	at   []int // the column of the file by that of the caller
	row  parquet.Row
	rows int
}

// newParquet begins a file whose columns are sorted by their names, as the
// library has it.
func newParquet(w io.Writer, columns []string) (*parquetWriter, error) {
	group := parquet.Group{}
	for _, name := range columns {
		group[name] = parquet.Optional(parquet.Compressed(parquet.String(), &parquet.Snappy))
	}
	if len(group) != len(columns) {
		return nil, fmt.Errorf("a column comes twice among %s", strings.Join(columns, ", "))
	}
	sorted := slices.Sorted(slices.Values(columns))
	p := &parquetWriter{w: parquet.NewGenericWriter[any](w, parquet.NewSchema("rows", group)), row: make(parquet.Row, len(columns))}
	for _, name := range columns {
		p.at = append(p.at, slices.Index(sorted, name))
	}
	return p, nil
}

func (p *parquetWriter) Write(row []json.RawMessage) error {
	for i, at := range p.at {
		if row[i] == nil {
			p.row[at] = parquet.NullValue().Level(0, 0, at)
		} else {
			p.row[at] = parquet.ValueOf(text(row[i])).Level(0, 1, at)
		}
	}
	if _, err := p.w.WriteRows([]parquet.Row{p.row}); err != nil {
		return err
	}
	if p.rows++; p.rows%groupRows == 0 {
		return p.w.Flush()
	}
	return nil
}

func (p *parquetWriter) Close() error { return p.w.Close() }
