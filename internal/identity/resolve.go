package identity

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
)

// Reason is why a link does not make two identifiers one person.
type Reason string

// The reasons. Limit is followed by the namespace whose limit it is.
const (
	ReasonIgnored     Reason = "ignored"      // an operator: as if never seen
	ReasonCannotLink  Reason = "cannot_link"  // an operator: not one person
	ReasonBlockedNode Reason = "blocked"      // one of the two names nobody
	ReasonHub         Reason = "shared"       // one of the two is of many people
	ReasonLimit       Reason = "limit:"       // the person would have too many
	ReasonQueued      Reason = "not_resolved" // a very large component waits for its turn
)

// Node is an identifier of a component.
type Node struct {
	Identifier event.Identifier
	Key        id.Key
}

// Edge says that two nodes were on one event: when first, and when last. Both
// are event times; duplicates and order of arrival do not change them.
type Edge struct {
	U, V        int // places in the component's nodes
	First, Last clock.Instant
}

// Component is identifiers and what connects them: all that one decision about
// them depends on, beside the rules and the facts.
type Component struct {
	Nodes []Node
	Edges []Edge
	// Roles are what the nodes are, where the caller knows it from more than
	// these edges; else they are found here.
	Roles []Role
}

// Outcome is who is who in a component.
type Outcome struct {
	// People are the nodes of each person, the strongest first; people in the
	// order of their strongest. Every node is in exactly one.
	People [][]int
	// Parts tells which nodes anything connects at all: those of one part have
	// the same number.
	Parts []int
	// Refused are the edges that do not link, with the reason for each.
	Refused []Refusal
	// Replayed tells that a limit or a constraint was broken, so the edges were
	// taken one by one.
	Replayed bool
}

// Refusal is an edge that does not link, by its place.
type Refusal struct {
	Edge   int
	Reason Reason
}

// Role is what a node is to the graph on its own.
type Role uint8

// The roles. A hub is shared by many people and links nobody.
const (
	Links Role = iota
	Hub
	NamesNobody
)

// Role says what a node is, from the identifiers it was seen with. It depends
// on them and on the facts alone, so any part of the graph can be decided with
// the nodes at hand. No others are nil.
func (r *Rules) Role(n Node, facts *Facts, others func(yield func(Node) bool)) Role {
	if facts.single(n.Key, Blocked) || r.Blocks(n.Identifier) {
		return NamesNobody
	}
	if facts.single(n.Key, Shared) {
		return Hub
	}
	mine := r.Priority(n.Identifier.Namespace)
	above := r.Of(n.Identifier.Namespace).SharedAbove
	if above == 0 || others == nil {
		return Links
	}
	var seen []id.Key // one more than allowed at most
	for o := range others {
		p := r.Priority(o.Identifier.Namespace)
		if p >= mine || !r.Namespaces[p].Limit.Unique() {
			continue
		}
		switch facts.Between(n.Key, o.Key) {
		case Ignore, CannotLink:
			continue
		}
		if facts.single(o.Key, Blocked) || r.Blocks(o.Identifier) {
			continue
		}
		if k := facts.stand(o.Key); !slices.Contains(seen, k) {
			if seen = append(seen, k); len(seen) > above {
				return Hub
			}
		}
	}
	return Links
}

// Resolve says who is who: a function of the set of nodes, edges and facts, in
// whatever order they came. Where nothing is broken, what is connected is one
// person. Where a limit or a constraint is broken, the edges of that part are
// taken in a fixed order, and one is accepted if the person it would make keeps
// all limits.
func (r *Rules) Resolve(c Component, facts *Facts) Outcome {
	s := newSolver(r, facts, c)
	s.roles()
	s.sort()
	s.connect()
	s.decide()
	return s.outcome()
}
