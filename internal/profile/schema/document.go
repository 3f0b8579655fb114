package schema

import (
	"encoding/json"
	"maps"
	"slices"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// The bounds of a document.
const (
	MaxTraits  = 5_000
	MaxAllowed = 1_000
)

// Document is what a person writes: traits by their names.
type Document struct {
	Traits map[string]Trait `json:"traits"`
}

// Parse reads a document as JSON and compiles it. Faults of kind Invalid name
// the member and the mend.
func Parse(text []byte) (*Schema, error) {
	var doc Document
	if err := jsondoc.Strict(text, &doc); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_trait_schema", "the schema cannot be read: %v; send {\"traits\": {\"name\": {\"type\": \"string\"}}}", err)
	}
	return New(doc)
}

// New compiles a document.
func New(doc Document) (*Schema, error) {
	if len(doc.Traits) > MaxTraits {
		return nil, invalid("traits", "%d traits, %d are possible", len(doc.Traits), MaxTraits)
	}
	s := &Schema{traits: make(map[string]*Trait, len(doc.Traits))}
	for _, name := range slices.Sorted(maps.Keys(doc.Traits)) {
		t := doc.Traits[name]
		if name == "" {
			return nil, invalid("traits", "a trait has no name")
		}
		if err := t.compile("traits/" + name); err != nil {
			return nil, err
		}
		s.traits[name] = &t
	}
	return s, nil
}

func (t *Trait) compile(at string) error {
	if !slices.Contains(Types(), t.Type) {
		return invalid(at+"/type", "unknown type %q: give string, number, boolean, date, object or list", t.Type)
	}
	if len(t.AllowedValues) > MaxAllowed {
		return invalid(at+"/allowed_values", "%d values, %d are possible", len(t.AllowedValues), MaxAllowed)
	}
	t.allowed = make([]string, 0, len(t.AllowedValues))
	for i, v := range t.AllowedValues {
		canonical, err := canonicalOf(v)
		if err != nil {
			return invalid(at+"/allowed_values", "value %d: %v", i+1, err)
		}
		if !t.Type.Holds(TypeOf(canonical)) {
			return invalid(at+"/allowed_values", "value %d, %s, is not of the type %s: change the type or the value", i+1, canonical, t.Type)
		}
		t.allowed = append(t.allowed, canonical)
	}
	return nil
}

func canonicalOf(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	doc, err := jsondoc.Parse(text, jsondoc.DefaultLimits())
	if err != nil {
		return "", err
	}
	return string(jsondoc.AppendCanonical(nil, doc.Root())), nil
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_trait_schema", "%s: "+format, append([]any{at}, args...)...).At("/" + at)
}
