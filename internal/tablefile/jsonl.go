package tablefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"rapport/internal/jsondoc"
)

// jsonReader reads one JSON object on each line. Its columns are the members
// that it has met.
type jsonReader struct {
	in      *lines
	s       *stream
	limits  Limits
	doc     jsondoc.Doc
	columns []string
	at      map[string]int
	cells   []Cell
}

// Warnings is what was strange about the archive.
func (j *jsonReader) Warnings() []RowError { return j.s.warnings }

// Close ends the unpacking.
func (j *jsonReader) Close() error { return j.s.Close() }

// Next reads a row.
func (j *jsonReader) Next(row *Row) error {
	for {
		number := j.in.line + 1
		if j.in.start == j.in.end && !j.in.more() {
			return j.in.ended()
		}
		n, ok := j.in.newline(0, j.limits.Row)
		if n > j.limits.Row {
			j.in.skip()
			return tooLong(number, j.limits.Row)
		}
		if !ok && !errors.Is(j.in.failed, io.EOF) {
			return j.in.ended()
		}
		line := bytes.TrimSpace(j.in.take(n, 1))
		if len(line) == 0 {
			continue
		}
		if bad := readable(line, number); bad != nil {
			return bad
		}
		if bad := j.read(line, number, ok); bad != nil {
			return bad
		}
		row.Number, row.Columns, row.Cells = number, j.columns, j.cells
		return nil
	}
}

func (j *jsonReader) read(line []byte, number int64, whole bool) *RowError {
	bad := &RowError{Line: number, Code: "invalid_json", Value: Show(line), Mend: "write one JSON object on the line"}
	if err := j.doc.Reset(line, jsondoc.Limits{Depth: 32, StringBytes: j.limits.Row}); err != nil {
		bad.Reason = err.Error()
		if !whole {
			bad.Code, bad.Reason, bad.Mend = "cut_off", "it is the last one and no JSON: the file was perhaps not written to its end", "send the whole file"
		}
		return bad
	}
	root := j.doc.Root()
	if root.Kind() != jsondoc.Object {
		bad.Reason = "it is " + root.Kind().String()
		return bad
	}
	if flaw, ok := root.Flaw(); ok {
		bad.Code, bad.Reason = flaw.Kind.String(), fmt.Sprintf("byte %d: %s", flaw.Offset, flaw.Msg)
		return bad
	}
	j.cells = j.cells[:0]
	for range j.columns {
		j.cells = append(j.cells, Cell{})
	}
	root.Each(func(key string, v jsondoc.Value) bool {
		i, known := j.at[key]
		if !known {
			if len(j.columns) == j.limits.Columns {
				bad.Column, bad.Code, bad.Reason = key, "too_many_columns", "it brings one more member than a table may have"
				bad.Mend = fmt.Sprintf("use at most %d names in a file; put the others into an object", j.limits.Columns)
				return false
			}
			i = len(j.columns)
			j.at[key], j.columns, j.cells = i, append(j.columns, key), append(j.cells, Cell{})
		}
		if s, ok := v.StrBytes(); ok {
			j.cells[i] = Cell{Text, bytes.Clone(s)}
		} else {
			j.cells[i] = Cell{JSON, v.Raw()}
		}
		return true
	})
	if bad.Reason != "" {
		return bad
	}
	return nil
}
