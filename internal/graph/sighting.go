package graph

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Whose a shared identifier was at a time follows from sightings: when each of
// its owners was seen on it, the first moment in each quarter of an hour. The
// graph asks an anchor for them once the identifier is shared; from then on the
// anchor says each new one. A sighting is three rows, so that no row grows with
// the number of people: by the moment, by the moment backwards, and by owner and
// quarter of an hour. Who is next to a moment is found without looking at anybody
// else, however many come in a quarter of an hour.
const (
	byTime    = 'm'
	backwards = 'n'
	byOwner   = 'o'
)

func sightingKey(shared id.Key, order byte, at clock.Instant, owner id.Key) []byte {
	b := append(append(make([]byte, 0, 41), shared[:]...), order)
	return append(appendMoment(b, order, at), owner[:]...)
}

// appendMoment appends a moment so that keys stand in the order of moments, or
// the other way round.
func appendMoment(b []byte, order byte, at clock.Instant) []byte {
	n := uint64(at) ^ 1<<63
	if order == backwards {
		n = ^n
	}
	return binary.BigEndian.AppendUint64(b, n)
}

func ownKey(owner, shared id.Key) []byte {
	b := append(append(make([]byte, 0, 37), owner[:]...), byOwner)
	return append(b, shared[:]...)
}

// askOwners asks the stronger of two for its sightings, where the weaker is
// shared.
func (g *Graph) askOwners(a, b *node) {
	if g.owner(b.ident, a.ident) {
		g.ask(a, b.key)
	} else if g.owner(a.ident, b.ident) {
		g.ask(b, a.key)
	}
}

// owner tells that an identifier may own another: its namespace is stronger.
func (g *Graph) owner(shared, by event.Identifier) bool {
	return g.rules.Priority(by.Namespace) < g.rules.Priority(shared.Namespace)
}

// ask asks an anchor, once, when it was seen with an identifier.
func (g *Graph) ask(strong *node, weak id.Key) {
	e := strong.edge(weak)
	if e == nil || e.asked {
		return
	}
	e.asked, e.changed = true, true
	g.touchNode(strong)
	if c := g.find(strong.component); c != nil && !c.asks {
		c.asks, c.mark.fresh = true, true
		g.touchComponent(c)
	}
	q := Sighting{Strong: strong.ident, Weak: e.ident}
	g.asked = append(g.asked, store.Record{
		Kind: store.KindAsk, Bucket: strong.key.Bucket(), Anchor: strong.key, Received: e.received, Payload: q.Append(nil),
	})
}

// askShared asks the owners of what a decision left shared: hubs, and weaker
// ends of edges that a limit refused. Where the last links count it asks for
// all edges that were held against one another.
func (g *Graph) askShared(ctx context.Context, r *region, out *identity.Outcome) error {
	shared := g.leftShared(r, out)
	for _, n := range r.nodes {
		all := out.Replayed && g.rules.Of(n.ident.Namespace).Keep == identity.KeepLast
		if !shared[n.key] && !all {
			continue
		}
		keys := make([]id.Key, 0, len(n.edges))
		for i := range n.edges {
			if g.owner(n.ident, n.edges[i].ident) {
				keys = append(keys, n.edges[i].to)
			}
		}
		if err := g.loadWhole(ctx, keys); err != nil {
			return err
		}
		for _, k := range keys {
			if o, ok := g.nodes.Get(k); ok {
				g.ask(o, n.key)
			}
		}
	}
	return nil
}

// leftShared are the identifiers that a decision left shared.
func (g *Graph) leftShared(r *region, out *identity.Outcome) map[id.Key]bool {
	shared := map[id.Key]bool{}
	for _, n := range r.nodes {
		if n.role == identity.Hub {
			shared[n.key] = true
		}
	}
	for _, x := range out.Refused {
		e := r.edges.Edges[x.Edge]
		u, v := r.nodes[e.U], r.nodes[e.V]
		if said := g.words.Between(u.key, v.key); said != "" && said != identity.MustLink {
			continue
		}
		if g.owner(v.ident, u.ident) {
			shared[v.key] = true
		} else if g.owner(u.ident, v.ident) {
			shared[u.key] = true
		}
	}
	return shared
}

