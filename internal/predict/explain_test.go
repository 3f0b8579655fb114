package predict_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestExplain_AgreesWithTheLibrary compares with pred_contrib of LightGBM and
// pred_contribs of XGBoost, which calculates in 32 bits.
func TestExplain_AgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, name := range append(names(t, "lightgbm"), names(t, "xgboost")...) {
		m, s := open(t, name)
		if len(s.Contributions) == 0 || strings.Contains(name, "gblinear") {
			continue
		}
		tolerance := 1e-9
		if strings.HasPrefix(name, "xgboost") {
			tolerance = 3e-5
		}
		run := m.NewRun()
		classes := max(1, len(m.Outputs())-1)
		// LightGBM leaves the sum of a random forest's contributions as it is;
		// ours add up to the raw score, which is their mean.
		mean := map[string]float64{"lightgbm_rf": 10, "lightgbm_rf_multiclass": 5}[name]
		for i, raw := range s.Contributions {
			row, _ := numbersOnly(s.Rows[i])
			if _, err := run.ScoreRow(row); err != nil {
				t.Fatal(err)
			}
			want := nested(t, raw, classes)
			for _, list := range want {
				for k := range list {
					list[k] /= max(1, mean)
				}
			}
			for class := range classes {
				list, base, err := run.Explain(class)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got := map[string]float64{}
				for _, c := range list {
					got[c.Input] = c.Value
				}
				for k, in := range m.Inputs() {
					if apart(got[in.Name], want[class][k]) > tolerance {
						t.Errorf("%s, row %d, class %d, %s: %v, want %v", name, i, class, in.Name, got[in.Name], want[class][k])
					}
				}
				if apart(base, want[class][len(row)]) > tolerance {
					t.Errorf("%s, row %d, class %d: base %v, want %v", name, i, class, base, want[class][len(row)])
				}
				compared++
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d rows were compared", compared)
	}
}

// nested brings both shapes, a list for each class or all in one, to one.
func nested(t *testing.T, raw json.RawMessage, classes int) [][]float64 {
	t.Helper()
	var lists [][]float64
	if json.Unmarshal(raw, &lists) == nil {
		return lists
	}
	lists = nil
	flat := floats(t, raw)
	n := len(flat) / classes
	for class := range classes {
		lists = append(lists, flat[class*n:(class+1)*n])
	}
	return lists
}
