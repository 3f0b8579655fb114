// Package schema says what traits are: their declared types and the types that
// values turn out to have. A value of another type is kept and pointed out; it
// is turned into the declared type only where nothing gets lost. The package
// never rejects a value.
package schema

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/jsondoc"
)

// Type is what a trait's values are.
type Type string

// The types. Date is a text that says a day or an instant by ISO 8601.
const (
	String  Type = "string"
	Number  Type = "number"
	Boolean Type = "boolean"
	Date    Type = "date"
	Object  Type = "object"
	List    Type = "list"
	None    Type = "" // of null, which is no value
)

// Types are all of them.
func Types() []Type { return []Type{String, Number, Boolean, Date, Object, List} }

// Trait declares one trait.
type Trait struct {
	Type          Type   `json:"type" doc:"string, number, boolean, date, object or list"`
	Description   string `json:"description,omitempty"`
	AllowedValues []any  `json:"allowed_values,omitempty" doc:"Left out: any"`
	Personal      bool   `json:"personal,omitempty" doc:"Says who somebody is: examples are masked"`

	allowed []string // canonical JSON
}

// Schema is the declared traits. A nil Schema declares none. It is immutable.
type Schema struct {
	traits map[string]*Trait
}

// Of is the declaration of a trait; nil where there is none.
func (s *Schema) Of(name string) *Trait {
	if s == nil {
		return nil
	}
	return s.traits[name]
}

// Names are the declared traits, sorted.
func (s *Schema) Names() []string {
	if s == nil {
		return nil
	}
	names := make([]string, 0, len(s.traits))
	for n := range s.traits {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Personal tells traits that say who somebody is: those declared so, and of
// those not declared the usual ones.
func (s *Schema) Personal(name string) bool {
	if t := s.Of(name); t != nil {
		return t.Personal
	}
	folded := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
	for _, part := range [...]string{
		"name", "email", "phone", "mobile", "address", "street", "birth", "passport", "taxid", "ssn", "iban",
		"token", "avatar", "ipaddress", "gender", "postcode", "postalcode",
	} {
		if strings.Contains(folded, part) {
			return true
		}
	}
	return false
}

// TypeOf is the type that a value turns out to have.
func TypeOf(canonical string) Type {
	if canonical == "" {
		return None
	}
	switch c := canonical[0]; c {
	case '"':
		if isDate(canonical) {
			return Date
		}
		return String
	case '{':
		return Object
	case '[':
		return List
	case 't', 'f':
		return Boolean
	case 'n':
		return None
	}
	return Number
}

// isDate tells a text with a day, or an instant with its zone, by ISO 8601.
func isDate(canonical string) bool {
	_, ok := ParseDate(strings.Trim(canonical, `"`))
	return ok
}

// ParseDate reads 2006-01-02 or an instant by RFC 3339, which counts as the
// day that it names where it is written.
func ParseDate(text string) (time.Time, bool) {
	const day = "2006-01-02"
	if len(text) < len(day) || text[4] != '-' || text[7] != '-' {
		return time.Time{}, false
	}
	if len(text) == len(day) {
		t, err := time.Parse(day, text)
		return t, err == nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

// Finding is what there is to say of a value of a declared trait.
type Finding struct {
	Value    string // canonical JSON: as said, or turned into the declared type
	Coerced  bool
	Conflict bool // of another type than declared
	Refused  bool // not among the allowed values
}

// Check holds a value against its declaration.
func (t *Trait) Check(canonical string) Finding {
	f := Finding{Value: canonical}
	has := TypeOf(canonical)
	if has == None {
		return f
	}
	if !t.Type.Holds(has) {
		if as, ok := coerce(canonical, has, t.Type); ok {
			f.Value, f.Coerced = as, true
		} else {
			f.Conflict = true
		}
	}
	f.Refused = len(t.allowed) > 0 && !slices.Contains(t.allowed, f.Value)
	return f
}

// Holds tells whether values of a type are of the declared one as they stand:
// a date is a text.
func (t Type) Holds(has Type) bool { return t == has || t == String && has == Date }

// coerce turns a value into another type where the way back gives the same
// value again.
func coerce(canonical string, has, want Type) (string, bool) {
	switch {
	case want == String && (has == Number || has == Boolean):
		return strconv.Quote(canonical), true
	case has == String && (want == Number || want == Boolean):
		text := canonical[1 : len(canonical)-1]
		if TypeOf(text) != want || !isCanonical(text) {
			return "", false
		}
		return text, true
	}
	return "", false
}

// isCanonical tells the text of a JSON value in the one form it has.
func isCanonical(text string) bool {
	doc, err := jsondoc.Parse([]byte(text), jsondoc.DefaultLimits())
	return err == nil && string(jsondoc.AppendCanonical(nil, doc.Root())) == text
}
