package httpapi

import (
	"context"
	"math"
	"net/url"

	"rapport/internal/clock"
	"rapport/internal/experiment/bandit"
	"rapport/internal/experiment/stats"
	"rapport/internal/fault"
)

// OffPolicyAnswer is what another way to choose would have brought.
type OffPolicyAnswer struct {
	Metric string `json:"metric"`
	bandit.OffPolicy
}

// ExperimentLink forces a variant.
type ExperimentLink struct {
	Token string        `json:"token" doc:"Send it as qa of POST /v1/decide, or as rapport_qa in the context of OFREP"`
	URL   string        `json:"url,omitempty"`
	Until clock.Instant `json:"until"`
}

func withToken(page, token string) (string, error) {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", fault.Errorf(fault.Invalid, "invalid_url", "url: give the address of a page, with https://").At("/url")
	}
	q := u.Query()
	q.Set("rapport_qa", token)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// PlanBody says what is known before an experiment.
type PlanBody struct {
	Rate       float64 `json:"rate,omitempty" minimum:"0" maximum:"1" doc:"Of a conversion: the share of people who do it now"`
	Mean       float64 `json:"mean,omitempty" doc:"Of a value per person, with sd"`
	SD         float64 `json:"sd,omitempty" minimum:"0" doc:"Standard deviation of a person's value"`
	Effect     float64 `json:"effect,omitempty" minimum:"0" maximum:"10" doc:"Relative effect worth finding. Left out: 0.05"`
	Power      float64 `json:"power,omitempty" minimum:"0.5" maximum:"0.999" doc:"Left out: 0.8"`
	Alpha      float64 `json:"alpha,omitempty" minimum:"0.0001" maximum:"0.5" doc:"Left out: 0.05"`
	Method     string  `json:"method,omitempty" enum:"sequential,fixed" doc:"Left out: sequential"`
	Tuning     float64 `json:"tuning,omitempty" minimum:"1"`
	Variants   int     `json:"variants,omitempty" minimum:"2" maximum:"64" doc:"Left out: 2"`
	PeopleADay float64 `json:"people_per_day,omitempty" minimum:"0" doc:"Who would take part"`
	Days       float64 `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"With people_per_day: what can be found in so many days"`
}

// PlanAnswer is how long an experiment takes.
type PlanAnswer struct {
	PerVariant    *float64 `json:"per_variant" doc:"People each variant needs; null: more than a thousand million"`
	Total         *float64 `json:"total"`
	Days          *float64 `json:"days,omitempty" doc:"How long that takes"`
	PowerThen     *float64 `json:"power,omitempty" doc:"With days: the chance to find the effect"`
	MinimumEffect *float64 `json:"minimum_effect,omitempty" doc:"With days: the smallest relative effect that is found with the wanted power"`
}

func (a *API) planExperiment(_ context.Context, in *struct{ Body PlanBody }) (*body[PlanAnswer], error) {
	b := &in.Body
	p := stats.Plan{Mean: b.Mean, Variance: b.SD * b.SD, Sequential: b.Method != "fixed", Settings: stats.Settings{Alpha: b.Alpha, Tuning: b.Tuning}}
	if b.Rate > 0 {
		p.Mean, p.Variance = b.Rate, b.Rate*(1-b.Rate)
	}
	if !(p.Variance > 0) || p.Mean == 0 {
		return nil, fault.Errorf(fault.Invalid, "invalid_plan", "give rate, between 0 and 1, or mean and sd of a person's value").At("/rate")
	}
	effect, power, variants := or(b.Effect, 0.05), or(b.Power, 0.8), float64(b.Variants)
	if variants == 0 {
		variants = 2
	}
	out := PlanAnswer{}
	if n, ok := perArm(p, effect, power); ok {
		total := n * variants
		out.PerVariant, out.Total = &n, &total
		if b.PeopleADay > 0 {
			days := math.Ceil(total / b.PeopleADay)
			out.Days = &days
		}
	}
	if b.Days > 0 && b.PeopleADay > 0 {
		p.PerArm = b.Days * b.PeopleADay / variants
		then := p.Power(effect)
		out.PowerThen = &then
		if least, ok := p.MinimumEffect(power); ok {
			out.MinimumEffect = &least
		}
	}
	return &body[PlanAnswer]{Body: out}, nil
}

func or(f, otherwise float64) float64 {
	if f == 0 {
		return otherwise
	}
	return f
}

// perArm is how many people a variant needs for an effect to be found.
func perArm(p stats.Plan, effect, power float64) (float64, bool) {
	reached := func(n float64) bool {
		p.PerArm = n
		return p.Power(effect) >= power
	}
	low, high := 1.0, 2.0
	for ; !reached(high); high *= 2 {
		if low = high; high > 1e9 {
			return 0, false
		}
	}
	for high-low > 0.5 {
		if middle := (low + high) / 2; reached(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return math.Ceil(high), true
}

// ExperimentBody is what is written of an experiment. The domain reads and checks
// what comes in itself, and says better what is wrong.
type ExperimentBody struct {
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty" doc:"The hypothesis, in words"`
	Tags        []string         `json:"tags,omitempty"`
	Kind        string           `json:"kind,omitempty" enum:"ab,multivariate,bandit,contextual_bandit" default:"ab"`
	State       string           `json:"state,omitempty" enum:"draft,running,paused,stopped,archived" default:"draft"`
	Public      bool             `json:"public,omitempty" doc:"Whether a write key may ask for it: the answer can be seen by anybody"`
	Variants    []map[string]any `json:"variants,omitempty" doc:"key, name, weight, value, channel; the first is the control"`
	Factors     []map[string]any `json:"factors,omitempty" doc:"Of a multivariate experiment: key, name, levels of key, weight, value"`
	Audience    map[string]any   `json:"audience,omitempty" doc:"segment, condition (FEEL over profile, segments, context), public"`
	Traffic     float64          `json:"traffic,omitempty" minimum:"0" maximum:"1"`
	Layer       map[string]any   `json:"layer,omitempty" doc:"key, from, to: experiments with disjoint slices of a layer share nobody"`
	Holdout     map[string]any   `json:"holdout,omitempty" doc:"key, share"`
	Seed        string           `json:"seed,omitempty"`
	Default     any              `json:"default,omitempty" doc:"What those get who do not take part"`
	Bandit      map[string]any   `json:"bandit,omitempty" doc:"floor, min_units, features"`
	Metrics     []map[string]any `json:"metrics,omitempty" doc:"key, type, role, event, denominator, window, delay, lookback, at_least, inverse, cap, cap_percentile, quantile, margin"`
	Analysis    map[string]any   `json:"analysis,omitempty" doc:"method, alpha, difference, correction, tuning, prior_mean, prior_sd, effect, power, min_units"`
	Conclusion  map[string]any   `json:"conclusion,omitempty" doc:"winner, text"`
}
