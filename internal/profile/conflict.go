package profile

import (
	"encoding/json"
	"fmt"

	"rapport/internal/clock"
	"rapport/internal/profile/golden"
	"rapport/internal/profile/schema"
)

// Conflict is a field of a person of which different things were said: every
// value, which of them counts, and why.
type Conflict struct {
	Field  string          `json:"field"`
	Value  json.RawMessage `json:"value" doc:"That counts, in its declared type"`
	Source string          `json:"source"`
	Time   clock.Instant   `json:"time"`
	Rule   golden.Rule     `json:"rule"`
	Reason string          `json:"reason" doc:"Why the value counts, in words"`
	// DeclaredType is empty where nothing is declared of the field.
	DeclaredType schema.Type `json:"declared_type,omitempty"`
	TypeConflict bool        `json:"type_conflict" doc:"Values of different types were said, or of another than declared"`
	NotAllowed   bool        `json:"not_allowed,omitempty"`
	Values       []Claim     `json:"values" nullable:"false" doc:"The one that counts first, then the newest"`
}

// Claim is one value of a field in conflict.
type Claim struct {
	Saying
	Won     bool `json:"won"`
	Current bool `json:"current" doc:"The source said nothing else since"`
}

// Conflicts lists the fields of a person of which different things were said,
// or all fields, by name.
func Conflicts(partials []*Partial, opts Options, all bool) []Conflict {
	fields := merged(partials).fields(opts.Rules)
	out := []Conflict{}
	for i := range fields {
		if f := &fields[i]; all || f.disputed() {
			out = append(out, f.conflict(opts))
		}
	}
	return out
}

// disputed tells fields on which the sources do not agree now, and those whose
// value is not as declared.
func (f *field) disputed() bool {
	if f.finding.Conflict || f.finding.Refused || f.mixed() {
		return true
	}
	for i := range f.said {
		if f.said[i].Latest && f.said[i].Value != f.winner().Value {
			return true
		}
	}
	return false
}

// mixed tells whether values of different types were said.
func (f *field) mixed() bool {
	var first schema.Type
	for i := range f.said {
		t := schema.TypeOf(f.said[i].Value)
		if first == schema.None {
			first = t
		}
		if t != schema.None && t != first {
			return true
		}
	}
	return false
}

func (f *field) conflict(opts Options) Conflict {
	won := Claim{Saying: saying(f.winner(), opts), Won: true, Current: f.winner().Latest}
	c := Conflict{
		Field: f.name, Value: json.RawMessage(f.finding.Value), Source: won.Source, Time: won.Time,
		Rule: f.verdict.Rule, Reason: f.reason(opts.Rules), TypeConflict: f.finding.Conflict || f.mixed(),
		NotAllowed: f.finding.Refused, Values: []Claim{won},
	}
	if f.declared != nil {
		c.DeclaredType = f.declared.Type
	}
	for _, l := range f.losers() {
		c.Values = append(c.Values, Claim{Saying: saying(l, opts), Current: l.Latest})
	}
	return c
}

// reason says in words why the winner won.
func (f *field) reason(r *Rules) string {
	w := f.winner()
	switch {
	case len(f.said) == 1:
		return "nothing else was said"
	case f.verdict.Fallback:
		return fmt.Sprintf("%s said it last; the most frequent value is not known, since a source said more than %d different ones or one too long", w.Source, MaxValues)
	}
	switch f.verdict.Rule {
	case golden.MostFrequent:
		n := uint64(0)
		for i := range f.said {
			if f.said[i].Value == w.Value {
				n += uint64(f.said[i].Count)
			}
		}
		return fmt.Sprintf("it was said %d times, and no other value more often", n)
	case golden.SourcePriority:
		return fmt.Sprintf("%s stands first among the sources that said something", w.Source)
	case golden.MostComplete:
		return "no other value says more"
	}
	if choice := r.golden().Of(f.name); choice.IgnoreEmpty != nil && *choice.IgnoreEmpty {
		return w.Source + " said it last of the values that are not empty"
	}
	return w.Source + " said it last"
}
