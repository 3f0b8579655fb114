package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/graph"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// The home of a person is the anchor of its strongest identifier. The graph
// tells it who belongs to the person; the other anchors of the person send it
// their partial states, each time a batch changed them. So the home has all
// that is known of the person in one place, where one worker evaluates it. An
// anchor that was never linked to another is its own home, and nothing is sent
// for it.

// home is what an anchor knows of the person it belongs to.
type home struct {
	version store.Position   // of the graph's word
	at      event.Identifier // where the home is; empty: here
	key     id.Key           // of at

	// The rest is of a home only.
	members []event.Identifier
	shared  []graph.Shared
	cuts    []id.Key // of shared, in order; none until they are asked for
	foreign []foreign
	merged  *profile.Partial // of the anchor and foreign; nil: not made

	changed bool // the next part of the row carries it
}

// foreign is what another anchor of the person sent.
type foreign struct {
	key     id.Key
	version store.Position
	// generation is the backfill that filled what the sender keeps, as far as
	// it is known: of two shares of a version the one filled later counts.
	generation uint64
	row        *anchor // nil: not in memory
}

// elsewhere tells whether the anchor's person has its home at another anchor.
func (a *anchor) elsewhere() bool { return a.home != nil && a.home.at.Value != "" }

func (h *home) findForeign(k id.Key) int {
	return slices.IndexFunc(h.foreign, func(f foreign) bool { return f.key == k })
}

func (h *home) size() int {
	if h == nil {
		return 0
	}
	n := 160 + len(h.at.Value)
	for i := range h.members {
		n += 40 + len(h.members[i].Value)
	}
	n += len(h.cuts) * len(id.Key{})
	for i := range h.foreign {
		n += 40
		if row := h.foreign[i].row; row != nil {
			n += row.size()
		}
	}
	if h.merged != nil {
		n += h.merged.MemSize()
	}
	return n
}

// foldPerson takes the graph's word on the person of an anchor.
func (w *people) foldPerson(r *store.Record) {
	p, err := graph.ReadPerson(r.Payload)
	if err != nil {
		if r.Payload != nil {
			w.log.Error("person cannot be read", "position", r.Position, "error", err)
		}
		return
	}
	if p.Version <= w.swept[p.To] {
		return // said before the anchor was erased, and on its way since
	}
	if p.Members == nil {
		w.leaveHome(&p, r.Received)
		return
	}
	a := w.anchor(p.Home, p.To)
	if a.home != nil && a.home.version >= p.Version {
		return
	}
	w.catchUp(a, 0)
	before := a.home
	a.home = &home{version: p.Version, members: p.Members, shared: p.Shared, changed: true}
	var had []graph.Shared
	if before != nil {
		had = before.shared
		a.fresh = a.fresh || before.names(a.home)
		for _, f := range before.foreign {
			if a.home.hears(f.key) {
				a.home.foreign = append(a.home.foreign, f)
			} else {
				w.dropShare(a, f.key)
			}
		}
	}
	w.askForCuts(a, had, p.Shared, p.Version, r.Received)
	for _, s := range p.Shared {
		if s.Identifier == a.ident {
			w.setCut(a, &cutRecord{shared: a.key, home: a.key, version: p.Version, owned: s.Owned})
		}
	}
	w.touch(a)
	w.stir(a, p.Version, r.Received)
	w.judge(a, cause{kind: causeMerge})
	w.arm(a, 0)
	w.moved(a.key)
}

// names tells whether a home named somebody that the next one does not: they may
// have been erased, so the row is written whole and what it said before goes.
func (h *home) names(next *home) bool {
	return slices.ContainsFunc(h.members, func(m event.Identifier) bool { return !slices.Contains(next.members, m) }) ||
		slices.ContainsFunc(h.shared, func(s graph.Shared) bool { return !next.hearsCut(s.Identifier.Key()) })
}

// hears tells whether a home listens to an anchor: one of the person's, or one
// that is the person's at times.
func (h *home) hears(from id.Key) bool {
	return slices.ContainsFunc(h.members, func(m event.Identifier) bool { return m.Key() == from }) || h.hearsCut(from)
}

