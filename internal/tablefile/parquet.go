package tablefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"rapport/internal/fault"
)

// parquetReader reads Parquet, one group of rows after the other. A column
// within a group of columns is named with dots; one that repeats holds a list, and
// has the list's name.
type parquetReader struct {
	groups  []parquet.RowGroup
	rows    parquet.Rows
	buffer  []parquet.Row
	have    []parquet.Row
	columns []string
	leaves  []leaf
	cells   []Cell
	number  int64
}

type leaf struct {
	node     parquet.Node
	repeated bool
	list     []string
}

// guarded calls into the library, which panics at some files that are damaged.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Errorf(fault.Invalid, "damaged_file", "the Parquet file is damaged: %v", p)
		}
	}()
	return do()
}

func openParquet(f io.ReaderAt, size int64, o Options) (Reader, error) {
	p := &parquetReader{buffer: make([]parquet.Row, 64)}
	err := guarded(func() error {
		file, err := parquet.OpenFile(f, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
		if err != nil {
			return err
		}
		p.groups = file.RowGroups()
		schema := file.Schema()
		for _, path := range schema.Columns() {
			l, _ := schema.Lookup(path...)
			p.columns = append(p.columns, nameOf(schema, path))
			p.leaves = append(p.leaves, leaf{node: l.Node, repeated: l.MaxRepetitionLevel > 0})
		}
		return nil
	})
	switch {
	case fault.KindOf(err) == fault.Invalid:
		return nil, err
	case err != nil:
		return nil, fault.Errorf(fault.Invalid, "damaged_file", "the Parquet file is damaged or was not written to its end; send it again: %w", err)
	case len(p.columns) > o.Limits.Columns:
		return nil, tooManyColumns(len(p.columns), o.Limits.Columns)
	}
	return p, nil
}

// nameOf joins the names on the way to a column, without those that every list has
// between its own and what is in it: tags.list.element is tags.
func nameOf(node parquet.Node, path []string) string {
	var out []string
	for len(path) > 0 {
		out = append(out, path[0])
		node, path = below(node, path[0]), path[1:]
		if _, list := logicalOf(node).(*format.ListType); !list {
			continue
		}
		for range min(2, len(path)) {
			node, path = below(node, path[0]), path[1:]
		}
	}
	return strings.Join(out, ".")
}

// below is a member of a group.
func below(node parquet.Node, name string) parquet.Node {
	for _, f := range node.Fields() {
		if f.Name() == name {
			return f
		}
	}
	return node // the way is that of the same schema
}

// Warnings is empty: names in Parquet are distinct.
func (p *parquetReader) Warnings() []RowError { return nil }

// Close ends the reading.
func (p *parquetReader) Close() error {
	if p.rows == nil {
		return nil
	}
	return guarded(p.rows.Close)
}

// Next reads a row.
func (p *parquetReader) Next(row *Row) error {
	for len(p.have) == 0 {
		if err := p.more(); err != nil {
			row.Columns, row.Cells = p.columns, nil
			return err
		}
	}
	p.number++
	values := p.have[0]
	p.have = p.have[1:]
	var bad *RowError
	err := guarded(func() error { bad = p.read(values); return nil })
	if err != nil {
		return err
	}
	if bad != nil {
		return bad
	}
	row.Number, row.Columns, row.Cells = p.number, p.columns, p.cells
	return nil
}

// more reads some rows.
func (p *parquetReader) more() error {
	if p.rows == nil {
		if len(p.groups) == 0 {
			return io.EOF
		}
		if err := guarded(func() error { p.rows = p.groups[0].Rows(); return nil }); err != nil {
			return err
		}
		p.groups = p.groups[1:]
	}
	var n int
	err := guarded(func() (err error) { n, err = p.rows.ReadRows(p.buffer); return err })
	p.have = p.buffer[:n]
	switch {
	case err == nil:
		if n == 0 {
			err = fault.Errorf(fault.Invalid, "damaged_file", "the Parquet file is damaged after row %d", p.number)
		}
		return err
	case errors.Is(err, io.EOF):
		err = guarded(p.rows.Close)
		p.rows = nil
		return err
	case fault.KindOf(err) == fault.Invalid:
		return err
	}
	return fault.Errorf(fault.Invalid, "damaged_file", "the Parquet file is damaged after row %d; send it again: %w", p.number, err)
}

func (p *parquetReader) read(values parquet.Row) *RowError {
	p.cells = p.cells[:0]
	for i := range p.leaves {
		p.cells, p.leaves[i].list = append(p.cells, Cell{}), p.leaves[i].list[:0]
	}
	for _, v := range values {
		i := v.Column()
		if i < 0 || i >= len(p.leaves) || v.IsNull() {
			continue
		}
		l := &p.leaves[i]
		cell := l.cell(v)
		if cell.Kind == Text {
			if bad := readable(cell.Text, p.number); bad != nil {
				bad.Column = p.columns[i]
				bad.Mend = "declare the column as a string and write it as UTF-8, or leave it out"
				return bad
			}
		}
		if !l.repeated {
			p.cells[i] = cell
			continue
		}
		if cell.Kind == Text {
			text, err := json.Marshal(string(cell.Text))
			if err != nil {
				continue // a string always can
			}
			cell.Text = text
		}
		l.list = append(l.list, string(cell.Text))
		p.cells[i] = Cell{JSON, []byte("[" + strings.Join(l.list, ",") + "]")}
	}
	return nil
}

// cell is a value as what its column says it is.
func (l *leaf) cell(v parquet.Value) Cell {
	logical := logicalOf(l.node)
	switch v.Kind() {
	case parquet.Boolean:
		return Cell{JSON, strconv.AppendBool(nil, v.Boolean())}
	case parquet.Int32:
		return integer(int64(v.Int32()), logical)
	case parquet.Int64:
		return integer(v.Int64(), logical)
	case parquet.Float:
		return float(float64(v.Float()), 32)
	case parquet.Double:
		return float(v.Double(), 64)
	case parquet.Int96:
		n := v.Int96()
		nanos, day := int64(n[0])|int64(n[1])<<32, int64(n[2])-2_440_588
		return Cell{Text, time.Unix(day*86_400, nanos).UTC().AppendFormat(nil, time.RFC3339Nano)}
	}
	b := v.ByteArray()
	switch as := logical.(type) {
	case *format.DecimalType:
		return Cell{JSON, []byte(decimal(signed(b), int(as.Scale)))}
	case *format.UUIDType:
		if len(b) == 16 {
			return Cell{Text, fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])}
		}
	}
	return Cell{Text, append([]byte(nil), b...)}
}

