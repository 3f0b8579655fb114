package jsondoc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/jsondoc"
)

var seeds = []string{
	tracking, `{}`, `[]`, `null`, ` true `, `-0`, `1e400`, `1E-999`, `[1,2,[3,{"a":[]}]]`, `{"a":1,"a":2}`,
	`{"a":1,"\u0061":2}`, `"\ud83d\ude00"`, `"\ud83d"`, `"\u0000"`, "\"\x00\"", "\"\xff\"", "\"a\nb\"",
	`{"batch":[{"type":"track"},{"type":1}]}`, `[1,]`, `{"a"}`, `{"a":}`, `01`, `1.`, `.5`, `"abc`, `tru`, `{"a":1}x`,
	"\ufeff{}", `{"":{"":""}}`, strings.Repeat("[", 40) + strings.Repeat("]", 40), `"\x41"`, "[\"é\",\"\u2028\"]", "\x00", "1\x00",
}

// same says how a value differs from what encoding/json made of it.
func same(v jsondoc.Value, want any) error {
	switch w := want.(type) {
	case nil:
		if !v.IsNull() {
			return fmt.Errorf("%s, want null", v.Kind())
		}
	case bool:
		if b, ok := v.Bool(); !ok || b != w {
			return fmt.Errorf("%s, want %t", v.Raw(), w)
		}
	case string:
		if s, ok := v.Str(); !ok || s != w {
			return fmt.Errorf("%q, want %q", s, w)
		}
	case json.Number:
		if v.Number() != string(w) {
			return fmt.Errorf("%q, want number %q", v.Number(), w)
		}
		f, err := w.Float64()
		if g, ok := v.Float(); ok != (err == nil) || ok && g != f {
			return fmt.Errorf("float %v %t, want %v %w", g, ok, f, err)
		}
	case []any:
		if v.Kind() != jsondoc.Array || v.Len() != len(w) {
			return fmt.Errorf("%s of %d, want array of %d", v.Kind(), v.Len(), len(w))
		}
		i := 0
		for e := range v.Elements() {
			if err := same(e, w[i]); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
			i++
		}
	case map[string]any:
		if v.Kind() != jsondoc.Object || v.Len() < len(w) {
			return fmt.Errorf("%s of %d, want object of %d", v.Kind(), v.Len(), len(w))
		}
		for k, x := range w {
			if err := same(v.Get(k), x); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
		}
		for k := range v.Members() {
			if _, ok := w[strings.ToValidUTF8(k, "\uFFFD")]; !ok {
				return fmt.Errorf("key %q too many", k)
			}
		}
	}
	return nil
}

func decode(raw []byte) (any, error) {
	if !json.Valid(raw) {
		return nil, fmt.Errorf("not valid")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}

// check compares one document with what encoding/json says of it.
func check(raw []byte) error {
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{})
	want, jsonErr := decode(raw)
	if err != nil {
		if jsonErr == nil && !bytes.Contains(raw, []byte(strings.Repeat("[", 5_000))) {
			return fmt.Errorf("refused what encoding/json takes: %w", err)
		}
		return nil
	}
	flaw, flawed := doc.Root().Flaw()
	if jsonErr != nil {
		if !flawed {
			return fmt.Errorf("took without a flaw what encoding/json refuses: %w", jsonErr)
		}
		return nil
	}
	if flawed && flaw.Kind != jsondoc.LoneSurrogate && flaw.Kind != jsondoc.InvalidUTF8 {
		return nil
	}
	if err := same(doc.Root(), want); err != nil && !flawed {
		return err
	}
	return canonical(doc.Root(), flawed)
}

// canonical checks that the canonical form says the same and is its own.
func canonical(v jsondoc.Value, flawed bool) error {
	once := jsondoc.AppendCanonical(nil, v)
	again, err := jsondoc.Parse(once, jsondoc.Limits{})
	if err != nil {
		return fmt.Errorf("canonical %s: %w", once, err)
	}
	if twice := jsondoc.AppendCanonical(nil, again.Root()); !bytes.Equal(once, twice) {
		return fmt.Errorf("canonical %s becomes %s", once, twice)
	}
	if flawed {
		return nil
	}
	want, err := decode(v.Raw())
	if err != nil {
		return err
	}
	got, err := decode(once)
	if err != nil {
		return fmt.Errorf("canonical %s: %w", once, err)
	}
	return equal(got, want)
}

func equal(got, want any) error {
	a, aerr := json.Marshal(exact(got))
	b, berr := json.Marshal(exact(want))
	if aerr != nil || berr != nil || !bytes.Equal(a, b) {
		return fmt.Errorf("canonical says %s, want %s", a, b)
	}
	return nil
}

// exact replaces every number by its exact value, where its exponent is small.
func exact(v any) any {
	switch w := v.(type) {
	case json.Number:
		f, err := w.Float64()
		switch {
		case err != nil || math.Abs(f) > 1e60:
			return "far"
		case math.Abs(f) < 1e-60:
			return "near zero"
		}
		r, _ := new(big.Rat).SetString(string(w))
		return r.String()
	case []any:
		for i := range w {
			w[i] = exact(w[i])
		}
	case map[string]any:
		for k := range w {
			w[k] = exact(w[k])
		}
	}
	return v
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := check(raw); err != nil {
			t.Fatal(err)
		}
	})
}

// pieces are what generated documents are glued of: mostly right, often not.
var pieces = []string{
	"{", "}", "[", "]", ",", ":", `"a"`, `"b"`, `"\u0061"`, `"\ud83d\ude00"`, `"\ud83d"`, `"é"`, "\"\xff\"", "null", "true",
	"false", "0", "-1", "1.5", "1e3", "1e400", " ", "\n", `"long enough to be read in eights\n"`, `"`, `\`,
}

func TestParse_AgreesWithEncodingJSONOnAnyBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 14).Draw(t, "parts")
		if err := check([]byte(strings.Join(parts, ""))); err != nil {
			t.Fatal(err)
		}
	})
}

func TestParse_AgreesWithEncodingJSONOnValidDocuments(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-c]{0,2}`))
	leaf := rapid.OneOf(
		rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-1e12, 1e12), func(f float64) any { return f }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil),
	)
	node := leaf
	for range 3 {
		inner := node
		node = rapid.OneOf(leaf,
			rapid.Map(rapid.SliceOfN(inner, 0, 6), func(s []any) any { return s }),
			rapid.Map(rapid.MapOfN(text, inner, 0, 40), func(m map[string]any) any { return m }),
		)
	}
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(node.Draw(t, "document"))
		if err != nil {
			t.Fatal(err)
		}
		if err := check(raw); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	})
}

func TestParse_TakesSeeds(t *testing.T) {
	t.Parallel()
	for _, s := range seeds {
		if err := check([]byte(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}
