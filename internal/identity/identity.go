// Package identity says who it was: which identifiers count, which of them is
// the strongest, and which belong to one person. It never reads state or time;
// the graph is a function of the facts it is given. Start reading at rules.go,
// then resolve.go.
package identity

import (
	"cmp"
	"slices"

	"rapport/internal/event"
)

// MaxValue is the longest identifier in bytes; MaxPerEvent how many one event
// may carry. What exceeds them is dropped and counted.
const (
	MaxValue    = 512
	MaxPerEvent = 20
)

// Dropped is an identifier that does not count, and why.
type Dropped struct {
	Identifier event.Identifier
	Reason     string
}

// Choose normalises the identifiers of an event, drops those that name nobody,
// removes doubles and puts the strongest first. Of too many the strongest stay.
func (r *Rules) Choose(all []event.Identifier) (kept []event.Identifier, dropped []Dropped) {
	kept = make([]event.Identifier, 0, len(all))
	for _, i := range all {
		n, reason := r.Normalise(i)
		switch {
		case reason != "":
			dropped = append(dropped, Dropped{i, reason})
		case !slices.Contains(kept, n):
			kept = append(kept, n)
		}
	}
	if len(kept) > 1 {
		slices.SortFunc(kept, r.Compare)
	}
	if len(kept) > MaxPerEvent {
		for _, i := range kept[MaxPerEvent:] {
			dropped = append(dropped, Dropped{i, ReasonTooMany})
		}
		kept = kept[:MaxPerEvent]
	}
	return kept, dropped
}

// Compare orders identifiers by strength, then namespace, then value.
func (r *Rules) Compare(a, b event.Identifier) int {
	if a.Namespace != b.Namespace {
		return cmp.Or(cmp.Compare(r.Priority(a.Namespace), r.Priority(b.Namespace)), cmp.Compare(a.Namespace, b.Namespace))
	}
	return cmp.Compare(a.Value, b.Value)
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

// Of gives how the identifiers of a namespace behave. One that the rules do not
// list is taken as it comes and has no limits.
func (r *Rules) Of(namespace string) *Namespace {
	if p := r.Priority(namespace); p < len(r.Namespaces) {
		return &r.Namespaces[p]
	}
	return &Namespace{Name: namespace}
}
