package manifest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/fault"
)

// drawn makes any JSON value.
func drawn(t *rapid.T, depth int) any {
	texts := rapid.OneOf(
		rapid.String(), rapid.StringMatching(`[ \n\t:#'"\-{}\[\]*&!|>%@?,a0~.]{0,12}`),
		rapid.SampledFrom([]string{"", "yes", "null", "~", "1", "1.0", "0x1f", "2026-01-31", "12:30", " x", "x ", "a\n", "a\n\n", "\na", "a: b", "# c", "- d", "<<", "=", "true", Mask, "${env:A}", "\r\n", "é\u2028x"}),
	)
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return json.Number(rapid.SampledFrom([]string{"0", "-1", "1.50", "1e3", "9007199254740993", "0.1", "-0", "1E-7"}).Draw(t, "number"))
	case 3, 4:
		return texts.Draw(t, "text")
	case 5:
		if depth == 0 {
			return []any{}
		}
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			out = append(out, drawn(t, depth-1))
		}
		return out
	}
	out := map[string]any{}
	if depth > 0 {
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			out[texts.Draw(t, "name")] = drawn(t, depth-1)
		}
	}
	return out
}

func TestYAML_AnyDocumentComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(map[string]any{"x": drawn(t, 3)})
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		o := &Object{Kind: "offers", Key: "a", Status: "live", Document: v}
		back, err := Parse(o.YAML())
		if err != nil {
			t.Fatalf("%v in\n%s", err, o.YAML())
		}
		if string(back.Document.JSON()) != string(v.JSON()) || !equal(v, back.Document) {
			t.Fatalf("%s became %s by\n%s", v.JSON(), back.Document.JSON(), o.YAML())
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("kind: offers\nkey: a\ndocument: {a: 1}\n"))
	f.Add([]byte("kind: rfm\ndocument:\n  a: [1, 2.5, ~, 2026-01-01]\n"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := Parse(text)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		again, err := Parse(o.YAML())
		if err != nil || !same(o.Document, again.Document) || again.Name() != o.Name() {
			t.Fatalf("%v: %s", err, o.YAML())
		}
	})
}

func TestParse_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "empty",
		"kind: nothing\ndocument: {}":           "no kind",
		"kind: offers\ndocument: {}":            "needs a key",
		"kind: rfm\nkey: x\ndocument: {}":       "has no key",
		"kind: offers\nkey: ../x\ndocument: {}": "file's name",
		"kind: offers\nkey: x":                  "document is missing",
		"kind: offers\nkey: x\nstatus: archived\ndocument: {}":    "give draft, test or live",
		"kind: sources\nkey: x\nstatus: live\ndocument: {}":       "knows no status",
		"kind: offers\nkey: x\ndocument: {}\nmore: 1":             "other members",
		"kind: offers\nkey: x\ndocument: {a: 1, a: 2}":            "twice",
		"kind: offers\nkey: x\ndocument: {a: .nan}":               "no number",
		"kind: predictive-models\nkey: x\ndocument: {file: \"\"}": "document/file",
		"kind: [": "no YAML",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func parsed(t *testing.T, text string) *Object {
	t.Helper()
	o, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCompare_ASecretIsNotADifference(t *testing.T) {
	t.Parallel()
	is := parsed(t, "kind: connections\nkey: a\ndocument: {auth: {secret: '********'}, n: 1}")
	for text, want := range map[string]int{
		"{auth: {secret: '********'}, n: 1.0}":    0,
		"{auth: {secret: '${env:KEY}'}, n: 1}":    0,
		"{auth: {secret: 'new'}, n: 1}":           1,
		"{auth: {secret: '********'}, n: '1'}":    1,
		"{auth: {secret: '********'}, n: [1, 2]}": 1,
		"{auth: {}, n: '${env:KEY}', m: 2}":       1,
	} {
		file := parsed(t, "kind: connections\nkey: a\ndocument: "+text)
		if got := Compare([]*Object{is}, []*Object{file}, Options{}); len(got) != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
	file := parsed(t, "kind: connections\nkey: a\ndocument: {auth: {secret: '${env:KEY}'}, n: 1}")
	if got := Compare([]*Object{is}, []*Object{file}, Options{Secrets: true}); len(got) != 1 || got[0].Verb != Update {
		t.Errorf("%+v", got)
	}
	if _, err := filledIn(file.Document); err == nil || !strings.Contains(err.Error(), "KEY") {
		t.Errorf("a variable that is not set: %v", err)
	}
}

func TestSave_KeepsPlaceholdersAndWhatIsNoDefinition(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("connections/a.yaml", "kind: connections\nkey: a\ndocument: {auth: {secret: '${env:KEY}'}, n: 1}")
	write("connections/gone.yaml", "kind: connections\nkey: gone\ndocument: {}")
	write("connections/chart.yaml", "apiVersion: v1")
	write("offers/b.yaml", "kind: offers\nkey: b\ndocument: {}")
	is := parsed(t, "kind: connections\nkey: a\ndocument: {auth: {secret: '********'}, n: 2}")
	written, removed, err := Save(dir, []*Object{is}, []string{"connections"})
	if err != nil || !slices.Equal(written, []string{"connections/a.yaml"}) || !slices.Equal(removed, []string{"connections/gone.yaml"}) {
		t.Fatalf("%v %v %v", written, removed, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "connections/a.yaml"))
	if err != nil || !strings.Contains(string(text), "${env:KEY}") || !strings.Contains(string(text), "n: 2") {
		t.Errorf("%v %s", err, text)
	}
}
