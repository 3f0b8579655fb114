package pipeline

import (
	"context"
	"encoding/json"

	"rapport/internal/id"
	"rapport/internal/profile"
)

// home is the anchor at which a person is evaluated; nil where there is none.
func (who *person) home(p *Pipeline) *anchor {
	var out *anchor
	for _, a := range who.anchors {
		if !a.elsewhere() && (out == nil || p.Rules().Compare(a.ident, out.ident) < 0) {
			out = a
		}
	}
	return out
}

// atHome looks at a home with all its parts, while its lane does nothing else.
func (p *Pipeline) atHome(ctx context.Context, k id.Key, visit func(w *people, a *anchor)) error {
	i := p.laneIndex(k.Bucket())
	l, w := p.lanes[i], p.people[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := w.anchors.get(k)
	if !ok {
		var err error
		if a, err = w.copyAnchor(ctx, k); err != nil || a == nil {
			return err
		}
	}
	if err := w.loadForeign(ctx, []*anchor{a}); err != nil {
		return err
	}
	visit(w, a)
	return nil
}

// evaluate adds to a profile what is evaluated at the person's home.
func (p *Pipeline) evaluate(ctx context.Context, who *person, v *profile.View) error {
	home := who.home(p)
	if home == nil || p.graph.force.Load().position == 0 {
		return nil
	}
	return p.atHome(ctx, home.key, func(w *people, a *anchor) {
		if keys := w.keys(a); keys != nil {
			v.Segments = keys
		}
		if w.glass == nil || !w.glass.computes {
			return
		}
		who, now := w.subject(a), max(w.present(a), p.clock.Now())
		for _, x := range w.glass.eval.Traits(who.person, who.states, now) {
			if x.JSON == "" {
				continue
			}
			if v.Computed.Traits == nil {
				v.Computed.Traits = map[string]json.RawMessage{}
			}
			v.Computed.Traits[x.Key] = json.RawMessage(x.JSON)
		}
		for _, x := range w.glass.eval.Affinities(who.person, who.states) {
			shares := make([]profile.AffinityShare, len(x.Shares))
			for i, s := range x.Shares {
				shares[i] = profile.AffinityShare{Value: s.Value, Share: json.Number(s.JSON())}
			}
			if v.Affinities == nil {
				v.Affinities = map[string][]profile.AffinityShare{}
			}
			v.Affinities[x.Key] = shares
		}
	})
}
