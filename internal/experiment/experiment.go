// Package experiment says what an experiment is and who gets which of its
// variants: definition documents, their checks and life, phases, deterministic
// assignment, the register of first exposures, and what of a person's events
// its metrics count. It never reads a clock, storage or the network, never draws
// a random number, and never knows how an exposure is kept or a result shown.
//
// Start reading at Assign.
package experiment

import (
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
)

// Kind is how variants are chosen.
type Kind string

// The kinds.
const (
	AB           Kind = "ab"                // two or more variants by fixed weights
	Multivariate Kind = "multivariate"      // every combination of the levels of factors
	Bandit       Kind = "bandit"            // Thompson sampling: weights follow the results
	Contextual   Kind = "contextual_bandit" // linear models of the reward, by what is known of a person
)

// State is how far an experiment has come.
type State string

// The states.
const (
	Draft    State = "draft"    // nobody gets it but by a QA link
	Running  State = "running"  // who comes is assigned
	Paused   State = "paused"   // who was assigned keeps the variant, nobody else comes in
	Stopped  State = "stopped"  // it is over; everybody gets the winner, where the conclusion names one
	Archived State = "archived" // as if it were not there; its results and conclusion stay
)

// Definition is an experiment as people wrote it, checked and completed.
type Definition struct {
	Key         string      `json:"-"`
	Name        string      `json:"name"`
	Description string      `json:"description,omitempty" doc:"The hypothesis, in words"`
	Tags        []string    `json:"tags,omitempty"`
	Kind        Kind        `json:"kind,omitempty" enum:"ab,multivariate,bandit,contextual_bandit" doc:"Left out: ab"`
	State       State       `json:"state,omitempty" enum:"draft,running,paused,stopped,archived" doc:"Left out: draft"`
	Public      bool        `json:"public,omitempty" doc:"Whether a write key may ask for it: the answer can be seen by anybody"`
	Variants    []Variant   `json:"variants,omitempty" doc:"The first is the control"`
	Factors     []Factor    `json:"factors,omitempty" doc:"Of a multivariate experiment, in place of variants"`
	Audience    *Audience   `json:"audience,omitempty" doc:"Left out: everybody"`
	Traffic     *float64    `json:"traffic,omitempty" minimum:"0" maximum:"1" doc:"Share of the audience that takes part. Left out: all"`
	Layer       *Layer      `json:"layer,omitempty" doc:"Mutual exclusion: experiments with disjoint slices of a layer share nobody"`
	Holdout     *Holdout    `json:"holdout,omitempty" doc:"A share of people that takes part in no experiment with the same hold-out"`
	Seed        string      `json:"seed,omitempty" doc:"What assignment depends on beside the person. Left out: the key"`
	Default     *RawValue   `json:"default,omitempty" doc:"What those get who do not take part. Left out: the caller's own default"`
	Bandit      *BanditPlan `json:"bandit,omitempty"`
	Metrics     []Metric    `json:"metrics,omitempty" doc:"The first one without a role is primary"`
	Analysis    Analysis    `json:"analysis,omitzero"`
	Phases      []Phase     `json:"phases,omitempty" doc:"Kept by the server: a change of who gets what begins a new one"`
	Conclusion  *Conclusion `json:"conclusion,omitempty"`
	ClonedFrom  string      `json:"cloned_from,omitempty" doc:"Key of the experiment this began as"`
}

// RawValue is JSON that is passed on as it is.
type RawValue = json.RawMessage

// Variant is one arm.
type Variant struct {
	Key     string   `json:"key"`
	Name    string   `json:"name,omitempty"`
	Weight  *int     `json:"weight,omitempty" minimum:"0" maximum:"1000000" doc:"Its share is its weight by the sum of all. Left out: 1"`
	Value   RawValue `json:"value,omitempty" doc:"What callers get. Left out: the key"`
	Channel string   `json:"channel,omitempty" doc:"Where an arm is a channel: email, sms, web, …"`
}

// Factor is one thing that a multivariate experiment varies.
type Factor struct {
	Key    string  `json:"key"`
	Name   string  `json:"name,omitempty"`
	Levels []Level `json:"levels" doc:"The first is the control's"`
}

// Level is one form of a factor.
type Level struct {
	Key    string   `json:"key"`
	Weight *int     `json:"weight,omitempty" minimum:"0" maximum:"1000"`
	Value  RawValue `json:"value,omitempty" doc:"Left out: the key"`
}

// Audience says who may take part. Both must hold.
type Audience struct {
	Segment   string `json:"segment,omitempty" doc:"Key of a segment"`
	Public    bool   `json:"public,omitempty" doc:"Whether callers with a write key, who only claim to be that person, are judged by what is known of it. Otherwise they are judged by the context alone"`
	Condition string `json:"condition,omitempty" doc:"FEEL over profile, segments and context (what the caller says of the request)"`
}

