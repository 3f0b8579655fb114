package predict

import (
	"cmp"
	"math"
	"slices"

	"rapport/internal/fault"
	"rapport/internal/predict/forest"
	"rapport/internal/predict/linear"
	"rapport/internal/predict/xgboost"
)

// Contribution is what one input adds to the raw sum of an output, before the
// link makes a score of it.
type Contribution struct {
	Input string  `json:"input"`
	Value float64 `json:"value"`
}

// trees are the models that an ensemble of trees is in.
type trees interface {
	Trees() (f *forest.Forest, scale float64)
}

// Explain says what drove the score of the row that was set last: what each
// input contributes to the raw sum of a class (0 where there is one sum), the
// strongest first, and the sum without any of them. Both together are the raw
// score. It allocates and takes far longer than a score; it fails for models
// whose file does not hold what it needs, and for PMML.
func (r *Run) Explain(class int) (list []Contribution, base float64, err error) {
	phi := make([]float64, len(r.row)+1)
	if !r.contributions(class, phi) {
		return nil, 0, fault.Errorf(fault.Invalid, "model_not_explained", "the model %q (%s) cannot explain the class %d", r.model.name, r.model.format, class)
	}
	for i, in := range r.model.inputs {
		if phi[i] != 0 {
			list = append(list, Contribution{Input: in.Name, Value: phi[i]})
		}
	}
	slices.SortStableFunc(list, func(a, b Contribution) int { return -cmp.Compare(math.Abs(a.Value), math.Abs(b.Value)) })
	return list, phi[len(r.row)], nil
}

func (r *Run) contributions(class int, phi []float64) bool {
	if m, ok := r.model.scorer.(*linear.Model); ok {
		if class != 0 || len(m.Outputs()) > 1 {
			return false
		}
		m.Contributions(r.row, phi)
		return true
	}
	m, ok := r.model.scorer.(trees)
	if !ok {
		return false
	}
	f, scale := m.Trees()
	if f == nil || class < 0 || class >= f.Groups() {
		return false
	}
	row := slices.Clone(r.row)
	if x, single := m.(*xgboost.Model); single {
		for i, v := range row {
			row[i] = float64(float32(v))
		}
		phi[len(row)] = x.Base(class)
	}
	if !f.Explain(row, class, phi) {
		return false
	}
	for i := range phi {
		phi[i] /= scale
	}
	return true
}
