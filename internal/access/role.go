package access

import (
	"slices"
	"strings"
)

// Role is what a member may do, in the words of those who give roles. A member
// may have several: each adds what it may.
type Role string

// The roles, from the one that may least.
const (
	// Viewer sees everything that is not personal, and people with what is
	// personal masked.
	Viewer Role = "viewer"
	// Analyst builds segments and reads results; people stay masked.
	Analyst Role = "analyst"
	// Marketer builds what people get, and may look at a person.
	Marketer Role = "marketer"
	// Developer connects sources and destinations and keeps the plumbing.
	Developer Role = "developer"
	// Privacy answers what people ask for about themselves.
	Privacy Role = "privacy"
	// Admin may do everything, keys and members included.
	Admin Role = "admin"
)

// Roles lists every role.
func Roles() []Role { return []Role{Viewer, Analyst, Marketer, Developer, Privacy, Admin} }

// Area is a part of the product that rights are given for: the tags of the
// API's routes.
type Area string

// The areas.
const (
	Profiles     Area = "profiles"
	Identity     Area = "identity"
	Entities     Area = "entities"
	Segments     Area = "segments"
	Decisions    Area = "decisions"
	Experiments  Area = "experiments"
	Experiences  Area = "experiences"
	Broadcasts   Area = "broadcasts"
	Destinations Area = "destinations"
	Lake         Area = "lake"
	PrivacyDesk  Area = "privacy"
	Imports      Area = "imports"
	Sources      Area = "sources"
	Accounting   Area = "accounting"
	Access       Area = "access"
	Process      Area = "process"
	// Self is what everybody who signed in may do about themselves.
	Self Area = "self"
)

// Areas lists every area.
func Areas() []Area {
	return []Area{
		Profiles, Identity, Entities, Segments, Decisions, Experiments, Experiences, Broadcasts, Destinations,
		Lake, PrivacyDesk, Imports, Sources, Accounting, Access, Process, Self,
	}
}

// rights say the highest scope for each area; an area left out is closed.
type rights map[Area]string

// readable is what everybody reads.
func readable(with rights) rights {
	all := rights{Self: ScopeWrite}
	for _, a := range Areas() {
		if a != Access && a != Self {
			all[a] = ScopeRead
		}
	}
	for a, scope := range with {
		all[a] = scope
	}
	return all
}

// ofRole is the one table of what roles may.
func ofRole(r Role) rights {
	switch r {
	case Viewer:
		return readable(nil)
	case Analyst:
		return readable(rights{Segments: ScopeWrite, Lake: ScopeWrite})
	case Marketer:
		return readable(rights{
			Profiles: ScopeWrite, Entities: ScopeWrite, Segments: ScopeWrite, Decisions: ScopeWrite, Experiments: ScopeWrite,
			Experiences: ScopeWrite, Broadcasts: ScopeWrite, Imports: ScopeWrite, Accounting: ScopeWrite,
		})
	case Developer:
		return readable(rights{
			Identity: ScopeWrite, Entities: ScopeWrite, Decisions: ScopeWrite, Destinations: ScopeWrite, Lake: ScopeWrite,
			Imports: ScopeAdmin, Sources: ScopeAdmin, Accounting: ScopeWrite, Process: ScopeWrite, Experiences: ScopeWrite,
		})
	case Privacy:
		return readable(rights{PrivacyDesk: ScopeAdmin, Identity: ScopeWrite, Profiles: ScopeWrite})
	case Admin:
		all := rights{}
		for _, a := range Areas() {
			all[a] = ScopeAdmin
		}
		return all
	}
	return nil
}

// unmasks tells whether a role may look at what is personal, each look noted.
func (r Role) unmasks() bool { return r == Marketer || r == Privacy || r == Admin }

// level orders the scopes, each holding those before it.
func level(scope string) int {
	return slices.Index([]string{ScopeRead, ScopeWrite, ScopeAdmin}, scope)
}

func (r rights) may(a Area, scope string) bool {
	has, open := r[a]
	return open && level(has) >= level(scope)
}

func checkRoles(roles []Role) error {
	if len(roles) == 0 {
		return invalid("/roles", "no roles: give some of %s", roleNames())
	}
	for _, r := range roles {
		if !slices.Contains(Roles(), r) {
			return invalid("/roles", "unknown role %q: give some of %s", r, roleNames())
		}
	}
	return nil
}

func roleNames() string {
	names := make([]string, 0, len(Roles()))
	for _, r := range Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
