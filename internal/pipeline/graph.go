package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/store"
)

// graph is the work of the lane that owns the identity graph, the dead letters
// and the definitions. Its rows of identity say which identifiers were seen
// together and which belong to one person; what is known of them lies with
// their anchors. Read graph_link.go next, then graph_settle.go.
type graph struct {
	*setting
	rules      *identity.Rules // as of the last record applied
	nodes      *hot[*node]
	components *hot[*component]
	edges      edgeCache
	tally      tally
	facts      identity.Facts
	said       int // how many facts were applied: what is cached of them is of this number
	sweeping   sweep

	changedNodes      []*node
	changedComponents []*component
	requests          map[string][]store.Position // privacy requests under way: where they name people
	told              concerns                    // whom the running batch concerns
	large             int                         // edges from which on a component waits for its turn
	asked             []store.Record
	links             []seenLink     // of the running batch
	missing           []id.Key       // room for the keys of rows that are not in memory
	halfway           bool           // a batch failed before all of it was applied
	ends              []id.Key       // room for their keys
	more              overlay        // rows that are read back before they are committed
	rows              []store.Change // rows that are not
	deciding          map[store.Position]bool

	definitions atomic.Pointer[definition.Index] // read without a lock
	defining    map[seriesOf]chan struct{}       // definitions with a change on its way
	rechecked   atomic.Uint64                    // up to where people were evaluated for changed items
	force       atomic.Pointer[force]            // what counts at the lane's position, read without a lock
}

// node is one identifier in the graph.
type node struct {
	key       id.Key
	ident     event.Identifier
	component id.Key // may have been joined to another since: follow into
	role      identity.Role
	spilled   bool // of a hub: further edges lie in rows of their own
	edges     []arc
	places    map[id.Key]int // of edges, where there are many
	mark      mark
}

// arc is one edge, kept at both of its ends.
type arc struct {
	to              id.Key
	ident           event.Identifier
	first, received clock.Instant
	// last is the newest sighting that is known; sightings are known of edges
	// that were asked for.
	last    clock.Instant
	asked   bool
	changed bool
	audit   auditRef // of the merge that it made
}

// component is the identifiers that edges connect. One that was joined to a
// larger one leaves only the way there.
type component struct {
	key     id.Key
	into    id.Key
	members []event.Identifier
	// cuts are how many members each person has, in their order; none where all
	// are one person.
	cuts   []int
	edges  int
	asks   bool // a member shares an identifier with others
	queued bool // it is too large to be resolved at once and waits for its turn
	rules  int  // the version of the rules by which it was resolved
	counts counts
	mark   mark
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
		setting: s, rules: s.book.Current(), nodes: newHot[*node](budget * 3 / 8), components: newHot[*component](budget * 3 / 8),
		edges:    newEdgeCache(budget / 4),
		deciding: map[store.Position]bool{}, defining: map[seriesOf]chan struct{}{},
		requests: map[string][]store.Position{}, told: newConcerns(), large: largeEdges,
	}
	g.definitions.Store(&definition.Index{})
	g.force.Store(&force{})
	return g
}

// apply takes what is said of identity, dead letters, definitions and jobs.
// Who is concerned is told once, when the batch is done.
func (g *graph) apply(ctx context.Context, batch []*store.Record) ([]store.Record, error) {
	if err := g.loadEnds(ctx, batch); err != nil {
		return nil, err
	}
	// A batch that fails half way is applied again: until it is whole its edges
	// are there and perhaps not what follows from them.
	halfway := g.halfway
	g.halfway = true
	for i, r := range batch {
		var err error
		switch r.Kind {
		case store.KindLink:
			if l := &g.links[i]; len(l.strong.value) > 0 && (halfway || !g.knows(l)) {
				err = g.link(ctx, l, causeOf(r))
			}
			g.edges.put(&g.links[i])
		case store.KindSighting:
			err = g.sight(ctx, r)
		case store.KindResolve:
			err = g.resume(ctx, r)
		case store.KindDeadLetter:
			g.bury(r)
		case store.KindUnread:
			err = g.buryUnread(ctx, r)
		case store.KindVerdict:
			err = g.decide(ctx, r)
		case store.KindDefinition:
			g.define(r)
		case store.KindActivation:
			g.activate(r)
		case store.KindRecheck:
			g.recheckedUpTo(r)
		case store.KindJob:
			g.keepJob(r)
		case store.KindPrivacy:
			g.privacy(r)
		case store.KindSuppress:
			g.suppress(r)
		}
		if err != nil {
			return nil, err
		}
	}
	out, err := g.publish(ctx)
	g.halfway = err != nil
	return out, err
}

