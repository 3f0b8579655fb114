package pipeline

import (
	"context"
	"slices"

	"rapport/internal/profile"
)

// PersonOrders gives the ids of the orders that a person's events and commands
// named, sorted.
func (p *Pipeline) PersonOrders(ctx context.Context, ref string) ([]string, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, partial := range who.partials() {
		partial.EachOrder(who.members, func(o *profile.OrderFact) { ids = append(ids, o.ID) })
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
