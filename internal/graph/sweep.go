package graph

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// What cannot be done at once is done in turns: a turn is a record of the log
// like any other, so it survives a crash and live records come between. A very
// large component is one turn. Other rules go over all identifiers, some with
// each turn, which asks for the next one.
const (
	turnComponent = 1
	turnSweep     = 2
	turnNodes     = 3
	sweepNodes    = 128
)

// Sweep is how far other rules have got.
type Sweep struct {
	Version int           `json:"version"`
	Cursor  []byte        `json:"cursor,omitempty"`
	Done    bool          `json:"done"`
	Seen    uint64        `json:"seen"`
	Merges  uint64        `json:"merges"`
	Splits  uint64        `json:"splits"`
	Since   clock.Instant `json:"since"`
	Until   clock.Instant `json:"until,omitzero"`

	first []id.Key // identifiers whose rows no scan can see yet
}

// Share is how much is done, of 1.
func (s *Sweep) Share() float64 {
	if s.Done {
		return 1
	}
	if len(s.Cursor) < 2 {
		return 0
	}
	return float64(int(s.Cursor[0])<<8|int(s.Cursor[1])) / 65536 // keys are hashes: they lie evenly
}

func (s *Sweep) count(why ground, merge bool) {
	switch {
	case !why.sweep:
	case merge:
		s.Merges++
	default:
		s.Splits++
	}
}

func resolveRecord(why ground, component id.Key) store.Record {
	return store.Record{
		Kind: store.KindResolve, Bucket: id.CommonBucket, Anchor: component, Received: why.received,
		Payload: append([]byte{turnComponent}, component[:]...),
	}
}

func (s *Sweep) record(received clock.Instant) store.Record {
	return store.Record{
		Kind: store.KindResolve, Bucket: id.CommonBucket, Anchor: id.KeyOf("identity", "sweep"), Received: received,
		Payload: append(binary.AppendUvarint([]byte{turnSweep}, uint64(s.Version)), s.Cursor...),
	}
}

// resume takes a turn.
func (g *Graph) resume(ctx context.Context, r *store.Record) error {
	c := rows.Cursor{B: r.Payload}
	why := causeOf(r)
	why.inTurn = true
	switch c.Byte() {
	case turnComponent:
		k := id.Key(append(c.Take(16), make([]byte, 16)...)[:16])
		return g.resolveLarge(ctx, k, why)
	case turnNodes:
		return g.againAround(ctx, c.B, why)
	case turnSweep:
		version := int(c.Uvarint())
		if c.Bad || version != g.sweeping.Version || g.sweeping.Done || !slices.Equal(c.B, g.sweeping.Cursor) {
			return nil // other rules came meanwhile, or the turn was taken before
		}
		why.sweep = true
		return g.sweepOn(ctx, why)
	}
	return nil
}

// aroundRecord asks for a turn of some identifiers.
func aroundRecord(keys []id.Key, received clock.Instant) []store.Record {
	keys = rows.SortedKeys(keys)
	if len(keys) == 0 {
		return nil
	}
	payload := []byte{turnNodes}
	for _, k := range keys {
		payload = append(payload, k[:]...)
	}
	return []store.Record{{Kind: store.KindResolve, Bucket: id.CommonBucket, Anchor: keys[0], Received: received, Payload: payload}}
}

// againAround decides anew what identifiers are and whose.
func (g *Graph) againAround(ctx context.Context, b []byte, why ground) error {
	var keys []id.Key
	for ; len(b) >= 16; b = b[16:] {
		keys = append(keys, id.Key(b[:16]))
	}
	if err := g.loadWhole(ctx, keys); err != nil {
		return err
	}
	for _, k := range keys {
		if n, ok := g.nodes.Get(k); ok {
			if err := g.reroleTold(ctx, n, why); err != nil {
				return err
			}
			g.told.changed(n.ident, why)
			if err := g.tellOwners(ctx, n, why); err != nil {
				return err
			}
		}
	}
	return g.settle(ctx, keys, why)
}

// reroleTold decides what a node is from all of its edges, and tells the owners
// next to it in time where that makes it an owner or no more one.
func (g *Graph) reroleTold(ctx context.Context, n *node, why ground) error {
	changed, err := g.reroleWhole(ctx, n)
	if err != nil || !changed && !g.again {
		return err
	}
	return g.tellAfterOwner(ctx, n, why)
}

