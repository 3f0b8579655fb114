package graph

import (
	"cmp"
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// stretches gives the times in which a shared identifier is a person's: from
// each sighting of one of the person's identifiers to the next of somebody
// else's. It reads as many sightings as the person has, not as there are.
func (g *Graph) stretches(ctx context.Context, shared event.Identifier, members []event.Identifier) ([]Interval, error) {
	k := shared.Key()
	if err := g.loadNodes(ctx, []id.Key{k}); err != nil {
		return nil, err
	}
	n, ok := g.nodes.Get(k)
	if !ok {
		return nil, nil
	}
	if n.role == identity.NamesNobody {
		return unowned(shared, members), nil
	}
	own, err := g.sightings(ctx, n, members)
	if err != nil {
		return nil, err
	}
	first, found, err := g.firstOwner(ctx, n)
	if err != nil {
		return nil, err
	}
	var out []Interval
	if slices.Contains(members, shared) {
		switch {
		case !found: // nobody was seen on it yet
			return []Interval{{identity.Beginning, identity.End}}, nil
		case g.rules.OwnerBefore == identity.OwnerNobody:
			out = append(out, Interval{identity.Beginning, first.At})
		}
	}
	for _, s := range own {
		if len(out) > 0 && s.At < out[len(out)-1].To {
			continue
		}
		to, lost, err := g.nextOwner(ctx, n, s, members)
		if err != nil {
			return nil, err
		}
		if lost {
			continue
		}
		from := s.At
		if s == first && g.rules.OwnerBefore != identity.OwnerNobody {
			from = identity.Beginning
		}
		out = stretched(out, Interval{from, to})
	}
	return out, nil
}

// unowned is all of time for an identifier itself: nobody else has it at any.
func unowned(shared event.Identifier, members []event.Identifier) []Interval {
	if slices.Contains(members, shared) {
		return []Interval{{identity.Beginning, identity.End}}
	}
	return nil
}

// stretched adds a time to those before it, to the last one where they touch.
func stretched(all []Interval, i Interval) []Interval {
	if n := len(all) - 1; n >= 0 && all[n].To == i.From {
		all[n].To = i.To
		return all
	}
	return append(all, i)
}

// sightings are those of a person on a shared identifier, in their order; of
// several at one moment the strongest.
func (g *Graph) sightings(ctx context.Context, shared *node, members []event.Identifier) ([]identity.Sighting, error) {
	var own []identity.Sighting
	for _, m := range members {
		may, err := g.mayOwn(ctx, shared, m)
		if err != nil {
			return nil, err
		}
		if !may {
			continue
		}
		at := store.Range{Table: store.TableSightings, Prefix: ownKey(m.Key(), shared.key)}
		err = g.more.Scan(ctx, g.state, at, func(_, value []byte) bool {
			r := rows.Cursor{B: value}
			own = append(own, identity.Sighting{At: clock.Instant(r.Varint()), Owner: m})
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(own, func(a, b identity.Sighting) int {
		return cmp.Or(cmp.Compare(a.At, b.At), g.rules.Compare(a.Owner, b.Owner))
	})
	return slices.CompactFunc(own, func(a, b identity.Sighting) bool { return a.At == b.At }), nil
}

// firstOwner is who was seen first on a shared identifier.
func (g *Graph) firstOwner(ctx context.Context, shared *node) (first identity.Sighting, found bool, err error) {
	err = g.owners(ctx, shared, byTime, identity.Beginning, func(s identity.Sighting) bool {
		if found && s.At > first.At {
			return false
		}
		if !found || g.rules.Compare(s.Owner, first.Owner) < 0 {
			first, found = s, true
		}
		return true
	})
	return first, found, err
}

// nextOwner is when a shared identifier passes to somebody else. A stronger one
// at the same moment has it from the start: lost.
func (g *Graph) nextOwner(ctx context.Context, shared *node, mine identity.Sighting, members []event.Identifier) (to clock.Instant, lost bool, err error) {
	to = identity.End
	var bad error
	err = g.owners(ctx, shared, byTime, mine.At, func(s identity.Sighting) bool {
		switch {
		case slices.Contains(members, s.Owner):
			return true
		case s.At == mine.At:
			lost = g.rules.Compare(s.Owner, mine.Owner) < 0
			return !lost
		}
		var hidden bool
		if hidden, bad = g.shadowed(ctx, shared, s, members); hidden {
			return true
		}
		to = s.At
		return false
	})
	return to, lost, cmp.Or(err, bad)
}

// shadowed tells that a stronger identifier of the person was seen at the same
// moment as somebody else.
func (g *Graph) shadowed(ctx context.Context, shared *node, s identity.Sighting, members []event.Identifier) (found bool, err error) {
	err = g.owners(ctx, shared, byTime, s.At, func(o identity.Sighting) bool {
		if o.At > s.At {
			return false
		}
		found = slices.Contains(members, o.Owner) && g.rules.Compare(o.Owner, s.Owner) < 0
		return !found
	})
	return found && err == nil, err
}
