package experiment

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// may says which state may follow which.
func may(from, to State) bool {
	if from == to {
		return true
	}
	switch from {
	case Draft:
		return to == Running || to == Archived
	case Running:
		return to == Paused || to == Stopped
	case Paused:
		return to == Running || to == Stopped
	case Stopped:
		return to == Running || to == Archived
	case Archived:
	}
	return false
}

// instead says what can be done with an experiment in a state.
func instead(state State) string {
	var next []string
	for _, to := range [...]State{Running, Paused, Stopped, Archived} {
		if to != state && may(state, to) {
			next = append(next, string(to))
		}
	}
	if next == nil {
		return "clone it to try again"
	}
	return "it can become " + strings.Join(next, " or ")
}

// Revise completes a new version of a definition by the one before it, nil for
// the first: phases go on, and begin where who gets what changes. It refuses
// what would make the results wrong.
func (d *Definition) Revise(before *Definition, now clock.Instant) error {
	d.Phases = nil
	state := Draft
	if before != nil {
		d.Phases, state = slices.Clone(before.Phases), before.State
		if d.ClonedFrom == "" {
			d.ClonedFrom = before.ClonedFrom
		}
	}
	if !may(state, d.State) {
		return fault.Errorf(fault.Conflict, "state_not_possible", "the experiment is %s and cannot become %s: %s", state, d.State, instead(state)).At("/state")
	}
	if before != nil && len(d.Phases) > 0 {
		if err := d.keeps(before); err != nil {
			return err
		}
	}
	d.conclude(before, now)
	if d.State == Running {
		d.beginPhase(before, now)
	}
	return nil
}

// keeps refuses to change what people were already assigned by.
func (d *Definition) keeps(before *Definition) error {
	refuse := func(at, what string) error {
		return fault.Errorf(fault.Conflict, "experiment_started", "%s cannot change once people were assigned: clone the experiment", what).At(at)
	}
	if d.Kind != before.Kind {
		return refuse("/kind", "the kind")
	}
	if d.Seed != before.Seed {
		return refuse("/seed", "the seed")
	}
	for i := range before.Variants {
		if d.Variant(before.Variants[i].Key) == nil {
			return fault.Errorf(fault.Conflict, "experiment_started", "the variant %q cannot be taken away once people were assigned: give it the weight 0", before.Variants[i].Key).At("/variants")
		}
	}
	if d.Variants[0].Key != before.Variants[0].Key {
		return refuse("/variants/0", "the control")
	}
	return nil
}

func (d *Definition) conclude(before *Definition, now clock.Instant) {
	if d.Conclusion == nil && before != nil && (d.State == Stopped || d.State == Archived) {
		d.Conclusion = before.Conclusion
		return
	}
	if d.Conclusion != nil {
		d.Conclusion.Time = now
		if before != nil && before.Conclusion != nil && before.Conclusion.Winner == d.Conclusion.Winner && before.Conclusion.Text == d.Conclusion.Text {
			d.Conclusion.Time = before.Conclusion.Time
		}
	}
}

// beginPhase adds a phase where the experiment begins or who gets what changed.
func (d *Definition) beginPhase(before *Definition, now clock.Instant) {
	why := "start"
	next := Phase{Number: d.Phase() + 1, Since: now, Weights: map[string]int{}, Traffic: 1}
	for i := range d.Variants {
		next.Weights[d.Variants[i].Key] = d.Variants[i].share()
	}
	if d.Traffic != nil {
		next.Traffic = *d.Traffic
	}
	if n := len(d.Phases); n > 0 {
		last := &d.Phases[n-1]
		switch {
		case before.State == Stopped:
			why = "started again"
		case !maps.Equal(last.Weights, next.Weights):
			why = "weights changed"
		case last.Traffic != next.Traffic:
			why = "traffic changed"
		case !same(before.Audience, d.Audience):
			why = "audience changed"
		case !same(before.Layer, d.Layer):
			why = "layer changed"
		case !same(before.Holdout, d.Holdout):
			why = "hold-out changed"
		default:
			return
		}
	}
	next.Why = why
	d.Phases = append(d.Phases, next)
}

func same[T any](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// Clone is a draft of the same experiment, which nobody was assigned by.
func (d *Definition) Clone(key, name string) *Definition {
	c := *d
	c.Key, c.State, c.Phases, c.Conclusion, c.ClonedFrom = key, Draft, nil, nil, d.Key
	if d.Seed != "" {
		c.Seed = key // the same people in the same variants would carry over what they learned
	}
	if c.Name = name; name == "" {
		c.Name = d.Name + " (copy)"
	}
	return &c
}
