// Package identity says who it was: which identifiers count, which of them is
// the strongest, and which belong to one person. It never reads state or time;
// the graph is a function of the facts it is given.
package identity

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"rapport/internal/event"
)

// MaxValue is the longest identifier in bytes; MaxPerEvent how many one event
// may carry. What exceeds them is dropped and counted.
const (
	MaxValue    = 512
	MaxPerEvent = 20
)

// Rules say which namespaces there are, strongest first. A namespace that is
// not listed is weaker than all that are.
type Rules struct {
	Version    int
	Namespaces []Namespace
}

// Namespace is how the identifiers of one namespace behave.
type Namespace struct {
	Name string
	// Fold makes values that differ in case only the same.
	Fold bool
}

// DefaultRules are those of a new instance: user_id, email, phone and then the
// anonymous ids of devices.
func DefaultRules() Rules {
	return Rules{Version: 1, Namespaces: []Namespace{
		{Name: event.UserID},
		{Name: event.Email, Fold: true},
		{Name: event.Phone},
		{Name: event.AnonymousID},
	}}
}

// Priority is the place of a namespace, 0 the strongest.
func (r *Rules) Priority(namespace string) int {
	for i := range r.Namespaces {
		if r.Namespaces[i].Name == namespace {
			return i
		}
	}
	return len(r.Namespaces)
}

// Dropped is an identifier that does not count, and why.
type Dropped struct {
	Identifier event.Identifier
	Reason     string
}

// Choose normalises the identifiers of an event, drops those that name nobody,
// removes doubles and puts the strongest first.
func (r *Rules) Choose(all []event.Identifier) (kept []event.Identifier, dropped []Dropped) {
	kept = make([]event.Identifier, 0, len(all))
	for _, i := range all {
		n, reason := r.Normalise(i)
		switch {
		case reason != "":
			dropped = append(dropped, Dropped{i, reason})
		case slices.Contains(kept, n):
		case len(kept) == MaxPerEvent:
			dropped = append(dropped, Dropped{i, "too_many"})
		default:
			kept = append(kept, n)
		}
	}
	if len(kept) > 1 {
		slices.SortFunc(kept, r.Compare)
	}
	return kept, dropped
}

// Compare orders identifiers by strength, then namespace, then value.
func (r *Rules) Compare(a, b event.Identifier) int {
	return cmp.Or(
		cmp.Compare(r.Priority(a.Namespace), r.Priority(b.Namespace)),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Value, b.Value),
	)
}

// Normalise gives the form of an identifier that is compared and stored, or
// the reason why it names nobody.
func (r *Rules) Normalise(i event.Identifier) (event.Identifier, string) {
	i.Value = strings.TrimSpace(i.Value)
	if p := r.Priority(i.Namespace); p < len(r.Namespaces) && r.Namespaces[p].Fold {
		i.Value = strings.ToLower(i.Value)
	}
	switch {
	case i.Value == "":
		return i, "empty"
	case len(i.Value) > MaxValue:
		return i, "too_long"
	case blocked(i.Value):
		return i, "blocked"
	case i.Namespace == event.Email && !emailShape.MatchString(i.Value):
		return i, "not_an_email"
	}
	return i, ""
}

var (
	emailShape = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	zeros      = regexp.MustCompile(`^[0-]*$`)
)

// nobody lists values that programs send when they know nobody. Sources:
// Segment's suggested blocked values and PostHog's illegal ids.
var nobody = []string{
	"-1", "null", "nil", "none", "nan", "undefined", "anonymous", "guest", "unknown", "n/a",
	"true", "false", "[object object]", "not_authenticated", "distinct_id", "distinctid", "id", "email",
	"test@test.com",
}

func blocked(value string) bool {
	if len(value) <= 16 {
		bare := strings.Trim(value, `"'`)
		if c := bare; c == "" || c[0] == '0' || c[0] == '-' {
			if zeros.MatchString(bare) {
				return true
			}
		}
		for _, n := range nobody {
			if len(n) == len(bare) && strings.EqualFold(n, bare) {
				return true
			}
		}
	}
	return false
}
