package profile

import (
	"bytes"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Fold adds an event. It must be called once per message: counts are not
// idempotent, the pipeline knows what is a copy. The portions are for the
// entities' own buckets; an order's or a cart's is already in the partial.
func (p *Partial) Fold(e *event.Event, in Input) []catalog.Portion {
	stamp := catalog.Stamp{Time: e.Time, Priority: in.Priority, Short: in.Short}
	p.dirty = true
	p.count(e)
	p.name(e, in.Names)
	channel := channelOf(e)
	p.channels, p.truncated = note(p.channels, channel, e, in.Names, bounded{MaxChannels, inChannels, p.truncated})
	p.groups, p.truncated = note(p.groups, e.GroupID, e, nil, bounded{MaxGroups, inGroups, p.truncated})
	if !outbound(channel) && !p.foldShown(e) {
		p.halfHour(e.Time)
	}
	p.foldContext(e, stamp, in.Names)
	if e.Type != event.Group {
		p.foldTraits(e, stamp, in.Names)
	}
	p.foldConsent(e, stamp, in.Names)
	p.foldContacts(e, in.Names)
	p.foldLoyalty(e, stamp)
	p.foldVariant(e, in.Names)
	if in.Mapping == nil {
		return nil
	}
	return p.keep(in.Mapping.PortionsOf(e, stamp))
}

func (p *Partial) count(e *event.Event) {
	p.events++
	if int(e.Type) < len(p.types) {
		p.types[e.Type]++
	}
	if p.firstSeen == 0 || e.Time < p.firstSeen {
		p.firstSeen = e.Time
	}
	p.lastSeen = max(p.lastSeen, e.Time)
	if p.firstReceived == 0 || e.ReceivedAt < p.firstReceived {
		p.firstReceived = e.ReceivedAt
	}
	p.now = max(p.now, e.ReceivedAt)
}

func (p *Partial) foldTraits(e *event.Event, stamp catalog.Stamp, names *Names) {
	n := e.Traits.Len()
	if n == 0 {
		return
	}
	if len(p.traits) == 0 { // somebody new, of whom this is perhaps all that is ever said
		p.traits = slices.Grow(p.traits, min(n, MaxTraits))
	}
	e.Traits.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if len(key) > 0 && len(key) <= catalog.MaxID && !bytes.HasPrefix(key, registerPrefix) && len(v.Raw()) <= MaxValueBytes {
			p.trait(key, v, reading{stamp, e.Source, names})
			p.traitContact(key, v, e, names)
		}
		return true
	})
}

// keep takes what a person keeps of its orders and carts, and gives those
// portions that have an entity of their own.
func (p *Partial) keep(portions []catalog.Portion) []catalog.Portion {
	for i := range portions {
		p.ApplyPortion(&portions[i])
	}
	return slices.DeleteFunc(portions, func(c catalog.Portion) bool { return c.ID == "" })
}

// ApplyPortion adds what was said of an order, cart or object of this anchor
// elsewhere, such as by a command. Applying it again changes nothing.
func (p *Partial) ApplyPortion(c *catalog.Portion) {
	switch c.Kind {
	case catalog.Order:
		p.orders = p.entity(p.orders, c, MaxOrders, inOrders)
	case catalog.Cart:
		p.carts = p.entity(p.carts, c, MaxCarts, inCarts)
	case catalog.Object:
		p.objects = p.entity(p.objects, c, MaxObjects, inObjects)
	}
}

func (p *Partial) entity(list []*catalog.Entity, c *catalog.Portion, limit int, in section) []*catalog.Entity {
	i, found := slices.BinarySearchFunc(list, c.ID, compareEntity)
	if !found {
		if i >= limit {
			p.truncated |= in
			p.dirty = true
			return list
		}
		list = slices.Insert(list, i, catalog.NewEntity(c.Kind, c.ID))
	}
	summary := c.Summary()
	list[i].Apply(&summary)
	p.dirty = p.dirty || list[i].Changed()
	if len(list) > limit {
		list = list[:limit]
		p.truncated |= in
	}
	return list
}

func compareEntity(e *catalog.Entity, id string) int { return strings.Compare(e.ID, id) }
