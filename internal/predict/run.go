package predict

import (
	"math"
	"strconv"

	"rapport/internal/fault"
	"rapport/internal/predict/shape"
)

// Run is the memory of one scoring at a time: a row, scratch space and the
// outputs. It belongs to one caller; keep it to score without allocating.
type Run struct {
	model             *Model
	row, scratch, out []float64
}

// NewRun makes the memory for scoring, with a row of missing values.
func (m *Model) NewRun() *Run {
	r := &Run{
		model: m, row: make([]float64, len(m.inputs)),
		scratch: make([]float64, m.scorer.Scratch()), out: make([]float64, len(m.outputs)),
	}
	r.Reset()
	return r
}

// Model is the model that the run scores.
func (r *Run) Model() *Model { return r.model }

// Reset makes every input missing.
func (r *Run) Reset() {
	for i := range r.row {
		r.row[i] = math.NaN()
	}
}

// Score scores the row as it was set. The outputs are good until the next
// call; NaN is no value, a category is its index. It fails where an input is
// missing that the model cannot do without.
func (r *Run) Score() ([]float64, error) {
	for _, i := range r.model.required {
		if r.row[i] != r.row[i] {
			return nil, r.fail(i, "model_input_missing", "is missing, and the model has no rule for that")
		}
	}
	r.model.scorer.Score(r.scratch, r.row, r.out)
	return r.out, nil
}

// ScoreRow scores a row given in the order of Inputs: numbers as they are,
// categories as their indexes, booleans as 1 and 0, NaN for missing. It
// checks nothing but the length.
func (r *Run) ScoreRow(row []float64) ([]float64, error) {
	if len(row) != len(r.row) {
		return nil, fault.Errorf(fault.Invalid, "model_row", "the row has %d values, the model %q reads %d", len(row), r.model.name, len(r.row))
	}
	copy(r.row, row)
	return r.Score()
}

// SetMissing makes one input missing.
func (r *Run) SetMissing(input int) { r.row[input] = math.NaN() }

// SetNumber sets an input to a number. A category takes it where one of its
// texts is that number.
func (r *Run) SetNumber(input int, x float64) error {
	switch in := &r.model.inputs[input]; in.Kind {
	case shape.Number:
		r.row[input] = x
	case shape.Code:
		if x != math.Trunc(x) || x < 0 {
			return r.fail(input, "model_input_type", "is %v, want a whole number from 0", x)
		}
		r.row[input] = x
	case shape.Category:
		var buf [32]byte
		text := strconv.AppendFloat(buf[:0], x, 'f', -1, 64)
		code, ok := r.model.codes[input][string(text)]
		if !ok {
			return r.SetText(input, string(text))
		}
		r.row[input] = float64(code)
	default:
		return r.fail(input, "model_input_type", "is a number, want true or false")
	}
	return nil
}

// SetText sets an input to a category.
func (r *Run) SetText(input int, text string) error {
	in := &r.model.inputs[input]
	switch in.Kind {
	case shape.Category:
	case shape.Code:
		return r.fail(input, "model_input_type", "is a text, but the model knows only codes of its categories; declare their texts")
	default:
		return r.fail(input, "model_input_type", "is a text, want a %s", in.Kind)
	}
	code, ok := r.model.codes[input][text]
	switch {
	case ok:
		r.row[input] = float64(code)
	case in.Open:
		r.row[input] = shape.Unknown
	default:
		return r.fail(input, "model_category_unknown", "is %.60q, want one of %s", text, shape.List(in.Categories))
	}
	return nil
}

// SetBool sets an input to a boolean. A category takes it where its texts are
// "true" and "false", a number or code as 1 and 0.
func (r *Run) SetBool(input int, b bool) error {
	if r.model.inputs[input].Kind == shape.Category {
		return r.SetText(input, strconv.FormatBool(b))
	}
	r.row[input] = 0
	if b {
		r.row[input] = 1
	}
	return nil
}

func (r *Run) fail(input int, code, format string, args ...any) error {
	f := fault.Errorf(fault.Invalid, code, format, args...)
	name := r.model.inputs[input].Name
	f.Message = "the input " + strconv.Quote(name) + " of the model " + strconv.Quote(r.model.name) + " " + f.Message
	return f.At(name)
}