// sight takes what an anchor says of when it was seen on a shared identifier.
func (g *Graph) sight(ctx context.Context, r *store.Record) error {
	s, ok := ReadSighting(r.Payload)
	if !ok {
		return nil // erased since
	}
	strong, weak := s.Strong.Key(), s.Weak.Key()
	if err := g.loadWhole(ctx, []id.Key{strong, weak}); err != nil {
		return err
	}
	a, known := g.nodes.Get(strong)
	b, also := g.nodes.Get(weak)
	if !known || !also {
		return nil
	}
	why := causeOf(r)
	why.a, why.b = s.Strong, s.Weak
	moved := false
	for _, at := range s.Seen {
		fresh, err := g.sightAt(ctx, a, b, at, why)
		if err != nil {
			return err
		}
		moved = moved || fresh
	}
	if !moved && !g.again {
		return nil
	}
	g.touchNode(a)
	g.touchNode(b)
	g.told.changed(a.ident, why)
	if c := g.find(b.component); c != nil && c.cuts != nil && g.rules.Of(b.ident.Namespace).Keep == identity.KeepLast {
		return g.settle(ctx, []id.Key{strong, weak}, why)
	}
	return nil
}

// sightAt takes one moment at which an anchor was seen on a shared identifier,
// and tells whether it says something new.
func (g *Graph) sightAt(ctx context.Context, a, b *node, at clock.Instant, why ground) (fresh bool, err error) {
	mine := binary.BigEndian.AppendUint32(ownKey(a.key, b.key), identity.Slot(at))
	later, err := g.knownSighting(ctx, mine)
	if err != nil {
		return false, err
	}
	// It is written when all are told, so that a batch which fails does so again.
	if fresh = later > at; fresh {
		if err := g.tellNeighbours(ctx, a, b, at, why); err != nil {
			return false, err
		}
		if later != identity.End {
			if err := g.tellNeighbours(ctx, a, b, later, why); err != nil {
				return false, err
			}
		}
		if err := g.tellFirst(ctx, b, at, why); err != nil {
			return false, err
		}
		g.keepSighting(a, b, at, later)
	}
	for _, e := range [...]*arc{a.edge(b.key), b.edge(a.key)} {
		if e != nil && e.sighted(at) {
			e.changed = true
		}
	}
	return fresh, nil
}

// sighted takes a sighting into the last one. It tells whether that changed.
func (e *arc) sighted(at clock.Instant) bool {
	slot, last := identity.Slot(at), identity.Slot(e.last)
	if slot > last || slot == last && at < e.last {
		e.last = at
		return true
	}
	return false
}

// knownSighting is the moment that is known of a quarter of an hour, the end of
// time where there is none.
func (g *Graph) knownSighting(ctx context.Context, mine []byte) (at clock.Instant, err error) {
	at = identity.End
	err = g.more.Scan(ctx, g.state, store.Range{Table: store.TableSightings, Prefix: mine}, func(_, value []byte) bool {
		r := rows.Cursor{B: value}
		at = clock.Instant(r.Varint())
		return false
	})
	return at, err
}

// keepSighting writes the rows of a sighting. Of a quarter of an hour the first
// moment counts: where a later one was known it is gone, else later is the end of
// time.
func (g *Graph) keepSighting(a, b *node, at, later clock.Instant) {
	value := rows.AppendIdentifier(rows.AppendInstants(nil, at), a.ident)
	g.more.Put(store.TableSightings, binary.BigEndian.AppendUint32(ownKey(a.key, b.key), identity.Slot(at)), value)
	for _, order := range [...]byte{byTime, backwards} {
		if later != identity.End {
			g.more.Remove(store.TableSightings, sightingKey(b.key, order, later, a.key))
		}
		g.more.Put(store.TableSightings, sightingKey(b.key, order, at, a.key), value)
	}
}

