package feel_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/feel"
)

func TestWire_ComesBackAsTheSameValue(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		`null`, `true`, `1`, `-0.00`, `1.20`, `123456789012345678901234567890.1234`, `2 ** 100`, `1/3`, `"a\"\\\n\u0001ü😀"`, `""`,
		`@"2026-02-28"`, `@"-999999999-01-01"`, `@"23:59:59.123456789Z"`, `@"10:00:00@Europe/Paris"`, `@"2026-02-28T10:00:00+01:00"`,
		`date and time("2026-02-28T10:00:00")`, `@"P1Y2M"`, `@"-P1DT2H3M4.5S"`, `[]`, `[1, [null, "x"], {}]`,
		`{b: 1, a: {"with space": @"2026-01-01"}}`, `{"@": "temporal", v: "2026-01-01"}`, `{"@": 1}`,
		`[1..2)`, `(< 5)`, `(>= @"2026-01-01")`, `["a".."b"]`, `(!= 3)`,
	} {
		p, err := feel.Compile(source, feel.NewScope(), feel.CompileOptions{})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		v, _ := p.Eval(feel.Options{})
		text := feel.AppendWire(nil, v)
		if !json.Valid(text) {
			t.Errorf("%s: no JSON: %s", source, text)
		}
		back, err := feel.ReadWire(text)
		if err != nil || !feel.Same(v, back) && source != "null" || back.Literal() != v.Literal() || back.Kind() != v.Kind() {
			t.Errorf("%s: %s came back as %s (%v)", source, text, back.Literal(), err)
		}
	}
}

func TestWire_OfAnyJSONIsTheJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := feel.AppendWire(nil, jsonValue(4).Draw(t, "value"))
		back, err := feel.ReadWire(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again := feel.AppendWire(nil, back); string(again) != string(text) {
			t.Fatalf("%s, then %s", text, again)
		}
	})
}

func jsonValue(depth int) *rapid.Generator[feel.Value] {
	return rapid.Custom(func(t *rapid.T) feel.Value {
		switch rapid.IntRange(0, 3+min(depth, 2)).Draw(t, "kind") {
		case 0:
			return feel.Null
		case 1:
			return feel.Bool(rapid.Bool().Draw(t, "bool"))
		case 2:
			return feel.Decimal(rapid.Int64().Draw(t, "coefficient"), rapid.IntRange(0, 20).Draw(t, "scale"))
		case 3:
			return feel.String(rapid.String().Draw(t, "text"))
		case 4:
			return feel.ListOf(rapid.SliceOfN(jsonValue(depth-1), 0, 4).Draw(t, "items")...)
		}
		b := feel.NewContextBuilder(3)
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			b.Put(rapid.StringMatching("[@a-c ]{0,2}").Draw(t, "key"), jsonValue(depth-1).Draw(t, "member"))
		}
		return b.Value()
	})
}

func FuzzReadWire(f *testing.F) {
	for _, seed := range []string{`null`, `{"@":"temporal","v":"2026-01-01"}`, `[1,{"a":"b"}]`, `{"@":"range","v":["",true,false,1,2]}`, `{"@":"range","v":[]}`, `[[[`, `"\u00`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := feel.ReadWire(text)
		if err != nil {
			return
		}
		first := feel.AppendWire(nil, v)
		back, err := feel.ReadWire(first)
		if err != nil {
			t.Fatalf("%s, of %q: %v", first, text, err)
		}
		if again := feel.AppendWire(nil, back); string(again) != string(first) {
			t.Fatalf("%s, then %s", first, again)
		}
	})
}
