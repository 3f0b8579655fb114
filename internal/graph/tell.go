package graph

import (
	"context"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Whose a shared identifier is at a time can change for people who did not
// change themselves: somebody else was seen on it, or counts as an owner no
// more. Their homes have to hear of it.

// tellFirst notes that the one who was there before anybody was seen on a
// shared identifier has another time now.
func (g *Graph) tellFirst(ctx context.Context, shared *node, at clock.Instant, why ground) error {
	first, found, err := g.firstOwner(ctx, shared)
	if err == nil && (!found || first.At >= at) {
		g.told.changed(shared.ident, why)
	}
	return err
}

// tellNeighbours notes that the owners before and after a sighting, and those of
// the same moment, have other stretches now.
func (g *Graph) tellNeighbours(ctx context.Context, a, b *node, at clock.Instant, why ground) error {
	for _, order := range [...]byte{byTime, backwards} {
		next, found := at, false
		err := g.owners(ctx, b, order, at, func(s identity.Sighting) bool {
			switch {
			case s.Owner == a.ident:
				return true
			case s.At != at && !found:
				next, found = s.At, true
			case s.At != at && s.At != next:
				return false
			}
			g.told.changed(s.Owner, why)
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tellAfterOwner notes, of everything that an identifier owned at times, that
// the owners next to it have other stretches now.
func (g *Graph) tellAfterOwner(ctx context.Context, n *node, why ground) error {
	for i := range n.edges {
		e := &n.edges[i]
		if !e.asked {
			continue
		}
		if err := g.loadWhole(ctx, []id.Key{e.to}); err != nil {
			return err
		}
		shared, ok := g.nodes.Get(e.to)
		if !ok {
			continue
		}
		var seen []clock.Instant
		at := store.Range{Table: store.TableSightings, Prefix: ownKey(n.key, e.to)}
		err := g.more.Scan(ctx, g.state, at, func(_, value []byte) bool {
			r := rows.Cursor{B: value}
			seen = append(seen, clock.Instant(r.Varint()))
			return true
		})
		if err != nil {
			return err
		}
		for _, at := range seen {
			if err := g.tellNeighbours(ctx, n, shared, at, why); err != nil {
				return err
			}
			if err := g.tellFirst(ctx, shared, at, why); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellOwners notes that a shared identifier belongs to others now, to anybody
// who was ever seen on it.
func (g *Graph) tellOwners(ctx context.Context, shared *node, why ground) error {
	prefix := append(append([]byte(nil), shared.key[:]...), byTime)
	return g.more.Scan(ctx, g.state, store.Range{Table: store.TableSightings, Prefix: prefix}, func(_, value []byte) bool {
		r := rows.Cursor{B: value}
		r.Varint()
		if owner := r.Identifier(); owner.Value != "" {
			g.told.changed(owner, why)
		}
		return true
	})
}

// tellLost tells the owners next to those who cannot own anything by now.
func (g *Graph) tellLost(ctx context.Context, why ground, ends ...*node) error {
	for _, n := range ends {
		if n.role != identity.Links {
			if err := g.tellAfterOwner(ctx, n, why); err != nil {
				return err
			}
		}
	}
	return nil
}
