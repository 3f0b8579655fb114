package lightgbm

import "math"

// Raw writes the raw score of every class. It never allocates.
func (m *Model) Raw(row, out []float64) {
	clear(out)
	m.trees.Sum(row, out)
	if m.average != 1 {
		for i := range out {
			out[i] /= m.average
		}
	}
}

// Score writes the outputs for a row, NaN for missing values. It never
// allocates; scratch may be nil.
func (m *Model) Score(_, row, out []float64) {
	if m.trees.Groups() == 1 {
		m.Raw(row, out[:1])
		out[0] = m.transform(out[0])
		return
	}
	probs := out[1:]
	m.Raw(row, probs)
	if m.link == softmax {
		soften(probs)
	} else {
		for i, x := range probs {
			probs[i] = m.transform(x)
		}
	}
	best := 0
	for i, p := range probs {
		if p > probs[best] {
			best = i
		}
	}
	out[0] = float64(best)
}

func (m *Model) transform(x float64) float64 {
	switch m.link {
	case signedSquare:
		return x * math.Abs(x)
	case exponential:
		return math.Exp(x)
	case sigmoid, sigmoids:
		return 1 / (1 + math.Exp(-m.slope*x))
	case softplus:
		return math.Log1p(math.Exp(x))
	}
	return x
}

func soften(xs []float64) {
	top := xs[0]
	for _, x := range xs {
		top = max(top, x)
	}
	sum := 0.0
	for i, x := range xs {
		xs[i] = math.Exp(x - top)
		sum += xs[i]
	}
	for i := range xs {
		xs[i] /= sum
	}
}
