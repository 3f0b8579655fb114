package tablefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"rapport/internal/fault"
)

// maxSpan is how many lines a quoted cell may go over: behind that, its quote is
// taken for a mistake and the lines are read one by one.
const maxSpan = 1_000

// csvReader reads RFC 4180, and what programs write for it.
type csvReader struct {
	in        *lines
	s         *stream
	limits    Limits
	delimiter byte
	quote     byte
	columns   []string
	cells     []Cell
	text      []byte // unquoted cells that had doubled quotes
	warnings  []RowError
}

func bytesText(n int) string { return strconv.Itoa(n) + " bytes" }

func openCSV(in *lines, s *stream, o Options) (Reader, error) {
	c := &csvReader{in: in, s: s, limits: o.Limits, delimiter: o.Delimiter, quote: '"', warnings: s.warnings}
	n, ended := in.newline(0, o.Limits.Row)
	first := in.rest()[:n]
	if !ended && bytes.IndexByte(bytes.TrimRight(first, "\r"), '\r') >= 0 {
		return nil, fault.Errorf(fault.Invalid, "unknown_line_ends", "the lines end with carriage returns alone; write the file with line feeds, as CSV (Comma delimited) does and CSV (Macintosh) does not")
	}
	if said, ok := bytes.CutPrefix(bytes.TrimRight(first, "\r\n"), []byte("sep=")); ok && len(said) == 1 && ended {
		in.take(n, 1) // spreadsheets write it before the header
		c.delimiter = said[0]
	}
	if c.delimiter == 0 {
		c.delimiter = delimiterOf(first)
	}
	if single(first, c.delimiter) {
		c.quote = '\''
	}
	if o.Headless {
		return c, nil
	}
	var head Row
	switch err := c.Next(&head); {
	case errors.Is(err, io.EOF):
		return nil, fault.Errorf(fault.Invalid, "empty_file", "the file has no header; begin it with the names of its columns")
	case err != nil:
		if bad := new(RowError); errors.As(err, &bad) {
			err = fault.Errorf(fault.Invalid, bad.Code, "the header cannot be read: %s; %s", bad.Reason, bad.Mend)
		}
		return nil, err
	case len(head.Cells) > o.Limits.Columns:
		return nil, tooManyColumns(len(head.Cells), o.Limits.Columns)
	}
	names := make([]string, len(head.Cells))
	for i, cell := range head.Cells {
		names[i] = string(bytes.TrimSpace(cell.Text))
	}
	var odd []RowError
	c.columns, odd = distinctNames(names, head.Number)
	c.warnings = append(c.warnings, odd...)
	return c, nil
}

func tooManyColumns(n, most int) error {
	return fault.Errorf(fault.Invalid, "too_many_columns", "the table has %d columns; at most %d are read", n, most)
}

// distinctNames gives every column a name of its own.
func distinctNames(names []string, line int64) (out []string, odd []RowError) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		switch {
		case name == "":
			name = "column " + strconv.Itoa(i+1)
			odd = append(odd, RowError{Line: line, Column: name, Code: "unnamed_column", Reason: fmt.Sprintf("column %d has no name", i+1), Mend: "give it one; until then it is called " + name})
		case seen[name]:
			first := name
			for n := 2; seen[name]; n++ {
				name = fmt.Sprintf("%s (%d)", first, n)
			}
			odd = append(odd, RowError{Line: line, Column: first, Code: "duplicate_column", Reason: fmt.Sprintf("column %d has the name of another one", i+1), Mend: "name each column once; until then it is called " + name})
		}
		seen[name] = true
		out = append(out, name)
	}
	return out, odd
}

// delimiterOf is what a header most likely parts its names with.
func delimiterOf(head []byte) byte {
	best, most := byte(','), 0
	for _, d := range []byte{',', ';', '\t', '|'} {
		n, quoted := 0, false
		for _, b := range head {
			switch {
			case b == '"':
				quoted = !quoted
			case b == d && !quoted:
				n++
			}
		}
		if n > most {
			best, most = d, n
		}
	}
	return best
}

// single tells that every name of a header stands in single quotes, as some
// programs write them. Else they are apostrophes.
func single(head []byte, delimiter byte) bool {
	for name := range bytes.SplitSeq(bytes.TrimRight(head, "\r\n"), []byte{delimiter}) {
		if len(name) < 2 || name[0] != '\'' || name[len(name)-1] != '\'' {
			return false
		}
	}
	return true
}

// Warnings is what was strange about the header and the archive.
func (c *csvReader) Warnings() []RowError { return c.warnings }

// Close ends the unpacking.
func (c *csvReader) Close() error { return c.s.Close() }

// Next reads a row.
func (c *csvReader) Next(row *Row) error {
	for {
		number := c.in.line + 1
		record, bad := c.record(number)
		if bad != nil {
			return bad
		}
		if record == nil {
			row.Columns, row.Cells = c.columns, nil
			return c.in.ended()
		}
		if len(bytes.TrimSpace(record)) == 0 {
			continue
		}
		if bad := readable(record, number); bad != nil {
			return bad
		}
		c.cut(record)
		if c.columns != nil && len(c.cells) != len(c.columns) {
			return c.ragged(record, number)
		}
		row.Number, row.Columns, row.Cells = number, c.columns, c.cells
		return nil
	}
}

