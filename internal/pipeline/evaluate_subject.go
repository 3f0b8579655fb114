package pipeline

import (
	"slices"

	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/segment"
)

// subject is a person as the evaluation asks for it. It is valid until
// something of the person changes, or another person is looked at.
type subject struct {
	person *segment.ProfilePerson
	states []*segment.State
}

func (w *people) subject(a *anchor) subject {
	w.states = w.states[:0]
	partial, leaves := w.mine(a)
	if leaves != nil {
		w.states = append(w.states, leaves)
	}
	if a.home != nil && len(a.home.foreign) > 0 {
		partial = a.home.whole(partial)
		for _, f := range a.home.foreign {
			if f.row != nil && f.row.leaves != nil {
				w.states = append(w.states, f.row.leaves)
			}
		}
	}
	w.person.Set(partial, w.identifiers(a), w.rules, consentOf(partial))
	return subject{&w.person, w.states}
}

// consentOf answers what somebody agreed to, of the whole purpose: "granted",
// "denied", or nothing where nothing was said.
func consentOf(partial *profile.Partial) func(purpose string) string {
	return func(purpose string) string {
		said := partial.Consents().Find(purpose, "")
		switch {
		case said == nil:
			return ""
		case said.Status == consent.Granted:
			return "granted"
		}
		return "denied"
	}
}

// whole is what all anchors of a person know together. It is kept until one of
// them changes.
func (h *home) whole(mine *profile.Partial) *profile.Partial {
	if h.merged == nil {
		h.merged = profile.New()
		h.merged.Merge(mine)
		for _, f := range h.foreign {
			if f.row != nil { // else it could not be read; the next batch tries again
				h.merged.Merge(f.row.partial)
			}
		}
	}
	return h.merged
}

// stirred forgets what was made of the parts of a person: one of them changed.
func (a *anchor) stirred() {
	if a.home != nil {
		a.home.merged = nil
	}
}

// identifiers are those of a person, as far as its home knows them: of those
// that the graph counts to it, the ones that were met in what is the person's.
func (w *people) identifiers(a *anchor) []profile.IdentifierSeen {
	ids := w.ids[:0]
	add := func(i event.Identifier) {
		if !slices.ContainsFunc(ids, func(s profile.IdentifierSeen) bool { return s.Identifier == i }) {
			ids = append(ids, profile.IdentifierSeen{Identifier: i})
		}
	}
	if a.home == nil || len(a.home.members) == 0 {
		add(a.ident)
		for i := range a.edges {
			add(a.edges[i].ident)
		}
		w.ids = ids
		return ids
	}
	for _, m := range a.home.members {
		if w.met(a, m) {
			add(m)
		}
	}
	if len(ids) == 0 { // of what they share nothing is theirs
		add(a.ident)
	}
	w.ids = ids
	return ids
}

// met tells whether a member of a home's person was met in what is the person's:
// something happened on it, or it came with another.
func (w *people) met(a *anchor, member event.Identifier) bool {
	if a.ident == member {
		if mine, _ := w.mine(a); len(a.home.foreign) == 0 || !silent(mine) || len(a.told) > 0 {
			return true
		}
	}
	if !a.cutItself() && a.edge(member) != nil {
		return true
	}
	return slices.ContainsFunc(a.home.foreign, func(f foreign) bool {
		return f.row != nil && (f.row.ident == member && !silent(f.row.partial) || f.row.edge(member) != nil)
	})
}

// silent tells a partial of which nothing is known.
func silent(p *profile.Partial) bool {
	if first, _ := p.Seen(); first != 0 {
		return false
	}
	none := true
	p.EachOrder(nil, func(*profile.OrderFact) { none = false }) // that commands told of
	return none
}

// nobody tells a home of which nothing is known: of all that happened on an
// identifier that several share, nothing is its own. It is in no segment and is
// counted nowhere, as no profile of it can be read.
func (a *anchor) nobody() bool {
	if a.received != 0 || len(a.told) > 0 || !a.blank() {
		return false
	}
	return a.home == nil || !slices.ContainsFunc(a.home.foreign, func(f foreign) bool {
		return f.row == nil || f.row.received != 0 || !silent(f.row.partial)
	})
}
