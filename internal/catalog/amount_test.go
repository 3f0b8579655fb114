package catalog_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/catalog"
)

func TestParseAmount_IsExactOrNot(t *testing.T) {
	t.Parallel()
	f := func(text, want string, ok bool) {
		t.Helper()
		a, got := catalog.ParseAmount(text)
		if got != ok || ok && a.Text() != want {
			t.Errorf("%s: got %s, %v, want %s, %v", text, a.Text(), got, want, ok)
		}
	}
	f("31.50", "31.5", true)
	f("-0.001", "-0.001", true)
	f("1e3", "1000", true)
	f("1.5e-3", "0.0015", true)
	f("9999999999999999999", "9999999999999999999", true)
	f("0.0000000000000000001", "0.0000000000000000001", true)
	f("10000000000000000000", "", false)
	f("0.00000000000000000001", "", false)
	f("1.0000000000000000000001", "", false)
	f("1e400", "", false)
	f("1e99999999999999999999", "", false)
	f("", "", false)
	f("abc", "", false)
	f("0x10", "", false)
	f("1-2", "", false)
	f("-", "", false)
}

func TestSum_IsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{0,9}[1-9])?`), 1, 30).Draw(t, "amounts")
		var sum catalog.Sum
		want := new(big.Rat)
		for i, text := range texts {
			a, ok := catalog.ParseAmount(text)
			if !ok {
				t.Fatalf("%s is no amount", text)
			}
			x, _ := new(big.Rat).SetString(text)
			if i%2 == 0 {
				sum.Add(a)
				want.Add(want, x)
			} else {
				sum.AddProduct(a, a)
				want.Add(want, x.Mul(x, x))
			}
		}
		got, ok := new(big.Rat).SetString(sum.Text())
		if !ok || got.Cmp(want) != 0 {
			t.Fatalf("got %s, want %s", sum.Text(), want.FloatString(40))
		}
	})
}

func TestSum_AverageRoundsHalfToEven(t *testing.T) {
	t.Parallel()
	f := func(total string, n int64, want string) {
		t.Helper()
		a, _ := catalog.ParseAmount(total)
		var s catalog.Sum
		s.Add(a)
		if got := s.Average(n); string(got) != want {
			t.Errorf("%s / %d: got %s, want %s", total, n, got, want)
		}
	}
	f("10", 3, "3.3333")
	f("20", 3, "6.6667")
	f("-20", 3, "-6.6667")
	f("0.0001", 2, "0")
	f("0.0003", 2, "0.0002")
	f("5", 0, "0")
}