// logicalOf is what a column says its values mean; nil where it does not.
func logicalOf(n parquet.Node) format.LogicalTypeValue {
	if l := n.Type().LogicalType(); l != nil {
		return l.Value
	}
	return nil
}

func integer(n int64, logical format.LogicalTypeValue) Cell {
	switch as := logical.(type) {
	case *format.DateType:
		return Cell{Text, time.Unix(n*86_400, 0).UTC().AppendFormat(nil, time.DateOnly)}
	case *format.TimestampType:
		return Cell{Text, moment(n, as.Unit.Value).AppendFormat(nil, time.RFC3339Nano)}
	case *format.TimeType:
		return Cell{Text, moment(n, as.Unit.Value).AppendFormat(nil, "15:04:05.999999999")}
	case *format.DecimalType:
		return Cell{JSON, []byte(decimal(big.NewInt(n), int(as.Scale)))}
	case *format.IntType:
		switch {
		case as.IsSigned:
		case as.BitWidth <= 32:
			return Cell{JSON, strconv.AppendUint(nil, uint64(uint32(n)), 10)}
		default:
			return Cell{JSON, strconv.AppendUint(nil, uint64(n), 10)}
		}
	}
	return Cell{JSON, strconv.AppendInt(nil, n, 10)}
}

func float(n float64, bits int) Cell {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Cell{}
	}
	return Cell{JSON, strconv.AppendFloat(nil, n, 'g', -1, bits)}
}

func moment(n int64, unit format.TimeUnitValue) time.Time {
	switch {
	case unit == nil || unit.Duration() == time.Nanosecond:
		return time.Unix(n/1e9, n%1e9).UTC()
	case unit.Duration() == time.Microsecond:
		return time.UnixMicro(n).UTC()
	}
	return time.UnixMilli(n).UTC()
}

// signed reads a number in two's complement, highest byte first.
func signed(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// decimal writes a number of units of 10 to the minus scale.
func decimal(n *big.Int, scale int) string {
	if scale <= 0 || scale > 100 {
		return n.String()
	}
	sign := ""
	if n.Sign() < 0 {
		sign, n = "-", new(big.Int).Neg(n)
	}
	digits := n.String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}
