// Package pmml reads predictive models in PMML 4.0 to 4.4 and scores them:
// trees, regressions, ensembles and chains of them, scorecards, with the
// fields and transformations around them. It never trains, never expands an
// entity, and never guesses: what it does not know it refuses.
package pmml

import (
	"math"

	"rapport/internal/predict/shape"
)

// Limits of a document.
const (
	// MaxElements is how many elements a document may have.
	MaxElements = 2 << 20
	// MaxDepth is how deep elements, and what they are compiled to, may nest.
	MaxDepth = 512
	// MaxParts is how many expressions, predicates and slots a model may need,
	// with functions counted wherever they are applied.
	MaxParts = 1 << 20
)

// Model is a document that was read. It is immutable.
type Model struct {
	inputs  []shape.Input
	outputs []shape.Output
	feeds   []feed
	main    *part
	slots   int
	invalid int // slot that is 1 where an input is invalid
	results []result
}

// feed brings one input into its slot.
type feed struct {
	slot   int
	texts  []float64 // how each category is numbered inside; nil for numbers
	single bool      // the field has 32 bits
}

// Inputs are the active fields in the order of a row.
func (m *Model) Inputs() []shape.Input { return m.inputs }

// Outputs are "score", or the class followed by the probability of each, and
// then the output fields that the document names.
func (m *Model) Outputs() []shape.Output { return m.outputs }

// Scratch is how many values Score needs beside a row.
func (m *Model) Scratch() int { return m.slots }

// Score writes the outputs for a row, NaN for missing values and for outputs
// that the model does not give. It never allocates; scratch has Scratch places.
func (m *Model) Score(scratch, row, out []float64) {
	s := scratch[:m.slots]
	for i := range s {
		s[i] = math.NaN()
	}
	for i := range m.feeds {
		s[m.feeds[i].slot] = m.feeds[i].take(row[i])
	}
	m.main.run(s)
	if s[m.invalid] == 1 {
		for i := range out {
			out[i] = math.NaN()
		}
		return
	}
	for i := range m.results {
		out[i] = m.results[i].of(s)
	}
}

// unknown is a text that no element of the document speaks of.
const unknown = -1

func (f *feed) take(x float64) float64 {
	switch {
	case x != x:
		return x
	case f.texts != nil && (x < 0 || x >= float64(len(f.texts))):
		return unknown
	case f.texts != nil:
		return f.texts[int(x)]
	case f.single:
		return float64(float32(x))
	}
	return x
}

// result brings a slot out; a text is numbered by its place among the
// categories of the output.
type result struct {
	slot   int
	places []float64 // by the number inside; nil for numbers
}

func (r *result) of(s []float64) float64 {
	x := s[r.slot]
	if r.places == nil || x != x {
		return x
	}
	if x < 0 || x >= float64(len(r.places)) {
		return math.NaN()
	}
	return r.places[int(x)]
}
