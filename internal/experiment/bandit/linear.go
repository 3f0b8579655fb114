package bandit

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Model is a linear model of the reward: a constant and a coefficient for each
// feature.
type Model []float64

// Value is the reward that is expected.
func (m Model) Value(features []float64) float64 {
	if len(m) == 0 {
		return 0
	}
	v := m[0]
	for i := range m[1:] {
		if i < len(features) {
			v += m[i+1] * features[i]
		}
	}
	return v
}

// ridge keeps coefficients small of what was seldom seen.
const ridge = 1.0

// Fit makes a model of sums over people: at(i, j) is that of the products of two
// of 1, the features and the reward, which comes last. false where it cannot be
// made.
func Fit(features int, at func(i, j int) float64) (Model, bool) {
	n := features + 1
	a, b := mat.NewSymDense(n, nil), mat.NewVecDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			v := at(i, j)
			if i == j && i > 0 {
				v += ridge
			}
			a.SetSym(i, j, v)
		}
		b.SetVec(i, at(n, i))
	}
	var c mat.Cholesky
	if !c.Factorize(a) {
		return nil, false
	}
	var x mat.VecDense
	if err := c.SolveVecTo(&x, b); err != nil {
		return nil, false
	}
	out := make(Model, n)
	for i := range out {
		if out[i] = x.AtVec(i); math.IsNaN(out[i]) || math.IsInf(out[i], 0) {
			return nil, false
		}
	}
	return out, true
}

// Inverse gives the shares of variants by the rewards that are expected of them:
// the further a variant is behind the best, the less it gets. Gamma says how much
// less; with more people it is larger.
//
// Source: inverse gap weighting, Abe and Long, ICML 1999; Foster and Rakhlin,
// "Beyond UCB", ICML 2020.
func Inverse(expected []float64, gamma float64, p Plan) []int {
	sign := 1.0
	if p.Inverse {
		sign = -1
	}
	top := 0
	for i := range expected {
		if sign*expected[i] > sign*expected[top] {
			top = i
		}
	}
	k := float64(len(expected))
	shares := make([]float64, len(expected))
	rest := 1.0
	for i := range expected {
		if i != top {
			shares[i] = 1 / (k + gamma*sign*(expected[top]-expected[i]))
			rest -= shares[i]
		}
	}
	shares[top] = rest
	return whole(shares, p.Floor)
}
