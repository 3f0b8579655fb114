// Package retention is how long events are kept: policies as people write them,
// which events they are about, and up to when a run took such events out. It
// never reads an event from the log, never stores and never asks the clock.
package retention

import (
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// Reason is why an event was rejected that is older than what is kept.
const Reason = "expired"

// The bounds of a policy.
const (
	MaxDays  = 36_500
	maxItems = 1_000
	maxText  = 2_000
)

// Document is a policy as people write it.
type Document struct {
	Name       string   `json:"name,omitempty" maxLength:"200" doc:"For people"`
	Types      []string `json:"types,omitempty" maxItems:"6" enum:"track,page,screen,identify,group,alias" doc:"Types of the events that it is about; left out: all"`
	Names      []string `json:"names,omitempty" maxItems:"1000" doc:"Names of the events that it is about; left out: all"`
	Sources    []string `json:"sources,omitempty" maxItems:"1000" doc:"Keys of the sources that they came from; left out: all"`
	KeepDays   int      `json:"keep_days" minimum:"1" maximum:"36500" doc:"How many days an event is kept, counted from when it happened"`
	Purpose    string   `json:"purpose,omitempty" maxLength:"2000" doc:"What the events are kept for; it stands in the record of processing"`
	LegalBasis string   `json:"legal_basis,omitempty" maxLength:"2000" doc:"What allows it, such as consent, contract or legitimate interest; it stands in the record of processing"`
}

// Parse reads a policy and checks it. The fault says what is wrong, where, and
// what would mend it.
func Parse(document []byte) (*Document, error) {
	var p Document
	if err := jsondoc.Strict(document, &p); err != nil {
		return nil, invalid("", "the retention policy cannot be read: %v", err)
	}
	return &p, p.Check()
}

// NotKept says that a run was asked for by a policy that nobody keeps.
func NotKept() error {
	return invalid("/policy", "policy: a run takes out what live policies say; PUT /api/v1/retention-policies/{key} keeps this one, and dry_run tries it")
}

// Check tells what is wrong with a policy.
func (p *Document) Check() error {
	if p.KeepDays < 1 || p.KeepDays > MaxDays {
		return invalid("/keep_days", "keep_days is %d: give 1 to %d days; without a policy events are kept for ever", p.KeepDays, MaxDays)
	}
	for _, t := range p.Types {
		if event.TypeOf(t) == 0 {
			return invalid("/types", "%q is no type of event: give track, page, screen, identify, group or alias", t)
		}
	}
	for at, list := range map[string][]string{"/types": p.Types, "/names": p.Names, "/sources": p.Sources} {
		if len(list) > maxItems {
			return invalid(at, "there are %d entries, %d are possible: make two policies", len(list), maxItems)
		}
		if slices.Contains(list, "") {
			return invalid(at, "an entry is empty: take it out; a list that is left out means all")
		}
	}
	if len(p.Name) > 200 || len(p.Purpose) > maxText || len(p.LegalBasis) > maxText {
		return invalid("", "a text is too long: name has up to 200 bytes, purpose and legal_basis up to %d", maxText)
	}
	return nil
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_retention", format, args...).At(at)
}

// Floor says up to when the events that a policy is about are no longer there:
// none that happened before it is taken in again. A floor never falls.
type Floor struct {
	Policy  string        `json:"policy"`
	Types   []string      `json:"types,omitempty"`
	Names   []string      `json:"names,omitempty"`
	Sources []string      `json:"sources,omitempty"`
	Before  clock.Instant `json:"before"`
}

// Floor is what the policy comes to at an instant. It lies at the beginning of a
// day, so that the runs of a day agree.
func (p *Document) Floor(key string, now time.Time) Floor {
	day := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -p.KeepDays)
	return Floor{Policy: key, Types: p.Types, Names: p.Names, Sources: p.Sources, Before: clock.From(day)}
}

// Slack is how much longer than its policy says an event stays before it is
// taken out. A copy of it that is sent again has the time by the clock of that
// day, and must be found to be as old.
const Slack = 24 * time.Hour

// Below tells whether the floor is about an event, which happened before it.
func (f *Floor) Below(e *event.Event) bool {
	return e.Time < f.Before && holds(f.Types, e.Type.String()) && holds(f.Names, e.Name) && holds(f.Sources, e.Source)
}

// Drops tells whether the event is to be taken out.
func (f *Floor) Drops(e *event.Event) bool {
	lower := *f
	lower.Before = f.Before.Add(-Slack)
	return lower.Below(e)
}

func holds(list []string, one string) bool { return len(list) == 0 || slices.Contains(list, one) }

// MayBeAbout tells whether the floor may be about events of a type and a name;
// empty stands for any.
func (f *Floor) MayBeAbout(kind, name string) bool {
	return (kind == "" || holds(f.Types, kind)) && (name == "" || holds(f.Names, name))
}

// about tells whether two floors are about the same events.
func (f *Floor) about(o *Floor) bool {
	return slices.Equal(f.Types, o.Types) && slices.Equal(f.Names, o.Names) && slices.Equal(f.Sources, o.Sources)
}

// Raise gives the floors with those of more policies, and tells whether that
// changed any. What stood higher stays: what is gone does not come back when a
// policy is made longer or taken away.
func Raise(floors, more []Floor) (out []Floor, changed bool) {
	out = slices.Clone(floors)
	for i := range more {
		n := &more[i]
		j := slices.IndexFunc(out, func(f Floor) bool { return f.about(n) })
		switch {
		case j < 0:
			out, changed = append(out, *n), true
		case out[j].Before < n.Before:
			out[j], changed = *n, true
		}
	}
	return out, changed
}

// Below tells whether any of some floors is about an event.
func Below(floors []Floor, e *event.Event) bool {
	return slices.ContainsFunc(floors, func(f Floor) bool { return f.Below(e) })
}