func (c *csvReader) ragged(record []byte, number int64) error {
	bad := &RowError{
		Line: number, Code: "ragged_row", Value: Show(record),
		Reason: fmt.Sprintf("it has %d cells and the header has %d", len(c.cells), len(c.columns)),
		Mend:   "give it a cell for every column, and put cells with a delimiter in them into double quotes",
	}
	if c.in.start == c.in.end && errors.Is(c.in.failed, io.EOF) && record[len(record)-1] != '\n' {
		bad.Code, bad.Reason = "cut_off", bad.Reason+"; it is the last one and has no end of line: the file was perhaps not written to its end"
		bad.Mend = "send the whole file"
	}
	return bad
}

// record takes the bytes of one row, nil at the end. A row whose quotes do not
// come to an end is given up after its first line, so that the others are read.
func (c *csvReader) record(number int64) ([]byte, *RowError) {
	if c.in.start == c.in.end && !c.in.more() {
		return nil, nil
	}
	first, ok := c.in.newline(0, c.limits.Row)
	if first > c.limits.Row {
		c.in.skip()
		return nil, tooLong(number, c.limits.Row)
	}
	if !ok && !errors.Is(c.in.failed, io.EOF) {
		return nil, nil // the file broke off within this row
	}
	n, span, state := first, 1, c.scan(c.in.rest()[:first], outside)
	for state == inside && span < maxSpan && n <= c.limits.Row {
		next, more := c.in.newline(n, c.limits.Row)
		if next == n {
			break
		}
		state = c.scan(c.in.rest()[n:next], inside)
		n, span = next, span+1
		if !more {
			break
		}
	}
	if state == outside && n <= c.limits.Row {
		return c.in.take(n, span), nil
	}
	line := c.in.take(first, 1)
	bad := &RowError{
		Line: number, Code: "unclosed_quote", Value: Show(line), Reason: "a quoted cell does not come to its end",
		Mend: "close the quote, and write a quote within a quoted cell twice",
	}
	if state == broken {
		bad.Code, bad.Reason = "invalid_quote", "there is something between a closing quote and the next delimiter"
	}
	return nil, bad
}

// Where a scan is when a line has ended.
type scanState uint8

const (
	outside scanState = iota // at the end of a row
	inside                   // in a quoted cell
	broken                   // behind something that no row has
)

// scan goes through a line.
func (c *csvReader) scan(line []byte, at scanState) scanState {
	if at == outside && bytes.IndexByte(line, c.quote) < 0 {
		return outside
	}
	begin := at == outside // of a cell
	for i := 0; i < len(line); i++ {
		b := line[i]
		switch {
		case at == inside && b == c.quote:
			rest := line[i+1:]
			switch {
			case len(rest) > 0 && rest[0] == c.quote:
				i++
			case len(rest) == 0 || rest[0] == c.delimiter || rest[0] == '\n' || rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
				at = outside
			default:
				return broken
			}
		case at == inside:
		case b == c.quote && begin:
			at = inside
		}
		begin = at == outside && b == c.delimiter
	}
	return at
}

// cut parts a row into cells.
func (c *csvReader) cut(record []byte) {
	c.cells, c.text = c.cells[:0], c.text[:0]
	record = bytes.TrimSuffix(bytes.TrimSuffix(record, []byte("\n")), []byte("\r"))
	for {
		cell, rest, last := c.cell(record)
		c.cells = append(c.cells, Cell{Text, cell})
		if last {
			return
		}
		record = rest
	}
}

func (c *csvReader) cell(record []byte) (cell, rest []byte, last bool) {
	if len(record) == 0 || record[0] != c.quote {
		i := bytes.IndexByte(record, c.delimiter)
		if i < 0 {
			return record, nil, true
		}
		return record[:i], record[i+1:], false
	}
	doubled := false
	end := 1
	for {
		i := bytes.IndexByte(record[end:], c.quote)
		if i < 0 { // scan has seen to it that this cannot be
			end = len(record)
			break
		}
		if end += i; end+1 < len(record) && record[end+1] == c.quote {
			doubled, end = true, end+2
			continue
		}
		break
	}
	cell = record[1:max(1, min(end, len(record)))]
	if doubled {
		cell = c.undouble(cell)
	}
	if end+1 >= len(record) {
		return cell, nil, true
	}
	return cell, record[end+2:], false
}

// undouble makes one quote of two.
func (c *csvReader) undouble(cell []byte) []byte {
	if cap(c.text)-len(c.text) < len(cell) {
		c.text = make([]byte, 0, max(2*cap(c.text), 2*len(cell), 1<<12)) // earlier cells keep the old one
	}
	at := len(c.text)
	for i := 0; i < len(cell); i++ {
		c.text = append(c.text, cell[i])
		if cell[i] == c.quote {
			i++
		}
	}
	return c.text[at:len(c.text):len(c.text)]
}
