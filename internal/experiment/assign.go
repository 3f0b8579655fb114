package experiment

import (
	"encoding/json"
	"fmt"

	"rapport/internal/feel"
)

// Reason is why somebody gets what they get.
type Reason string

// The reasons.
const (
	Assigned    Reason = "assigned"        // by hash, for the first time
	Sticky      Reason = "sticky"          // what the person was shown first
	Forced      Reason = "forced"          // by a QA link
	Concluded   Reason = "concluded"       // it is over and has a winner
	NotRunning  Reason = "not_running"     // draft, paused, stopped without a winner, archived
	NotAudience Reason = "not_in_audience" // the audience's condition does not hold
	HeldOut     Reason = "held_out"
	OutOfLayer  Reason = "outside_layer" // the layer's slice is another experiment's
	OutOfShare  Reason = "outside_traffic"
	NoUnit      Reason = "no_unit" // nothing says who asks
)

// Subject is who asks.
type Subject struct {
	// Unit is the strongest identifier of the request, as namespace:value. It
	// decides where nothing was shown yet; what the person was shown decides
	// before it. It is never a profile id: those change when people are joined.
	Unit string
	// Seen is what the person was shown, by whatever identifier.
	Seen Register
	// Person is asked where an audience asks. Nil: nothing is known.
	Person *Person
	// Forced are variants by experiment that QA links ask for.
	Forced map[string]string
	// Features gives the values of what a contextual bandit looks at, in units of
	// a thousandth; nil: all are zero.
	Features func(names []string) []int64
}

// Policy is what a bandit learned so far.
type Policy interface {
	// Shares gives how many of ten thousand such people get each variant, in the
	// order of the definition.
	Shares(features []int64) []int
	// Version names the state of learning.
	Version() string
}

// Assignment is what somebody gets, and why.
type Assignment struct {
	Experiment string
	Variant    string          // empty: none
	Value      json.RawMessage // empty: the caller's own default
	Phase      int             // of the exposure; 0 where there is none
	Reason     Reason
	// Exposes says that showing it is an exposure that is not known yet.
	Exposes bool
	// Propensity is how many of ten thousand people get this variant who come
	// with the same features, in this phase.
	Propensity int
	Policy     string  // version of what a bandit had learned
	Features   []int64 // what a contextual bandit looked at, in thousandths
}

// Experiment is a definition made ready to assign.
type Experiment struct {
	*Definition
	weights   []int
	condition *feel.Program
	seeds     seeds
}

type seeds struct{ variant, traffic, layer, holdout string }

// Compile makes a definition ready. It must have been read by Read.
func Compile(d *Definition) (*Experiment, error) {
	e := &Experiment{Definition: d, weights: make([]int, len(d.Variants))}
	for i := range d.Variants {
		e.weights[i] = d.Variants[i].share()
	}
	seed := d.Seed
	if seed == "" {
		seed = d.Key
	}
	// Each question has a hash of its own: who is in must say nothing about
	// which variant it is.
	e.seeds = seeds{variant: seed, traffic: seed + "/traffic"}
	if d.Layer != nil {
		e.seeds.layer = d.Layer.Key + "/layer"
	}
	if d.Holdout != nil {
		e.seeds.holdout = d.Holdout.Key + "/holdout"
	}
	if d.Audience != nil {
		var err error
		if e.condition, err = d.Audience.compile(); err != nil {
			return nil, fmt.Errorf("audience of %q: %w", d.Key, err)
		}
	}
	return e, nil
}

// Assign says which variant somebody gets. It is a function of what it is
// given: the same person gets the same on every node, in every channel, and
// after every restart. policy is that of a bandit; nil where it learned nothing.
func (e *Experiment) Assign(s *Subject, policy Policy) Assignment {
	out := Assignment{Experiment: e.Key}
	if e.State == Archived {
		return e.fallback(out, NotRunning)
	}
	if key, ok := s.Forced[e.Key]; ok {
		if v := e.Variant(key); v != nil {
			out.Variant, out.Value, out.Reason = v.Key, v.Answer(), Forced
			return out
		}
	}
	switch e.State {
	case Stopped:
		return e.concluded(out)
	case Running, Paused:
	case Draft, Archived:
		return e.fallback(out, NotRunning)
	}
	if first, _ := s.Seen.First(e.Key); first != nil {
		if v := e.Variant(first.Variant); v != nil {
			out.Variant, out.Value, out.Phase, out.Reason = v.Key, v.Answer(), first.Phase, Sticky
			return out
		}
	}
	if reason := e.keepsOut(s); reason != "" {
		return e.fallback(out, reason)
	}
	e.choose(&out, s, policy)
	return out
}

// keepsOut says why somebody who was not in yet does not come in; empty: they do.
func (e *Experiment) keepsOut(s *Subject) Reason {
	switch {
	case e.State == Paused:
		return NotRunning
	case s.Unit == "":
		return NoUnit
	case e.Holdout != nil && within(Bucket(e.seeds.holdout, s.Unit), e.Holdout.Share):
		return HeldOut
	case e.Layer != nil && !e.Layer.has(Bucket(e.seeds.layer, s.Unit)):
		return OutOfLayer
	case e.Traffic != nil && !within(Bucket(e.seeds.traffic, s.Unit), *e.Traffic):
		return OutOfShare
	case !e.includes(s.Person):
		return NotAudience
	}
	return ""
}

func (l *Layer) has(bucket int) bool { return !within(bucket, l.From) && within(bucket, l.To) }

// choose picks a variant for somebody who comes in.
func (e *Experiment) choose(out *Assignment, s *Subject, policy Policy) {
	weights := e.weights
	if e.Kind == Contextual {
		out.Features = make([]int64, len(e.Bandit.Features))
		if s.Features != nil {
			copy(out.Features, s.Features(e.Bandit.Features))
		}
	}
	if e.Learns() && policy != nil {
		weights, out.Policy = policy.Shares(out.Features), policy.Version()
	}
	i := pick(Bucket(e.seeds.variant, s.Unit), weights)
	v := &e.Variants[i]
	out.Variant, out.Value, out.Phase, out.Reason = v.Key, v.Answer(), e.Phase(), Assigned
	out.Exposes, out.Propensity = true, propensity(weights, i)
}

// propensity is how many of the buckets fall to a variant.
func propensity(weights []int, i int) int {
	total, before := 0, 0
	for k, w := range weights {
		total += w
		if k < i {
			before += w
		}
	}
	return up(before+weights[i], total) - up(before, total)
}

// up is the first bucket at or behind part/total of all.
func up(part, total int) int { return (part*Buckets + total - 1) / total }

func (e *Experiment) concluded(out Assignment) Assignment {
	if c := e.Conclusion; c != nil {
		if v := e.Variant(c.Winner); v != nil {
			out.Variant, out.Value, out.Reason = v.Key, v.Answer(), Concluded
			return out
		}
	}
	return e.fallback(out, NotRunning)
}

func (e *Experiment) fallback(out Assignment, why Reason) Assignment {
	out.Reason = why
	if e.Default != nil {
		out.Value = *e.Default
	}
	return out
}
