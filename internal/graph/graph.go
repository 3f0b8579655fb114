package graph

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Graph says which identifiers were seen together and which belong to one
// person. It is owned by one worker, whose commits carry its rows. Read
// link.go next, then settle.go.
type Graph struct {
	state      store.State
	book       *Rulebook
	log        *slog.Logger
	rules      *identity.Rules // as of the last record applied
	nodes      *rows.Cache[*node]
	components *rows.Cache[*component]
	edges      edgeCache
	loose      looseEdges
	absent     map[id.Key]bool // nodes that are neither in memory nor in the store; some of them
	count      Counts          // since it was asked last
	words      identity.Facts
	said       int // how many facts were applied: what is cached of them is of this number
	sweeping   Sweep

	changedNodes      []*node
	changedComponents []*component
	told              concerns // whom the running batch concerns
	large             int      // edges from which on a component waits for its turn
	asked             []store.Record
	links             []seenLink     // of the running batch
	missing           []id.Key       // room for the keys of rows that are not in memory
	asking            []store.RowKey // room for the same as the store is asked
	halfway           bool           // a batch failed before all of it was applied
	again             bool           // the running batch is one that failed before
	half              *[2]id.Key     // the ends of the link on which it did
	ends              []id.Key       // room for their keys
	more              rows.Overlay   // rows that are read back before they are committed
	rows              []store.Change // rows that are not
}

// Config is what a graph is made of.
type Config struct {
	State  store.State // where its rows are read; the owner commits them
	Book   *Rulebook
	Log    *slog.Logger
	Budget int // bytes of rows in memory
}

// Counts is what became of identifiers.
type Counts struct{ Identifiers, Merges, Splits, Oversized uint64 }

// node is one identifier in the graph.
type node struct {
	key       id.Key
	ident     event.Identifier
	component id.Key // may have been joined to another since: follow into
	role      identity.Role
	spilled   bool // of a hub: further edges lie in rows of their own
	edges     []arc
	first     [1]arc         // where the edge lies that most have alone
	places    map[id.Key]int // of edges, where there are many
	mark      mark
}

