package pipeline

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// graph is the work of the lane that owns the identity graph, the dead letters
// and the definitions. Its rows of identity say which identifiers were seen
// together and which belong to one person; what is known of them lies with
// their anchors.
type graph struct {
	*setting
	nodes      *hot[*node]
	components *hot[*component]
	tally      tally

	changedNodes      []*node
	changedComponents []*component
	requests          map[string][]store.Position // privacy requests under way: where they name people
	joined            joins                       // what the running batch joined
	rows              []store.Change
	deciding          map[store.Position]bool // dead letters with a verdict on its way

	definitions atomic.Pointer[definition.Index] // read without a lock
	defining    map[seriesOf]chan struct{}       // definitions with a change on its way
	force       atomic.Pointer[force]            // what counts at the lane's position, read without a lock
}

// node is one identifier in the graph.
type node struct {
	key       id.Key
	ident     event.Identifier
	component id.Key // may have been joined to another since: follow into
	edges     []arc
	mark      mark
}

// arc is one edge, kept at both of its ends.
type arc struct {
	to              id.Key
	first, received clock.Instant
}

// component is the identifiers that edges connect. One that was joined to a
// larger one leaves only the way there.
type component struct {
	key     id.Key
	into    id.Key
	members []event.Identifier
	mark    mark
}

// mark is what a row knows of its own writing.
type mark struct {
	fresh   bool // the next part is a full one
	changed bool
	parts   int
	saved   int // entries that earlier parts carry
}

func newGraph(s *setting, budget int) *graph {
	g := &graph{
		setting: s, nodes: newHot[*node](budget / 2), components: newHot[*component](budget / 2),
		requests: map[string][]store.Position{}, deciding: map[store.Position]bool{}, defining: map[seriesOf]chan struct{}{}, joined: joins{},
	}
	g.definitions.Store(&definition.Index{})
	g.force.Store(&force{})
	return g
}

// apply takes links, dead letters and definitions. A link changes the two nodes
// and at most two components, whatever their size.
func (g *graph) apply(ctx context.Context, batch []*store.Record) ([]store.Record, error) {
	links := make([]link, len(batch))
	var nodes, components []id.Key
	for i, r := range batch {
		if r.Kind != store.KindLink {
			continue
		}
		l, ok := readLink(r.Payload)
		if !ok {
			continue // erased since
		}
		links[i] = l
		nodes = append(nodes, l.strong.Key())
		if l.weak.Value != "" {
			nodes = append(nodes, l.weak.Key())
		}
	}
	if err := g.loadNodes(ctx, nodes); err != nil {
		return nil, err
	}
	for _, k := range nodes {
		if n, ok := g.nodes.get(k); ok {
			components = append(components, n.component)
		}
	}
	if err := g.loadComponents(ctx, components); err != nil {
		return nil, err
	}
	for i, r := range batch {
		switch r.Kind {
		case store.KindLink:
			if links[i].strong.Value != "" {
				g.link(&links[i], r.Position)
			}
		case store.KindDeadLetter:
			g.bury(r)
		case store.KindVerdict:
			g.decide(r)
		case store.KindDefinition:
			g.define(r)
		case store.KindActivation:
			g.activate(r)
		case store.KindJob:
			g.keepJob(r)
		case store.KindPrivacy:
			g.privacy(r)
		}
	}
	return g.publish(), nil
}

// link adds an edge and joins the components of its ends.
func (g *graph) link(l *link, at store.Position) {
	a := g.node(l.strong)
	if l.weak.Value == "" {
		return
	}
	b := g.node(l.weak)
	a.connect(b.key, l.first, l.received)
	b.connect(a.key, l.first, l.received)
	g.touchNode(a)
	g.touchNode(b)
	ca, cb := g.find(a.component), g.find(b.component)
	if ca == nil || cb == nil || ca == cb {
		return
	}
	g.joined.note(ca, cb, l.received, at, g.rules)
	if len(ca.members) < len(cb.members) {
		ca, cb = cb, ca
	}
	ca.members = append(ca.members, cb.members...)
	cb.members, cb.into, cb.mark.fresh = nil, ca.key, true
	g.touchComponent(ca)
	g.touchComponent(cb)
}

