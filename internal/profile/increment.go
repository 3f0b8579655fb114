package profile

import "rapport/internal/clock"

// increment, beside the version, begins a part that is merged into what the
// parts before it say, where every other part replaces what it speaks of.
const increment = 0x80

// Times are where in time a state stands, as far as what comes next depends on
// it.
type Times struct {
	LastSeen  clock.Instant // the last event
	LastActed clock.Instant // the last thing that the person did
	Now       clock.Instant // the latest instant known to have passed
}

// Times tells where the state stands.
func (p *Partial) Times() Times {
	return Times{LastSeen: p.lastSeen, LastActed: p.lastActed(), Now: p.now}
}

// After is a state without events that stands in time where another's stands.
// What is folded into it and then merged into the other gives what folding into
// the other would have given.
func After(t Times) *Partial { return &Partial{lastSeen: t.LastSeen, acted: t.LastActed, now: t.Now} }

// Restart makes of the state what After gives, in the room that it has: what was
// folded into it, or merged from it into others, is theirs alone from then on.
func (p *Partial) Restart(t Times) {
	*p = Partial{
		lastSeen: t.LastSeen, acted: t.LastActed, now: t.Now,
		traits: empty(p.traits), past: empty(p.past), about: empty(p.about), names: empty(p.names),
		channels: empty(p.channels), groups: empty(p.groups), contacts: empty(p.contacts), variants: empty(p.variants), halves: empty(p.halves),
		orders: empty(p.orders), carts: empty(p.carts), objects: empty(p.objects),
	}
}

// empty keeps the room of a list and nothing of what was in it.
func empty[T any](list []T) []T {
	clear(list)
	return list[:0]
}

// AppendIncrement appends the whole state as a part that is merged into the
// parts before it, and forgets what was changed.
func (p *Partial) AppendIncrement(b []byte) []byte {
	at := len(b)
	b = p.encode(b, true)
	b[at] |= increment
	return b
}
