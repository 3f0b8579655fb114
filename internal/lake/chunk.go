package lake

import (
	"encoding/binary"
	"math/big"
	"strings"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/clock"
	"rapport/internal/store"
)

// draft is a row that is being made: a cell for each column.
type draft struct {
	of    *object
	cells []cell
}

type cell struct {
	text string
	n    int64
	set  bool
}

func newDraft(o *object) *draft { return &draft{o, make([]cell, len(o.columns))} }

func (d *draft) clear() { clear(d.cells) }

// text sets a column of texts; an empty one is none.
func (d *draft) text(at int, s string) {
	if s != "" {
		d.cells[at] = cell{text: s, set: true}
	}
}

func (d *draft) int(at int, n int64) { d.cells[at] = cell{n: n, set: true} }

// time sets an instant; zero is none.
func (d *draft) time(at int, i clock.Instant) {
	if i != 0 {
		d.int(at, int64(i))
	}
}

// mark says where in a chunk a row ends, where in the log it comes from, and
// the day it belongs to.
type mark struct {
	end uint32
	day int32
	at  store.Position
}

// chunk is rows of one object as bytes, in the order of the log. What it takes
// it copies.
type chunk struct {
	bytes []byte
	marks []mark
}

// add takes a row.
func (c *chunk) add(d *draft, at store.Position, received clock.Instant) {
	for i := range d.cells {
		x := &d.cells[i]
		switch {
		case !x.set:
			c.bytes = append(c.bytes, 0)
		case d.of.columns[i].Type == Text || d.of.columns[i].Type == Decimal:
			c.bytes = binary.AppendUvarint(c.bytes, uint64(len(x.text))+1)
			c.bytes = append(c.bytes, x.text...)
		default:
			c.bytes = append(c.bytes, 1)
			c.bytes = binary.LittleEndian.AppendUint64(c.bytes, uint64(x.n))
		}
	}
	c.marks = append(c.marks, mark{uint32(len(c.bytes)), dayOf(received), at})
}

// dayOf counts days since 1970 UTC.
func dayOf(i clock.Instant) int32 {
	const day = 24 * 60 * 60 * 1_000_000
	n := int64(i) / day
	if int64(i) < n*day {
		n--
	}
	return int32(n)
}

func dayText(day int32) string {
	return clock.Instant(int64(day) * 24 * 60 * 60 * 1_000_000).Time().UTC().Format("2006-01-02")
}

// row reads a row again, into values at a place of each column that point into the
// chunk.
func (c *chunk) row(o *object, i int, into [][]parquet.Value, at int) {
	begin := uint32(0)
	if i > 0 {
		begin = c.marks[i-1].end
	}
	b := c.bytes[begin:c.marks[i].end]
	for k := range o.columns {
		n, size := binary.Uvarint(b)
		b = b[size:]
		if n == 0 {
			into[k][at] = parquet.NullValue().Level(0, 0, k)
			continue
		}
		var v parquet.Value
		switch o.columns[k].Type {
		case Text, Decimal:
			v = parquet.ByteArrayValue(b[:n-1])
			if o.columns[k].Type == Decimal {
				v = decimalValue(string(b[:n-1]))
			}
			b = b[n-1:]
		default:
			v = fixedValue(o.columns[k].Type, int64(binary.LittleEndian.Uint64(b)))
			b = b[8:]
		}
		if v.IsNull() {
			into[k][at] = v.Level(0, 0, k)
		} else {
			into[k][at] = v.Level(0, 1, k)
		}
	}
}

// decimalValue is a number with the scale of decimals; null where it is none or
// has more digits.
func decimalValue(s string) parquet.Value {
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > decimalScale {
		part = part[:decimalScale] // amounts finer than a billionth of a unit
	}
	n, ok := new(big.Int).SetString(whole+part+strings.Repeat("0", decimalScale-len(part)), 10)
	if !ok || n.BitLen() > 126 {
		return parquet.NullValue()
	}
	b := make([]byte, decimalBytes)
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes))
	}
	return parquet.FixedLenByteArrayValue(n.FillBytes(b))
}
