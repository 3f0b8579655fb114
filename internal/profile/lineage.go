package profile

import (
	"encoding/json"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/profile/golden"
	"rapport/internal/profile/schema"
)

// Lineage says where the values of a profile came from.
type Lineage struct {
	Traits map[string]TraitLineage `json:"traits"`
}

// TraitLineage is where a trait's value came from, and what else was said.
type TraitLineage struct {
	Saying
	Rule     golden.Rule `json:"rule" doc:"That chose the value"`
	Fallback bool        `json:"fallback,omitempty" doc:"The field's own rule could not decide: a source said too many different values to count them"`
	// ShownAs is the value in its declared type, where it was said in another.
	ShownAs      json.RawMessage `json:"shown_as,omitempty"`
	DeclaredType schema.Type     `json:"declared_type,omitempty"`
	TypeConflict bool            `json:"type_conflict,omitempty" doc:"The value is not of the declared type"`
	NotAllowed   bool            `json:"not_allowed,omitempty" doc:"The value is not among those declared"`
	// Others are the latest values of the other sources, the newest first.
	Others []Saying `json:"others,omitempty"`
	// Earlier is what sources said before, the newest first.
	Earlier []Saying `json:"earlier,omitempty"`
}

// Saying is a value that a source gave.
type Saying struct {
	Value     json.RawMessage `json:"value"`
	Type      schema.Type     `json:"value_type,omitempty" doc:"That the value turns out to have"`
	Source    string          `json:"source"`
	Time      clock.Instant   `json:"time" doc:"When the source said it last"`
	MessageID string          `json:"message_id"`
	Count     uint32          `json:"count,omitempty" doc:"How often the source said it; left out where it said too many different values"`
}

func lineage(fields []field, opts Options) *Lineage {
	l := &Lineage{Traits: make(map[string]TraitLineage, len(fields))}
	for i := range fields {
		l.Traits[fields[i].name] = fields[i].lineage(opts)
	}
	return l
}

func (f *field) lineage(opts Options) TraitLineage {
	l := TraitLineage{
		Saying: saying(f.winner(), opts), Rule: f.verdict.Rule, Fallback: f.verdict.Fallback,
		TypeConflict: f.finding.Conflict, NotAllowed: f.finding.Refused,
	}
	if f.declared != nil {
		l.DeclaredType = f.declared.Type
	}
	if f.finding.Coerced {
		l.ShownAs = json.RawMessage(f.finding.Value)
	}
	for _, c := range f.losers() {
		if c.Latest {
			l.Others = append(l.Others, saying(c, opts))
		} else {
			l.Earlier = append(l.Earlier, saying(c, opts))
		}
	}
	return l
}

// losers are all values but the winner, the newest first.
func (f *field) losers() []*golden.Candidate {
	out := make([]*golden.Candidate, 0, len(f.said)-1)
	for i := range f.said {
		if i != f.verdict.Winner {
			out = append(out, &f.said[i])
		}
	}
	slices.SortFunc(out, func(a, b *golden.Candidate) int { return golden.Later(b, a) })
	return out
}

func saying(c *golden.Candidate, opts Options) Saying {
	s := Saying{
		Value: json.RawMessage(c.Value), Type: schema.TypeOf(c.Value), Source: c.Source, Time: c.Stamp.Time, Count: c.Count,
	}
	if opts.MessageID != nil {
		s.MessageID = opts.MessageID(c.Stamp.Short, c.Source, c.Stamp.Time)
	}
	if s.MessageID == "" {
		s.MessageID = fmt.Sprintf("%016x", c.Stamp.Short)
	}
	return s
}
