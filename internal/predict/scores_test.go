package predict_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rapport/internal/predict"
)

// scores is a file of testdata: rows, and what the library that made the model
// says of them. testdata/generate.py writes it.
type scores struct {
	Model         string            `json:"model"`
	Library       string            `json:"library"`
	Rows          [][]any           `json:"rows"`
	Scores        []json.RawMessage `json:"scores"`
	Contributions []json.RawMessage `json:"contributions"`
	Names         []string          `json:"names"`
	Classes       []string          `json:"classes"`
}

func open(t testing.TB, name string) (*predict.Model, *scores) {
	t.Helper()
	var s scores
	raw, err := os.ReadFile(filepath.Join("testdata", name+".scores.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	raw, err = os.ReadFile(filepath.Join("testdata", s.Model))
	if err != nil {
		t.Fatal(err)
	}
	m, err := predict.Load(predict.Spec{Name: name, Version: "1"}, raw)
	if err != nil {
		t.Fatal(err)
	}
	return m, &s
}

// names of every model whose scores are known, but for those that are refused.
func names(t testing.TB, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", prefix+"*.scores.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scores in testdata: %v", err)
	}
	var out []string
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".scores.json")
		if name != "lightgbm_linear_tree" && name != "xgboost_vector_leaf" {
			out = append(out, name)
		}
	}
	return out
}

func values(t testing.TB, row []any) []predict.Value {
	t.Helper()
	out := make([]predict.Value, len(row))
	for i, x := range row {
		switch x := x.(type) {
		case float64:
			out[i] = predict.Number(x)
		case string:
			out[i] = predict.Text(x)
		case bool:
			out[i] = predict.Bool(x)
		case nil:
		default:
			t.Fatalf("the row holds %T", x)
		}
	}
	return out
}

func floats(t testing.TB, raw json.RawMessage) []float64 {
	t.Helper()
	var list []float64
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var one float64
	if err := json.Unmarshal(raw, &one); err != nil {
		t.Fatal(err)
	}
	return []float64{one}
}

// numbersOnly gives the row as floats, which may hold codes that no category
// of the model has; false where it holds texts.
func numbersOnly(row []any) ([]float64, bool) {
	out := make([]float64, len(row))
	for i, x := range row {
		switch x := x.(type) {
		case float64:
			out[i] = x
		case nil:
			out[i] = math.NaN()
		default:
			return nil, false
		}
	}
	return out, true
}

// apart is the difference of two scores relative to the larger, absolute
// where both are small.
func apart(a, b float64) float64 {
	if a == b || a != a && b != b {
		return 0
	}
	return math.Abs(a-b) / max(1, math.Abs(a), math.Abs(b))
}

// named gives the probabilities in the order of classes, or the one score.
func named(t testing.TB, run *predict.Run, classes []string) []float64 {
	t.Helper()
	var out []float64
	for i, o := range run.Model().Outputs() {
		x, _ := run.Output(i).Number()
		if o.Name == "score" && len(classes) == 0 {
			return []float64{x}
		}
		if k := slices.Index(classes, strings.TrimPrefix(o.Name, "probability_")); k >= 0 {
			out = append(out, make([]float64, max(0, k+1-len(out)))...)
			out[k] = x
		}
	}
	return out
}

func TestScore_AgreesWithTheLibraryThatMadeTheModel(t *testing.T) {
	t.Parallel()
	for prefix, tolerance := range map[string]float64{"lightgbm": 1e-12, "xgboost": 1e-7, "linear": 1e-12, "pmml": 1e-9} {
		for _, name := range names(t, prefix) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m, s := open(t, name)
				tolerance := tolerance
				if name == "pmml_xgboost" || name == "pmml_vote" {
					tolerance = 1e-6 // the document itself rounds its fields to 32 bits
				}
				run, bound := m.NewRun(), m.BindAll()
				if len(s.Names) > 0 {
					var err error
					if bound, err = m.Bind(s.Names...); err != nil {
						t.Fatal(err)
					}
				}
				worst := 0.0
				for i, row := range s.Rows {
					var got []float64
					var err error
					if plain, ok := numbersOnly(row); ok && prefix != "pmml" {
						got, err = run.ScoreRow(plain)
					} else {
						got, err = bound.Score(run, values(t, row))
					}
					if err != nil {
						t.Fatal(err)
					}
					want := floats(t, s.Scores[i])
					if prefix == "pmml" {
						got = named(t, run, s.Classes)
					}
					if len(got) == len(want)+1 {
						got = got[1:] // the class stands before the probabilities
					}
					for k := range want {
						if d := apart(got[k], want[k]); d > tolerance || d != d {
							t.Errorf("row %d, output %d: %v, %s says %v", i, k, got[k], s.Library, want[k])
						} else {
							worst = max(worst, d)
						}
					}
				}
				t.Logf("%d rows, at most %.2g apart", len(s.Rows), worst)
			})
		}
	}
}
