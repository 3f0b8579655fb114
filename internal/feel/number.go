package feel

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Numbers are decimals of 34 digits, as IEEE 754 decimal128. Most numbers in
// practice are a small coefficient with a few decimal places: these stay in
// the Value itself (n * 10^-x). Results that do not fit take the slow lane.

const (
	maxScale   = 18
	precision  = 34
	maxExp     = 6111 // of the coefficient of 34 digits
	minExp     = -6176
	maxAdjExp  = 6144
	maxDigits  = 40_000 // exponent span we are willing to spell out
	digitsIn64 = 19
)

var pow10 = [...]int64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
}

// decCtx is the arithmetic of the slow lane. apd contexts are only read.
var decCtx = apd.Context{
	Precision:   precision,
	MaxExponent: maxAdjExp,
	MinExponent: -6143,
	Rounding:    apd.RoundHalfEven,
	Traps:       0,
}

// Int is the number i.
func Int(i int64) Value {
	if i == math.MinInt64 {
		return bigNumber(new(apd.Decimal).SetInt64(i)) // keeps negation of the fast lane safe
	}
	return Value{kind: KindNumber, n: i}
}

// Decimal is the number coefficient * 10^-scale.
func Decimal(coefficient int64, scale int) Value {
	if scale >= 0 && scale <= maxScale && coefficient != math.MinInt64 {
		return fastNumber(coefficient, int32(scale))
	}
	if scale < -maxDigits || scale > maxDigits {
		return Null
	}
	return bigNumber(apd.New(coefficient, int32(-scale)))
}

// Number is the number nearest to d with 34 digits, or null when d is not
// finite or too large.
func Number(d *apd.Decimal) Value { return bigNumber(new(apd.Decimal).Set(d)) }

// Float is the number with the shortest decimal form that gives f, or null
// when f is not finite.
func Float(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Null
	}
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return Int(int64(f))
	}
	v, _ := ParseNumber(strconv.FormatFloat(f, 'g', -1, 64))
	return v
}

// ParseNumber reads digits with an optional sign, point and exponent.
func ParseNumber(s string) (Value, bool) {
	if v, ok := parseFast(s); ok {
		return v, true
	}
	if !isNumeral(s) {
		return Null, false
	}
	d, cond, err := apd.NewFromString(s)
	if err != nil || cond.Any() && d.Form != apd.Finite {
		return Null, false
	}
	v := bigNumber(d)
	return v, !v.IsNull()
}

func parseFast(s string) (Value, bool) {
	i, neg := 0, false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		neg = s[i] == '-'
		i++
	}
	if len(s)-i > digitsIn64 || len(s) == i {
		return Null, false
	}
	var n int64
	scale, digits, point := 0, 0, false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + int64(c-'0')
			digits++
			if point {
				scale++
			}
		case c == '.' && !point:
			point = true
		default:
			return Null, false
		}
	}
	if digits == 0 || digits > maxScale || point && scale == 0 {
		return Null, false
	}
	if neg {
		n = -n
	}
	return fastNumber(n, int32(scale)), true
}

// isNumeral tells whether s is [+-]digits[.digits][(e|E)[+-]digits] or .digits.
func isNumeral(s string) bool {
	s = strings.TrimLeft(s, "+-"[:min(2, len(s))])
	mant, exp, hasExp := strings.Cut(strings.ToLower(s), "e")
	if hasExp {
		if exp != "" && (exp[0] == '+' || exp[0] == '-') {
			exp = exp[1:]
		}
		if exp == "" || len(exp) > 5 || !allDigits(exp) {
			return false
		}
	}
	whole, frac, hasPoint := strings.Cut(mant, ".")
	if hasPoint && frac == "" || !hasPoint && whole == "" || len(s) > maxDigits {
		return false
	}
	return allDigits(whole) && allDigits(frac)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// fastNumber strips trailing zeros of the fraction, so that equal numbers have
// equal fields.
func fastNumber(n int64, scale int32) Value {
	for scale > 0 && n%10 == 0 {
		n /= 10
		scale--
	}
	return Value{kind: KindNumber, n: n, x: scale}
}

// bigNumber rounds d to 34 digits and takes the fast lane when it fits. It
// owns d.
func bigNumber(d *apd.Decimal) Value {
	if d.Form != apd.Finite {
		return Null
	}
	if _, err := decCtx.Round(d, d); err != nil || d.Form != apd.Finite {
		return Null
	}
	d.Reduce(d)
	if d.Exponent <= 0 && d.Exponent >= -maxScale && d.Coeff.IsInt64() {
		n := d.Coeff.Int64()
		if d.Negative {
			n = -n
		}
		return Value{kind: KindNumber, n: n, x: -d.Exponent}
	}
	if d.Exponent > 0 && d.Exponent <= maxScale && d.Coeff.IsInt64() {
		n := d.Coeff.Int64()
		if hi, lo := bits.Mul64(uint64(n), uint64(pow10[d.Exponent])); hi == 0 && lo < math.MaxInt64 {
			n = int64(lo)
			if d.Negative {
				n = -n
			}
			return Value{kind: KindNumber, n: n}
		}
	}
	return Value{kind: KindNumber, p: unsafe.Pointer(d)}
}

// decimal is the number as apd decimal, in buf when it is of the fast lane.
func (v Value) decimal(buf *apd.Decimal) *apd.Decimal {
	if v.p != nil {
		return v.apd()
	}
	buf.SetFinite(v.n, -v.x)
	return buf
}

// AsDecimal is the number as a new decimal and whether the value is a number.
func (v Value) AsDecimal() (*apd.Decimal, bool) {
	if v.kind != KindNumber {
		return nil, false
	}
	return new(apd.Decimal).Set(v.decimal(new(apd.Decimal))), true
}

// AsInt is the number as an integer and whether it is one that fits.
func (v Value) AsInt() (int64, bool) {
	if v.kind != KindNumber || v.p != nil || v.x != 0 {
		return 0, false
	}
	return v.n, true
}

// AsFloat is the float nearest to the number and whether the value is one.
func (v Value) AsFloat() (float64, bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	if v.p == nil && v.n < 1<<53 && v.n > -1<<53 {
		return float64(v.n) / float64(pow10[v.x]), true
	}
	f, err := v.decimal(new(apd.Decimal)).Float64()
	return f, err == nil
}
