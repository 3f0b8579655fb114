// Package lightgbm reads the text models that LightGBM saves and scores them
// as LightGBM does, in double precision. It never trains, and never guesses:
// what it does not know it refuses.
package lightgbm

import (
	"rapport/internal/predict/forest"
	"rapport/internal/predict/shape"
)

// MaxInputs is how many inputs a model may have.
const MaxInputs = 1 << 16

// Model is a booster that was read. It is immutable.
type Model struct {
	inputs  []shape.Input
	outputs []shape.Output
	trees   *forest.Forest
	average float64 // what a sum is multiplied by; 1 but for a mean of trees
	link    link
	slope   float64 // of the sigmoid
}

// link is how a sum becomes a score.
type link uint8

const (
	identity link = iota
	signedSquare
	exponential
	sigmoid
	softplus
	softmax
	sigmoids // one for each class, not normalized
)

// Inputs are the features in the order of a row.
func (m *Model) Inputs() []shape.Input { return m.inputs }

// Outputs are "score", or for several classes the class followed by the
// probability of each.
func (m *Model) Outputs() []shape.Output { return m.outputs }

// Scratch is how many values Score needs beside a row.
func (m *Model) Scratch() int { return 0 }

// Trees gives the trees, for explanations; their sums are raw scores.
func (m *Model) Trees() (trees *forest.Forest, scale float64) { return m.trees, m.average }
