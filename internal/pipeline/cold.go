package pipeline

import (
	"math"
	"slices"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// A cold row is an anchor's row of which only what is new is in memory
// (docs/decisions/0006). An event of an anchor whose row was let go of is folded
// into an empty state, and that goes behind the row as an increment, which
// whoever loads the row merges in. So such an event reads nothing. What needs
// the row is found out from its head, whose answers are exact where they say
// no: a message that may be a copy, a chunk that is about to be full, too many
// parts behind the row. Then the row is loaded, and is an ordinary one again.
//
// An anchor is in one of three places: among the rows, among the cold rows, or
// among the heads.

// cold is what a cold row has beside the increments.
type cold struct {
	filter  filter
	entries int      // of the unfinished chunk: in the row, sent, new, and about to be folded
	sent    [][]byte // increments in commits that are not known to have succeeded
	sending bool     // on the worker's list of cold rows with increments sent
}

// mostSpare is how many cold rows are kept for their room, largeSpare the bytes
// from which on one is not.
const (
	mostSpare  = 4096
	largeSpare = 4 << 10
)

// foldsCold tells whether events may be folded without their anchor's row. What
// looks at the whole of a person while it changes has to say no here.
func (w *people) foldsCold() bool {
	return w.glass == nil && w.job == nil && !w.experiences.Load().Triggers()
}

// wantFor gives the row to fold an event into where it is in memory: whole, or
// cold where that is enough. Else it notes that the row must be loaded.
func (w *people) wantFor(t *task) *anchor {
	k := t.rec.Anchor
	if a, ok := w.anchors.Get(k); ok {
		return a
	}
	a := w.cold[k]
	offered := shown.Speaks(t.event)
	if a == nil && w.foldsCold() && !w.asked[k] && !offered && !t.event.Exposes() {
		if h, ok := w.heads.take(k); ok {
			a = h.anchor(t.event.Anchor(), w.spareCold())
			w.cold[k] = a
			delete(w.blank, k)
		}
	}
	if a == nil || w.asked[k] || t.event.Exposes() {
		w.want(store.TableAnchors, k)
		return a // a cold row is made whole in its place
	}
	c := a.cold
	if !w.foldsCold() || offered || c.filter.has(t.short) || c.entries+1 >= chunkEntries || a.deltas+len(c.sent)+1 >= maxDeltas {
		w.want(store.TableAnchors, k)
		return a
	}
	c.filter.add(t.short)
	c.entries++
	return a
}

// remember keeps the head of a row that is let go of, where there can be one.
func (w *people) remember(a *anchor) {
	if h, ok := a.head(); ok {
		w.heads.put(&h)
	}
}

// head gives what must be known to fold events into the row without it.
func (a *anchor) head() (h head, ok bool) {
	away := a.home != nil && (a.elsewhere() || len(a.home.foreign) > 0)
	if a.chunks > 0 || len(a.edges) > headEdges || a.ident.Value == "" || !a.linked || a.fresh || a.refold || away || a.isCut || a.leaves != nil || a.members != nil || a.waiting != nil || a.partial.Shown() != nil || a.partial.Exposed() {
		return h, false
	}
	if slices.ContainsFunc(a.edges, func(e edge) bool { return e.watched }) {
		return h, false // each sighting is said, which takes all of them to know
	}
	h = head{key: a.key, timer: a.timer, received: a.received, deltas: uint8(min(a.deltas, maxDeltas)), entries: uint8(len(a.open)), times: a.partial.Times()}
	if a.cold != nil {
		h.filter, h.entries = a.cold.filter, uint8(min(a.cold.entries, chunkEntries))
	} else {
		for i := range a.open {
			h.filter.add(a.open[i].Short)
		}
	}
	for i := range a.edges {
		e := &a.edges[i]
		h.edges[i] = headEdge{e.key, e.first, e.received}
	}
	return h, true
}

// anchor makes a cold row without increments, in the room of one that is not
// needed any more.
func (h *head) anchor(ident event.Identifier, room *anchor) *anchor {
	a, c := room, room.cold
	a.partial.Restart(h.times)
	clear(c.sent)
	*c = cold{filter: h.filter, entries: int(h.entries), sent: c.sent[:0]}
	clear(a.open)
	clear(a.edges)
	*a = anchor{
		key: h.key, ident: ident, partial: a.partial, linked: true,
		timer: h.timer, received: h.received, deltas: int(h.deltas),
		edges: a.edges[:0], open: a.open[:0], shorts: a.shorts[:0], cold: c,
	}
	for i := range h.edges {
		if e := &h.edges[i]; e.key != (id.Key{}) {
			a.edges = append(a.edges, edge{key: e.key, first: e.first, received: e.received, last: math.MinInt64})
		}
	}
	return a
}

// spareCold gives room for a cold row: of one that became a head, or new.
func (w *people) spareCold() *anchor {
	if n := len(w.spare); n > 0 {
		a := w.spare[n-1]
		w.spare[n-1], w.spare = nil, w.spare[:n-1]
		return a
	}
	return &anchor{partial: profile.New(), cold: &cold{}}
}

// coldChanges gives the increments of a cold row to a commit.
func (w *people) coldChanges(out []store.Change, a *anchor) []store.Change {
	part := w.arena.Close(a.increment(w.arena.Open()))
	a.cold.sent = append(a.cold.sent, part)
	if !a.cold.sending {
		a.cold.sending = true
		w.sent = append(w.sent, a)
	}
	a.changed = false
	return append(out, w.row(store.TableAnchors, a.key, a.key[:], store.Add, part))
}

// increment encodes what is new in a cold row, and forgets it.
func (a *anchor) increment(b []byte) []byte {
	b = appendSection(b, sectionPartial, a.partial.AppendIncrement)
	b = appendSection(b, sectionMet, func(b []byte) []byte { return a.appendEdges(b, false) })
	b = appendSection(b, sectionMore, func(b []byte) []byte { return appendEntries(b, a.open) })
	b = a.appendMarks(b)
	a.partial.Restart(a.partial.Times())
	clear(a.open)
	a.open, a.shorts = a.open[:0], a.shorts[:0]
	for i := range a.edges {
		e := &a.edges[i]
		e.last, e.seen = math.MinInt64, nil
	}
	return b
}

// confirmCold notes that a commit succeeded: of a cold row without news the head
// is enough. There are few others: those that changed while it was written.
func (w *people) confirmCold() {
	for _, a := range w.sent {
		c := a.cold
		if c == nil {
			continue // it became whole meanwhile
		}
		a.deltas += len(c.sent)
		clear(c.sent)
		c.sent, c.sending = c.sent[:0], false
	}
	w.sent = rows.Emptied(w.sent)
	for k, a := range w.cold {
		if !a.changed {
			delete(w.cold, k)
			w.remember(a)
			if len(w.spare) < mostSpare && a.size() < largeSpare {
				w.spare = append(w.spare, a)
			}
		}
	}
}

// thaw makes the row of a loaded anchor, and a cold row whole in its place.
func (w *people) thaw(k id.Key, parts [][]byte) (*anchor, error) {
	whole, err := w.whole(k, parts, w.names)
	if err != nil {
		return nil, err
	}
	w.heads.take(k) // it will be made anew
	a := w.cold[k]
	if a == nil {
		return whole, nil
	}
	delete(w.cold, k)
	*a = *whole // whoever holds the cold row holds the whole one now
	return a, nil
}

// whole makes a copy of a row of its stored parts and of what a cold row has
// beside them. How many parts are there tells which increments have arrived.
func (w *people) whole(k id.Key, parts [][]byte, names *profile.Names) (*anchor, error) {
	a := w.cold[k]
	if a == nil {
		return readAnchor(k, parts, names)
	}
	arrived := min(max(len(parts)-1-a.deltas, 0), len(a.cold.sent))
	whole, err := readAnchor(k, append(slices.Clip(parts), a.cold.sent[arrived:]...), names)
	if err != nil {
		return nil, err
	}
	whole.deltas, whole.changed = maxDeltas, a.changed
	if !a.changed {
		return whole, nil
	}
	whole.partial.Merge(a.partial)
	for i := range a.open {
		whole.note(a.open[i])
	}
	for i := range a.edges {
		if e := &a.edges[i]; e.changed {
			whole.mergeEdge(e)
		}
	}
	whole.timer, whole.received = a.timer, a.received
	return whole, nil
}

// mergeEdge takes what a cold row learnt of an edge.
func (a *anchor) mergeEdge(e *edge) {
	i := a.findEdge(e.ident)
	if i == len(a.edges) {
		c := *e
		c.seen = slices.Clone(e.seen)
		a.edges = append(a.edges, c)
		return
	}
	a.edges[i].merge(e)
}

// merge takes what another part of the row says of the edge.
func (e *edge) merge(o *edge) {
	e.first, e.last, e.received = min(e.first, o.first), max(e.last, o.last), min(e.received, o.received)
	for _, at := range o.seen {
		e.sight(at)
	}
	e.watched = e.watched || o.watched
	e.changed = true
}
