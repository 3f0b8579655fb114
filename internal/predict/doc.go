// Package predict holds predictive models: what they are called, what they
// read and give, and how a row is scored without allocating. It never trains
// a model, never fetches one, and never shares a Run between two callers.
package predict

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"rapport/internal/fault"
	"rapport/internal/predict/lightgbm"
	"rapport/internal/predict/linear"
	"rapport/internal/predict/pmml"
	"rapport/internal/predict/shape"
	"rapport/internal/predict/xgboost"
)

// MaxBytes is the largest file of a model.
const MaxBytes = 64 << 20

// Format is how a model is written.
type Format string

// The formats.
const (
	LightGBM Format = "lightgbm" // text, as save_model writes it
	XGBoost  Format = "xgboost"  // JSON, as save_model("model.json") writes it
	Linear   Format = "linear"   // our own JSON, see package linear
	PMML     Format = "pmml"     // 4.0 to 4.4
)

// Input is one value that a model reads.
type Input = shape.Input

// Output is one value that a model gives.
type Output = shape.Output

// Spec says what the file alone does not.
type Spec struct {
	Name    string
	Version string
	Format  Format // "" is found out from the first bytes
	// Declared are inputs, found by name, whose categories the file does not
	// hold, or that may be unknown or must not be missing.
	Declared []Input
	// Classes are the names of the classes, where the file numbers them.
	Classes []string
}

// scorer is a model of one format. Score never allocates.
type scorer interface {
	Inputs() []shape.Input
	Outputs() []shape.Output
	Scratch() int
	Score(scratch, row, out []float64)
}

// Model is one version of a model, ready to score. It is immutable and may be
// shared.
type Model struct {
	name, version string
	format        Format
	checksum      string
	inputs        []Input
	outputs       []Output
	slots         map[string]int
	codes         []map[string]int // of the categories of each input, nil for other kinds
	required      []int
	scorer        scorer
}

// Load reads a model. Every error is a fault that says what is wrong and where.
func Load(spec Spec, raw []byte) (*Model, error) {
	if len(raw) > MaxBytes {
		return nil, fault.Errorf(fault.TooLarge, "model_too_large", "the model has %d bytes, the limit is %d", len(raw), MaxBytes)
	}
	format := spec.Format
	if format == "" {
		format = Detect(raw)
	}
	s, err := read(format, raw)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	m := &Model{
		name: spec.Name, version: spec.Version, format: format, checksum: hex.EncodeToString(sum[:]),
		inputs: slices.Clone(s.Inputs()), outputs: slices.Clone(s.Outputs()), scorer: s,
	}
	if err := m.declare(spec); err != nil {
		return nil, err
	}
	m.index()
	return m, nil
}

func read(format Format, raw []byte) (scorer, error) {
	switch format {
	case LightGBM:
		return some(lightgbm.Read(raw))
	case XGBoost:
		return some(xgboost.Read(raw))
	case Linear:
		return some(linear.Read(raw))
	case PMML:
		return some(pmml.Read(raw))
	}
	return nil, fault.Errorf(fault.Invalid, "model_format_unknown",
		"the format %q is not known; lightgbm (text), xgboost (JSON), linear (JSON) and pmml are", string(format))
}

// some keeps a model that could not be read from looking like one.
func some[S scorer](s S, err error) (scorer, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Name is what the model is called.
func (m *Model) Name() string { return m.name }

// Version is the version of the model, unique within its name.
func (m *Model) Version() string { return m.version }

// Format is how the model was written.
func (m *Model) Format() Format { return m.format }

// Checksum is the SHA-256 of the file, in hexadecimal digits.
func (m *Model) Checksum() string { return m.checksum }

// Inputs are what the model reads, in the order of a row. It is a copy.
func (m *Model) Inputs() []Input { return slices.Clone(m.inputs) }

// Outputs are what the model gives, in order. It is a copy.
func (m *Model) Outputs() []Output { return slices.Clone(m.outputs) }
