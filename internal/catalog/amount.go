package catalog

import (
	"encoding/json"
	"math/big"
	"strings"

	"github.com/govalues/decimal"

	"rapport/internal/jsondoc"
)

// Amount is an exact decimal number: money or a quantity, of at most 19
// digits. It never rounds.
type Amount struct {
	d decimal.Decimal
}

// maxDigits is what a decimal holds, in all and behind the point.
const maxDigits = decimal.MaxPrec

// ParseAmount reads a JSON number. A text that is none, or has more digits
// than an amount holds, is not an amount.
func ParseAmount(text string) (Amount, bool) {
	if len(text) == 0 || len(text) > 48 {
		return Amount{}, false
	}
	if !exact(text) {
		return Amount{}, false
	}
	d, err := decimal.Parse(text)
	if err != nil {
		return Amount{}, false
	}
	return Amount{d.Trim(0)}, true
}

// exact tells whether a decimal can hold every digit of a number.
func exact(text string) bool {
	digits, scale, point, started := 0, 0, false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			point = true
		case c == 'e' || c == 'E':
			e, ok := exponent(text[i+1:])
			return ok && digits <= maxDigits && scale-e <= maxDigits && digits-scale+e <= maxDigits
		case c >= '0' && c <= '9':
			started = started || c != '0'
			if started {
				digits++
			}
			if point {
				scale++
			}
		case c == '-' && i == 0:
		default:
			return false
		}
	}
	return digits <= maxDigits && scale <= maxDigits
}

// exponent reads what stands behind the e of a number.
func exponent(text string) (int, bool) {
	e := 0
	for _, x := range strings.TrimLeft(text, "+-") {
		if x < '0' || x > '9' || e > 1000 {
			return 0, false
		}
		e = e*10 + int(x-'0')
	}
	if strings.HasPrefix(text, "-") {
		e = -e
	}
	return e, true
}

// AmountOf reads a JSON number, or a string that says one.
func AmountOf(v jsondoc.Value) (Amount, bool) {
	if s := v.Number(); s != "" {
		return ParseAmount(s)
	}
	if s, ok := v.Str(); ok {
		s = strings.TrimSpace(s)
		if s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') {
			return ParseAmount(s)
		}
	}
	return Amount{}, false
}

// Text is the canonical number.
func (a Amount) Text() string { return a.d.Trim(0).String() }

// Abs is the amount without its sign.
func (a Amount) Abs() Amount { return Amount{a.d.Abs()} }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int { return a.d.Sign() }

// Sum adds amounts and products of two amounts exactly; it cannot overflow.
// The zero Sum is 0.
type Sum struct {
	n big.Int // scaled by 10^sumScale
}

const sumScale = 2 * maxDigits

func (s *Sum) add(coef *big.Int, scale int, negative bool) {
	factor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(sumScale-scale)), nil)
	coef.Mul(coef, factor)
	if negative {
		coef.Neg(coef)
	}
	s.n.Add(&s.n, coef)
}

// Add adds an amount.
func (s *Sum) Add(a Amount) {
	s.add(new(big.Int).SetUint64(a.d.Coef()), a.d.Scale(), a.d.IsNeg())
}

// AddProduct adds a times b.
func (s *Sum) AddProduct(a, b Amount) {
	n := new(big.Int).SetUint64(a.d.Coef())
	n.Mul(n, new(big.Int).SetUint64(b.d.Coef()))
	s.add(n, a.d.Scale()+b.d.Scale(), a.d.IsNeg() != b.d.IsNeg())
}

// AddSum adds another sum.
func (s *Sum) AddSum(o *Sum) { s.n.Add(&s.n, &o.n) }

// Sub takes another sum away.
func (s *Sum) Sub(o *Sum) { s.n.Sub(&s.n, &o.n) }

// Sign is -1, 0 or 1.
func (s *Sum) Sign() int { return s.n.Sign() }

// Text is the sum as a plain number without zeros that say nothing.
func (s *Sum) Text() string { return plainText(&s.n, sumScale) }

// Number is Text for JSON.
func (s *Sum) Number() json.Number { return json.Number(s.Text()) }

// averageScale is how many digits behind the point an average shows.
const averageScale = 4

// Average is the sum divided by a count, rounded half to even at four digits
// behind the point. It is for reading: averages are never added up.
func (s *Sum) Average(count int64) json.Number {
	if count == 0 {
		return "0"
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(sumScale-averageScale), nil)
	div := unit.Mul(unit, big.NewInt(count))
	q, r := new(big.Int).QuoRem(&s.n, div, new(big.Int))
	r.Abs(r).Lsh(r, 1)
	if c := r.Cmp(div); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(s.n.Sign())))
	}
	return json.Number(plainText(q, averageScale))
}

func plainText(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	whole, part := digits[:len(digits)-scale], strings.TrimRight(digits[len(digits)-scale:], "0")
	if part != "" {
		whole += "." + part
	}
	if n.Sign() < 0 {
		return "-" + whole
	}
	return whole
}

// maxSumText bounds what ParseSum reads.
const maxSumText = 200

// ParseSum reads what Text wrote, and nothing else.
func ParseSum(text string) (Sum, bool) {
	var s Sum
	if len(text) > maxSumText {
		return s, false
	}
	whole, part, _ := strings.Cut(text, ".")
	if len(part) > sumScale {
		return s, false
	}
	if _, ok := s.n.SetString(whole+part+strings.Repeat("0", sumScale-len(part)), 10); !ok {
		return Sum{}, false
	}
	return s, s.Text() == text
}
