package pipeline

import (
	"context"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Portrait is a person with all that is known, as it is now, for who writes people
// down elsewhere.
type Portrait struct {
	*profile.View
	// Since is when the person came into each of its segments; zero: not known.
	Since  map[string]clock.Instant
	Orders []*catalog.OrderView
}

// Portrait gives the person that an identifier belongs to; nil where nobody is known
// by it.
func (p *Pipeline) Portrait(ctx context.Context, k id.Key) (*Portrait, error) {
	who, err := p.gatherKey(ctx, k)
	if err != nil || who == nil || len(who.members) == 0 {
		return nil, err
	}
	opts, err := p.showing(ctx, who, false)
	if err != nil {
		return nil, err
	}
	whole := profile.Merged(who.partials())
	out := &Portrait{View: whole.View(who.members, opts)}
	if out.Orders, err = p.orders(ctx, whole.OwnOrders(who.members)); err != nil {
		return nil, err
	}
	home := who.home(p)
	if home == nil || p.Force() == 0 {
		return out, nil
	}
	if err := p.settleHome(ctx, home.key); err != nil {
		return nil, err
	}
	return out, p.atHome(ctx, home.key, func(w *people, a *anchor) {
		w.showEvaluated(a, out.View, false, opts.Now)
		out.Since = w.since(a)
	})
}

// Leads tells whether an identifier is the strongest of a person: of all of them one
// does, and it has a row in the state.
func (p *Pipeline) Leads(ctx context.Context, k id.Key) (bool, error) {
	members, err := p.members(ctx, k)
	return err == nil && (len(members) == 0 || members[0].Key() == k), err
}

// orders shows some orders with their lines, in a constant number of readings.
func (p *Pipeline) orders(ctx context.Context, ids []string) ([]*catalog.OrderView, error) {
	keys := make([]id.Key, len(ids))
	for i := range ids {
		keys[i] = catalog.Key(catalog.Order, ids[i])
	}
	list, err := p.copyEntities(ctx, keys)
	if err != nil {
		return nil, err
	}
	var took []id.Key
	for _, o := range list {
		if o != nil {
			if cart, needed := o.CartID(); needed {
				took = append(took, catalog.Key(catalog.Cart, cart))
			}
		}
	}
	carts, err := p.copyEntities(ctx, took)
	if err != nil {
		return nil, err
	}
	out := make([]*catalog.OrderView, 0, len(list))
	for _, o := range list {
		if o == nil {
			continue
		}
		var cart *catalog.Entity
		if _, needed := o.CartID(); needed {
			cart, carts = carts[0], carts[1:]
		}
		if v, ok := o.View(cart).(*catalog.OrderView); ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// since is when a person came into the segments in force that it is in.
func (w *people) since(a *anchor) map[string]clock.Instant {
	out := map[string]clock.Instant{}
	if a.members == nil || a.elsewhere() {
		return out
	}
	for i := range a.members.list {
		x := &a.members.list[i]
		n, ok := w.force.ids[x.id]
		if !ok || !x.member || w.force.active[n].Kind != definition.Segment {
			continue
		}
		c := &w.force.active[n]
		out[c.Key] = x.since
		if x.shadow {
			out[c.Key] = c.since // it came into force since
		}
	}
	return out
}

// Force is the position of the fact that said last which segments and computed
// traits are in force; 0: there was none.
func (p *Pipeline) Force() store.Position { return p.common.force.Load().position }

// Anchors gives the keys of the next identifiers that have a row in the state,
// behind one, at most so many; from the zero key on all of them.
func (p *Pipeline) Anchors(ctx context.Context, after id.Key, most int) ([]id.Key, error) {
	return p.anchorKeys(ctx, bucketPlace{after.Bucket(), after[:]}, most)
}
