package demo

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/govalues/decimal"
)

// saleLine is one line of the file, understood.
type saleLine struct {
	number      int // in the file; the header is 1
	invoice     string
	item        string
	description string
	quantity    int64 // as in the file: negative in refunds
	time        time.Time
	price       decimal.Decimal
	customer    string // empty: nobody known
	country     string
}

// Rejected is a line that could not be played, and why.
type Rejected struct {
	Line   int
	Reason string
}

// The columns, in the order of a row below. Description and Country may be
// missing from the file, the others may not.
const (
	colInvoice = iota
	colItem
	colDescription
	colQuantity
	colDate
	colPrice
	colCustomer
	colCountry
	columnCount
)

var columnNames = [columnCount]string{
	"invoiceno", "stockcode", "description", "quantity", "invoicedate", "unitprice", "customerid", "country",
}

// readRetail reads the file, which may be packed by gzip. Every line is read
// by itself, so that a broken one never takes its neighbours with it: a quoted
// field must end on its own line.
func readRetail(r io.Reader, line func(saleLine), reject func(Rejected)) error {
	in, err := unpacked(r)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	lines.Split(splitLine)
	var where []int
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimPrefix(utf8Text(lines.Bytes()), "\ufeff")
		fields, err := splitFields(text)
		switch {
		case where == nil:
			if where, err = header(fields); err != nil {
				return err
			}
		case strings.TrimSpace(text) == "":
		case err != nil:
			reject(Rejected{n, err.Error()})
		default:
			if s, err := parseSale(n, fields, where); err != nil {
				reject(Rejected{n, err.Error()})
			} else {
				line(s)
			}
		}
	}
	if errors.Is(lines.Err(), io.ErrUnexpectedEOF) {
		reject(Rejected{n + 1, "the gzip stream ends before its end: what follows is missing"})
		return nil
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading line %d: %w", n+1, err)
	}
	if where == nil {
		return errors.New("the file is empty: its first line must name the columns")
	}
	return nil
}

func unpacked(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("unpacking gzip: %w", err)
	}
	return z, nil
}

// splitLine cuts at LF, CR LF or a lone CR.
func splitLine(data []byte, atEOF bool) (int, []byte, error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0:
		return 0, nil, nil
	case data[i] == '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	case i+1 == len(data) && !atEOF:
		return 0, nil, nil // an LF may follow
	}
	return i + 1, data[:i], nil
}

// utf8Text takes a line that is no UTF-8 for Latin-1, in which every byte is a
// character.
func utf8Text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// splitFields cuts a line at its commas. A field that begins with a quote ends
// with one; a quote inside is doubled. Quotes elsewhere are ordinary.
func splitFields(text string) ([]string, error) {
	var fields []string
	for {
		if !strings.HasPrefix(text, `"`) {
			field, rest, more := strings.Cut(text, ",")
			if fields = append(fields, field); !more {
				return fields, nil
			}
			text = rest
			continue
		}
		field, rest, ok := quoted(text[1:])
		if !ok {
			return nil, fmt.Errorf("field %d begins with a quote and does not end with one on this line", len(fields)+1)
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, nil
		}
		text = rest[1:]
	}
}

// quoted reads up to the closing quote, after which comes a comma or the end.
func quoted(text string) (field, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '"':
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '"':
			b.WriteByte('"')
			i++
		case i+1 == len(text) || text[i+1] == ',':
			return b.String(), text[i+1:], true
		default:
			b.WriteByte('"')
		}
	}
	return "", "", false
}

// header finds the columns by their names; -1 is a column that is not there.
// After them comes how many fields a line has.
func header(fields []string) ([]int, error) {
	where := make([]int, columnCount+1)
	where[columnCount] = len(fields)
	for c, name := range columnNames {
		where[c] = slices.IndexFunc(fields, func(f string) bool {
			return strings.EqualFold(strings.TrimSpace(f), name)
		})
		if where[c] < 0 && c != colDescription && c != colCountry {
			return nil, fmt.Errorf("the first line names no column %s: it must be InvoiceNo,StockCode,Description,"+
				"Quantity,InvoiceDate,UnitPrice,CustomerID,Country", name)
		}
	}
	return where, nil
}

// parseSale understands one line. Where the file's end cuts into the country,
// the last field, nothing of the sale is missing.
func parseSale(n int, fields []string, where []int) (saleLine, error) {
	get := func(column int) string {
		if i := where[column]; i >= 0 && i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	s := saleLine{
		number: n, invoice: get(colInvoice), item: get(colItem), description: get(colDescription),
		customer: strings.TrimSuffix(get(colCustomer), ".0"), country: get(colCountry),
	}
	switch want := where[columnCount]; {
	case len(fields) < want:
		return s, fmt.Errorf("%d fields where the first line names %d: the line is cut", len(fields), want)
	case len(fields) > want:
		return s, fmt.Errorf("%d fields where the first line names %d: put quotes around a field with a comma", len(fields), want)
	}
	if s.invoice == "" || s.item == "" {
		return s, errors.New("InvoiceNo or StockCode is empty")
	}
	var err error
	if s.quantity, err = strconv.ParseInt(get(colQuantity), 10, 32); err != nil {
		return s, fmt.Errorf("Quantity %q is no whole number", get(colQuantity)) //nolint:staticcheck // a column's name
	}
	if s.price, err = decimal.Parse(get(colPrice)); err != nil {
		return s, fmt.Errorf("UnitPrice %q is no number", get(colPrice))
	}
	if s.time, err = parseDate(get(colDate)); err != nil {
		return s, err
	}
	return s, nil
}

// dates are the forms in which the file is passed around, month first.
var dates = []string{"1/2/06 15:04", "1/2/2006 15:04", "1/2/2006 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00"}

func parseDate(text string) (time.Time, error) {
	for _, layout := range dates {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("InvoiceDate %q is no date such as 12/1/10 8:26", text)
}
