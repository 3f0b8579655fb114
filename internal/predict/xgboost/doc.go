// Package xgboost reads the JSON models that XGBoost saves and scores them in
// single precision, step by step as XGBoost does. It never trains, and never
// guesses: what it does not know it refuses.
package xgboost

import (
	"rapport/internal/predict/forest"
	"rapport/internal/predict/shape"
)

// Limits of a model.
const (
	// MaxInputs is how many inputs a model may have.
	MaxInputs = 1 << 16
	// MaxGroups is how many classes or targets a model may have.
	MaxGroups = 10_000
)

// Model is a booster that was read. It is immutable.
type Model struct {
	inputs  []shape.Input
	outputs []shape.Output
	trees   *forest.Forest // nil for a linear booster
	base    []float64      // one margin for each group
	weights []float32      // of a linear booster: inputs times groups, then the biases
	link    link
	classes bool // the first output is the class
}

// link is how a margin becomes a score.
type link uint8

const (
	identity link = iota
	exponential
	sigmoid
	hinge
	softmax
)

// Inputs are the features in the order of a row.
func (m *Model) Inputs() []shape.Input { return m.inputs }

// Outputs are "score", "score_0" and so on for several targets, or for several
// classes the class followed by the probability of each.
func (m *Model) Outputs() []shape.Output { return m.outputs }

// Scratch is how many values Score needs beside a row.
func (m *Model) Scratch() int { return len(m.inputs) }

// Trees gives the trees, for explanations; nil for a linear booster.
func (m *Model) Trees() (trees *forest.Forest, scale float64) { return m.trees, 1 }

// Base is the margin of a group before any tree.
func (m *Model) Base(group int) float64 { return m.base[group] }
