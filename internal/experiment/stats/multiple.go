package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Holm adjusts p values so that the chance of even one false finding among all
// stays below the level. The order of the input is kept.
func Holm(p []float64) []float64 {
	out, order := ranked(p)
	most := 0.0
	for rank, i := range order {
		most = math.Max(most, math.Min(1, p[i]*float64(len(p)-rank)))
		out[i] = most
	}
	return out
}

// BenjaminiHochberg adjusts p values so that of what is found the expected
// share of false findings stays below the level. The order of the input is kept.
func BenjaminiHochberg(p []float64) []float64 {
	out, order := ranked(p)
	least := 1.0
	for rank, i := range slices.Backward(order) {
		least = math.Min(least, p[i]*float64(len(p))/float64(rank+1))
		out[i] = least
	}
	return out
}

// ranked gives the places of p from the smallest value on.
func ranked(p []float64) (out []float64, order []int) {
	out, order = make([]float64, len(p)), make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	return out, order
}

// Widen makes the interval of a two-sided result agree with an adjusted p value:
// it excludes zero exactly where the adjusted value is below alpha.
func Widen(r Result, adjusted, alpha float64) Result {
	if r.Problem != "" || adjusted <= r.P || r.Estimate == 0 {
		return r
	}
	z := -distuv.UnitNormal.Quantile(alpha / 2)
	if adjusted >= 1 {
		r.P, r.Low, r.High = 1, math.Inf(-1), math.Inf(1)
		return r
	}
	half := z * math.Abs(r.Estimate) / -distuv.UnitNormal.Quantile(adjusted/2)
	r.P, r.Low, r.High = adjusted, r.Estimate-half, r.Estimate+half
	return r
}