func (n *node) connect(to id.Key, first, received clock.Instant) {
	for i := range n.edges {
		if e := &n.edges[i]; e.to == to {
			if first < e.first || received < e.received {
				e.first, e.received = min(e.first, first), min(e.received, received)
				n.mark.fresh = true
			}
			return
		}
	}
	n.edges = append(n.edges, arc{to, first, received})
}

// find follows joined components to the one that holds their members now.
func (g *graph) find(k id.Key) *component {
	for {
		c, ok := g.components.get(k)
		if !ok {
			return nil
		}
		if c.into.IsZero() {
			return c
		}
		k = c.into
	}
}

// node gives the row of an identifier; a new one is a component of its own.
func (g *graph) node(ident event.Identifier) *node {
	k := ident.Key()
	if n, ok := g.nodes.get(k); ok {
		return n
	}
	n := &node{key: k, ident: ident, component: k, mark: mark{fresh: true}}
	g.nodes.put(k, n, n.size())
	g.touchNode(n)
	c := &component{key: k, members: []event.Identifier{ident}, mark: mark{fresh: true}}
	g.components.put(k, c, c.size())
	g.touchComponent(c)
	if ident.Namespace != event.AnonymousID {
		g.rows = append(g.rows, commonRow(store.TableLookup, lookupKey(ident), store.Put, k[:]))
	}
	return n
}

func (g *graph) touchNode(n *node) {
	if !n.mark.changed {
		n.mark.changed = true
		g.changedNodes = append(g.changedNodes, n)
	}
}

func (g *graph) touchComponent(c *component) {
	if !c.mark.changed {
		c.mark.changed = true
		g.changedComponents = append(g.changedComponents, c)
	}
}

// lookupKey is the row by which an identifier is found from the beginning of
// its value, whatever its case.
func lookupKey(i event.Identifier) []byte {
	b := append([]byte(strings.ToLower(i.Value)), 0)
	return append(b, i.Namespace...)
}

func commonRow(t store.Table, key []byte, op store.Op, value []byte) store.Change {
	return store.Change{RowKey: store.RowKey{Table: t, Bucket: id.CommonBucket, Key: key}, Op: op, Value: value}
}

func (g *graph) loadNodes(ctx context.Context, keys []id.Key) error {
	return g.loadRows(ctx, store.TableNodes, keys, func(k id.Key) bool {
		_, ok := g.nodes.get(k)
		return ok
	}, func(k id.Key, parts [][]byte) error {
		n, err := readNode(k, parts)
		if err == nil {
			g.nodes.put(k, n, n.size())
		}
		return err
	})
}

// loadComponents also loads what the components were joined to; a chain is as
// long as the logarithm of what was joined.
func (g *graph) loadComponents(ctx context.Context, keys []id.Key) error {
	for len(keys) > 0 {
		err := g.loadRows(ctx, store.TableComponents, keys, func(k id.Key) bool {
			_, ok := g.components.get(k)
			return ok
		}, func(k id.Key, parts [][]byte) error {
			c, err := readComponent(k, parts)
			if err == nil {
				g.components.put(k, c, c.size())
			}
			return err
		})
		if err != nil {
			return err
		}
		var next []id.Key
		for _, k := range keys {
			if c, ok := g.components.get(k); ok && !c.into.IsZero() {
				next = append(next, c.into)
			}
		}
		keys = next
	}
	return nil
}

func (g *graph) loadRows(ctx context.Context, t store.Table, keys []id.Key, known func(id.Key) bool, adopt func(id.Key, [][]byte) error) error {
	var missing []store.RowKey
	asked := map[id.Key]bool{}
	for _, k := range keys {
		if !asked[k] && !known(k) {
			asked[k] = true
			missing = append(missing, store.RowKey{Table: t, Bucket: id.CommonBucket, Key: append([]byte(nil), k[:]...)})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := g.store.State().Load(ctx, missing)
	if err != nil {
		return fmt.Errorf("load %d rows of the graph: %w", len(missing), err)
	}
	for i, parts := range rows {
		if parts == nil {
			continue
		}
		if err := adopt(id.Key(missing[i].Key), parts); err != nil {
			return err
		}
	}
	return nil
}