// Layer is a slice of the people that a layer's experiments divide among them.
type Layer struct {
	Key  string  `json:"key"`
	From float64 `json:"from" minimum:"0" maximum:"1"`
	To   float64 `json:"to" minimum:"0" maximum:"1"`
}

// Holdout is a share of people that is left alone.
type Holdout struct {
	Key   string  `json:"key"`
	Share float64 `json:"share" minimum:"0" maximum:"1"`
}

// BanditPlan says how a bandit learns.
type BanditPlan struct {
	Floor    float64  `json:"floor,omitempty" minimum:"0" maximum:"0.5" doc:"The least share of a variant. Left out: 0.01"`
	MinUnits int      `json:"min_units,omitempty" minimum:"1" doc:"People per variant before its share moves. Left out: 100"`
	Features []string `json:"features,omitempty" doc:"Of a contextual bandit: numbers and booleans in the context of the request, or traits"`
}

// Conclusion is what people learned, and what everybody gets from then on.
type Conclusion struct {
	Winner string        `json:"winner,omitempty" doc:"Key of a variant. Everybody gets it once the experiment is stopped"`
	Text   string        `json:"text" doc:"What was learned"`
	Time   clock.Instant `json:"time,omitzero" doc:"Kept by the server"`
}

// Phase is a span in which everybody came in by the same rules.
type Phase struct {
	Number  int            `json:"number" doc:"Counted from 1"`
	Since   clock.Instant  `json:"since"`
	Weights map[string]int `json:"weights"`
	Traffic float64        `json:"traffic"`
	Why     string         `json:"why,omitempty"`
}

// Analysis says how results are judged.
type Analysis struct {
	Method     string  `json:"method,omitempty" enum:"sequential,fixed,bayesian" doc:"Which method the verdict follows; results show all. Left out: sequential"`
	Alpha      float64 `json:"alpha,omitempty" minimum:"0.0001" maximum:"0.5" doc:"Left out: 0.05"`
	Difference string  `json:"difference,omitempty" enum:"relative,absolute" doc:"Left out: relative"`
	Correction string  `json:"correction,omitempty" enum:"none,holm,benjamini-hochberg" doc:"Over all comparisons of primary and secondary metrics. Left out: holm where there is more than one, else none"`
	Tuning     float64 `json:"tuning,omitempty" minimum:"1" doc:"Units at which the sequential interval is narrowest. Left out: 5000"`
	PriorMean  float64 `json:"prior_mean,omitempty"`
	PriorSD    float64 `json:"prior_sd,omitempty" minimum:"0" doc:"Of the relative effect. Left out: a flat prior"`
	Effect     float64 `json:"effect,omitempty" minimum:"0" maximum:"10" doc:"Relative effect worth finding: for power and the run time. Left out: 0.05"`
	Power      float64 `json:"power,omitempty" minimum:"0.5" maximum:"0.999" doc:"Left out: 0.8"`
	MinUnits   int     `json:"min_units,omitempty" minimum:"1" doc:"People per variant before there is a verdict. Left out: 100"`
}

// share is a variant's weight; 1 where none is given.
func (v *Variant) share() int {
	if v.Weight == nil {
		return 1
	}
	return *v.Weight
}

// Variant finds one by its key; nil where there is none.
func (d *Definition) Variant(key string) *Variant {
	for i := range d.Variants {
		if d.Variants[i].Key == key {
			return &d.Variants[i]
		}
	}
	return nil
}

// Answer is what callers get of a variant, as JSON.
func (v *Variant) Answer() json.RawMessage {
	if len(v.Value) > 0 {
		return v.Value
	}
	return jsondoc.AppendString(nil, v.Key)
}

// Phase is the number of the phase that goes on; 0 before the first.
func (d *Definition) Phase() int {
	if n := len(d.Phases); n > 0 {
		return d.Phases[n-1].Number
	}
	return 0
}

// Learns tells a bandit.
func (d *Definition) Learns() bool { return d.Kind == Bandit || d.Kind == Contextual }

// Metric finds one by its key; nil where there is none.
func (d *Definition) Metric(key string) *Metric {
	for i := range d.Metrics {
		if d.Metrics[i].Key == key {
			return &d.Metrics[i]
		}
	}
	return nil
}

// Primary is the metric that a bandit learns from and the verdict is about; nil
// where there is none.
func (d *Definition) Primary() *Metric {
	for i := range d.Metrics {
		if d.Metrics[i].Role == RolePrimary {
			return &d.Metrics[i]
		}
	}
	return nil
}
