package jsondoc_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/jsondoc"
)

func parse(t *testing.T, raw string) jsondoc.Value {
	t.Helper()
	doc, err := jsondoc.Parse([]byte(raw), jsondoc.Limits{})
	if err != nil {
		t.Fatalf("%.80s: %v", raw, err)
	}
	return doc.Root()
}

func TestParse_SaysWhereADocumentBreaks(t *testing.T) {
	t.Parallel()
	for raw, offset := range map[string]int{
		"": 0, "   ": 3, "{": 1, `{"a"`: 4, `{"a":`: 5, `{"a":1`: 6, `{"a":1,}`: 7, "[1,]": 3, "[1 2]": 3, "01": 0, "-": 1, "1.": 2,
		"1e": 2, "nul": 0, `"abc`: 0, `"\x"`: 1, `"\u12"`: 1, "{} {}": 3, "\ufeff{}": 0, "'a'": 0, "[1]]": 3, "\x00": 0,
		strings.Repeat("[", jsondoc.MaxDepth+1): jsondoc.MaxDepth,
	} {
		_, err := jsondoc.Parse([]byte(raw), jsondoc.Limits{})
		broken, ok := errors.AsType[*jsondoc.SyntaxError](err)
		if !ok || broken.Offset != offset {
			t.Errorf("%.40q: %v, want an error at %d", raw, err, offset)
		}
	}
	if _, err := jsondoc.Parse(make([]byte, jsondoc.MaxBytes+1), jsondoc.Limits{}); err == nil {
		t.Error("a document over 32 MiB was taken")
	}
}

func TestFlaw_IsThatOfTheValueAlone(t *testing.T) {
	t.Parallel()
	manyKeys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"k%d":%d`, i, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	for raw, kind := range map[string]jsondoc.FlawKind{
		`"a\u0000"`: jsondoc.NulCharacter, "\"\x00\"": jsondoc.NulCharacter, "\"\t\"": jsondoc.ControlCharacter,
		"\"\xc3\x28\"": jsondoc.InvalidUTF8, `"\ud800"`: jsondoc.LoneSurrogate, `"\ud800\u0041"`: jsondoc.LoneSurrogate,
		`{"a":1,"b":2,"a":3}`: jsondoc.DuplicateKey, `{"a":1,"\u0061":3}`: jsondoc.DuplicateKey,
		strings.TrimSuffix(manyKeys(40), "}") + `,"k7":0}`: jsondoc.DuplicateKey,
		strings.Repeat("[", 40) + strings.Repeat("]", 40):  jsondoc.TooDeep,
		manyKeys(1001): jsondoc.TooManyKeys,
		`"` + strings.Repeat("x", 64<<10+1) + `"`: jsondoc.StringTooLong,
		"1e400":                         jsondoc.NumberOutOfRange,
		"-1" + strings.Repeat("0", 400): jsondoc.NumberOutOfRange,
		`{"deep":{"in":["here",{"it":"is \u0000"}]}}`: jsondoc.NulCharacter,
		"{\"\xff\":1}": jsondoc.InvalidUTF8,
	} {
		doc := parse(t, "["+`{"ok":1},`+raw+`,{"ok":2}]`)
		for i, want := range []jsondoc.FlawKind{0, kind, 0} {
			if got, _ := doc.Index(i).Flaw(); got.Kind != want {
				t.Errorf("%.60q, element %d: %q, want %q", raw, i, got.Kind, want)
			}
		}
		if f, ok := doc.Flaw(); !ok || f.Kind != kind || f.Msg == "" || f.Offset < 10 {
			t.Errorf("%.60q: the document's flaw is %+v", raw, f)
		}
	}
	for _, raw := range []string{
		manyKeys(1000), `"` + strings.Repeat("x", 64<<10) + `"`, strings.Repeat("[", 32) + strings.Repeat("]", 32),
		"1e308", `"\ud83d\ude00"`, manyKeys(33), `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}`, `{"ab":1,"aab":2,"acb":3,"":4}`,
	} {
		if f, ok := parse(t, raw).Flaw(); ok {
			t.Errorf("%.60q: flaw %+v", raw, f)
		}
	}
}

func TestInt_TakesWholeNumbersHoweverWritten(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int64{
		"0": 0, "-0": 0, "5": 5, "5.0": 5, "1e3": 1000, "12.50e1": 125, "-7.000": -7, "9223372036854775807": 9223372036854775807,
		"-9223372036854775808": -9223372036854775808, "0.001e3": 1, "100e-2": 1, "0e99999999999": 0,
	} {
		if got, ok := parse(t, raw).Int(); !ok || got != want {
			t.Errorf("%s: %d %t, want %d", raw, got, ok, want)
		}
	}
	for _, raw := range []string{"0.5", "1e-3", "9223372036854775808", "1e19", "1e999999999999", "1e-99999999999", `"5"`, "true", "null", "[]"} {
		if got, ok := parse(t, raw).Int(); ok {
			t.Errorf("%s is %d", raw, got)
		}
	}
}

func TestValue_GivesWhatIsThere(t *testing.T) {
	t.Parallel()
	v := parse(t, `{"s":"a\"b","n":1.50,"t":true,"z":null,"o":{"x":{"y":[10,"eleven"]}},"k\u0065y":"e"}`)
	got := fmt.Sprint(
		v.Get("s").Text(), v.Get("n").Number(), v.Get("n").Text() == "", v.Get("z").IsNull(), v.Get("z").Exists(), v.Get("no").Exists(),
		string(v.Path("o", "x").Raw()), v.Path("o", "x", "y").Index(1).Text(), v.Path("o", "nope", "y").Exists(), v.Path("o", "x", "y").Index(2).Exists(),
		v.Get("key").Text(), v.Len(), v.Get("o").Offset(), v.Get("s").Index(0).Exists(), v.Get("o").Kind(),
	)
	want := `a"b 1.50 true true true false{"y":[10,"eleven"]} eleven false falsee 6 43 false object`
	if norm(got) != norm(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if b, ok := v.Get("no").Bool(); b || ok {
		t.Error("what is not there is a boolean")
	}
	var none jsondoc.Value
	if none.Kind() != jsondoc.None || none.Raw() != nil || none.Len() != 0 || none.Offset() != 0 || none.Get("a").Exists() {
		t.Error("the zero value is something")
	}
}

