package profile

import "encoding/json"

// Difference is a trait of a person that other rules would show otherwise.
type Difference struct {
	Field  string          `json:"field"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// Differences are what a person's traits would be by other rules, where that
// is not what they are.
func Differences(partials []*Partial, before, after *Rules) []Difference {
	p := merged(partials)
	was, is := p.fields(before), p.fields(after)
	var out []Difference
	for i := range was {
		if a, b := was[i].finding.Value, is[i].finding.Value; a != b {
			out = append(out, Difference{was[i].name, json.RawMessage(a), json.RawMessage(b)})
		}
	}
	return out
}
