package lake_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"rapport/internal/lake"
)

func TestWiden_TakesTheNarrowestTypeThatHoldsAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values  []string
		want    lake.Type
		edition int
	}{
		{[]string{`1`, `-2`}, lake.Integer, 0},
		{[]string{`1`, `1.5`, `2`}, lake.Number, 1},
		{[]string{`1.5`, `2e3`}, lake.Number, 0},
		{[]string{`true`, `false`}, lake.Boolean, 0},
		{[]string{`true`, `1`}, lake.Text, 1},
		{[]string{`1`, `2.5`, `"x"`, `true`}, lake.Text, 2},
		{[]string{`{"a":1}`, `[1]`}, lake.Text, 0},
		{[]string{`123456789012345678901234567890`}, lake.Text, 0},
		{[]string{`null`, `7`}, lake.Integer, 0},
	} {
		var columns []lake.Column
		edition := 0
		for _, v := range c.values {
			columns, edition = lake.Widen(columns, edition, map[string]json.RawMessage{"x": json.RawMessage(v)})
		}
		if last := columns[len(columns)-1]; last.Trait != "x" || last.Type != c.want || edition != c.edition {
			t.Errorf("%v: %+v in edition %d, want %s in %d", c.values, last, edition, c.want, c.edition)
		}
	}
}

func TestWiden_GivesEveryTraitAColumnOfItsOwn(t *testing.T) {
	t.Parallel()
	traits := map[string]json.RawMessage{}
	for _, name := range []string{"plan", "Plan", "PLAN", "profileid", "day", "", "a\nb", "a_b", strings.Repeat("ü", 200), strings.Repeat("ü", 201)} {
		traits[name] = json.RawMessage(`1`)
	}
	columns, _ := lake.Widen(nil, 0, traits)
	seen, of := map[string]bool{}, map[string]bool{}
	for _, c := range columns {
		if folded := strings.ToLower(c.Name); seen[folded] || folded == "" || folded == "day" {
			t.Errorf("two columns are called %q, or one cannot be", c.Name)
		} else {
			seen[folded] = true
		}
		of[c.Trait] = true
	}
	for name := range traits {
		if !of[name] {
			t.Errorf("trait %q has no column", name)
		}
	}
}

func TestDecimal_IsExact(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0", "1", "-1", "19.99", "-0.000000001", "12345678901234567890.5", "0.1"} {
		n := new(big.Int).SetBytes(lake.DecimalText(s))
		if n.Bit(127) == 1 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 128))
		}
		got := new(big.Rat).SetFrac(n, big.NewInt(1_000_000_000))
		want, _ := new(big.Rat).SetString(s)
		if got.Cmp(want) != 0 {
			t.Errorf("%s is stored as %s", s, got.FloatString(9))
		}
	}
	if lake.DecimalText("x") != nil || lake.DecimalText(strings.Repeat("9", 60)) != nil {
		t.Error("what is no number, or too large, has no value")
	}
}

// The SQL names every object, and a root with a quote in it ends nothing.
func TestViews_QuoteTheRoot(t *testing.T) {
	t.Parallel()
	sql := lake.Views("/it's/lake")
	if !strings.Contains(sql, "'/it''s/lake'") || strings.Contains(sql, "{{") {
		t.Errorf("%.300s", sql)
	}
	for _, name := range lake.Names() {
		if !strings.Contains(sql, "VIEW "+name+" ") {
			t.Errorf("no view of %s", name)
		}
	}
}

// The page of the format names every column that there is.
func TestFormat_NamesEveryObject(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/formats/lake.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lake.Names() {
		if !strings.Contains(string(page), fmt.Sprintf("| `%s` |", name)) {
			t.Errorf("docs/formats/lake.md does not name %s", name)
		}
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"sequence":3,"position":9,"users":[],"files":[{"object":"users","path":"x","day":"2026-01-01","rows":1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := lake.ReadManifest(b); err == nil && m.Format != 1 {
			t.Errorf("format %d was taken", m.Format)
		}
	})
}

func FuzzReadPending(f *testing.F) {
	f.Add([]byte("RPLAKE1\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := lake.ReadPending(b); err == nil && n > len(b)/32 {
			t.Errorf("%d entries of %d bytes", n, len(b))
		}
	})
}

func TestAfterwards_RestsLongerWhileItFails(t *testing.T) {
	t.Parallel()
	rest := time.Second
	for _, want := range []time.Duration{2, 4, 8, 16, 30, 30} {
		if rest = lake.Afterwards(rest, time.Second, io.ErrUnexpectedEOF); rest != want*time.Second {
			t.Fatalf("%v, want %d s", rest, want)
		}
	}
	if rest = lake.Afterwards(rest, time.Second, nil); rest != time.Second {
		t.Errorf("%v after it went well", rest)
	}
	if rest = lake.Afterwards(time.Minute, time.Minute, io.ErrUnexpectedEOF); rest != time.Minute {
		t.Errorf("%v where it is written seldom", rest)
	}
}
