package profile

import (
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/clock"
)

// Merge adds all that another partial says. The two must be of different
// anchors: what both folded would count twice.
func (p *Partial) Merge(o *Partial) {
	p.dirty = true
	p.events += o.events
	for i := range p.types {
		p.types[i] += o.types[i]
	}
	p.firstSeen, p.firstReceived = earliest(p.firstSeen, o.firstSeen), earliest(p.firstReceived, o.firstReceived)
	p.lastSeen, p.now = max(p.lastSeen, o.lastSeen), max(p.now, o.now)
	p.truncated |= o.truncated
	p.mergeTraits(o)
	for i := range o.about {
		p.mergeAbout(o.about[i])
	}
	p.names, p.truncated = merge(p.names, o.names, bounded{MaxNames, inNames, p.truncated})
	p.channels, p.truncated = merge(p.channels, o.channels, bounded{MaxChannels, inChannels, p.truncated})
	p.groups, p.truncated = merge(p.groups, o.groups, bounded{MaxGroups, inGroups, p.truncated})
	p.variants, p.truncated = merge(p.variants, o.variants, bounded{MaxVariants, inVariants, p.truncated})
	for i := range o.contacts {
		p.addContact(o.contacts[i])
	}
	if o.loyalty != nil {
		if p.loyalty == nil {
			p.loyalty = &loyalty{}
		}
		p.loyalty.add(o.loyalty)
	}
	p.mergeShown(o.shown)
	for _, h := range o.halves {
		p.addHalfHour(h)
	}
	p.orders = p.mergeEntities(p.orders, o.orders, MaxOrders, inOrders)
	p.carts = p.mergeEntities(p.carts, o.carts, MaxCarts, inCarts)
	p.objects = p.mergeEntities(p.objects, o.objects, MaxObjects, inObjects)
}

// TakeShown adds what was offered by another.
func (p *Partial) TakeShown(o *Partial) { p.mergeShown(o.shown) }

// mergeTraits takes another's registers with their earlier values.
func (p *Partial) mergeTraits(o *Partial) {
	if p.truncated&inTraits != 0 {
		p.stopCounting()
	}
	for i := range o.traits {
		p.mergeTrait(o.traits[i])
	}
	p.mergePast(o.past)
}

func earliest(a, b clock.Instant) clock.Instant {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func (p *Partial) mergeEntities(list, other []*catalog.Entity, limit int, in section) []*catalog.Entity {
	for _, o := range other {
		i, found := slices.BinarySearchFunc(list, o.ID, compareEntity)
		if !found {
			list = slices.Insert(list, i, catalog.NewEntity(o.Kind, o.ID))
		}
		list[i].Merge(o)
	}
	if len(list) > limit {
		list = list[:limit]
		p.truncated |= in
	}
	return list
}

// Entities names the orders, carts and objects that the anchor has to do with.
func (p *Partial) Entities(visit func(kind catalog.Kind, entityID string)) {
	for _, o := range p.orders {
		visit(catalog.Order, o.ID)
	}
	for _, c := range p.carts {
		if c.ID != "" {
			visit(catalog.Cart, c.ID)
		}
	}
	for _, o := range p.objects {
		visit(catalog.Object, o.ID)
	}
}
