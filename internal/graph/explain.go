package graph

import (
	"context"

	"rapport/internal/id"
	"rapport/internal/identity"
)

// Refusals says why the edges of a person do not link, those that do not.
func (g *Graph) Refusals(ctx context.Context, keys []id.Key) (map[identity.Pair]identity.Reason, error) {
	out := map[identity.Pair]identity.Reason{}
	if err := g.loadWhole(ctx, keys); err != nil {
		return nil, err
	}
	edges := 0
	for _, k := range keys {
		n, ok := g.nodes.Get(k)
		if !ok {
			continue
		}
		if c := g.find(n.component); c != nil {
			edges = max(edges, c.edges)
		}
		if err := g.deadEdges(ctx, n, out); err != nil {
			return nil, err
		}
	}
	if edges > g.large {
		return out, nil // too many to replay for a question
	}
	r, err := g.region(ctx, keys)
	if err != nil || len(r.nodes) == 0 {
		return out, err
	}
	r.connect()
	o := g.rules.Resolve(r.edges, &g.words)
	for _, x := range o.Refused {
		e := r.edges.Edges[x.Edge]
		out[identity.PairOf(r.nodes[e.U].key, r.nodes[e.V].key)] = x.Reason
	}
	return out, nil
}

// deadEdges notes which edges of a node cannot link whatever else there is.
func (g *Graph) deadEdges(ctx context.Context, n *node, out map[identity.Pair]identity.Reason) error {
	others := make([]id.Key, len(n.edges))
	for i := range n.edges {
		others[i] = n.edges[i].to
	}
	if err := g.loadNodes(ctx, others); err != nil {
		return err
	}
	for _, k := range others {
		o, ok := g.nodes.Get(k)
		if !ok {
			continue
		}
		if reason := g.deadEdge(n, o); reason != "" {
			out[identity.PairOf(n.key, o.key)] = reason
		}
	}
	return nil
}

// deadEdge says why two nodes cannot link whatever else there is.
func (g *Graph) deadEdge(a, b *node) identity.Reason {
	switch said := g.words.Between(a.key, b.key); {
	case said == identity.Ignore:
		return identity.ReasonIgnored
	case a.role == identity.NamesNobody || b.role == identity.NamesNobody:
		return identity.ReasonBlockedNode
	case said == identity.CannotLink:
		return identity.ReasonCannotLink
	case said != identity.MustLink && (a.role == identity.Hub || b.role == identity.Hub):
		return identity.ReasonHub
	}
	return ""
}
