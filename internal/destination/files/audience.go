package files

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"rapport/internal/destination"
)

// field is a column of an audience file.
type field struct {
	header string
	of     string              // what it is made of
	normal func(string) string // the text as the platform compares it; empty: nothing
	plain  bool                // it is not hashed
}

// platforms are the files that the large ad platforms take, with their rules.
//
//   - google: Customer Match, "Upload your customer list" and "Prepare user data"
//   - meta: custom audiences, "How to format a customer list" and "Customer
//     Information Parameters"
//   - linkedin: Matched Audiences, "Create audiences by matching contact email
//     addresses"
//   - tiktok: "List of supported IDs and formats for a customer file"
var platforms = map[string][]field{
	"google": {
		{"Email", "email", gmail, false},
		{"Phone", "phone", e164, false},
		{"First Name", "first_name", solid, false},
		{"Last Name", "last_name", solid, false},
		{"Country", "country", upper, true},
		{"Zip", "zip", strings.TrimSpace, true},
	},
	"meta": {
		{"email", "email", lower, false},
		{"phone", "phone", digits, false},
		{"fn", "first_name", letters, false},
		{"ln", "last_name", letters, false},
		{"ct", "city", joined, false},
		{"st", "state", joined, false},
		{"zip", "zip", zip, false},
		{"country", "country", lower, false},
		{"dob", "birthday", day, false},
		{"gen", "gender", initial, false},
	},
	"linkedin": {{"email", "email", lower, false}},
	"tiktok":   {{"Email_SHA256", "email", solid, false}, {"Phone_SHA256", "phone", e164, false}},
}

// match are what a platform can find somebody by alone.
var match = []string{"email", "phone"}

// found are the places where a field is looked for, unless the settings say it.
var found = map[string][]string{
	"email":      {"identifiers.email", "person.traits.email", "email"},
	"phone":      {"identifiers.phone", "person.traits.phone", "phone"},
	"first_name": {"person.traits.first_name", "person.traits.firstName", "first_name"},
	"last_name":  {"person.traits.last_name", "person.traits.lastName", "last_name"},
	"city":       {"person.traits.city", "person.traits.address.city", "city"},
	"state":      {"person.traits.state", "person.traits.address.state", "state"},
	"zip":        {"person.traits.zip", "person.traits.postal_code", "person.traits.address.postalCode", "zip"},
	"country":    {"person.traits.country", "person.traits.address.country", "country"},
	"birthday":   {"person.traits.birthday", "birthday"},
	"gender":     {"person.traits.gender", "gender"},
}

func (s *sink) checkAudience() error {
	if s.Audience == "" {
		if len(s.Fields) > 0 {
			return destination.Invalid("fields", "fields belong to an audience: say which with the setting audience")
		}
		return nil
	}
	if len(s.Columns) > 0 {
		return destination.Invalid("columns", "the columns of an audience are those that %s wants: leave them out", s.Audience)
	}
	for name := range s.Fields {
		if _, ok := found[name]; !ok {
			return destination.Invalid("fields", "fields names %q; it may name %s", name, strings.Join(slices.Sorted(maps.Keys(found)), ", "))
		}
	}
	s.Format = "csv"
	return nil
}

// headers are the columns of an audience.
func headers(platform string) (out []string) {
	for _, f := range platforms[platform] {
		out = append(out, f.header)
	}
	return out
}

// matched is a row of an audience: what a platform may know somebody by, each
// hashed as it wants it.
func (s *sink) matched(vars map[string]any) ([]json.RawMessage, *destination.Result) {
	row, some := make([]json.RawMessage, len(platforms[s.Audience])), false
	for i, f := range platforms[s.Audience] {
		text := f.normal(s.text(vars, f.of))
		if text == "" {
			continue
		}
		some = some || slices.Contains(match, f.of)
		if !f.plain {
			text = sha(text)
		}
		b, err := json.Marshal(text)
		if err != nil {
			continue // a text can always be written
		}
		row[i] = b
	}
	if !some {
		return nil, &destination.Result{Outcome: destination.Refused, Reason: "the person has neither an e-mail address nor a phone number with its country, so " + s.Audience + " cannot find them"}
	}
	return row, nil
}

// text finds a field of a person.
func (s *sink) text(vars map[string]any, name string) string {
	paths := found[name]
	if p, ok := s.Fields[name]; ok {
		paths = []string{p}
	}
	for _, p := range paths {
		v, _ := destination.At(vars, p)
		switch v := v.(type) {
		case string:
			if v != "" {
				return v
			}
		case int:
			b, err := json.Marshal(v)
			if err == nil {
				return string(b)
			}
		}
	}
	return ""
}

// sha is the hash that all platforms compare. What is one already stays as it
// is.
func sha(text string) string {
	if len(text) == hex.EncodedLen(sha256.Size) && strings.Trim(text, "0123456789abcdef") == "" {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