func newNode(k id.Key) *node {
	n := &node{key: k}
	n.edges = n.first[:0]
	return n
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

// New makes a graph. Load reads what was committed.
func New(c Config) *Graph {
	g := &Graph{
		state: c.State, book: c.Book, log: c.Log, rules: c.Book.Current(),
		nodes: rows.NewCache[*node](c.Budget / 4), components: rows.NewCache[*component](c.Budget / 2),
		edges: newEdgeCache(c.Budget / 4), large: largeEdges, absent: map[id.Key]bool{},
	}
	g.told.begin()
	g.nodes.Came = func(k id.Key) { delete(g.absent, k) }
	return g
}

// Load reads what operators said and how far other rules have got, and writes rows
// of an older form anew; version is
// that of the rules of today, 0 where none were defined.
func (g *Graph) Load(ctx context.Context, version int) error {
	if version > 0 {
		g.book.use(version)
	}
	g.rules = g.book.Current()
	return errors.Join(g.loadFacts(ctx), g.loadSweep(ctx), g.loadForm(ctx))
}

// Begin prepares for a batch: what its records touch is read in few readings.
// Then each of its records that concerns the graph is applied, and at the end
// the batch is published.
func (g *Graph) Begin(ctx context.Context, batch []*store.Record) error {
	if err := g.loadEnds(ctx, batch); err != nil {
		return err
	}
	// A batch that fails half way is applied again: until it is whole its edges
	// are there and perhaps not what follows from them.
	g.again, g.halfway = g.halfway, true
	return nil
}

// Apply takes a link, a sighting or a turn, by its place in the batch. Who is
// concerned is told once, when the batch is done.
func (g *Graph) Apply(ctx context.Context, i int, r *store.Record) error {
	switch r.Kind {
	case store.KindLink:
		return g.see(ctx, &g.links[i], causeOf(r))
	case store.KindSighting:
		return g.sight(ctx, r)
	case store.KindResolve:
		return g.resume(ctx, r)
	}
	return nil
}

// see applies a link.
func (g *Graph) see(ctx context.Context, l *seenLink, why ground) error {
	defer g.edges.put(l)
	switch {
	case len(l.strong.value) == 0, l.known, !g.again && g.knows(l), l.loose && g.takeLoose(l, why):
		return nil
	case l.loose: // what came before it in the batch was about the same
		if err := g.loadWhole(ctx, []id.Key{l.strong.key, l.weak.key}); err != nil {
			return err
		}
	}
	return g.link(ctx, l, why)
}

// Counted gives what was counted since it was asked last.
func (g *Graph) Counted() Counts {
	c := g.count
	g.count = Counts{}
	return c
}

// loadEnds brings what the links of a batch touch into memory, in few readings:
// the stronger ends, and of links that say something new all else.
func (g *Graph) loadEnds(ctx context.Context, batch []*store.Record) error {
	g.readLinks(batch)
	if !g.halfway {
		if err := g.findLoose(ctx); err != nil {
			return err
		}
	}
	g.ends = g.ends[:0]
	for i := range g.links {
		if l := &g.links[i]; len(l.strong.value) > 0 && !l.loose && !l.known {
			g.ends = append(g.ends, l.strong.key)
		}
	}
	if err := g.loadNodes(ctx, g.ends); err != nil {
		return err
	}
	g.ends = g.ends[:0]
	for i := range g.links {
		l := &g.links[i]
		if len(l.strong.value) == 0 || l.loose || l.known || !g.halfway && g.knows(l) {
			continue
		}
		g.ends = append(g.ends, l.strong.key)
		if len(l.weak.value) > 0 {
			g.ends = append(g.ends, l.weak.key)
		}
	}
	return g.loadWhole(ctx, g.ends)
}

// readLinks reads the links of a batch, each to its place, and says once which of
// them are known: an edge may have to leave the memory for another of the batch.
func (g *Graph) readLinks(batch []*store.Record) {
	g.links = slices.Grow(g.links[:0], len(batch))[:len(batch)]
	for i, r := range batch {
		g.links[i] = seenLink{}
		if r.Kind != store.KindLink {
			continue
		}
		if l, ok := readLink(r.Payload); ok { // else it was erased since
			l.known = !g.halfway && g.edges.has(&l)
			g.links[i] = l
		}
	}
}

// knows tells that a link says nothing new. What follows from its edge followed
// when the edge was seen first, or from what changed since.
func (g *Graph) knows(l *seenLink) bool {
	if g.edges.has(l) {
		return true
	}
	n, ok := g.nodes.Get(l.strong.key)
	if !ok || len(l.weak.value) == 0 {
		return ok
	}
	e := n.edge(l.weak.key)
	return e != nil && l.first >= e.first && l.received >= e.received
}

// find follows joined components to the one that holds their members now.
func (g *Graph) find(k id.Key) *component {
	for {
		c, ok := g.components.Get(k)
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
func (g *Graph) node(name *namedKey) (n *node, fresh bool) {
	k := name.key
	if n, ok := g.nodes.Get(k); ok {
		return n, false
	}
	ident := name.ident(g.rules)
	n = newNode(k)
	n.ident, n.component, n.mark.fresh = ident, k, true
	n.role = g.rules.Role(identity.Node{Identifier: ident, Key: k}, &g.words, nil)
	g.nodes.Put(k, n, n.size())
	g.touchNode(n)
	g.count.Identifiers++
	if ident.Namespace != event.AnonymousID {
		g.rows = append(g.rows, rows.Common(store.TableLookup, lookupKey(ident), store.Put, k[:]))
	}
	return n, true
}

func (g *Graph) newComponent(k id.Key, members []event.Identifier) *component {
	c := &component{key: k, members: members, rules: g.rules.Version, mark: mark{fresh: true}}
	if old, ok := g.components.Get(k); ok {
		// Not its key: a commit may be reading it.
		old.into, old.members, old.cuts, old.edges = id.Key{}, members, nil, 0
		old.asks, old.queued, old.rules, old.counts = false, false, c.rules, counts{}
		old.mark.fresh, old.mark.saved = true, 0
		c = old
	} else {
		g.components.Put(k, c, c.size())
	}
	g.touchComponent(c)
	return c
}

func (g *Graph) touchNode(n *node) {
	if !n.mark.changed {
		n.mark.changed = true
		g.changedNodes = append(g.changedNodes, n)
	}
}

func (g *Graph) touchComponent(c *component) {
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
