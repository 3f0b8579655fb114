package xgboost

import "math"

// Raw writes the margin of every group. It never allocates; scratch has as
// many places as a row.
func (m *Model) Raw(scratch, row, out []float64) {
	scratch = scratch[:len(m.inputs)]
	for i, x := range row[:len(scratch)] {
		scratch[i] = float64(float32(x))
	}
	copy(out, m.base)
	if m.trees != nil {
		m.trees.Sum32(scratch, out)
		return
	}
	groups := len(m.base)
	biases := m.weights[len(scratch)*groups:]
	for g := range out {
		sum := float32(out[g]) + biases[g]
		for i, x := range scratch {
			if x == x {
				product := float32(x) * m.weights[i*groups+g]
				sum += product
			}
		}
		out[g] = float64(sum)
	}
}

// Score writes the outputs for a row, NaN for missing values. It never
// allocates; scratch has Scratch places.
func (m *Model) Score(scratch, row, out []float64) {
	if !m.classes {
		m.Raw(scratch, row, out)
		for i, x := range out {
			out[i] = m.transform(float32(x))
		}
		return
	}
	probs := out[1:]
	m.Raw(scratch, row, probs)
	best := 0
	for i, p := range probs {
		if p > probs[best] {
			best = i
		}
	}
	soften(probs)
	out[0] = float64(best)
}

// steepest keeps the exponential within what 32 bits hold.
const steepest = 88.7

func (m *Model) transform(x float32) float64 {
	switch m.link {
	case exponential:
		return float64(exp(x))
	case sigmoid:
		return float64(1 / (exp(min(-x, steepest)) + 1 + 1e-16))
	case hinge:
		if x > 0 {
			return 1
		}
		return 0
	}
	return float64(x)
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

func soften(xs []float64) {
	top := xs[0]
	for _, x := range xs {
		top = max(top, x)
	}
	sum := 0.0
	for i, x := range xs {
		xs[i] = float64(exp(float32(x) - float32(top)))
		sum += xs[i]
	}
	for i, x := range xs {
		xs[i] = float64(float32(x) / float32(sum))
	}
}