func (g *Graph) resolveLarge(ctx context.Context, k id.Key, why ground) error {
	if err := g.loadComponents(ctx, []id.Key{k}); err != nil {
		return err
	}
	c := g.find(k)
	if c == nil || !c.queued || len(c.members) == 0 {
		return nil
	}
	return g.settle(ctx, []id.Key{c.members[0].Key()}, why)
}

// Rule takes other rules and begins to go over all identifiers.
func (g *Graph) Rule(version int, at clock.Instant) {
	if version == g.rules.Version {
		return
	}
	g.book.use(version)
	g.rules = g.book.At(version)
	g.sweeping = Sweep{Version: version, Since: at}
	for _, n := range g.changedNodes {
		g.sweeping.first = append(g.sweeping.first, n.key)
	}
	g.keepSweep()
	g.asked = append(g.asked, g.sweeping.record(at))
}

// sweepOn goes over some identifiers by the new rules.
func (g *Graph) sweepOn(ctx context.Context, why ground) error {
	s := &g.sweeping
	keys := slices.Clone(s.first)
	var last []byte
	n := 0
	at := store.Range{Table: store.TableNodes, Bucket: id.CommonBucket, After: s.Cursor}
	err := g.state.Scan(ctx, at, func(key []byte, _ [][]byte) bool {
		keys = append(keys, id.Key(key))
		last = append(last[:0], key...)
		n++
		return n < sweepNodes
	})
	if err != nil {
		return fmt.Errorf("go over the identifiers: %w", err)
	}
	if err := g.loadWhole(ctx, keys); err != nil {
		return err
	}
	for _, k := range keys {
		if err := g.sweepNode(ctx, k, why); err != nil {
			return err
		}
	}
	s.Seen += uint64(len(keys))
	s.first = nil
	if n < sweepNodes {
		s.Done, s.Cursor, s.Until = true, nil, why.received
	} else {
		s.Cursor = last
		g.asked = append(g.asked, s.record(why.received))
	}
	g.keepSweep()
	return nil
}

func (g *Graph) sweepNode(ctx context.Context, k id.Key, why ground) error {
	n, ok := g.nodes.Get(k)
	if !ok {
		return nil
	}
	was := n.role
	if err := g.reroleTold(ctx, n, why); err != nil {
		return err
	}
	changed := n.role != was || g.again // a try before may have changed it
	if err := g.tellSwept(ctx, n, why); err != nil {
		return err
	}
	c := g.find(n.component)
	switch {
	case c == nil || !changed && c.rules == g.rules.Version:
		return nil
	case !changed && c.cuts == nil && !c.queued && !g.bound(c) && g.fits(c, c):
		c.rules, c.mark.fresh = g.rules.Version, true
		g.touchComponent(c)
		return nil
	}
	return g.settle(ctx, []id.Key{k}, why)
}

// tellSwept notes that by other rules an owner may have other times of what is
// shared, and what is shared other owners. Each owner is swept by itself.
func (g *Graph) tellSwept(ctx context.Context, n *node, why ground) error {
	_, found, err := g.firstOwner(ctx, n)
	if err == nil && (found || n.role != identity.Links || n.asks()) {
		g.told.changed(n.ident, why)
	}
	return err
}

var sweepKey = []byte("identity-sweep")

func (g *Graph) keepSweep() {
	value, err := json.Marshal(&g.sweeping)
	if err != nil {
		panic(err) // numbers and bytes
	}
	g.rows = append(g.rows, rows.Common(store.TableMeta, sweepKey, store.Put, value))
}

func (g *Graph) loadSweep(ctx context.Context) error {
	rows, err := g.state.Load(ctx, []store.RowKey{{Table: store.TableMeta, Bucket: id.CommonBucket, Key: sweepKey}})
	if err != nil || len(rows[0]) == 0 {
		return err
	}
	if err := json.Unmarshal(rows[0][len(rows[0])-1], &g.sweeping); err != nil {
		return fmt.Errorf("load how far other identity rules have got: %w", err)
	}
	return nil
}

// Progress gives the rules as of the last record applied, and how far they are
// applied to all identifiers.
func (g *Graph) Progress() (*identity.Rules, Sweep) { return g.rules, g.sweeping }
