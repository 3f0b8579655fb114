package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Mismatch is the probability of counts this far from the weights if units were
// assigned by them: Pearson's chi-square. Below 0.001 the experiment must not be
// believed, below 0.01 it should be looked at. Arms of weight zero do not count;
// arms with no units do. It is 1 where there is nothing to compare.
func Mismatch(counts, weights []float64) float64 {
	total, weight, arms := 0.0, 0.0, 0
	for i, w := range weights {
		if w > 0 && i < len(counts) {
			total, weight, arms = total+counts[i], weight+w, arms+1
		}
	}
	if arms < 2 || total <= 0 {
		return 1
	}
	x := 0.0
	for i, w := range weights {
		if w > 0 && i < len(counts) {
			expected := total * w / weight
			x += (counts[i] - expected) * (counts[i] - expected) / expected
		}
	}
	return math.Min(1, distuv.ChiSquared{K: float64(arms - 1)}.Survival(x))
}