// hearsCut tells whether an anchor is the person's at times. One who is known by
// very many values has as many anchors, so their keys are made once.
func (h *home) hearsCut(from id.Key) bool {
	if len(h.cuts) < len(h.shared) {
		h.cuts = make([]id.Key, len(h.shared))
		for i := range h.shared {
			h.cuts[i] = h.shared[i].Identifier.Key()
		}
		h.cuts = rows.SortedKeys(h.cuts)
	}
	_, found := slices.BinarySearchFunc(h.cuts, from, func(a, b id.Key) int { return bytes.Compare(a[:], b[:]) })
	return found
}

// leaveHome notes that the home of an anchor's person is elsewhere. An anchor
// of which there is no row yet gets one that says only this: whether there will
// ever be more is not known.
func (w *people) leaveHome(p *graph.Person, received clock.Instant) {
	away := &home{version: p.Version, at: p.Home, key: p.Home.Key(), changed: true}
	a, ok := w.anchors.Get(p.To)
	if !ok {
		if known := w.notice(p.To); known != nil && known.version >= p.Version {
			return
		}
		w.notices[p.To] = away
		delete(w.absent, target{store.TableAnchors, p.To})
		w.rows = append(w.rows, w.row(store.TableAnchors, p.To, p.To[:], store.Add, appendHome(nil, away)))
		return
	}
	if a.home != nil && a.home.version >= p.Version {
		return
	}
	if !a.elsewhere() {
		w.moving = true
		w.leaveSegments(a)
		w.moving = false
	}
	if a.home != nil {
		a.fresh = a.fresh || a.cold == nil && a.home.names(away)
		w.askForCuts(a, a.home.shared, nil, p.Version, received)
		for _, f := range a.home.foreign {
			w.dropShare(a, f.key)
		}
	}
	a.home = away
	w.touch(a)
	w.moved(a.key)
}

func (w *people) dropShare(a *anchor, from id.Key) {
	w.rows = append(w.rows, w.row(store.TableShares, a.key, shareKey(a.key, from), store.Delete, nil))
}

// notice gives what is known of the home of an anchor without a row, as long as
// it is not committed.
func (w *people) notice(k id.Key) *home {
	if h := w.notices[k]; h != nil {
		return h
	}
	return w.gatheredNotices[k]
}

// share notes that an anchor whose home is elsewhere changed. What it sends is
// made once the batch is done.
func (w *people) share(a *anchor) {
	a.version = w.position
	if !a.sharing {
		a.sharing = true
		w.sharing = append(w.sharing, a)
	}
}

// sendAll sends what changed in the batch to the homes. Cuts that cannot be read
// now are tried again with the next batch; no commit is made before.
func (w *people) sendAll(ctx context.Context) {
	if err := w.sendCuts(ctx); err != nil {
		w.log.Error("shared identifiers cannot be cut yet", "error", err)
	}
	w.sendShares()
}

// sendShares sends what changed in the batch to the homes.
func (w *people) sendShares() {
	for _, a := range w.sharing {
		a.sharing = false
		if !a.elsewhere() || a.ident.Value == "" || a.cuts != nil && a.cuts.of[a.home.key] != nil {
			continue // it came home meanwhile, there is nothing to tell, or the home has a cut
		}
		s := shareRecord{home: a.home.key, from: a.key, version: a.version, generation: a.generation, news: a.news, row: a.shareRow()}
		a.news = 0
		w.derived = append(w.derived, store.Record{
			Kind: store.KindShare, Bucket: s.home.Bucket(), Anchor: a.key, Received: a.partial.Now(), Payload: s.append(nil),
		})
	}
	w.sharing = rows.Emptied(w.sharing)
}

// foldShare takes what another anchor of the person knows.
func (w *people) foldShare(r *store.Record) {
	s, err := readShare(r.Payload)
	if err != nil {
		if r.Payload != nil {
			w.log.Error("share cannot be read", "position", r.Position, "error", err)
		}
		return
	}
	a, ok := w.anchors.Get(s.home)
	if !ok || a.home == nil || a.elsewhere() || !a.home.hears(s.from) || s.cut != a.home.hearsCut(s.from) {
		return // the person's home moved on since it was sent
	}
	i := a.home.findForeign(s.from)
	if i >= 0 && !a.home.foreign[i].before(&s) {
		return
	}
	row, err := readAnchor(s.from, [][]byte{s.row}, w.names)
	if err != nil {
		w.log.Error("share cannot be read", "position", r.Position, "error", err)
		return
	}
	w.catchUp(a, row.partial.Now())
	if i < 0 {
		i = len(a.home.foreign)
		a.home.foreign = append(a.home.foreign, foreign{key: s.from})
	}
	f := &a.home.foreign[i]
	f.version, f.generation, f.row = s.version, s.generation, row
	a.home.changed = true
	a.stirred()
	w.rows = append(w.rows, w.row(store.TableShares, a.key, shareKey(a.key, s.from), store.Put, s.row))
	w.touch(a)
	w.stir(a, s.version, r.Received)
	w.news = s.news
	w.judge(a, cause{kind: causeMerge})
	w.news = 0
	w.arm(a, 0)
	w.tried(a)
}

