package profile

import (
	"strings"

	"rapport/internal/consent"
	"rapport/internal/profile/golden"
	"rapport/internal/profile/schema"
)

// null is the value of a trait that was taken away.
const null = "null"

// field is a trait of a person: all that was said of it, and what counts.
type field struct {
	name     string
	said     []golden.Candidate // the latest of each source, then what was said before
	verdict  golden.Verdict
	declared *schema.Trait // nil where nothing is
	finding  schema.Finding
}

func (f *field) winner() *golden.Candidate { return &f.said[f.verdict.Winner] }

// fields decides on every trait.
func (p *Partial) fields(r *Rules) []field {
	out := make([]field, 0, len(p.traits))
	past := p.past
	said := make([]golden.Candidate, 0, len(p.traits)+len(past)) // of all fields, one behind the other
	for i := 0; i < len(p.traits); {
		f := field{name: p.traits[i].name}
		from := len(said)
		for ; i < len(p.traits) && p.traits[i].name == f.name; i++ {
			said = append(said, candidate(&p.traits[i], true))
		}
		for ; len(past) > 0 && past[0].name == f.name; past = past[1:] {
			said = append(said, candidate(&past[0], false))
		}
		f.said = said[from:len(said):len(said)]
		if strings.HasPrefix(f.name, consent.RegisterPrefix) {
			continue // shown as consent; no rule chooses among words
		}
		f.verdict = r.golden().Pick(f.name, f.said)
		f.finding = schema.Finding{Value: f.winner().Value}
		if f.declared = r.schema().Of(f.name); f.declared != nil {
			f.finding = f.declared.Check(f.winner().Value)
		}
		out = append(out, f)
	}
	return out
}

func candidate(t *trait, latest bool) golden.Candidate {
	return golden.Candidate{Value: t.value, Source: t.source, Stamp: t.stamp, Count: t.count, Latest: latest}
}
