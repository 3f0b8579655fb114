// Package bandit says what share of people gets each variant as results come
// in, and what another way to choose would have brought. It draws no random
// numbers: shares are probabilities worked out from sums, and which variant
// somebody gets follows from the share and the hash of who it is. It never keeps
// state.
package bandit

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Arm is what is known of the reward of a variant: that of N people.
type Arm struct {
	N, Sum, SumSq float64
	// Conversion says that the reward is one or nothing.
	Conversion bool
}

// posterior is the normal distribution of the mean reward: for conversions that
// of the beta distribution after a uniform one, else of the sample mean.
func (a *Arm) posterior() (mean, sd float64) {
	if a.Conversion {
		s, f := a.Sum+1, a.N-a.Sum+1
		n := s + f
		return s / n, math.Sqrt(s * f / (n * n * (n + 1)))
	}
	mean = a.Sum / a.N
	variance := (a.SumSq - a.N*mean*mean) / (a.N - 1)
	return mean, math.Sqrt(math.Max(variance, 1e-12*(1+mean*mean)) / a.N)
}

// Plan bounds how a bandit moves.
type Plan struct {
	Floor    float64 // the least share of a variant
	MinUnits int     // people of each variant before shares move
	Inverse  bool    // less is better
}

// Whole is what shares add up to.
const Whole = 10_000

// Thompson gives the shares of variants: the probability that each is the best,
// which is what drawing from the posteriors comes to, and never less than the
// floor. Until every variant has its people all have the same.
//
// Source: Thompson, "On the likelihood that one unknown probability exceeds
// another", Biometrika 25 (1933); additive floor as in GrowthBook.
func Thompson(arms []Arm, p Plan) []int {
	even := make([]float64, len(arms))
	for i := range even {
		even[i] = 1 / float64(len(arms))
	}
	for i := range arms {
		if arms[i].N < math.Max(float64(p.MinUnits), 2) {
			return whole(even, p.Floor)
		}
	}
	return whole(best(arms, p.Inverse), p.Floor)
}

// best gives the probability of each arm to have the largest mean.
func best(arms []Arm, inverse bool) []float64 {
	of := make([]distuv.Normal, len(arms))
	for i := range arms {
		mean, sd := arms[i].posterior()
		if inverse {
			mean = -mean
		}
		of[i] = distuv.Normal{Mu: mean, Sigma: sd}
	}
	out := make([]float64, len(arms))
	total := 0.0
	for i := range of {
		// Simpson's rule over what holds all but 1e-15 of it.
		const steps, reach = 800, 8.0
		h := 2 * reach / steps
		for k := 0; k <= steps; k++ {
			z := -reach + float64(k)*h
			y := math.Exp(-z * z / 2)
			for j := range of {
				if j != i {
					y *= of[j].CDF(of[i].Mu + z*of[i].Sigma)
				}
			}
			switch {
			case k == 0 || k == steps:
			case k%2 == 1:
				y *= 4
			default:
				y *= 2
			}
			out[i] += y
		}
		total += out[i]
	}
	for i := range out {
		out[i] /= total
	}
	return out
}

// whole makes shares of ten thousand of probabilities, each at least the floor.
func whole(p []float64, floor float64) []int {
	out := make([]int, len(p))
	least := int(math.Ceil(floor * Whole))
	left := Whole - least*len(p)
	given, most := 0, 0
	for i := range p {
		n := int(math.Floor(p[i] * float64(max(left, 0))))
		out[i] = least + n
		given += out[i]
		if p[i] > p[most] {
			most = i
		}
	}
	out[most] += Whole - given
	return out
}
