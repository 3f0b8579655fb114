package decide

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"rapport/internal/assigner"
	"rapport/internal/experiment"
	"rapport/internal/responder"
)

// Assigner assigns the variants of experiments.
type Assigner interface {
	Assign(ctx context.Context, q *assigner.Request) (*assigner.Answer, error)
	// Flush waits until the exposures up to now are visible.
	Flush(ctx context.Context) error
}

// shown is the whole answer: decisions by place, variants by experiment.
type shown struct {
	*responder.WhatToShow
	Experiments map[string]Variant `json:"experiments,omitempty"`
	// QA says why a QA token does not count.
	QA string `json:"qa,omitempty"`
}

// Variant is what is answered of an experiment.
type Variant struct {
	Variant string            `json:"variant,omitempty"`
	Value   json.RawMessage   `json:"value,omitempty"`
	Reason  experiment.Reason `json:"reason"`
	Phase   int               `json:"phase,omitempty"`
}

// variants answers the experiments that a body asks for: those it names, or all
// that run where it asks for nothing else. A QA token may stand in the address of
// the page. bad says why one does not count.
func (d *Door) variants(ctx context.Context, b *Body, trusted bool, page string) (all map[string]Variant, bad string) {
	if b.Experiments == nil && len(b.Placements)+len(b.Experiences) > 0 {
		return nil, ""
	}
	links := b.QA
	if u, err := url.Parse(page); err == nil {
		if token := u.Query().Get("rapport_qa"); token != "" {
			links = append(slices.Clip(links), token)
		}
	}
	a, err := d.Assign.Assign(ctx, &assigner.Request{
		Identifiers: b.identifiers(), Trusted: trusted, Keys: b.Experiments, Context: b.Context, Links: links,
		Unseen: b.Exposures != nil && !*b.Exposures,
	})
	if err != nil {
		return noVariants(b, responder.Failed), ""
	}
	out := map[string]Variant{}
	for i := range a.Assignments {
		x := &a.Assignments[i]
		out[x.Experiment] = Variant{x.Variant, x.Value, x.Reason, x.Phase}
	}
	return out, a.BadLink
}

// noVariants answers those that are named with the reason why there is none.
func noVariants(b *Body, why string) map[string]Variant {
	out := map[string]Variant{}
	for i, key := range b.Experiments {
		if i < 50 && len(key) <= 128 {
			out[key] = Variant{Reason: experiment.Reason(why)}
		}
	}
	return out
}
