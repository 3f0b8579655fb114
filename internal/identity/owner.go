package identity

import (
	"cmp"
	"math"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// A shared identifier belongs to nobody for good. What happened on it and names
// nobody stronger is given to the owner who was seen on it last at or before,
// else to the first after.

// SightingLength is the resolution of sightings: of an owner the first moment
// in each quarter of an hour is kept.
const SightingLength = clock.Instant(15 * 60 * 1_000_000)

// Slot is the quarter of an hour in which a moment is.
func Slot(at clock.Instant) uint32 { return uint32(at / SightingLength) }

// Sighting says that an owner was seen on a shared identifier.
type Sighting struct {
	At    clock.Instant
	Owner event.Identifier
}

// Stretch is a time in which a shared identifier is an owner's: From is in it,
// To is not.
type Stretch struct {
	From, To clock.Instant
	Owner    event.Identifier
}

// The ends of time.
const (
	Beginning = clock.Instant(math.MinInt64)
	End       = clock.Instant(math.MaxInt64)
)

// Stretches cuts the time of a shared identifier into those of its owners, in
// their order. Of owners seen at one moment the strongest counts. Where the
// rules give nobody the time before the first sighting, nobody has it.
func (r *Rules) Stretches(sightings []Sighting) []Stretch {
	all := slices.Clone(sightings)
	slices.SortFunc(all, func(a, b Sighting) int {
		return cmp.Or(cmp.Compare(a.At, b.At), r.Compare(a.Owner, b.Owner))
	})
	var out []Stretch
	for i, s := range all {
		if i > 0 && all[i-1].At == s.At {
			continue // a stronger owner has this moment
		}
		if n := len(out); n > 0 {
			if out[n-1].Owner == s.Owner {
				continue
			}
			out[n-1].To = s.At
		}
		out = append(out, Stretch{From: s.At, To: End, Owner: s.Owner})
	}
	if len(out) > 0 && r.OwnerBefore != OwnerNobody {
		out[0].From = Beginning
	}
	return out
}

// OwnerAt is whose a shared identifier was; none where nobody's.
func OwnerAt(stretches []Stretch, at clock.Instant) event.Identifier {
	i, found := slices.BinarySearchFunc(stretches, at, func(s Stretch, at clock.Instant) int { return cmp.Compare(s.From, at) })
	if !found {
		i--
	}
	if i < 0 {
		return event.Identifier{}
	}
	return stretches[i].Owner
}
