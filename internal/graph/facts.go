package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/identity"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// Say takes an operator's word on identifiers: what the two are, what those
// around them are that it changes, and then who is who.
func (g *Graph) Say(ctx context.Context, r *store.Record, f *identity.Fact) error {
	before := g.concerned(f)
	if last := g.words.Last(f.Pair()); !g.words.Apply(*f) && (last == nil || last.ID != f.ID) {
		return nil // another word on them is later
	}
	g.said++
	value, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("keep a fact: %w", err)
	}
	p := f.Pair()
	g.rows = append(g.rows, rows.Common(store.TableFacts, append(append([]byte(nil), p.A[:]...), p.B[:]...), store.Put, value))
	if err := g.name(ctx, f); err != nil {
		return err
	}
	seeds := g.concerned(f)
	for k := range before {
		seeds[k] = true
	}
	return g.reconsider(ctx, seeds, r, f)
}

// name makes the identifiers of a must_link known: a device that met nobody is
// not, and is somebody's all the same.
func (g *Graph) name(ctx context.Context, f *identity.Fact) error {
	if f.Op != identity.MustLink || f.Withdrawn {
		return nil
	}
	both := [...]event.Identifier{f.A, *f.B}
	if err := g.loadWhole(ctx, []id.Key{both[0].Key(), both[1].Key()}); err != nil {
		return err
	}
	for _, i := range both {
		n, fresh := g.node(&namedKey{i.Key(), []byte(i.Namespace), []byte(i.Value)})
		if fresh {
			g.newComponent(n.key, []event.Identifier{n.ident})
		}
	}
	return nil
}

// concerned are the identifiers of a fact and those that must be one with them.
func (g *Graph) concerned(f *identity.Fact) map[id.Key]bool {
	out := map[id.Key]bool{}
	p := f.Pair()
	wave := []id.Key{p.A}
	if !p.B.IsZero() {
		wave = append(wave, p.B)
	}
	for len(wave) > 0 {
		k := wave[len(wave)-1]
		wave = wave[:len(wave)-1]
		if out[k] {
			continue
		}
		out[k] = true
		for _, x := range g.words.About(k) {
			if x.Op == identity.MustLink {
				q := x.Pair()
				wave = append(wave, q.A, q.B)
			}
		}
	}
	return out
}

// withNeighbours loads nodes and all that edges lead to from them.
func (g *Graph) withNeighbours(ctx context.Context, keys []id.Key) ([]id.Key, error) {
	around := map[id.Key]bool{}
	for _, k := range keys {
		around[k] = true
		if n, ok := g.nodes.Get(k); ok {
			if err := g.everyEdge(ctx, n, func(x *arc) { around[x.to] = true }); err != nil {
				return nil, err
			}
		}
	}
	all := make([]id.Key, 0, len(around))
	for k := range around {
		all = append(all, k)
	}
	return all, g.loadWhole(ctx, all)
}

// reconsider looks anew at what identifiers and those around them are, and
// settles where something may have changed.
func (g *Graph) reconsider(ctx context.Context, seeds map[id.Key]bool, r *store.Record, f *identity.Fact) error {
	keys := make([]id.Key, 0, len(seeds))
	for k := range seeds {
		keys = append(keys, k)
	}
	if err := g.loadWhole(ctx, keys); err != nil {
		return err
	}
	all, err := g.withNeighbours(ctx, keys)
	if err != nil {
		return err
	}
	var again []id.Key
	for _, k := range all {
		n, ok := g.nodes.Get(k)
		if !ok {
			continue
		}
		changed, err := g.reroleWhole(ctx, n)
		if err != nil {
			return err
		}
		if changed || seeds[k] || g.again { // a try before may have changed it
			again = append(again, k)
		}
	}
	why := causeOf(r)
	why.fact = f
	for _, k := range again {
		if n, ok := g.nodes.Get(k); ok {
			if err := g.tellSaid(ctx, n, why); err != nil {
				return err
			}
		}
	}
	if len(again) == 0 {
		return nil
	}
	return g.settle(ctx, rows.SortedKeys(again), why)
}

// tellSaid tells of a node what an operator's word changed.
func (g *Graph) tellSaid(ctx context.Context, n *node, why ground) error {
	g.told.changed(n.ident, why)
	if err := g.tellAfterOwner(ctx, n, why); err != nil || why.fact.B != nil {
		return err
	}
	return g.tellOwners(ctx, n, why)
}

// everyEdge visits the edges of a node, wherever they lie.
func (g *Graph) everyEdge(ctx context.Context, n *node, visit func(*arc)) error {
	for i := range n.edges {
		visit(&n.edges[i])
	}
	if !n.spilled {
		return nil
	}
	return g.spilledEdges(ctx, n.key, func(x *arc) bool {
		visit(x)
		return true
	})
}

// reroleWhole decides what a node is from all of its edges. One that is no hub
// any more gets all of them back into its row.
func (g *Graph) reroleWhole(ctx context.Context, n *node) (changed bool, err error) {
	role, err := g.roleOf(ctx, n)
	if err != nil || role == n.role {
		return false, err
	}
	if n.spilled && role != identity.Hub {
		var back []arc
		if err := g.spilledEdges(ctx, n.key, func(x *arc) bool {
			back = append(back, *x)
			return true
		}); err != nil {
			return false, err
		}
		for _, x := range back {
			g.more.Remove(store.TableEdges, edgeKey(n.key, x.to))
			if n.edge(x.to) == nil {
				n.add(x)
			}
		}
		n.spilled = false
	}
	g.setRole(n, role)
	return true, nil
}

// loadFacts reads what was committed.
func (g *Graph) loadFacts(ctx context.Context) error {
	var bad error
	err := g.state.Scan(ctx, store.Range{Table: store.TableFacts, Bucket: id.CommonBucket}, func(_ []byte, parts [][]byte) bool {
		var f identity.Fact
		if bad = json.Unmarshal(parts[len(parts)-1], &f); bad != nil {
			return false
		}
		g.words.Apply(f)
		g.said++
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("load what operators said of identifiers: %w", err)
	}
	return nil
}

// Facts lists what operators said, in the order of time: all of it, or what
// counts.
func (g *Graph) Facts(all bool) []identity.Fact { return g.words.All(all) }

// About visits what operators said of some identifiers, once each.
func (g *Graph) About(members []event.Identifier, visit func(*identity.Fact)) {
	if g.said == 0 {
		return
	}
	seen := map[string]bool{}
	for _, m := range members {
		for _, f := range g.words.About(m.Key()) {
			if !seen[f.ID] {
				seen[f.ID] = true
				visit(f)
			}
		}
	}
}
