// Package golden says which of the values that were said of a field counts:
// the latest, the most frequent, that of the best source or the most complete.
// It never changes a value and never looks at anything but the values it is
// given; in any order they give the same winner.
package golden

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"rapport/internal/catalog"
	"rapport/internal/jsondoc"
)

// Rule is how one value is chosen.
type Rule string

// The rules. Where a rule finds several values equally good, the one that was
// said last counts.
const (
	LastUpdated    Rule = "last_updated"
	MostFrequent   Rule = "most_frequent"   // said most often, over all sources and times
	SourcePriority Rule = "source_priority" // of the source that stands first
	MostComplete   Rule = "most_complete"   // the most filled members, then the longest text
)

// Choice is a rule with how it is to be applied to a field.
type Choice struct {
	Rule Rule `json:"rule,omitempty" doc:"last_updated, most_frequent, source_priority or most_complete; left out: the default's"`
	// IgnoreEmpty lets null, "", [] and {} win only where there is nothing else.
	IgnoreEmpty *bool `json:"ignore_empty,omitempty" doc:"Left out: no for last_updated, yes for the others"`
	// Sources are the best first; others come after them, by the priority of
	// the source.
	Sources []string `json:"sources,omitempty" doc:"For source_priority: keys of sources, the best first; left out: the document's"`
}

// Candidate is a value that a source said of a field.
type Candidate struct {
	Value  string // canonical JSON
	Source string
	Stamp  catalog.Stamp // when the source said it last
	Count  uint32        // how often; 0 where that is not known
	Latest bool          // the source said nothing else since
}

// Verdict is what a rule decided.
type Verdict struct {
	Winner int // among the candidates
	Rule   Rule
	// Fallback says that the rule of the field could not decide, since the
	// values of a source were too many to be counted.
	Fallback bool
}

// Rules say which rule is for which field. A nil Rules takes what was updated
// last. It is immutable.
type Rules struct {
	usual  Choice
	fields map[string]Choice
	order  []string // of the sources
}

// Of is the choice for a field.
func (r *Rules) Of(field string) Choice {
	if r == nil {
		return Choice{Rule: LastUpdated}
	}
	c, ok := r.fields[field]
	if !ok {
		c = r.usual
	}
	if c.Sources == nil {
		c.Sources = r.order
	}
	return c
}

func (c *Choice) ignoresEmpty() bool {
	if c.IgnoreEmpty != nil {
		return *c.IgnoreEmpty
	}
	return c.Rule != LastUpdated
}

// Pick chooses among the candidates of a field, of which there must be one at
// least, and the latest of every source among them.
func (r *Rules) Pick(field string, all []Candidate) Verdict {
	choice := r.Of(field)
	v := Verdict{Rule: choice.Rule}
	if choice.Rule == MostFrequent && slices.ContainsFunc(all, func(c Candidate) bool { return c.Count == 0 }) {
		v.Rule, v.Fallback = LastUpdated, true
	}
	better := v.Rule.order(all, choice.Sources)
	v.Winner = -1
	for i := range all {
		if !all[i].Latest && v.Rule != MostFrequent {
			continue
		}
		if v.Winner < 0 || choice.compare(&all[i], &all[v.Winner], better) > 0 {
			v.Winner = i
		}
	}
	return v
}

// compare is positive where a is the better one.
func (c *Choice) compare(a, b *Candidate, better func(a, b *Candidate) int) int {
	if c.ignoresEmpty() {
		if x, y := Empty(a.Value), Empty(b.Value); x != y {
			if x {
				return -1
			}
			return 1
		}
	}
	return cmp.Or(better(a, b), Later(a, b))
}

// Later is positive where a was said after b. It is never zero for different
// candidates.
func Later(a, b *Candidate) int {
	return cmp.Or(a.Stamp.Compare(b.Stamp), strings.Compare(a.Value, b.Value), strings.Compare(a.Source, b.Source))
}

// order is positive where the rule prefers a.
func (r Rule) order(all []Candidate, sources []string) func(a, b *Candidate) int {
	switch r {
	case MostFrequent:
		counts := make(map[string]uint64, len(all))
		for i := range all {
			counts[all[i].Value] += uint64(all[i].Count)
		}
		return func(a, b *Candidate) int { return cmp.Compare(counts[a.Value], counts[b.Value]) }
	case SourcePriority:
		return func(a, b *Candidate) int {
			return cmp.Or(-cmp.Compare(rank(sources, a.Source), rank(sources, b.Source)), cmp.Compare(a.Stamp.Priority, b.Stamp.Priority))
		}
	case MostComplete:
		return func(a, b *Candidate) int {
			x, y := completeness(a.Value), completeness(b.Value)
			return cmp.Or(cmp.Compare(x.filled, y.filled), cmp.Compare(x.length, y.length))
		}
	}
	return func(_, _ *Candidate) int { return 0 }
}

func rank(sources []string, source string) int {
	if i := slices.Index(sources, source); i >= 0 {
		return i
	}
	return len(sources)
}

// Empty tells a value that says nothing: null, "", a text of white space, []
// and {}.
func Empty(canonical string) bool {
	switch canonical {
	case "null", `""`, "[]", "{}":
		return true
	}
	return len(canonical) > 0 && canonical[0] == '"' && strings.Trim(canonical, "\" ") == ""
}

// fullness is how much a value says.
type fullness struct {
	filled int // scalars that say something
	length int // their characters
}

func completeness(canonical string) fullness {
	var f fullness
	if doc, err := jsondoc.Parse([]byte(canonical), jsondoc.DefaultLimits()); err == nil {
		f.add(doc.Root())
	}
	return f
}

func (f *fullness) add(v jsondoc.Value) {
	switch v.Kind() {
	case jsondoc.Object:
		v.EachBytes(func(_ []byte, m jsondoc.Value) bool {
			f.add(m)
			return true
		})
	case jsondoc.Array:
		v.Items(func(_ int, m jsondoc.Value) bool {
			f.add(m)
			return true
		})
	case jsondoc.String:
		if text := strings.TrimSpace(v.Text()); text != "" {
			f.filled++
			f.length += utf8.RuneCountInString(text)
		}
	case jsondoc.True, jsondoc.False, jsondoc.Number:
		f.filled++
		f.length += len(v.Raw())
	}
}
