package golden

import (
	"maps"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// The bounds of a document.
const (
	MaxFields  = 5_000
	MaxSources = 200
)

// Document is what a person writes: a rule for all fields, and rules for some.
type Document struct {
	Default Choice            `json:"default,omitzero" doc:"For every field that is not named; left out: last_updated"`
	Sources []string          `json:"sources,omitempty" doc:"Keys of sources, the best first"`
	Fields  map[string]Choice `json:"fields,omitempty" doc:"Rules by the name of the trait"`
}

// Parse reads a document as JSON and compiles it. Faults of kind Invalid name
// the member and the mend.
func Parse(text []byte) (*Rules, error) {
	var doc Document
	if err := jsondoc.Strict(text, &doc); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_reconciliation", "the rules cannot be read: %v; send {\"default\": {\"rule\": …}, \"sources\": […], \"fields\": {…}}", err)
	}
	return New(doc)
}

// New compiles a document.
func New(doc Document) (*Rules, error) {
	if len(doc.Fields) > MaxFields {
		return nil, invalid("fields", "%d fields, %d are possible: put what most have in common in default", len(doc.Fields), MaxFields)
	}
	if doc.Default.Rule == "" {
		doc.Default.Rule = LastUpdated
	}
	r := &Rules{usual: doc.Default, order: doc.Sources}
	if err := checkSources("sources", doc.Sources); err != nil {
		return nil, err
	}
	r.fields = maps.Clone(doc.Fields)
	if err := r.check("default", doc.Default); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Fields)) {
		if name == "" {
			return nil, invalid("fields", "a field has no name: give the name of a trait")
		}
		if c := doc.Fields[name]; c.Rule == "" {
			c.Rule = doc.Default.Rule
			r.fields[name] = c
		}
		if err := r.check("fields/"+name, r.fields[name]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Rules) check(at string, c Choice) error {
	known := []string{string(LastUpdated), string(MostFrequent), string(SourcePriority), string(MostComplete)}
	if !slices.Contains(known, string(c.Rule)) {
		return invalid(at+"/rule", "unknown rule %q: give %s", c.Rule, strings.Join(known, ", "))
	}
	if c.Rule == SourcePriority && len(c.Sources) == 0 && len(r.order) == 0 {
		return invalid(at+"/sources", "source_priority needs to know the order: list the keys of sources here or in the document's sources, the best first")
	}
	return checkSources(at+"/sources", c.Sources)
}

func checkSources(at string, sources []string) error {
	if len(sources) > MaxSources {
		return invalid(at, "%d sources, %d are possible", len(sources), MaxSources)
	}
	for i, s := range sources {
		if s == "" {
			return invalid(at, "source %d has no key", i+1)
		}
		if slices.Contains(sources[:i], s) {
			return invalid(at, "source %q stands there twice: it can have one place only", s)
		}
	}
	return nil
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_reconciliation", "%s: "+format, append([]any{at}, args...)...).At("/" + at)
}
