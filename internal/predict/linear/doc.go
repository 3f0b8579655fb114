// Package linear reads linear and logistic models, written by hand or by a
// script as a small JSON document, and scores them. It never trains.
//
// The document:
//
//	{
//	  "format": "linear",
//	  "link": "identity" | "logit" | "probit" | "log" | "cloglog" | "softmax",
//	  "inputs": [
//	    {"name": "age", "missing": 41, "mean": 40, "scale": 12},
//	    {"name": "city", "kind": "category", "categories": ["Graz", "Wien"]},
//	    {"name": "member", "kind": "boolean"}
//	  ],
//	  "classes": ["low", "high"],
//	  "sums": [{"intercept": -1.5, "weights": {"age": 0.02, "city": {"Wien": 0.4}, "member": 1}}]
//	}
//
// A number counts as (x - mean) / scale. A missing value takes "missing", and
// where that is not there the score is missing too. A category without a
// weight counts 0. "classes" and several sums belong to softmax alone.
package linear

import (
	"math"

	"rapport/internal/predict/shape"
)

// Model is a model that was read. It is immutable.
type Model struct {
	inputs  []shape.Input
	outputs []shape.Output
	terms   []term
	bias    []float64 // of each sum
	weights []float64 // for each sum a row as wide as all terms together
	width   int
	link    link
}

// term is how one input is read.
type term struct {
	first       int // of its weights within a row
	categories  int // 0 for a number
	missing     float64
	mean, scale float64
}

type link uint8

const (
	identity link = iota
	logit
	probit
	log
	cloglog
	softmax
)

// Inputs are the inputs in the order of a row.
func (m *Model) Inputs() []shape.Input { return m.inputs }

// Outputs are "score", or for several classes the class followed by the
// probability of each.
func (m *Model) Outputs() []shape.Output { return m.outputs }

// Scratch is how many values Score needs beside a row.
func (m *Model) Scratch() int { return 0 }

// Score writes the outputs for a row, NaN for missing values and for outputs
// that cannot be told. It never allocates; scratch may be nil.
func (m *Model) Score(_, row, out []float64) {
	sums := out
	if m.link == softmax {
		sums = out[1:]
	}
	for g := range m.bias {
		weights := m.weights[g*m.width : (g+1)*m.width]
		sum := m.bias[g]
		for i := range m.terms {
			sum += m.terms[i].of(row[i], weights)
		}
		sums[g] = sum
	}
	if m.link != softmax {
		out[0] = m.transform(sums[0])
		return
	}
	soften(sums)
	best := 0
	for i, p := range sums {
		if p > sums[best] {
			best = i
		}
	}
	out[0] = float64(best)
	if math.IsNaN(sums[0]) {
		out[0] = sums[0]
	}
}

// Contributions writes what each input adds to the first sum, and last what
// the sum is without any. An input at its mean adds nothing.
func (m *Model) Contributions(row, out []float64) {
	for i := range m.terms {
		out[i] = m.terms[i].of(row[i], m.weights[:m.width])
	}
	out[len(m.terms)] = m.bias[0]
}

func (t *term) of(x float64, weights []float64) float64 {
	if x != x {
		x = t.missing
	}
	if t.categories == 0 {
		return (x - t.mean) / t.scale * weights[t.first]
	}
	if x >= 0 && x < float64(t.categories) {
		return weights[t.first+int(x)]
	}
	if x != x {
		return x
	}
	return 0
}

func (m *Model) transform(x float64) float64 {
	switch m.link {
	case logit:
		return 1 / (1 + math.Exp(-x))
	case probit:
		return math.Erfc(-x/math.Sqrt2) / 2
	case log:
		return math.Exp(x)
	case cloglog:
		return -math.Expm1(-math.Exp(x))
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
