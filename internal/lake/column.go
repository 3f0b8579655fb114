package lake

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// column is values of a column: of each row whether it has one, and those that
// rows have, one behind the other as a file has them. Of booleans each has a byte
// here.
type column struct {
	set   []byte // of each row: 1 or 0
	plain []byte
}

func (c *column) reset() { c.set, c.plain = c.set[:0], c.plain[:0] }

// width is how many bytes a value of a type has; 0: as many as stand before it.
func (t Type) width() int {
	switch t {
	case Text:
		return 0
	case Decimal:
		return decimalBytes
	case Boolean:
		return 1
	}
	return 8
}

// lengthBytes stand before a text and say how long it is.
const lengthBytes = 4

func (c *column) none() { c.set = append(c.set, 0) }

func (c *column) text(s string) {
	c.plain = binary.LittleEndian.AppendUint32(roomFor(c.plain, lengthBytes+len(s)), uint32(len(s)))
	c.plain, c.set = append(c.plain, s...), append(c.set, 1)
}

// fixed takes a value that is no text and no amount.
func (c *column) fixed(t Type, n int64) {
	if t == Boolean {
		c.plain = append(c.plain, byte(n&1))
	} else {
		c.plain = binary.LittleEndian.AppendUint64(c.plain, uint64(n))
	}
	c.set = append(c.set, 1)
}

// cell takes what a row has.
func (c *column) cell(t Type, x *cell) {
	switch {
	case !x.set:
		c.none()
	case t == Text:
		c.text(x.text)
	case t == Decimal:
		plain, ok := appendDecimal(c.plain, x.text)
		c.plain, c.set = plain, append(c.set, boolByte(ok))
	default:
		c.fixed(t, x.n)
	}
}

// value takes what a row of a file has.
func (c *column) value(t Type, v parquet.Value) {
	switch {
	case v.IsNull():
		c.none()
	case t == Text:
		b := v.ByteArray()
		c.plain = binary.LittleEndian.AppendUint32(c.plain, uint32(len(b)))
		c.plain, c.set = append(c.plain, b...), append(c.set, 1)
	case t == Decimal:
		c.plain, c.set = append(c.plain, v.ByteArray()...), append(c.set, 1)
	case t == Boolean:
		c.plain, c.set = append(c.plain, boolByte(v.Boolean())), append(c.set, 1)
	case t == Number:
		c.fixed(t, int64(math.Float64bits(v.Double())))
	default:
		c.fixed(t, v.Int64())
	}
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// take adds the rows of another.
func (c *column) take(o column) {
	c.set, c.plain = append(c.set, o.set...), append(roomFor(c.plain, len(o.plain)), o.plain...)
}

// roomFor gives bytes with room for so many more, twice as many as they are where
// there is none: append alone would copy large ones five times.
func roomFor(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b
	}
	return slices.Grow(b, max(n, len(b)))
}

// part is the rows that begin at one and end before another.
func (c *column) part(t Type, from, to int) column {
	if from == 0 && to == len(c.set) {
		return *c
	}
	begin := extent(t, c.plain, ones(c.set[:from]))
	end := begin + extent(t, c.plain[begin:], ones(c.set[from:to]))
	return column{c.set[from:to], c.plain[begin:end]}
}

func ones(set []byte) int { return bytes.Count(set, []byte{1}) }

// extent is how many bytes the first values have.
func extent(t Type, plain []byte, n int) int {
	if w := t.width(); w > 0 {
		return n * w
	}
	at := 0
	for range n {
		at += lengthBytes + int(binary.LittleEndian.Uint32(plain[at:]))
	}
	return at
}

// whole tells whether so many values fill the bytes.
func whole(t Type, plain []byte, n int) bool {
	if w := t.width(); w > 0 {
		return len(plain) == n*w
	}
	for range n {
		if len(plain) < lengthBytes {
			return false
		}
		long := uint64(binary.LittleEndian.Uint32(plain))
		if uint64(len(plain)-lengthBytes) < long {
			return false
		}
		plain = plain[lengthBytes+long:]
	}
	return len(plain) == 0
}

// appendDecimal adds a number with the scale of decimals, and tells whether the
// text was one that has not too many digits.
func appendDecimal(out []byte, s string) ([]byte, bool) {
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > decimalScale {
		part = part[:decimalScale] // amounts finer than a billionth of a unit
	}
	digits := whole + part + "000000000"[len(part):]
	if n, ok := shortDecimal(digits); ok {
		// The upper half is the sign.
		out = binary.BigEndian.AppendUint64(out, uint64(n>>63))
		return binary.BigEndian.AppendUint64(out, uint64(n)), true
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || n.BitLen() > 126 {
		return out, false
	}
	b := make([]byte, decimalBytes)
	if n.Sign() < 0 {
		n.Add(n, new(big.Int).Lsh(big.NewInt(1), 8*decimalBytes))
	}
	return append(out, n.FillBytes(b)...), true
}

// shortDecimal reads digits that fit into 64 bits for sure.
func shortDecimal(s string) (n int64, ok bool) {
	digits := strings.TrimPrefix(s, "-")
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int64(d-'0')
	}
	if len(digits) < len(s) {
		n = -n
	}
	return n, true
}

// errDamaged is of a file of the lake that is not what it says.
func errDamaged(what string) error { return fmt.Errorf("a file of the lake is damaged: %s", what) }
