package predict_test

import (
	"testing"

	"rapport/internal/predict"
)

// BenchmarkScore scores one row of a model at a time. "named" goes through a
// binding, as a decision does.
func BenchmarkScore(b *testing.B) {
	for _, name := range []string{
		"lightgbm_regression", "lightgbm_categorical", "lightgbm_multiclass", "xgboost_logistic", "xgboost_categorical", "xgboost_softprob",
		"linear_logistic", "pmml_logistic", "pmml_tree", "pmml_forest", "pmml_boosting", "pmml_lightgbm",
	} {
		b.Run(name, func(b *testing.B) {
			m, s := open(b, name)
			run, bound := m.NewRun(), m.BindAll()
			if len(s.Names) > 0 {
				var err error
				if bound, err = m.Bind(s.Names...); err != nil {
					b.Fatal(err)
				}
			}
			rows := make([][]predict.Value, len(s.Rows))
			for i, row := range s.Rows {
				rows[i] = values(b, row)
			}
			if name == "lightgbm_categorical" {
				rows = rows[6:] // the first hold codes that are refused by name
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bound.Score(run, rows[i]); err != nil {
					b.Fatal(err)
				}
				if i++; i == len(rows) {
					i = 0
				}
			}
		})
	}
}

func TestScore_AllocatesNothing(t *testing.T) { //nolint:paralleltest // counts what the whole process allocates
	for _, name := range names(t, "") {
		m, s := open(t, name)
		run, bound := m.NewRun(), m.BindAll()
		if len(s.Names) > 0 {
			var err error
			if bound, err = m.Bind(s.Names...); err != nil {
				t.Fatal(err)
			}
		}
		row := values(t, s.Rows[10])
		if n := testing.AllocsPerRun(20, func() {
			if _, err := bound.Score(run, row); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
