package feel

import (
	"math"
	"math/bits"

	"github.com/cockroachdb/apd/v3"
)

// Arithmetic on numbers. Each operation tries the fast lane and falls back to
// 34-digit decimals. The result is null when it is not a finite number.

func addNumbers(a, b Value) Value {
	if a.p == nil && b.p == nil {
		if a.x == b.x {
			if s := a.n + b.n; (s > a.n) == (b.n > 0) && s != math.MinInt64 {
				if a.x == 0 {
					return Value{kind: KindNumber, n: s}
				}
				return fastNumber(s, a.x)
			}
		} else if p, ok := align(a, b); ok {
			if s := p.x + p.y; (s > p.x) == (p.y > 0) && s != math.MinInt64 {
				return fastNumber(s, p.scale)
			}
		}
	}
	return addSlow(a, b)
}

// addSlow leaves out an operand that is too small to be seen in 34 digits.
func addSlow(a, b Value) Value {
	switch {
	case numberSign(a) == 0:
		return b
	case numberSign(b) == 0:
		return a
	}
	var x, y apd.Decimal
	gap := magnitudeOf(a.decimal(&x)) - magnitudeOf(b.decimal(&y))
	switch {
	case gap > precision+4:
		return a
	case gap < -precision-4:
		return b
	default:
		return slow2(a, b, decCtx.Add)
	}
}

func subNumbers(a, b Value) Value { return addNumbers(a, negNumber(b)) }

func negNumber(a Value) Value {
	if a.p == nil {
		a.n = -a.n
		return a
	}
	d := new(apd.Decimal).Set(a.apd())
	d.Negative = !d.Negative
	return bigNumber(d)
}

func mulNumbers(a, b Value) Value {
	if a.p == nil && b.p == nil {
		hi, lo := bits.Mul64(magnitude(a.n), magnitude(b.n))
		if hi == 0 && lo <= math.MaxInt64 && a.x+b.x <= maxScale {
			n := int64(lo)
			if (a.n < 0) != (b.n < 0) {
				n = -n
			}
			return fastNumber(n, a.x+b.x)
		}
	}
	return slow2(a, b, decCtx.Mul)
}

func divNumbers(a, b Value) Value {
	if b.p == nil && b.n == 0 {
		return Null
	}
	if p, ok := alignFast(a, b); ok {
		// Most quotients of practice end after a few digits.
		x, y := p.x, p.y
		for k := range int32(7) {
			if x%y == 0 {
				return fastNumber(x/y, k)
			}
			if x > math.MaxInt64/10 || x < -math.MaxInt64/10 {
				break
			}
			x *= 10
		}
	}
	return slow2(a, b, decCtx.Quo)
}

// aligned are two fast numbers at one scale.
type aligned struct {
	x, y  int64
	scale int32
}

func alignFast(a, b Value) (aligned, bool) {
	if a.p != nil || b.p != nil {
		return aligned{}, false
	}
	if a.x == b.x {
		return aligned{a.n, b.n, a.x}, true
	}
	return align(a, b)
}

// align brings two fast numbers to one scale.
func align(a, b Value) (aligned, bool) {
	if a.x < b.x {
		x, ok := scaleUp(a.n, b.x-a.x)
		return aligned{x, b.n, b.x}, ok
	}
	y, ok := scaleUp(b.n, a.x-b.x)
	return aligned{a.n, y, a.x}, ok
}

func scaleUp(n int64, by int32) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(n), uint64(pow10[by]))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if n < 0 {
		return -int64(lo), true
	}
	return int64(lo), true
}

type op2 func(d, x, y *apd.Decimal) (apd.Condition, error)

type op1 func(d, x *apd.Decimal) (apd.Condition, error)

func slow2(a, b Value, op op2) Value {
	var x, y apd.Decimal
	d := new(apd.Decimal)
	if _, err := op(d, a.decimal(&x), b.decimal(&y)); err != nil {
		return Null
	}
	return bigNumber(d)
}

func slow1(a Value, op op1) Value {
	var x apd.Decimal
	d := new(apd.Decimal)
	if _, err := op(d, a.decimal(&x)); err != nil {
		return Null
	}
	return bigNumber(d)
}

// powNumbers is a ** b.
func powNumbers(a, b Value) Value {
	if b.p == nil && b.x == 0 && b.n >= 0 && b.n <= 64 && a.p == nil {
		r := Int(1)
		for range b.n {
			if r = mulNumbers(r, a); r.p != nil || r.kind != KindNumber {
				break
			}
		}
		if r.kind == KindNumber && r.p == nil {
			return r
		}
	}
	if numberSign(a) == 0 && numberSign(b) < 0 {
		return Null
	}
	return slow2(a, b, decCtx.Pow)
}