// loadEnds brings what the links of a batch touch into memory, in few readings:
// the stronger ends, and of links that say something new all else.
func (g *graph) loadEnds(ctx context.Context, batch []*store.Record) error {
	g.links = slices.Grow(g.links[:0], len(batch))[:len(batch)]
	g.ends = g.ends[:0]
	for i, r := range batch {
		g.links[i] = seenLink{}
		if r.Kind != store.KindLink {
			continue
		}
		if l, ok := readLink(r.Payload); ok { // else it was erased since
			g.links[i] = l
			if g.halfway || !g.edges.has(&l) {
				g.ends = append(g.ends, l.strong.key)
			}
		}
	}
	if err := g.loadNodes(ctx, g.ends); err != nil {
		return err
	}
	g.ends = g.ends[:0]
	for i := range g.links {
		l := &g.links[i]
		if len(l.strong.value) == 0 || !g.halfway && g.knows(l) {
			continue
		}
		g.ends = append(g.ends, l.strong.key)
		if len(l.weak.value) > 0 {
			g.ends = append(g.ends, l.weak.key)
		}
	}
	return g.loadWhole(ctx, g.ends)
}

// knows tells that a link says nothing new. What follows from its edge followed
// when the edge was seen first, or from what changed since.
func (g *graph) knows(l *seenLink) bool {
	if g.edges.has(l) {
		return true
	}
	n, ok := g.nodes.get(l.strong.key)
	if !ok || len(l.weak.value) == 0 {
		return ok
	}
	e := n.edge(l.weak.key)
	return e != nil && l.first >= e.first && l.received >= e.received
}

// loadWhole loads nodes and the components they are in.
func (g *graph) loadWhole(ctx context.Context, nodes []id.Key) error {
	if err := g.loadNodes(ctx, nodes); err != nil {
		return err
	}
	components := make([]id.Key, 0, len(nodes))
	for _, k := range nodes {
		if n, ok := g.nodes.get(k); ok {
			components = append(components, n.component)
		}
	}
	return g.loadComponents(ctx, components)
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

// node gives the row of an identifier. A new one is in no component yet.
func (g *graph) node(name *namedKey) (n *node, fresh bool) {
	k := name.key
	if n, ok := g.nodes.get(k); ok {
		return n, false
	}
	ident := name.ident(g.rules)
	n = &node{key: k, ident: ident, component: k, mark: mark{fresh: true}}
	n.role = g.rules.Role(identity.Node{Identifier: ident, Key: k}, &g.facts, func(func(identity.Node) bool) {})
	g.nodes.put(k, n, n.size())
	g.touchNode(n)
	g.tally.Identifiers++
	g.tally.changed = true
	if ident.Namespace != event.AnonymousID {
		g.rows = append(g.rows, commonRow(store.TableLookup, lookupKey(ident), store.Put, k[:]))
	}
	return n, true
}

func (g *graph) newComponent(k id.Key, members []event.Identifier) *component {
	c := &component{key: k, members: members, rules: g.rules.Version, mark: mark{fresh: true}}
	if old, ok := g.components.get(k); ok {
		// Not its key: a commit may be reading it.
		old.into, old.members, old.cuts, old.edges = id.Key{}, members, nil, 0
		old.asks, old.queued, old.rules, old.counts = false, false, c.rules, counts{}
		old.mark.fresh, old.mark.saved = true, 0
		c = old
	} else {
		g.components.put(k, c, c.size())
	}
	g.touchComponent(c)
	return c
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
	g.missing = g.missing[:0]
	for _, k := range keys {
		if !known(k) {
			g.missing = append(g.missing, k)
		}
	}
	if len(g.missing) == 0 {
		return nil
	}
	g.missing = sortedKeys(g.missing)
	missing := make([]store.RowKey, len(g.missing))
	for i := range g.missing {
		missing[i] = store.RowKey{Table: t, Bucket: id.CommonBucket, Key: g.missing[i][:]}
	}
	rows, err := g.store.State().Load(ctx, missing)
	if err != nil {
		return fmt.Errorf("load %d rows of the graph: %w", len(missing), err)
	}
	for i, parts := range rows {
		if parts == nil {
			continue
		}
		if err := adopt(g.missing[i], parts); err != nil {
			return err
		}
	}
	return nil
}
