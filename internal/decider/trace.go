package decider

import (
	"context"

	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/dmn"
	"rapport/internal/fault"
)

// Traced is a kept decision made again, with all that ran.
type Traced struct {
	*kept.Decision
	Answer *model.Answer
	// Differs are outputs that came to something else than was kept: none, as
	// long as nothing is wrong.
	Differs []string
}

// Trace makes a kept decision again from what was kept: the same version, the
// same versions of what it depended on, the same values, time and chance.
func (d *Decider) Trace(ctx context.Context, id string) (*Traced, error) {
	k, err := d.Spine.Decision(ctx, id)
	if err != nil {
		return nil, err
	}
	if k.Cut {
		return nil, fault.Errorf(fault.Conflict, "decision_cut", "decision %q read or gave more than %d bytes, which were not kept: it cannot be made again", id, kept.MaxValues)
	}
	r, err := d.models.pinned(ctx, k.Model, k.Version, k.Pins)
	if err != nil {
		return nil, err
	}
	q := k.Question()
	q.Explain = true
	a, err := r.answer(q)
	if err != nil {
		return nil, err
	}
	return &Traced{Decision: k, Answer: a, Differs: kept.Differs(k.Values, a.Values)}, nil
}

// again answers the question of a kept decision with another version.
func (r *runnable) again(run *dmn.Session, k *kept.Decision) (*model.Answer, error) {
	q := k.Question()
	if q.Service == "" {
		q.Decisions = r.known(q.Decisions)
	}
	return r.Evaluate(run, q)
}

// known leaves out decisions that the version does not have.
func (r *runnable) known(asked []string) []string {
	var out []string
	for _, name := range asked {
		for _, v := range r.Decisions() {
			if v.Name == name {
				out = append(out, name)
			}
		}
	}
	return out
}