func numberSign(v Value) int {
	if v.p != nil {
		return v.apd().Sign()
	}
	switch {
	case v.n > 0:
		return 1
	case v.n < 0:
		return -1
	default:
		return 0
	}
}

// cmpNumbers orders two numbers.
func cmpNumbers(a, b Value) int {
	if p, ok := alignFast(a, b); ok {
		return cmpInts(p.x, p.y)
	}
	if sa, sb := numberSign(a), numberSign(b); sa != sb || sa == 0 {
		return cmpInts(int64(sa), int64(sb))
	}
	var x, y apd.Decimal
	c, d := a.decimal(&x), b.decimal(&y)
	// Only numbers of one magnitude are worth writing out in full.
	if m, n := magnitudeOf(c), magnitudeOf(d); m != n {
		return cmpInts(m, n) * numberSign(a)
	}
	return c.Cmp(d)
}

// magnitudeOf is the place of the first digit before the point.
func magnitudeOf(d *apd.Decimal) int64 { return int64(d.Exponent) + d.NumDigits() }

// The exponential is worked out for the remainder of a multiple of ln 10, which
// only moves the point: the time does not grow with the exponent.
var (
	expCtx = apd.Context{
		Precision: 50, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven,
	}
	ln10 = func() *apd.Decimal {
		d, _, err := apd.NewFromString("2.302585092994045684017991454684364207601101488628772976033327900967572609677")
		if err != nil {
			panic(err)
		}
		return d
	}()
)

const maxExpArgument = 14_200 // e to a larger power is out of range

func expNumber(v Value) Value {
	if cmpNumbers(v, Int(maxExpArgument)) > 0 {
		return Null
	}
	if cmpNumbers(v, Int(-maxExpArgument)) < 0 {
		return Int(0)
	}
	k, ok := roundNumber(slow2(v, Number(ln10), decCtx.Quo), 0, apd.RoundHalfEven).AsInt()
	if !ok {
		return Null
	}
	var buf, part apd.Decimal
	d := new(apd.Decimal)
	if _, err := expCtx.Mul(&part, apd.New(k, 0), ln10); err != nil {
		return Null
	}
	if _, err := expCtx.Sub(d, v.decimal(&buf), &part); err != nil {
		return Null
	}
	if _, err := expCtx.Exp(d, d); err != nil {
		return Null
	}
	d.Exponent += int32(k)
	return bigNumber(d)
}

// wideCtx has room for the digits of any quotient of two numbers.
var wideCtx = apd.Context{
	Precision: 13_000, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent,
	Rounding: apd.RoundHalfEven,
}

// moduloNumbers has the sign of the divisor, as FEEL defines it.
func moduloNumbers(a, b Value) Value {
	if numberSign(b) == 0 {
		return Null
	}
	if p, ok := alignFast(a, b); ok {
		r := p.x % p.y
		if r != 0 && (r < 0) != (p.y < 0) {
			r += p.y
		}
		return fastNumber(r, p.scale)
	}
	r := slow2(a, b, wideCtx.Rem)
	if r.kind == KindNumber && numberSign(r) != 0 && numberSign(r) != numberSign(b) {
		r = addNumbers(r, b)
	}
	return r
}

// roundNumber rounds to scale places after the point, negative ones before it.
func roundNumber(a Value, scale int64, mode apd.Rounder) Value {
	if scale < -maxExp || scale > -minExp {
		return Null
	}
	if a.p == nil && int64(a.x) <= scale {
		return a
	}
	var x apd.Decimal
	d := a.decimal(&x)
	if int64(-d.Exponent) <= scale {
		return a
	}
	ctx := wideCtx
	ctx.Rounding = mode
	out := new(apd.Decimal)
	if _, err := ctx.Quantize(out, d, int32(-scale)); err != nil {
		return Null
	}
	return bigNumber(out)
}

// truncInt is the number cut to an integer, and whether that fits.
func (v Value) truncInt() (int64, bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	if v.p == nil {
		return v.n / pow10[v.x], true
	}
	t := roundNumber(v, 0, apd.RoundDown)
	return t.AsInt()
}

func isInteger(v Value) bool {
	if v.p == nil {
		return v.x == 0
	}
	return v.apd().Exponent >= 0 // reduced, so a fraction has a negative exponent
}
