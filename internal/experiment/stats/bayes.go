package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Prior is what was believed of the relative effect before, a normal
// distribution. The zero value believes nothing: it is flat.
type Prior struct {
	Mean, Variance float64
}

// Posterior is what is believed of the effect now.
type Posterior struct {
	Result // P is not set: there is no such thing here
	// ChanceToWin is the probability that the treatment is better than the
	// control.
	ChanceToWin float64
	// RiskOfControl and RiskOfTreatment are what is lost on average, in units of
	// the difference, by choosing that arm where the other is better.
	RiskOfControl, RiskOfTreatment float64
}

// Bayes compares two arms with a normal posterior of the effect. Inverse tells
// that a smaller value of the metric is better.
func Bayes(control, treatment Sample, p Prior, s Settings, inverse bool) Posterior {
	e := compare(control, treatment, s.Difference)
	if e.problem != "" {
		return Posterior{Result: Result{Problem: e.problem}, ChanceToWin: 0.5}
	}
	mean, variance := e.estimate, e.variance
	if p.Variance > 0 {
		if s.Difference == Absolute {
			p.Mean, p.Variance = p.Mean*control.Plain, p.Variance*control.Plain*control.Plain
		}
		precision := 1/variance + 1/p.Variance
		mean = (mean/variance + p.Mean/p.Variance) / precision
		variance = 1 / precision
	}
	se := math.Sqrt(variance)
	half := -distuv.UnitNormal.Quantile(s.alpha()/2) * se
	out := Posterior{Result: Result{Estimate: mean, SE: se, Low: mean - half, High: mean + half}}
	better := mean
	if inverse {
		better = -mean
	}
	out.ChanceToWin = distuv.UnitNormal.CDF(better / se)
	out.RiskOfControl, out.RiskOfTreatment = Risks(better, se)
	return out
}

// Risks are the expected losses of staying with the control and of taking the
// treatment where the gain of the treatment is normal with a mean and a
// standard deviation: the means of its positive and of its negative part.
func Risks(mean, sd float64) (control, treatment float64) {
	if !(sd > 0) {
		return math.Max(mean, 0), math.Max(-mean, 0)
	}
	z := mean / sd
	density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
	// Each part by its own tail: their difference would cancel far from zero.
	control = sd*density + mean*distuv.UnitNormal.CDF(z)
	treatment = sd*density - mean*distuv.UnitNormal.CDF(-z)
	return math.Max(control, 0), math.Max(treatment, 0)
}
