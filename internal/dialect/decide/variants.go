package decide

import (
	"context"
	"encoding/json"

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
}

// Variant is what is answered of an experiment.
type Variant struct {
	Variant string            `json:"variant,omitempty"`
	Value   json.RawMessage   `json:"value,omitempty"`
	Reason  experiment.Reason `json:"reason"`
	Phase   int               `json:"phase,omitempty"`
}

// variants answers the experiments that a body asks for: those it names, or all
// that run where it asks for nothing else.
func (d *Door) variants(ctx context.Context, b *Body, trusted bool) map[string]Variant {
	if b.Experiments == nil && len(b.Placements)+len(b.Experiences) > 0 {
		return nil
	}
	a, err := d.Assign.Assign(ctx, &assigner.Request{
		Identifiers: b.identifiers(), Trusted: trusted, Keys: b.Experiments, Context: b.Context, Links: b.QA,
		Unseen: b.Exposures != nil && !*b.Exposures,
	})
	out := map[string]Variant{}
	if err != nil {
		for _, key := range b.Experiments {
			out[key] = Variant{Reason: responder.Failed}
		}
		return out
	}
	for i := range a.Assignments {
		x := &a.Assignments[i]
		out[x.Experiment] = Variant{x.Variant, x.Value, x.Reason, x.Phase}
	}
	return out
}
