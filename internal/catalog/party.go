package catalog

import (
	"strings"

	"rapport/internal/event"
)

// partyPrefix begins the register of somebody who told of an entity. It stays
// whatever is put or deleted afterwards: who told once has to know of that.
const partyPrefix = "p:"

func (r *register) party() bool { return strings.HasPrefix(r.name, partyPrefix) }

// Involve notes that somebody told of the entity. Nobody in particular is the
// zero identifier: a command that names no customer.
func (e *Entity) Involve(who event.Identifier, at Stamp, source string) {
	name := partyPrefix
	if who.Value != "" {
		name += who.String()
	}
	for i := range e.fields {
		if e.fields[i].name == name {
			return
		}
	}
	e.field(register{name: name, value: "true", source: source, stamp: at})
}

// Parties are those who told of the entity, and whether somebody did whom it
// does not know.
func (e *Entity) Parties() (known []event.Identifier, others bool) {
	for i := range e.fields {
		text, ok := strings.CutPrefix(e.fields[i].name, partyPrefix)
		switch {
		case !ok:
		case text == "":
			others = true
		default:
			namespace, value, _ := strings.Cut(text, ":")
			known = append(known, event.Identifier{Namespace: namespace, Value: value})
		}
	}
	return known, others
}
