// Package stats says what an experiment showed: estimates with their intervals,
// by the frequentist, the sequential and the Bayesian method, from sums alone.
// It never sees a person, never keeps state and never draws a random number.
//
// Sums add up: those of two days, or of two shards, are those of both. Every
// figure here except quantiles and winsorising follows from them.
package stats

import (
	"fmt"
	"math"
)

// Moments are the sums of a value over units: people, sessions, orders. They
// say all that a mean and its variance need.
type Moments struct {
	N     float64 // units
	Sum   float64
	SumSq float64
}

// Add gives the moments of both.
func (m Moments) Add(o Moments) Moments {
	return Moments{m.N + o.N, m.Sum + o.Sum, m.SumSq + o.SumSq}
}

func (m Moments) mean() float64 { return m.Sum / m.N }

// variance is the sample variance, with N-1.
func (m Moments) variance() float64 {
	if m.N < 2 {
		return 0
	}
	return (m.SumSq - m.Sum*m.Sum/m.N) / (m.N - 1)
}

// covariance is that of two values of the same n units, from the sum of their
// products.
func covariance(n, sumX, sumY, products float64) float64 {
	if n < 2 {
		return 0
	}
	return (products - sumX*sumY/n) / (n - 1)
}

// Sample is one arm's figure of a metric: an estimate per unit and the variance
// of one unit around it, so that the variance of the estimate is Variance / N.
type Sample struct {
	N        float64
	Mean     float64
	Variance float64
	// Plain is the mean before it was adjusted by what was known of the units
	// before. A relative difference is relative to it.
	Plain float64
	// PlainVariance is the variance of one unit around Plain, and Covariance
	// that of a unit's adjusted with its plain value. Both are Variance where
	// nothing was adjusted.
	PlainVariance, Covariance float64
	// adjustedRatio says that the derivative by the control is taken at the
	// adjusted lift, as gbstats does for ratios, not at the plain one, as it does
	// for means.
	adjustedRatio bool
	// Problem says why the sample cannot be compared; empty: it can.
	Problem string
}

func sample(n, mean, variance float64) Sample {
	s := Sample{N: n, Mean: mean, Plain: mean, Variance: variance, PlainVariance: variance, Covariance: variance}
	switch {
	case n < 2:
		s.Problem = fmt.Sprintf("%g units: at least 2 are needed", n)
	case !(variance > 0) || math.IsInf(variance, 0):
		s.Problem = "the variance is zero or negative: every unit has the same value"
	case math.IsNaN(mean) || math.IsInf(mean, 0):
		s.Problem = "there is no mean: the denominator is zero"
	}
	return s
}

// Mean is the metric "average of a value over units".
func Mean(m Moments) Sample { return sample(m.N, m.mean(), m.variance()) }

// Proportion is the metric "share of units that did": count of n.
func Proportion(count, n float64) Sample {
	p := count / n
	return sample(n, p, p*(1-p))
}

// Pair are two values of each unit with the sum of their products.
type Pair struct {
	N        float64
	X, Y     Moments // of the same units: their N is ignored
	Products float64 // sum of x·y
}

// Add gives the sums of both.
func (p Pair) Add(o Pair) Pair {
	return Pair{p.N + o.N, p.X.Add(o.X), p.Y.Add(o.Y), p.Products + o.Products}
}

func (p Pair) x() Moments { return Moments{p.N, p.X.Sum, p.X.SumSq} }

func (p Pair) y() Moments { return Moments{p.N, p.Y.Sum, p.Y.SumSq} }

func (p Pair) covariance() float64 { return covariance(p.N, p.X.Sum, p.Y.Sum, p.Products) }

// Ratio is the metric "sum of x over sum of y", such as revenue per session
// where people are the units, with its variance by the delta method.
func Ratio(p Pair) Sample {
	if p.Y.Sum == 0 {
		return Sample{N: p.N, Problem: "there is no mean: the denominator is zero"}
	}
	x, y := p.x(), p.y()
	r, den := x.Sum/y.Sum, y.mean()
	return sample(p.N, r, (x.variance()-2*r*p.covariance()+r*r*y.variance())/(den*den))
}

// Quantile is the metric "the value that a share of units stays below", from
// the estimate and the bounds of its 95 % interval as a cluster bootstrap or a
// sketch gives them. An interval without width is a problem, never certainty.
func Quantile(n, estimate, low, high float64) Sample {
	const z = 1.959964 // the bounds are at this many standard errors
	se := (high - low) / (2 * z)
	return sample(n, estimate, se*se*(n-1))
}

// Difference is how two arms are compared.
type Difference uint8

// The differences.
const (
	Relative Difference = iota // (treatment - control) / control
	Absolute
)

// Tail is which effects count against the null hypothesis.
type Tail uint8

// The tails.
const (
	TwoSided Tail = iota
	Greater       // only that the treatment is larger
	Less          // only that it is smaller
)

// Settings of a comparison. The zero value is a two-sided relative comparison
// at 5 %.
type Settings struct {
	Difference Difference
	Tail       Tail
	Alpha      float64 // zero is 0.05
	// Tuning is the number of units at which a sequential interval is
	// narrowest; zero is 5,000.
	Tuning float64
}

func (s Settings) alpha() float64 {
	if s.Alpha <= 0 || s.Alpha >= 1 {
		return 0.05
	}
	return s.Alpha
}

func (s Settings) tuning() float64 {
	if s.Tuning <= 0 {
		return 5000
	}
	return s.Tuning
}

// Result is what a comparison showed. With a Problem the estimate and the
// interval are zero and P is 1: there is nothing to see, not "no effect".
type Result struct {
	Estimate  float64
	Low, High float64 // of the interval; infinite on the open side of a one-sided one
	SE        float64 // standard error of the estimate
	P         float64
	Problem   string
}

func failed(problem string) Result { return Result{P: 1, Problem: problem} }

// effect is the estimated difference with its variance.
type effect struct {
	estimate, variance float64
	problem            string
}

// compare estimates the difference of two arms, the treatment's against the
// control's. The variance of a relative difference is by the delta method, as
// in gbstats (GrowthBook, MIT).
func compare(control, treatment Sample, d Difference) effect {
	for _, s := range []Sample{control, treatment} {
		if s.Problem != "" {
			return effect{problem: s.Problem}
		}
	}
	a, b := control, treatment
	if d == Absolute {
		return effect{estimate: b.Mean - a.Mean, variance: a.Variance/a.N + b.Variance/b.N}
	}
	if a.Plain == 0 {
		return effect{problem: "nothing is relative to a control of zero: compare absolutely"}
	}
	lift := (b.Mean - a.Mean) / a.Plain
	// The control is in the lift twice, in what is compared and in what it is
	// compared to: its value counts q times, its adjustment once.
	q := 1 + lift
	if !a.adjustedRatio {
		q = b.Plain / a.Plain
	}
	shared := a.PlainVariance - a.Covariance
	ofControl := q*q*a.PlainVariance - 2*q*shared + a.Variance - a.PlainVariance + 2*shared
	return effect{estimate: lift, variance: (b.Variance/b.N + ofControl/a.N) / (a.Plain * a.Plain)}
}
