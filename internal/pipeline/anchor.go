package pipeline

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/profile"
	"rapport/internal/segment"
	"rapport/internal/store"
)

// chunkEntries is how many timeline entries make a chunk; the last, unfinished
// chunk travels with the anchor's row.
const chunkEntries = 128

// anchor is what is kept of one identifier that was the strongest on some
// event: its partial state, the weaker identifiers it met, and its timeline.
type anchor struct {
	key     id.Key
	ident   event.Identifier
	partial *profile.Partial
	edges   []edge
	open    []profile.Entry // the unfinished chunk
	shorts  []uint64        // the messages of open, next to one another to be looked through
	chunks  uint32          // finished chunks, pending ones included
	pending []chunk         // finished chunks that are not committed yet
	recent  map[uint64]profile.Entry
	known   *shorts       // messages of the first finished chunks; nil: not in memory
	timer   clock.Instant // when time alone changes the partial; armed when not zero

	received clock.Instant    // the first time the door took an event of it
	copies   uint32           // events that were copies of others
	told     []store.Position // portions of commands, to fold again
	bases    []baseRef        // what the events came to that it no longer has, one of each source; never changed in place
	linked   bool             // the graph knows the identifier

	home    *home          // whose person it is of; nil where it was never linked
	version store.Position // the last record applied to it; only where its home is elsewhere
	sharing bool           // on the worker's list of anchors to send home
	news    clock.Instant  // the newest event that was not sent home; newsHistorical: all of them are history

	leaves      *segment.State // what conditions keep of its events; nil: nothing
	leavesWhole bool           // the next part of the row carries all of it
	members     *memberships   // of a home; nil: never evaluated
	waiting     experience.Queue
	rewait      bool   // the next part of the row carries waiting
	rebase      bool   // the next part of the row carries bases
	isCut       bool   // there are or were cuts of it
	cuts        *cuts  // nil: not in memory
	born        uint64 // the backfill under which the row was made
	generation  uint64 // the backfill that filled leaves, since the row is in memory
	refolds     int    // how often it was folded again since then

	cold *cold // what is in memory are only increments; nil: the row is whole

	fresh     bool // never committed: the next part is a full one
	changed   bool // on the worker's list of changed rows
	deltas    int  // delta parts behind the last full one
	savedOpen int  // entries of open that are committed
	refold    bool // a copy that counts more is to replace one that was folded
	better    []profile.Entry
	gathered  int // pending chunks that the running commit carries
}

type chunk struct {
	number  uint32
	entries []profile.Entry
}

// edge says that a weaker identifier was on events of this anchor.
type edge struct {
	ident    event.Identifier
	key      id.Key
	first    clock.Instant // event time
	last     clock.Instant
	received clock.Instant // the first time the door took it
	// seen are the sightings: the first moment in each quarter of an hour of
	// event time, sorted. Fine enough to tell who used a shared device when,
	// coarse enough to stay small.
	seen    []clock.Instant
	watched bool            // the graph wants to hear of each
	unsaid  []clock.Instant // what it has not heard yet
	changed bool
}

func newAnchor(ident event.Identifier) *anchor {
	return &anchor{key: ident.Key(), ident: ident, partial: profile.New(), fresh: true}
}

// seen finds the entry of a message among those in memory.
func (a *anchor) seen(short uint64) (profile.Entry, bool) {
	if len(a.shorts) != len(a.open) {
		a.shorts = a.shorts[:0]
		for i := range a.open {
			a.shorts = append(a.shorts, a.open[i].Short)
		}
	}
	if i := slices.Index(a.shorts, short); i >= 0 {
		return a.open[i], true
	}
	e, ok := a.recent[short]
	return e, ok
}

// note adds an entry to the timeline and closes the chunk when it is full.
func (a *anchor) note(e profile.Entry) {
	a.open = append(a.open, e)
	a.shorts = append(a.shorts, e.Short)
	if len(a.open) < chunkEntries {
		return
	}
	if a.recent == nil {
		a.recent = map[uint64]profile.Entry{}
	}
	if a.chunks == 0 {
		a.known = newShorts(4 * chunkEntries)
	}
	for _, e := range a.open {
		a.recent[e.Short] = e
		if a.known != nil && a.chunks < knownChunks {
			a.known.add(e.Short)
		}
	}
	a.pending = append(a.pending, chunk{a.chunks, a.open})
	if a.cuts != nil && len(a.cuts.times) == int(a.chunks) {
		a.cuts.times = append(a.cuts.times, timesOf(a.open))
	}
	a.chunks++
	a.open, a.shorts, a.savedOpen = nil, nil, -1
}

// taken notes that the door took an event of the anchor. Portions do not
// count: which of them an anchor is told depends on the order of events.
func (a *anchor) taken(received clock.Instant) {
	if a.received == 0 || received < a.received {
		a.received = received
	}
}

// replace puts the position of a copy that counts more in the place of the
// entry with its message. It tells whether the entry was in memory.
func (a *anchor) replace(e profile.Entry) bool {
	for i := range a.open {
		if a.open[i].Short == e.Short {
			a.open[i] = e
			a.savedOpen = -1
			return true
		}
	}
	for _, c := range a.pending {
		for i := range c.entries {
			if c.entries[i].Short == e.Short {
				c.entries[i] = e
				a.recent[e.Short] = e
				return true
			}
		}
	}
	return false
}

