package tablefile

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"rapport/internal/fault"
)

// excelReader reads one sheet of a spreadsheet, row by row. What formulas came
// to when the file was saved is what their cells hold.
type excelReader struct {
	s        *stream
	xml      *tokens
	limits   Limits
	shared   []string
	looks    []look // by the style of a cell
	calendar calendar
	columns  []string
	cells    []Cell
	row      int64
	warnings []RowError
}

func openExcel(z *zip.Reader, size int64, o Options) (Reader, error) {
	book, err := readBook(z, size, o)
	if err != nil {
		return nil, err
	}
	e := &excelReader{limits: o.Limits, calendar: book.calendar}
	if e.shared, err = readShared(z, size, o.Limits); err != nil {
		return nil, err
	}
	if e.looks, err = readStyles(z, size, o.Limits); err != nil {
		return nil, err
	}
	if e.s, err = part(z, book.path, size, o.Limits); err != nil {
		return nil, fault.Errorf(fault.Invalid, "damaged_file", "the spreadsheet lacks its sheet; save it again: %w", err)
	}
	e.xml = newTokens(e.s, o.Limits)
	var head Row
	if err := e.Next(&head); err != nil {
		if errors.Is(err, io.EOF) {
			err = fault.Errorf(fault.Invalid, "empty_file", "the sheet is empty; begin it with the names of its columns")
		} else if bad := new(RowError); errors.As(err, &bad) {
			err = fault.Errorf(fault.Invalid, bad.Code, "the header cannot be read: %s; %s", bad.Reason, bad.Mend)
		}
		return nil, errors.Join(err, e.Close())
	}
	names := make([]string, len(head.Cells))
	for i, cell := range head.Cells {
		names[i] = strings.TrimSpace(string(cell.Text))
	}
	e.columns, e.warnings = distinctNames(names, head.Number)
	return e, nil
}

// Warnings is what was strange about the header.
func (e *excelReader) Warnings() []RowError { return e.warnings }

// Close ends the unpacking.
func (e *excelReader) Close() error { return e.s.Close() }

// damaged is what the XML of a spreadsheet was read with.
func damaged(err error) error {
	if fault.KindOf(err) == fault.Invalid || errors.Is(err, io.EOF) {
		return err
	}
	return fault.Errorf(fault.Invalid, "damaged_file", "the spreadsheet is damaged; save it again: %w", err)
}

// Next reads a row that has a value.
func (e *excelReader) Next(row *Row) error {
	for {
		t, err := e.xml.next()
		if err != nil {
			row.Columns, row.Cells = e.columns, nil
			return damaged(err)
		}
		start, ok := t.(xml.StartElement)
		if !ok || start.Name.Local != "row" {
			continue
		}
		e.row++
		if n, err := strconv.ParseInt(attribute(start, "r"), 10, 64); err == nil && n >= e.row {
			e.row = n
		}
		bad, err := e.readRow()
		if err != nil {
			return damaged(err)
		}
		if bad != nil {
			return bad
		}
		if e.empty() {
			continue
		}
		row.Number, row.Columns, row.Cells = e.row, e.columns, e.cells
		return nil
	}
}

func (e *excelReader) empty() bool {
	for _, c := range e.cells {
		if c.Kind != Missing && len(c.Text) > 0 {
			return false
		}
	}
	return true
}

func (e *excelReader) readRow() (bad *RowError, err error) {
	e.cells = e.cells[:0]
	for size := 0; ; {
		t, err := e.xml.next()
		if err != nil {
			return nil, err
		}
		if end, ok := t.(xml.EndElement); ok && end.Name.Local == "row" {
			return bad, nil
		}
		start, ok := t.(xml.StartElement)
		if !ok || start.Name.Local != "c" {
			continue
		}
		at := columnOf(attribute(start, "r"), len(e.cells))
		cell, wrong, err := e.readCell(start)
		if err != nil {
			return nil, err
		}
		size += len(cell.Text)
		switch {
		case bad != nil:
		case size > e.limits.Row:
			bad = tooLong(e.row, e.limits.Row)
		default:
			bad = e.place(at, cell, wrong)
		}
	}
}

// place puts a cell into its column.
func (e *excelReader) place(at int, cell Cell, wrong *RowError) *RowError {
	beyond := e.columns != nil && at >= len(e.columns)
	if at >= e.limits.Columns || beyond && len(cell.Text) > 0 {
		return &RowError{
			Line: e.row, Code: "ragged_row", Value: Show(cell.Text), Reason: "it has a cell in column " + strconv.Itoa(at+1) + " that the header does not have",
			Mend: "name the column in the header, or clear the cell",
		}
	}
	if beyond {
		return nil
	}
	if wrong != nil && at < len(e.columns) {
		wrong.Column = e.columns[at]
	}
	for len(e.cells) <= at {
		e.cells = append(e.cells, Cell{})
	}
	e.cells[at] = cell
	return wrong
}

// readCell reads what is in a cell, up to its end.
func (e *excelReader) readCell(start xml.StartElement) (Cell, *RowError, error) {
	kind, style := attribute(start, "t"), attribute(start, "s")
	var h held
	for {
		t, err := e.xml.next()
		if err != nil {
			return Cell{}, nil, err
		}
		if end, ok := t.(xml.EndElement); ok && end.Name.Local == "c" {
			cell, bad := e.value(kind, style, h.text)
			return cell, bad, nil
		}
		h.take(t, e.limits.Row)
	}
}

// value makes of the text of a cell what it means.
func (e *excelReader) value(kind, style string, text []byte) (Cell, *RowError) {
	switch {
	case kind == "s":
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 0 || n >= len(e.shared) {
			return Cell{}, &RowError{Line: e.row, Code: "damaged_cell", Value: Show(text), Reason: "its text is not in the file", Mend: "save the spreadsheet again"}
		}
		return Cell{Text, []byte(e.shared[n])}, nil
	case kind == "e":
		return Cell{}, &RowError{Line: e.row, Code: "formula_error", Value: Show(text), Reason: "its formula came to an error", Mend: "mend the formula, or clear the cell"}
	case len(text) == 0 && kind != "inlineStr" && kind != "str":
		return Cell{}, nil
	case kind == "b":
		if string(text) == "1" {
			return Cell{JSON, []byte("true")}, nil
		}
		return Cell{JSON, []byte("false")}, nil
	case kind == "" || kind == "n":
		if n, err := strconv.Atoi(style); err == nil && n >= 0 && n < len(e.looks) && e.looks[n] != asNumber {
			if at, ok := e.calendar.show(string(text), e.looks[n]); ok {
				return Cell{Text, []byte(at)}, nil
			}
		}
		if n, ok := numberOf(string(text)); ok {
			return Cell{JSON, []byte(n)}, nil
		}
	}
	return Cell{Text, unescaped(text)}, nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// columnOf reads the letters of a place such as AB12, counted from 0.
func columnOf(place string, next int) int {
	n := 0
	for i := 0; i < len(place) && i < 4; i++ {
		b := place[i] &^ 0x20
		if b < 'A' || b > 'Z' {
			break
		}
		n = n*26 + int(b-'A') + 1
	}
	if n == 0 {
		return next
	}
	return n - 1
}
