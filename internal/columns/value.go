package columns

import (
	"strconv"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/segment/decimal"
)

// exactDigits is how many digits of a number a float64 keeps for sure.
const exactDigits = 15

// JSONValue is a value of canonical JSON. Numbers that a float64 holds exactly
// enough to be told apart become numbers, all others stay texts.
func JSONValue(f Field, canonical string) Value {
	if x, ok := exact(canonical); ok {
		return Value{Field: f, Number: x, IsNumber: true}
	}
	return Value{Field: f, Text: canonical}
}

// CountValue is a whole number.
func CountValue(f Field, n uint64) Value {
	if n < 1<<53 {
		return Value{Field: f, Number: float64(n), IsNumber: true}
	}
	return Value{Field: f, Text: strconv.FormatUint(n, 10)}
}

// InstantValue is an instant; years after 2255 are not told apart.
func InstantValue(f Field, at clock.Instant) Value {
	return Value{Field: f, Number: float64(at), IsNumber: true}
}

// exact reads a number that has few enough digits. Numbers with so few digits
// are ordered and equal as their floats are.
func exact(s string) (float64, bool) {
	if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return 0, false
	}
	mantissa, _, _ := strings.Cut(strings.TrimPrefix(s, "-"), "e")
	digits := strings.TrimLeft(strings.Replace(mantissa, ".", "", 1), "0")
	if len(digits) > exactDigits {
		return 0, false
	}
	if _, ok := decimal.Parse(s); !ok {
		return 0, false // beyond what conditions compare
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

// numberText is the number that JSONValue read.
func numberText(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
