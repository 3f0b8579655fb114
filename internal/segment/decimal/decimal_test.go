package decimal_test

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/segment/decimal"
)

func TestParse_ReadsEveryFormOfANumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "0e9": "0", "000": "0", "5": "5", "-5": "-5", "1.50": "1.5", "15e-1": "1.5",
		"1e3": "1000", "1E+3": "1000", "0.001e3": "1", "-12.034": "-12.034", "1e-19": "0.0000000000000000001",
		"1e-20": "0", "0.12345678901234567899": "0.1234567890123456789", "1e29": "1" + strings.Repeat("0", 29),
		"999999999999999999999999999999": "999999999999999999999999999999", "0.0000000000000000000000001e25": "1",
		"1e-999999999": "0",
	} {
		if n, ok := decimal.Parse(text); !ok || n.Text() != want {
			t.Errorf("%s is read as %s (%v), want %s", text, n.Text(), ok, want)
		}
	}
	for _, text := range []string{"", "-", ".5", "a", "1a", "1e", "1e+", "1.2.3", "--1", "1e30", "1e999999999999", "0x10", " 1"} {
		if n, ok := decimal.Parse(text); ok {
			t.Errorf("%q is read as %s", text, n.Text())
		}
	}
}

func TestArithmetic_AgreesWithBigNumbers(t *testing.T) {
	t.Parallel()
	const seed = 7
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, seed))
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(decimal.Scale), nil)
	random := func() (decimal.Num, *big.Rat) {
		text := strconv.FormatInt(rnd.Int64()>>rnd.IntN(63), 10) + "." + strconv.FormatUint(rnd.Uint64()>>rnd.IntN(63)/10, 10)
		if rnd.IntN(2) == 0 {
			text = strings.TrimPrefix("-"+text, "--")
		}
		n, ok := decimal.Parse(text)
		r, _ := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%s is not read", text)
		}
		cut := new(big.Rat).Mul(r, new(big.Rat).SetInt(scale))
		whole := new(big.Int).Quo(cut.Num(), cut.Denom())
		return n, new(big.Rat).SetFrac(whole, scale)
	}
	same := func(what string, n decimal.Num, r *big.Rat) {
		got, ok := new(big.Rat).SetString(n.Text())
		if !ok || got.Cmp(r) != 0 {
			t.Fatalf("%s is %s, want %s", what, n.Text(), r.FloatString(20))
		}
	}
	for range 20_000 {
		a, ra := random()
		b, rb := random()
		k := rnd.Int64N(1_000_000)
		same("a", a, ra)
		same("a+b", a.Add(b), new(big.Rat).Add(ra, rb))
		same("a-b", a.Sub(b), new(big.Rat).Sub(ra, rb))
		same("a*k", a.Times(k), new(big.Rat).Mul(ra, new(big.Rat).SetInt64(k)))
		if a.Cmp(b) != ra.Cmp(rb) || a.Cmp(a) != 0 {
			t.Fatalf("%s against %s", a.Text(), b.Text())
		}
		form := a.Append([]byte{9})
		if back, rest, ok := decimal.Read(append(form[1:], 5)); !ok || back != a || len(rest) != 1 {
			t.Fatalf("%s comes back as %s, rest %v, %v", a.Text(), back.Text(), rest, ok)
		}
		if n, ok := decimal.Of(k - 500_000).Whole(); !ok || n != k-500_000 {
			t.Fatalf("whole %d is %d", k-500_000, n)
		}
	}
}

func TestOver_RoundsHalfToEven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sum    string
		count  int64
		digits int
		want   string
	}{
		{"10", 4, 4, "2.5"},
		{"10", 3, 4, "3.3333"},
		{"-10", 3, 4, "-3.3333"},
		{"0.00005", 1, 4, "0"},
		{"0.00015", 1, 4, "0.0002"},
		{"-0.00015", 1, 4, "-0.0002"},
		{"7", 2, 0, "4"},
		{"5", 2, 0, "2"},
	} {
		n, _ := decimal.Parse(c.sum)
		if got := n.Over(c.count, c.digits); got != c.want {
			t.Errorf("%s/%d is %s, want %s", c.sum, c.count, got, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{0}, "1.5")
	f.Add([]byte{1, 0x80}, "-3")
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		if n, rest, ok := decimal.Read(b); ok && string(n.Append(nil)) != string(b[:len(b)-len(rest)]) {
			t.Fatalf("%x is read as another form's number", b)
		}
		n, ok := decimal.Parse(text)
		if !ok {
			return
		}
		if again, ok := decimal.Parse(n.Text()); !ok || again != n {
			t.Fatalf("%q is %s, which is not itself", text, n.Text())
		}
	})
}
