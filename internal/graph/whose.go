package graph

import (
	"context"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
)

// Whose says who an identifier belongs to.
type Whose struct {
	Known   bool               // the graph has heard of it
	Members []event.Identifier // strongest first; none where the identifier stands for itself
	// Alone says that none of them is shared with others: nothing but their anchors'
	// states makes the person.
	Alone bool
}

// Person gives the identifiers of the person that has one, strongest first; none
// where the graph does not know it, which then stands for itself.
func (g *Graph) Person(ctx context.Context, k id.Key) ([]event.Identifier, error) {
	all, err := g.People(ctx, []id.Key{k})
	if err != nil {
		return nil, err
	}
	return all[0].Members, nil
}

// Recall brings into memory what is known of people by their strongest identifiers.
// The component of most has the key of that one, and spares People all else.
func (g *Graph) Recall(ctx context.Context, keys []id.Key) error { return g.loadComponents(ctx, keys) }

// People gives for each of some identifiers whose it is. Those of one person
// share one list.
func (g *Graph) People(ctx context.Context, keys []id.Key) ([]Whose, error) {
	var rest []id.Key
	for _, k := range keys {
		if g.allOf(k) == nil {
			rest = append(rest, k)
		}
	}
	if err := g.loadWhole(ctx, rest); err != nil {
		return nil, err
	}
	out, first := make([]Whose, len(keys)), map[*component]int{}
	for i, k := range keys {
		c, alone := g.allOf(k), true
		n, known := g.nodes.Get(k)
		if c == nil && known {
			c = g.find(n.component)
			alone = c != nil && !c.asks && c.cuts == nil && (len(c.members) > 1 || !n.mayBeShared())
		}
		if out[i].Known = known || c != nil; c == nil {
			continue
		}
		if c.cuts == nil {
			if at, seen := first[c]; seen {
				out[i] = out[at]
				continue
			}
			first[c] = i
		}
		members := c.members
		if c.cuts != nil {
			members = c.personOf(n.ident)
		}
		members = slices.Clone(members)
		slices.SortFunc(members, g.rules.Compare)
		out[i].Members, out[i].Alone = members, alone
	}
	return out, nil
}

// allOf gives the component of an identifier by the identifier's key, where that is
// enough: all of it is one person, who shares nothing. nil: the node has to be asked.
func (g *Graph) allOf(k id.Key) *component {
	if c, ok := g.components.Get(k); ok && c.into.IsZero() && c.cuts == nil && !c.asks && len(c.members) > 1 {
		return c
	}
	return nil
}

// Whole gives the identifiers of a person and what of shared identifiers is the person's.
func (g *Graph) Whole(ctx context.Context, k id.Key) (members []event.Identifier, shared []Shared, err error) {
	all, err := g.People(ctx, []id.Key{k})
	if err != nil || len(all[0].Members) == 0 {
		return nil, nil, err
	}
	if !all[0].Alone {
		shared, err = g.sharedOf(ctx, all[0].Members)
	}
	return all[0].Members, shared, err
}

// Identifier is that of a key, empty where it is not known.
func (g *Graph) Identifier(ctx context.Context, k id.Key) (event.Identifier, error) {
	if err := g.loadNodes(ctx, []id.Key{k}); err != nil {
		return event.Identifier{}, err
	}
	if n, ok := g.nodes.Get(k); ok {
		return n.ident, nil
	}
	return event.Identifier{}, nil
}
