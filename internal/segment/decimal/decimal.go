// Package decimal is exact decimal arithmetic in a value of fixed size: what
// conditions compare and add. It never rounds a sum and never allocates on the
// way to one.
package decimal

import (
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Scale is how many digits behind the point are kept; what is behind them is
// cut off when a text is read.
const Scale = 19

// maxWhole is how many digits before the point are read. Numbers of so many
// digits can be added 10^8 times before a sum leaves the range.
const maxWhole = 30

// Num is a number: two's complement of 192 bits, low word first, in units of
// 10^-Scale. The zero Num is 0; equal numbers are equal values.
type Num [3]uint64

// unit is 10^Scale, the word that 1 is.
const unit = 10_000_000_000_000_000_000

// Of is a whole number.
func Of(n int64) Num {
	if n < 0 {
		return mul64(uint64(-(n+1))+1, unit).Neg()
	}
	return mul64(uint64(n), unit)
}

func mul64(a, b uint64) Num {
	hi, lo := bits.Mul64(a, b)
	return Num{lo, hi, 0}
}

// Add is the sum.
func (a Num) Add(b Num) Num {
	var c uint64
	a[0], c = bits.Add64(a[0], b[0], 0)
	a[1], c = bits.Add64(a[1], b[1], c)
	a[2], _ = bits.Add64(a[2], b[2], c)
	return a
}

// Sub is the difference.
func (a Num) Sub(b Num) Num { return a.Add(b.Neg()) }

// Neg is the number with the other sign.
func (a Num) Neg() Num {
	return Num{^a[0], ^a[1], ^a[2]}.Add(Num{1, 0, 0})
}

// Negative tells a number below zero.
func (a Num) Negative() bool { return int64(a[2]) < 0 }

// Cmp is -1, 0 or 1.
func (a Num) Cmp(b Num) int {
	switch {
	case a == b:
		return 0
	case int64(a[2]) != int64(b[2]):
		if int64(a[2]) < int64(b[2]) {
			return -1
		}
		return 1
	case a[1] < b[1], a[1] == b[1] && a[0] < b[0]:
		return -1
	}
	return 1
}

// Times is the product with a count that is not negative.
func (a Num) Times(n int64) Num {
	if a.Negative() {
		return a.Neg().Times(n).Neg()
	}
	m := uint64(n)
	h0, l0 := bits.Mul64(a[0], m)
	h1, l1 := bits.Mul64(a[1], m)
	l1, c := bits.Add64(l1, h0, 0)
	return Num{l0, l1, a[2]*m + h1 + c}
}

// Parse reads a JSON number. It is false for what is none, and for one of more
// digits before the point than can be added up.
func Parse(s string) (Num, bool) { return parse(s) }

// ParseBytes is Parse for bytes.
func ParseBytes(b []byte) (Num, bool) { return parse(b) }

// shape is a number's text cut into its parts.
type shape struct {
	negative bool
	whole    int // digits before the point once the exponent is applied
}

func parse[T string | []byte](s T) (Num, bool) {
	sh, ok := shapeOf(s)
	if !ok {
		return Num{}, false
	}
	if n, ok := short(s, sh); ok {
		return n, true
	}
	var n Num
	left := sh.whole + Scale // digits that still count
	for i := 0; i < len(s) && left > 0; i++ {
		c := s[i]
		switch {
		case c == 'e' || c == 'E':
			i = len(s)
		case c >= '0' && c <= '9':
			n = n.times10(uint64(c - '0'))
			left--
		}
	}
	if n != (Num{}) {
		for ; left > 0; left-- {
			n = n.times10(0)
		}
	}
	if sh.negative {
		n = n.Neg()
	}
	return n, true
}

// short reads a number whose digits fit a word, which nearly all do.
func short[T string | []byte](s T, sh shape) (Num, bool) {
	var n uint64
	digits := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == 'e' || c == 'E' {
			break
		}
		if c >= '0' && c <= '9' {
			n = n*10 + uint64(c-'0')
			digits++
		}
	}
	behind := digits - sh.whole
	if digits >= len(powers) || behind > Scale || behind < 0 {
		return Num{}, false
	}
	a := mul64(n, powers[Scale-behind])
	if sh.negative {
		a = a.Neg()
	}
	return a, true
}

// powers are those of ten that fit a word.
var powers = func() (p [Scale + 1]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

func (a Num) times10(digit uint64) Num {
	a = a.Times(10)
	return a.Add(Num{digit, 0, 0})
}

// shapeOf checks the text and finds where its point is. A zero of any form has
// the shape of 0.
func shapeOf[T string | []byte](s T) (shape, bool) {
	var sh shape
	digits, whole, exp, lead := 0, -1, 0, true
	zeros := 0 // leading zeros, counted as digits
	i := 0
	if len(s) > 0 && s[0] == '-' {
		sh.negative, i = true, 1
	}
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			if lead = lead && c == '0'; lead {
				zeros++
			}
		case c == '.' && whole < 0 && digits > 0:
			whole = digits
		case (c == 'e' || c == 'E') && digits > 0:
			var ok bool
			if exp, ok = exponent(s[i+1:]); !ok {
				return sh, false
			}
			i = len(s)
		default:
			return sh, false
		}
	}
	if digits == 0 {
		return sh, false
	}
	if whole < 0 {
		whole = digits
	}
	sh.whole = whole + exp
	if lead { // it is zero
		sh.whole, sh.negative = digits, false
	}
	return sh, lead || sh.whole-zeros <= maxWhole
}

