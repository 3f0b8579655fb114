package graph

import (
	"context"
	"fmt"

	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// loadWhole loads nodes and the components they are in.
func (g *Graph) loadWhole(ctx context.Context, nodes []id.Key) error {
	if err := g.loadNodes(ctx, nodes); err != nil {
		return err
	}
	components := make([]id.Key, 0, len(nodes))
	for _, k := range nodes {
		if n, ok := g.nodes.Get(k); ok {
			components = append(components, n.component)
		}
	}
	return g.loadComponents(ctx, components)
}

// mostAbsent bounds what is kept in mind of nodes that are not there. Who is new is
// asked for by whoever loads a table, and again when the links come.
const mostAbsent = 1 << 16

func (g *Graph) loadNodes(ctx context.Context, keys []id.Key) error {
	return g.loadRows(ctx, store.TableNodes, keys, func(k id.Key) bool {
		_, ok := g.nodes.Get(k)
		return ok || g.absent[k]
	}, func(k id.Key, parts [][]byte) error {
		if parts == nil {
			if len(g.absent) >= mostAbsent {
				clear(g.absent)
			}
			g.absent[k] = true
			return nil
		}
		n, err := readNode(k, parts)
		if err == nil {
			changed := g.loose.join(n)
			g.nodes.Put(k, n, n.size())
			if changed {
				g.touchNode(n)
			}
		}
		return err
	})
}

// loadComponents also loads what the components were joined to; a chain is as
// long as the logarithm of what was joined. A component has the key of a member: of
// an identifier that is not known there is none.
func (g *Graph) loadComponents(ctx context.Context, keys []id.Key) error {
	for len(keys) > 0 {
		err := g.loadRows(ctx, store.TableComponents, keys, func(k id.Key) bool {
			_, ok := g.components.Get(k)
			return ok || g.absent[k]
		}, func(k id.Key, parts [][]byte) error {
			if parts == nil {
				return nil
			}
			c, err := readComponent(k, parts)
			if err == nil {
				g.components.Put(k, c, c.size())
			}
			return err
		})
		if err != nil {
			return err
		}
		var next []id.Key
		for _, k := range keys {
			if c, ok := g.components.Get(k); ok && !c.into.IsZero() {
				next = append(next, c.into)
			}
		}
		keys = next
	}
	return nil
}

// loadRows reads the rows that are not known; what is not there is adopted as nil.
func (g *Graph) loadRows(ctx context.Context, t store.Table, keys []id.Key, known func(id.Key) bool, adopt func(id.Key, [][]byte) error) error {
	g.missing = g.missing[:0]
	for _, k := range keys {
		if !known(k) {
			g.missing = append(g.missing, k)
		}
	}
	if len(g.missing) == 0 {
		return nil
	}
	g.missing = rows.SortedKeys(g.missing)
	g.asking = g.asking[:0]
	for i := range g.missing {
		g.asking = append(g.asking, store.RowKey{Table: t, Bucket: id.CommonBucket, Key: g.missing[i][:]})
	}
	rows, err := g.state.Load(ctx, g.asking)
	if err != nil {
		return fmt.Errorf("load %d rows of the graph: %w", len(g.asking), err)
	}
	for i, parts := range rows {
		if err := adopt(g.missing[i], parts); err != nil {
			return err
		}
	}
	return nil
}
