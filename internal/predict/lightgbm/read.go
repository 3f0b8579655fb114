package lightgbm

import (
	"bytes"
	"strconv"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/predict/forest"
	"rapport/internal/predict/shape"
)

// Read reads a whole text model. What is wrong with it is a fault that names
// the line.
func Read(raw []byte) (*Model, error) {
	r := &reader{rest: raw, model: &Model{average: 1, slope: 1}, classes: 1}
	if err := r.header(); err != nil {
		return nil, err
	}
	if err := r.trees(); err != nil {
		return nil, err
	}
	if err := r.footer(); err != nil {
		return nil, err
	}
	return r.model, nil
}

// reader walks over the lines of a file.
type reader struct {
	rest    []byte
	line    int
	key     string
	value   []byte
	model   *Model
	classes int
	mean    bool // the trees are averaged, not added
	head    map[string]string
	coded   []int // features that are categories
}

func (r *reader) problem(msg string, args ...any) error {
	return shape.Problemf("LightGBM", "line "+strconv.Itoa(r.line), msg, args...)
}

// next takes one line apart at its first "="; false at the end of the file.
func (r *reader) next() bool {
	if len(r.rest) == 0 {
		return false
	}
	line, rest, _ := bytes.Cut(r.rest, []byte{'\n'})
	r.rest = rest
	r.line++
	key, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte{'\r'}), []byte{'='})
	r.key, r.value = string(key), value
	return true
}

// maxHeader is how many lines stand before the first tree.
const maxHeader = 1_000

func (r *reader) header() error {
	r.head = map[string]string{}
	for {
		if !r.next() {
			return r.problem("the file ends before its first tree; save it with save_model or model_to_string")
		}
		if r.line == 1 && r.key != "tree" {
			return r.problem("it does not begin with \"tree\"; only models saved as text are read")
		}
		if r.key == "Tree" || r.key == "end of trees" {
			break
		}
		if r.line > maxHeader {
			return r.problem("no tree within %d lines", maxHeader)
		}
		r.head[r.key] = string(r.value)
	}
	if v := r.head["version"]; v != "v4" && v != "v3" && v != "v2" {
		return r.problem("version %.20q is not known; v2, v3 and v4 are", v)
	}
	_, r.mean = r.head["average_output"]
	features, err := r.headInt("max_feature_idx", 0, MaxInputs-1)
	if err != nil {
		return err
	}
	if r.classes, err = r.headInt("num_tree_per_iteration", 1, 10_000); err != nil {
		return err
	}
	if err := r.features(features + 1); err != nil {
		return err
	}
	return r.objective()
}

func (r *reader) headInt(key string, low, high int) (int, error) {
	n, err := strconv.Atoi(r.head[key])
	if err != nil || n < low || n > high {
		return 0, r.problem("%s is %.20q, want a whole number from %d to %d", key, r.head[key], low, high)
	}
	return n, nil
}

// features reads the names, and from the infos which of them are categories:
// "1:2:3" lists codes, "[-1:2]" is a range, "none" is unused.
func (r *reader) features(n int) error {
	names, infos := strings.Fields(r.head["feature_names"]), strings.Fields(r.head["feature_infos"])
	if len(names) != n || len(infos) != n && len(infos) != 0 {
		return r.problem("there are %d feature names and %d infos for %d features", len(names), len(infos), n)
	}
	r.model.inputs = make([]shape.Input, n)
	for i, name := range names {
		r.model.inputs[i] = shape.Input{Name: name, Kind: shape.Number}
		if len(infos) == n && infos[i] != "none" && !strings.HasPrefix(infos[i], "[") {
			r.model.inputs[i].Kind = shape.Code
			r.coded = append(r.coded, i)
		}
	}
	r.model.trees = forest.New(n, r.classes)
	return nil
}

// objective reads how sums become scores: a name, then "key:value" or flags.
func (r *reader) objective() error {
	words := strings.Fields(r.head["objective"])
	if len(words) == 0 {
		words = []string{"custom"}
	}
	links := map[string]link{
		"regression": identity, "regression_l1": identity, "huber": identity, "fair": identity, "quantile": identity,
		"mape": identity, "lambdarank": identity, "rank_xendcg": identity, "custom": identity, "none": identity,
		"poisson": exponential, "gamma": exponential, "tweedie": exponential,
		"binary": sigmoid, "cross_entropy": sigmoid, "cross_entropy_lambda": softplus,
		"multiclass": softmax, "multiclassova": sigmoids,
	}
	l, ok := links[words[0]]
	if !ok {
		return r.problem("the objective %.40q is not known", words[0])
	}
	m := r.model
	m.link = l
	for _, w := range words[1:] {
		if w == "sqrt" && l == identity {
			m.link = signedSquare
		}
		if v, found := strings.CutPrefix(w, "sigmoid:"); found {
			slope, err := strconv.ParseFloat(v, 64)
			if err != nil || !(slope > 0) || slope > 1e300 {
				return r.problem("the sigmoid %.40q is no number above 0", v)
			}
			m.slope = slope
		}
	}
	if (l == softmax || l == sigmoids) && r.classes < 2 {
		return r.problem("%s needs at least 2 trees per iteration", words[0])
	}
	if r.classes == 1 {
		m.outputs = []shape.Output{{Name: "score"}}
		return nil
	}
	m.outputs = shape.Classes(r.classes)
	return nil
}

// footer reads what stands behind the trees: of that only the texts of
// categories, which the Python package writes last.
func (r *reader) footer() error {
	for r.next() {
		text, ok := strings.CutPrefix(r.key, "pandas_categorical:")
		if !ok {
			continue
		}
		if len(r.value) > 0 {
			text += "=" + string(r.value)
		}
		return r.categories([]byte(text))
	}
	return nil
}

func (r *reader) categories(raw []byte) error {
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{})
	if err != nil {
		return r.problem("the list of categories is no JSON: %s", err)
	}
	lists := doc.Root()
	if lists.Len() == 0 || lists.Kind() != jsondoc.Array {
		return nil
	}
	if lists.Len() != len(r.coded) {
		return nil // which list belongs to which feature cannot be told
	}
	for i, list := range slicesOf(lists) {
		in := &r.model.inputs[r.coded[i]]
		for e := range list.Elements() {
			text := e.Text()
			if e.Kind() != jsondoc.String {
				text = string(e.Raw())
			}
			in.Categories = append(in.Categories, text)
		}
		in.Kind = shape.Category
	}
	return nil
}

func slicesOf(v jsondoc.Value) []jsondoc.Value {
	out := make([]jsondoc.Value, 0, v.Len())
	for e := range v.Elements() {
		out = append(out, e)
	}
	return out
}
