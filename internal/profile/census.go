package profile

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/profile/schema"
)

// Census is which traits people have and of what types their values are,
// beside what is declared of them.
type Census struct {
	rules  *Rules
	people int
	traits map[string]*counted
}

// counted is what was found of one trait.
type counted struct {
	people   int
	types    map[schema.Type]int
	sources  map[string]bool
	refused  int
	examples []string
}

// The bounds of what a census shows of a trait.
const (
	maxExamples     = 3
	maxExampleBytes = 100
)

// NewCensus counted nobody yet.
func NewCensus(r *Rules) *Census { return &Census{rules: r, traits: map[string]*counted{}} }

// People is how many were counted.
func (c *Census) People() int { return c.people }

// Add counts a person, once.
func (c *Census) Add(partials []*Partial) {
	c.people++
	fields := merged(partials).fields(c.rules)
	for i := range fields {
		f := &fields[i]
		t := c.traits[f.name]
		if t == nil {
			t = &counted{types: map[schema.Type]int{}, sources: map[string]bool{}}
			c.traits[f.name] = t
		}
		t.add(f)
	}
}

func (t *counted) add(f *field) {
	had := map[schema.Type]bool{}
	for i := range f.said {
		s := &f.said[i]
		t.sources[s.Source] = true
		if as := schema.TypeOf(s.Value); as != schema.None && s.Latest && !had[as] {
			had[as] = true
			t.types[as]++
		}
	}
	if len(had) == 0 {
		return
	}
	t.people++
	if f.finding.Refused {
		t.refused++
	}
	w := f.winner().Value
	if len(t.examples) < maxExamples && w != null && len(w) <= maxExampleBytes && !slices.Contains(t.examples, w) {
		t.examples = append(t.examples, w)
	}
}

// TraitReport is what is declared and what was observed of a trait.
type TraitReport struct {
	Name     string         `json:"name"`
	Declared *schema.Trait  `json:"declared" doc:"Null where nothing is declared"`
	People   int            `json:"people" doc:"Of those looked at, how many have the trait"`
	Types    []TypeObserved `json:"types" nullable:"false" doc:"Types that values have, the most frequent first"`
	// Conflict says that values are not all of one type, or not of the
	// declared one.
	Conflict   bool     `json:"conflict"`
	NotAllowed int      `json:"not_allowed" doc:"People whose value is not among those declared"`
	Sources    []string `json:"sources" nullable:"false" doc:"That said something of it"`
	Personal   bool     `json:"personal" doc:"Declared so, or called like something personal: examples are masked"`
	Examples   []any    `json:"examples" nullable:"false"`
}

// TypeObserved is how many people have values of a type.
type TypeObserved struct {
	Type   schema.Type `json:"type"`
	People int         `json:"people"`
}

// Report lists all traits, declared or observed, by name.
func (c *Census) Report() []TraitReport {
	names := map[string]bool{}
	for n := range c.traits {
		names[n] = true
	}
	for _, n := range c.rules.schema().Names() {
		names[n] = true
	}
	out := make([]TraitReport, 0, len(names))
	for _, n := range slices.Sorted(maps.Keys(names)) {
		out = append(out, c.report(n))
	}
	return out
}

func (c *Census) report(name string) TraitReport {
	s := c.rules.schema()
	r := TraitReport{
		Name: name, Declared: s.Of(name), Personal: s.Personal(name),
		Types: []TypeObserved{}, Sources: []string{}, Examples: []any{},
	}
	t := c.traits[name]
	if t == nil {
		return r
	}
	r.People, r.NotAllowed, r.Sources = t.people, t.refused, slices.Sorted(maps.Keys(t.sources))
	for _, as := range schema.Types() {
		if n := t.types[as]; n > 0 {
			r.Types = append(r.Types, TypeObserved{as, n})
			r.Conflict = r.Conflict || r.Declared != nil && !r.Declared.Type.Holds(as)
		}
	}
	if r.Declared == nil && len(r.Types) > 1 {
		r.Conflict = len(r.Types) > 2 || t.types[schema.String] == 0 || t.types[schema.Date] == 0
	}
	slices.SortStableFunc(r.Types, func(a, b TypeObserved) int { return b.People - a.People })
	for _, e := range t.examples {
		if r.Personal {
			e = masked(e)
		}
		r.Examples = append(r.Examples, json.RawMessage(e))
	}
	return r
}

// masked keeps the first character of each part of a text, and of other values
// only that they are there.
func masked(canonical string) string {
	const mask = "***"
	text := plainText(canonical)
	if text == "" {
		return `"` + mask + `"`
	}
	var b strings.Builder
	for i, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '@' }) {
		if i > 0 {
			b.WriteByte(text[strings.IndexAny(text, " @")])
		}
		first := []rune(part)[0]
		b.WriteRune(first)
		b.WriteString(mask)
	}
	return string(jsondoc.AppendString(nil, b.String()))
}
