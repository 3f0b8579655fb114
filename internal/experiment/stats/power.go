package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Plan is what is known of a metric before an experiment with it.
type Plan struct {
	Mean, Variance float64 // of one unit
	PerArm         float64 // units in each of the two arms that are compared
	Sequential     bool
	Settings       // two-sided; the difference is relative
}

// PlanProportion is a plan for a share of units.
func PlanProportion(p, perArm float64) Plan {
	return Plan{Mean: p, Variance: p * (1 - p), PerArm: perArm}
}

// inflation is by how much the interval is wider than that of a fixed test.
func (p Plan) inflation() float64 {
	if !p.Sequential {
		return 1
	}
	return width(1, 2*p.PerArm, p.alpha(), p.tuning()) / p.critical()
}

func (p Plan) critical() float64 { return -distuv.UnitNormal.Quantile(p.alpha() / 2) }

// se is the standard error of the relative difference if the effect is true.
// For a sequential test it is that of the fixed test with an interval of the
// same width, as in gbstats: a little too careful.
func (p Plan) se(effect float64) float64 {
	unit := p.Variance / (p.Mean * p.Mean * p.PerArm)
	return p.inflation() * math.Sqrt(unit*(1+(1+effect)*(1+effect)))
}

// Power is the probability to find a relative effect of that size.
func (p Plan) Power(effect float64) float64 {
	if !(p.PerArm > 0) || !(p.Variance > 0) || p.Mean == 0 {
		return 0
	}
	z, c := effect/p.se(effect), p.critical()
	return distuv.UnitNormal.Survival(c-z) + distuv.UnitNormal.CDF(-c-z)
}

// MinimumEffect is the smallest positive relative effect that is found with the
// given power; false where no effect, however large, is found with that few
// units.
func (p Plan) MinimumEffect(power float64) (float64, bool) {
	if !(p.PerArm > 0) || !(p.Variance > 0) || p.Mean == 0 || power <= 0 || power >= 1 {
		return 0, false
	}
	z := (p.critical() + distuv.UnitNormal.Quantile(power)) * p.inflation()
	c := z * z * p.Variance / (p.Mean * p.Mean * p.PerArm)
	if c >= 1 {
		return 0, false // the error grows as fast as the effect
	}
	return (2*c + math.Sqrt(4*c*c+8*c*(1-c))) / (2 * (1 - c)), true
}

// Goal is the relative effect that shall be found, and how surely. With a Prior
// it is the Bayesian interval that shall exclude zero.
type Goal struct {
	Effect, Power float64
	Prior         Prior
}

// Growth is how many times the units that a running experiment has must come in
// addition until a relative effect of that size is found with the given power:
// by the plan's test and level; its other fields do not count. It is false where a million times as many are too few.
func (p Plan) Growth(control, treatment Sample, g Goal) (float64, bool) {
	e := compare(control, treatment, Relative)
	if e.problem != "" {
		return 0, false
	}
	units := control.N + treatment.N
	reached := func(f float64) bool {
		se := math.Sqrt(e.variance / f)
		if g.Prior.Variance > 0 {
			return bayesianPower(g.Effect, se, p.alpha(), g.Prior) >= g.Power
		}
		c := p.critical()
		if p.Sequential {
			c = width(1, units*f, p.alpha(), p.tuning())
		}
		return distuv.UnitNormal.Survival(c-g.Effect/se)+distuv.UnitNormal.CDF(-c-g.Effect/se) >= g.Power
	}
	const most = 1e6
	if reached(1) {
		return 0, true
	}
	if !reached(most) {
		return 0, false
	}
	low, high := 1.0, most
	for range 200 {
		if middle := (low + high) / 2; reached(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high - 1, true
}

// bayesianPower is the probability that the posterior's interval excludes zero
// if the effect is true.
func bayesianPower(effect, se, alpha float64, prior Prior) float64 {
	precision := 1/(se*se) + 1/prior.Variance
	weight := 1 / (se * se) / precision
	half := -distuv.UnitNormal.Quantile(alpha/2) / math.Sqrt(precision)
	mean, sd := weight*effect+(1-weight)*prior.Mean, weight*se
	return distuv.UnitNormal.Survival((half-mean)/sd) + distuv.UnitNormal.CDF((-half-mean)/sd)
}