func norm(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestEach_StopsWhenToldSo(t *testing.T) {
	t.Parallel()
	v := parse(t, `{"a":1,"\u0062":2,"c":3}`)
	var keys []string
	for k := range v.Members() {
		if keys = append(keys, k); k == "b" {
			break
		}
	}
	if fmt.Sprint(keys) != "[a b]" {
		t.Errorf("visited %v", keys)
	}
	n := 0
	for range parse(t, `[1,[2,3],4]`).Elements() {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("visited %d elements", n)
	}
}

func TestAppendCanonical_IsOneFormForEqualValues(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		` { "b" : 1.50 , "a" : [ 15e-1, -0, 1E2, 0.000001 ] } `: `{"a":[1.5,0,100,0.000001],"b":1.5}`,
		`"\u0041\/\u00e9\u001f\n\"\\"`:                          `"A/é\u001f\n\"\\"`,
		`123456789012345678901234567890`:                        `1.2345678901234567890123456789e+29`,
		`1e21`:                                                  `1e+21`, "1e20": "100000000000000000000", `-0.00000000125`: `-1.25e-9`,
		"0.00000125": "0.00000125", "0.000000125": "1.25e-7",
		`12345678901234567890.123`: `1.2345678901234567890123e+19`,
		`{"a":1,"a":2}`:            `{"a":2}`, `{"\u0061":1}`: `{"a":1}`, `[]`: `[]`, `{}`: `{}`, `[true,false,null]`: `[true,false,null]`,
		"\"\xff\"": "\"\uFFFD\"", `"\ud800"`: "\"\uFFFD\"",
	} {
		if got := string(jsondoc.AppendCanonical(nil, parse(t, raw))); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	if got := string(jsondoc.AppendCanonical(nil, jsondoc.Value{})); got != "null" {
		t.Errorf("nothing is %s", got)
	}
}

func TestReset_KeepsNothingOfTheFormerDocument(t *testing.T) {
	t.Parallel()
	var d jsondoc.Doc
	for _, step := range []struct {
		raw    string
		broken bool
		flawed bool
	}{{tracking, false, false}, {`{"a":"\u0000"}`, false, true}, {`[`, true, false}, {`{"a":1}`, false, false}} {
		err := d.Reset([]byte(step.raw), jsondoc.Limits{})
		if (err != nil) != step.broken || d.Root().Exists() == step.broken {
			t.Errorf("%s: %v, root %v", step.raw, err, d.Root().Kind())
		}
		if _, flawed := d.Root().Flaw(); flawed != step.flawed {
			t.Errorf("%s: flawed %t", step.raw, flawed)
		}
	}
}
