package profile

import (
	"bytes"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Has tells whether an identifier is one of the person's.
func (v *View) Has(i event.Identifier) bool {
	for j := range v.Identifiers {
		if v.Identifiers[j].Identifier == i {
			return true
		}
	}
	return false
}

// Knows tells that an event says nothing of the person that is not so already:
// no other identifier, and no trait with another value.
func (v *View) Knows(e *event.Event) bool {
	for _, i := range e.Identifiers {
		if !v.Has(i) {
			return false
		}
	}
	equal := true
	var buf []byte
	e.Traits.EachBytes(func(key []byte, value jsondoc.Value) bool {
		now, ok := v.Traits[string(key)]
		if value.IsNull() {
			equal = !ok
			return equal
		}
		buf = jsondoc.AppendCanonical(buf[:0], value)
		equal = ok && bytes.Equal(buf, now)
		return equal
	})
	return equal
}

// Learn makes of the view what it is once an event is applied that says who the
// person is, where no rule prefers what others say.
func (v *View) Learn(e *event.Event) {
	for _, i := range e.Identifiers {
		if !v.Has(i) {
			v.Identifiers = append(v.Identifiers, IdentifierSeen{Identifier: i, FirstSeen: e.Time, LastSeen: e.Time})
		}
	}
	e.Traits.EachBytes(func(key []byte, value jsondoc.Value) bool {
		if value.IsNull() {
			delete(v.Traits, string(key))
		} else {
			v.Traits[string(key)] = jsondoc.AppendCanonical(nil, value)
		}
		return true
	})
}
