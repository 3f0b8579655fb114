package schema_test

import (
	"encoding/json"
	"os"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/profile/schema"
)

func TestCheck_FollowsTheVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../spec/vectors/trait_types.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name     string          `json:"name"`
			Declared json.RawMessage `json:"declared"`
			Value    json.RawMessage `json:"value"`
			Type     schema.Type     `json:"type"`
			Shown    json.RawMessage `json:"shown"`
			Coerced  bool            `json:"coerced"`
			Conflict bool            `json:"conflict"`
			Refused  bool            `json:"refused"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil || len(file.Cases) == 0 {
		t.Fatalf("%d cases, %v", len(file.Cases), err)
	}
	for _, c := range file.Cases {
		s, err := schema.Parse([]byte(`{"traits":{"t":` + string(c.Declared) + `}}`))
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		value := canonical(t, c.Value)
		want := schema.Finding{Value: value, Coerced: c.Coerced, Conflict: c.Conflict, Refused: c.Refused}
		if c.Coerced {
			want.Value = canonical(t, c.Shown)
		}
		if got := s.Of("t").Check(value); got != want || schema.TypeOf(value) != c.Type {
			t.Errorf("%s: got %+v of the type %s, want %+v", c.Name, got, schema.TypeOf(value), want)
		}
	}
}

func canonical(t *testing.T, raw []byte) string {
	t.Helper()
	doc, err := jsondoc.Parse(raw, jsondoc.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return string(jsondoc.AppendCanonical(nil, doc.Root()))
}

func TestPersonal_IsWhatIsDeclaredOrSoundsLikeIt(t *testing.T) {
	t.Parallel()
	s, err := schema.Parse([]byte(`{"traits":{"nickname":{"type":"string"},"shoe":{"type":"number","personal":true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"nickname": false, "shoe": true, "First Name": true, "date_of_birth": true, "plan": false, "E-Mail": true,
	} {
		if s.Personal(name) != want {
			t.Errorf("%s: personal is %v", name, !want)
		}
	}
}

// What a value is turned into says exactly what the value said.
func FuzzCheck_LosesNothing(f *testing.F) {
	for _, seed := range []string{`"42"`, `"007"`, `1e3`, `"true"`, `{"a":[]}`, `"2024-05-01"`, `"é\n"`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := jsondoc.Parse(raw, jsondoc.DefaultLimits())
		if err != nil {
			return
		}
		value := string(jsondoc.AppendCanonical(nil, doc.Root()))
		was := schema.TypeOf(value)
		for _, as := range schema.Types() {
			s, err := schema.New(schema.Document{Traits: map[string]schema.Trait{"t": {Type: as}}})
			if err != nil {
				t.Fatal(err)
			}
			found := s.Of("t").Check(value)
			switch {
			case found.Coerced:
				back, err := schema.New(schema.Document{Traits: map[string]schema.Trait{"t": {Type: was}}})
				if err != nil {
					t.Fatal(err)
				}
				if again := back.Of("t").Check(found.Value); again.Value != value {
					t.Fatalf("%s as %s is %s, and back %s", value, as, found.Value, again.Value)
				}
			case found.Value != value:
				t.Fatalf("%s became %s", value, found.Value)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"traits":{"a":{"type":"date","allowed_values":["2024-01-01"]}}}`, `{"traits":{"":{}}}`, `{}`, `{"traits":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := schema.Parse(document)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s: %v", document, err)
			}
			return
		}
		for _, n := range s.Names() {
			s.Of(n).Check(`"x"`)
		}
	})
}
