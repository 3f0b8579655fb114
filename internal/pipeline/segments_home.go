package pipeline

import (
	"context"
	"encoding/json"

	"rapport/internal/clock"
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
	a, ok := w.anchors.Get(k)
	if !ok {
		var err error
		if a, err = w.copyAnchor(ctx, k); err != nil || a == nil {
			return err
		}
	}
	if err := w.loadForeign(ctx, []*anchor{a}); err != nil {
		return err
	}
	w.position = max(w.position, l.applied)
	visit(w, a)
	return nil
}

// evaluate adds to a profile what is evaluated at the person's home; bare leaves
// out what is computed.
func (p *Pipeline) evaluate(ctx context.Context, who *person, v *profile.View, bare bool) error {
	home := who.home(p)
	if home == nil || p.common.force.Load().position == 0 {
		return nil
	}
	return p.atHome(ctx, home.key, func(w *people, a *anchor) { w.showEvaluated(a, v, bare, p.clock.Now()) })
}

func (w *people) showEvaluated(a *anchor, v *profile.View, bare bool, now clock.Instant) {
	if keys := w.keys(a); keys != nil {
		v.Segments = keys
	}
	if bare || w.glass == nil || !w.glass.computes {
		return
	}
	w.showComputed(a, v, max(w.present(a), now))
}

// showComputed adds computed traits and affinities to a profile, as of an
// instant.
func (w *people) showComputed(a *anchor, v *profile.View, now clock.Instant) {
	who := w.subject(a)
	v.Computed.Traits, v.Affinities = map[string]json.RawMessage{}, map[string][]profile.AffinityShare{}
	for _, x := range w.glass.eval.Traits(who.person, who.states, now) {
		if x.JSON != "" {
			v.Computed.Traits[x.Key] = json.RawMessage(x.JSON)
		}
	}
	for _, x := range w.glass.eval.Affinities(who.person, who.states) {
		shares := make([]profile.AffinityShare, len(x.Shares))
		for i, s := range x.Shares {
			shares[i] = profile.AffinityShare{Value: s.Value, Share: json.Number(s.Percent())}
		}
		v.Affinities[x.Key] = shares
	}
}