func exponent[T string | []byte](s T) (int, bool) {
	n, i, negative := 0, 0, false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative, i = s[0] == '-', 1
	}
	if i == len(s) {
		return 0, false
	}
	for ; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int(s[i]-'0'), 1_000_000)
	}
	if negative {
		n = -n
	}
	return n, true
}

// Text is the number without zeros that say nothing.
func (a Num) Text() string {
	if n, ok := a.Whole(); ok {
		return strconv.FormatInt(n, 10)
	}
	sign := ""
	if a.Negative() {
		sign, a = "-", a.Neg()
	}
	digits := a.magnitude().String()
	if len(digits) <= Scale {
		digits = strings.Repeat("0", Scale+1-len(digits)) + digits
	}
	whole, part := digits[:len(digits)-Scale], strings.TrimRight(digits[len(digits)-Scale:], "0")
	if part != "" {
		whole += "." + part
	}
	return sign + whole
}

func (a Num) magnitude() *big.Int {
	n := new(big.Int)
	for i := len(a) - 1; i >= 0; i-- {
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(a[i]))
	}
	return n
}

// Over is the number divided by a count above zero, rounded half to even at
// the given digits behind the point, as text. It is for showing averages.
func (a Num) Over(count int64, digits int) string {
	n := a.magnitude()
	if a.Negative() {
		n = a.Neg().magnitude()
	}
	div := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(Scale-digits)), nil)
	div.Mul(div, big.NewInt(count))
	q, r := new(big.Int).QuoRem(n, div, new(big.Int))
	if c := r.Lsh(r, 1).Cmp(div); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	q.Mul(q, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(Scale-digits)), nil))
	out := fromBig(q)
	if a.Negative() {
		out = out.Neg()
	}
	return out.Text()
}

func fromBig(n *big.Int) Num {
	mask := new(big.Int).SetUint64(^uint64(0))
	var out Num
	for i := range out {
		out[i] = new(big.Int).And(new(big.Int).Rsh(n, uint(64*i)), mask).Uint64()
	}
	return out
}

// Whole is the number as an integer, and whether it is one within 64 bits.
func (a Num) Whole() (int64, bool) {
	negative := a.Negative()
	m := a
	if negative {
		m = a.Neg()
	}
	if m[2] != 0 || m[1] >= unit {
		return 0, false
	}
	q, r := bits.Div64(m[1], m[0], unit)
	if r != 0 || q > 1<<63-1 {
		return 0, false
	}
	if negative {
		return -int64(q), true
	}
	return int64(q), true
}

// Append appends the compact form: a length and that many bytes, high first.
func (a Num) Append(b []byte) []byte {
	var raw [24]byte
	for i, w := range a {
		for k := range 8 {
			raw[23-8*i-k] = byte(w >> (8 * k))
		}
	}
	skip := 0
	for skip < 23 && (raw[skip] == 0 && raw[skip+1] < 0x80 || raw[skip] == 0xff && raw[skip+1] >= 0x80) {
		skip++
	}
	if skip == 23 && raw[23] == 0 {
		skip = 24
	}
	b = append(b, byte(24-skip))
	return append(b, raw[skip:]...)
}

// Read reads what Append wrote and gives what follows; ok is false for bytes
// that Append never writes.
func Read(b []byte) (a Num, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 24 || len(b) < 1+int(b[0]) {
		return Num{}, nil, false
	}
	raw, rest := b[1:1+b[0]], b[1+int(b[0]):]
	fill := uint64(0)
	if len(raw) > 0 && raw[0] >= 0x80 {
		fill = ^fill
	}
	a = Num{fill, fill, fill}
	for _, c := range raw {
		a[2] = a[2]<<8 | a[1]>>56
		a[1] = a[1]<<8 | a[0]>>56
		a[0] = a[0]<<8 | uint64(c)
	}
	var again [25]byte
	return a, rest, string(a.Append(again[:0])) == string(b[:1+len(raw)])
}

// Quo is the number divided by a count above zero; what is behind the last
// digit is cut off.
func (a Num) Quo(n int64) Num {
	if a.Negative() {
		return a.Neg().Quo(n).Neg()
	}
	var r uint64
	for i := len(a) - 1; i >= 0; i-- {
		a[i], r = bits.Div64(r, a[i], uint64(n))
	}
	return a
}

// Fraction is what is behind the point, with the number's sign.
func (a Num) Fraction() Num {
	whole := a
	negative := a.Negative()
	if negative {
		whole = a.Neg()
	}
	var r uint64
	for i := len(whole) - 1; i >= 0; i-- {
		_, r = bits.Div64(r, whole[i], unit)
	}
	f := Num{r, 0, 0}
	if negative {
		return f.Neg()
	}
	return f
}