// before tells whether a share says more than what is there.
func (f *foreign) before(s *shareRecord) bool {
	return cmp.Or(cmp.Compare(f.version, s.version), cmp.Compare(f.generation, s.generation)) < 0
}

// loadForeign brings what other anchors sent to homes into memory, in one
// reading.
func (w *people) loadForeign(ctx context.Context, homes []*anchor) error {
	var keys []store.RowKey
	var into []*foreign
	for _, a := range homes {
		if a.home == nil {
			continue
		}
		if a.cutItself() {
			if err := w.loadCuts(ctx, a); err != nil {
				return err
			}
		}
		for i := range a.home.foreign {
			if f := &a.home.foreign[i]; f.row == nil {
				keys = append(keys, store.RowKey{Table: store.TableShares, Bucket: a.key.Bucket(), Key: shareKey(a.key, f.key)})
				into = append(into, f)
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := w.store.State().Load(ctx, keys)
	if err != nil {
		return fmt.Errorf("load %d shares: %w", len(keys), err)
	}
	for i, f := range into {
		if len(rows[i]) == 0 {
			return fmt.Errorf("share of %s: %w", f.key, errShare)
		}
		if f.row, err = readAnchor(f.key, rows[i], w.names); err != nil {
			return err
		}
	}
	return nil
}

// shareKey is the row of what an anchor sent its home.
func shareKey(home, from id.Key) []byte {
	return append(append(make([]byte, 0, 32), home[:]...), from[:]...)
}

// shareRow encodes what a home has to know of an anchor, and leaves the
// anchor as it is.
func (a *anchor) shareRow() []byte {
	c := anchor{ident: a.ident, partial: profile.New(), received: a.received}
	c.partial.Merge(a.partial)
	b := rows.AppendIdentifier([]byte{sectionIdent}, a.ident)
	b = appendSection(b, sectionPartial, c.partial.AppendFull)
	c.edges = slices.Clone(a.edges)
	for i := range c.edges {
		c.edges[i].seen = nil
	}
	b = appendSection(b, sectionEdges, func(b []byte) []byte { return c.appendEdges(b, true) })
	if a.leaves != nil && !a.leaves.Empty() {
		b = appendSection(b, sectionLeaves, a.leaves.Clone().AppendFull)
	}
	return c.appendMarks(b)
}

// appendHome encodes the section of an anchor's row that says where its
// person's home is, and at the home what is there.
func appendHome(b []byte, h *home) []byte {
	return appendSection(b, sectionHome, func(b []byte) []byte {
		b = binary.AppendUvarint(b, uint64(h.version))
		b = rows.AppendIdentifier(b, h.at)
		if h.at.Value != "" {
			return b
		}
		b = graph.AppendShared(rows.AppendIdentifiers(b, h.members), h.shared)
		for _, f := range h.foreign {
			b = binary.AppendUvarint(append(b, f.key[:]...), uint64(f.version))
			b = binary.AppendUvarint(b, f.generation)
		}
		return b
	})
}

func readHome(b []byte) (*home, bool) {
	r := rows.Cursor{B: b}
	h := &home{version: store.Position(r.Uvarint()), at: r.Identifier()}
	if h.at.Value != "" {
		h.key = h.at.Key()
		return h, !r.Bad && len(r.B) == 0
	}
	h.members, h.shared = r.Identifiers(), graph.ReadShared(&r)
	for len(r.B) > 0 && !r.Bad {
		var f foreign
		copy(f.key[:], r.Take(16))
		f.version, f.generation = store.Position(r.Uvarint()), r.Uvarint()
		h.foreign = append(h.foreign, f)
	}
	return h, !r.Bad
}