// meet notes that weaker identifiers were on an event, and gives the edges
// that say something the graph does not know yet.
func (a *anchor) meet(weaker []event.Identifier, at, received clock.Instant) (news []*edge) {
	for _, w := range weaker {
		e := a.edge(w)
		if e == nil {
			a.edges = append(a.edges, edge{ident: w, key: w.Key(), first: at, last: at, received: received, seen: []clock.Instant{at}, changed: true})
			news = append(news, &a.edges[len(a.edges)-1])
			continue
		}
		if at < e.first || received < e.received {
			e.first, e.received, e.changed = min(e.first, at), min(e.received, received), true
			news = append(news, e)
		}
		if at > e.last {
			e.last, e.changed = at, true
		}
		if e.sight(at) {
			e.changed = true
			if e.watched {
				e.unsaid = append(e.unsaid, at)
			}
		}
	}
	return news
}

// findEdge gives the place of the edge to an identifier, or the end. Edges that
// a cold row remembers are known by their keys alone until they are met again.
func (a *anchor) findEdge(weaker event.Identifier) int {
	var key id.Key
	for i := range a.edges {
		e := &a.edges[i]
		if e.ident == weaker {
			return i
		}
		if e.ident.Value != "" {
			continue
		}
		if key == (id.Key{}) {
			key = weaker.Key()
		}
		if e.key == key {
			e.ident = weaker
			return i
		}
	}
	return len(a.edges)
}

// edge finds the edge to an identifier.
func (a *anchor) edge(to event.Identifier) *edge {
	if i := a.findEdge(to); i < len(a.edges) {
		return &a.edges[i]
	}
	return nil
}

// sight adds a sighting; it tells whether it is new.
func (e *edge) sight(at clock.Instant) bool {
	slot, i := identity.Slot(at), len(e.seen)
	for i > 0 && identity.Slot(e.seen[i-1]) > slot {
		i--
	}
	if i > 0 && identity.Slot(e.seen[i-1]) == slot {
		if e.seen[i-1] <= at {
			return false
		}
		e.seen[i-1] = at
		return true
	}
	e.seen = slices.Insert(e.seen, i, at)
	return true
}

// size is about how much memory the row takes.
func (a *anchor) size() int {
	n := 256 + len(a.ident.Value) + a.partial.MemSize() + cap(a.open)*entryBytes + 8*cap(a.shorts) + len(a.recent)*(entryBytes+32) + a.known.size() + a.home.size() + a.cuts.size()
	if a.leaves != nil {
		n += a.leaves.MemSize()
	}
	if a.members != nil {
		n += a.members.size()
	}
	n += a.waiting.Size()
	for i := range a.edges {
		n += 128 + len(a.edges[i].ident.Value) + 8*cap(a.edges[i].seen)
	}
	return n
}

const entryBytes = 56

// clone copies a row for a reader: nothing of it is shared with the row.
func (a *anchor) clone() *anchor {
	c := *a
	c.edges = append([]edge(nil), a.edges...)
	c.partial = profile.New()
	c.partial.Merge(a.partial)
	c.open = append([]profile.Entry(nil), a.open...)
	c.pending = append([]chunk(nil), a.pending...)
	c.recent, c.better, c.known, c.shorts, c.cuts = nil, nil, nil, nil, nil
	if a.leaves != nil {
		c.leaves = a.leaves.Clone()
	}
	if a.members != nil {
		m := *a.members
		m.list, m.dropped = slices.Clone(m.list), nil
		c.members = &m
	}
	if a.home != nil {
		h := *a.home
		h.foreign = slices.Clone(h.foreign) // the rows themselves never change
		h.merged = nil
		c.home = &h
	}
	return &c
}

// surface is a copy with no more than the identifiers and the traits.
func (a *anchor) surface() *anchor {
	return &anchor{key: a.key, ident: a.ident, received: a.received, told: a.told, edges: slices.Clone(a.edges), partial: a.partial.Surface()}
}

// bare is a copy with what a bare profile and decisions ask for: the surface, and
// what was offered.
func (a *anchor) bare() *anchor {
	c := a.surface()
	c.partial.TakeShown(a.partial)
	if a.home != nil {
		c.home = &home{at: a.home.at}
	}
	return c
}

// acquainted is the surface with what says whose the anchor is.
func (a *anchor) acquainted() *anchor {
	c := a.surface()
	if a.home != nil {
		c.home = &home{at: a.home.at, members: a.home.members, foreign: slices.Clone(a.home.foreign)}
	}
	return c
}

// counted is a copy with what experiments count by: the variants that were
// shown, and the timeline.
func (a *anchor) counted() *anchor {
	return &anchor{
		key: a.key, ident: a.ident, received: a.received, told: a.told, partial: a.partial.Variants(),
		open: slices.Clone(a.open), chunks: a.chunks, pending: slices.Clone(a.pending),
	}
}