// owners visits who was seen on a shared identifier from a moment on, in the
// order of moments: that moment first. It leaves out those who cannot own it.
func (g *Graph) owners(ctx context.Context, shared *node, order byte, from clock.Instant, visit func(identity.Sighting) bool) error {
	prefix := append(append(make([]byte, 0, 41), shared.key[:]...), order)
	at := store.Range{Table: store.TableSightings, Prefix: prefix, After: appendMoment(slices.Clone(prefix), order, from)}
	var bad error
	err := g.more.Scan(ctx, g.state, at, func(_, value []byte) bool {
		r := rows.Cursor{B: value}
		s := identity.Sighting{At: clock.Instant(r.Varint()), Owner: r.Identifier()}
		if r.Bad {
			bad = errGraph
			return false
		}
		var may bool
		if may, bad = g.mayOwn(ctx, shared, s.Owner); bad != nil {
			return false
		}
		return !may || visit(s)
	})
	return cmp.Or(err, bad)
}

// mayOwn tells whether an identifier counts as an owner of a shared one.
func (g *Graph) mayOwn(ctx context.Context, shared *node, by event.Identifier) (bool, error) {
	if !g.owner(shared.ident, by) {
		return false, nil
	}
	k := by.Key()
	switch g.words.Between(shared.key, k) {
	case identity.Ignore, identity.CannotLink:
		return false, nil
	}
	if n, ok := g.nodes.Get(k); ok {
		return n.role == identity.Links, nil
	}
	if g.rules.Of(by.Namespace).SharedAbove == 0 && g.said == 0 {
		return !g.rules.Blocks(by), nil
	}
	if err := g.loadNodes(ctx, []id.Key{k}); err != nil {
		return false, err
	}
	n, ok := g.nodes.Get(k)
	return ok && n.role == identity.Links, nil
}

// sharedOf gives what of shared identifiers is a person's.
func (g *Graph) sharedOf(ctx context.Context, members []event.Identifier) ([]Shared, error) {
	keys := make([]id.Key, len(members))
	for i, m := range members {
		keys[i] = m.Key()
	}
	if err := g.loadNodes(ctx, keys); err != nil {
		return nil, err
	}
	asked := map[event.Identifier]bool{}
	for _, k := range keys {
		if n, ok := g.nodes.Get(k); ok {
			g.mayBeShared(n, asked)
		}
	}
	var out []Shared
	for _, i := range slices.SortedFunc(keysOf(asked), g.rules.Compare) {
		owned, err := g.stretches(ctx, i, members)
		if err != nil {
			return nil, err
		}
		if len(owned) == 1 && owned[0] == (Interval{identity.Beginning, identity.End}) && slices.Contains(members, i) {
			continue // all of it is the person's
		}
		if len(owned) > 0 || slices.Contains(members, i) {
			out = append(out, Shared{Identifier: i, Owned: owned})
		}
	}
	return out, nil
}

// mayBeShared tells whether a node, or one around it, may be shared where its
// component is one person.
func (n *node) mayBeShared() bool { return n.role == identity.Hub || n.asks() }

// mayBeShared notes of a node and those around it which may be shared.
func (g *Graph) mayBeShared(n *node, asked map[event.Identifier]bool) {
	if n.role == identity.Hub {
		asked[n.ident] = true
	}
	for i := range n.edges {
		if n.edges[i].asked {
			asked[n.edges[i].ident] = true
		}
	}
	if c := g.find(n.component); c != nil && c.cuts != nil && slices.ContainsFunc(n.edges, func(e arc) bool { return g.owner(n.ident, e.ident) }) {
		asked[n.ident] = true // it may be refused to others
	}
}

func keysOf[K comparable, V any](m map[K]V) func(yield func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
