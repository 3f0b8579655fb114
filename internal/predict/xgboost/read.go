package xgboost

import (
	"math"
	"strconv"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/predict/forest"
	"rapport/internal/predict/shape"
)

// Read reads a whole JSON model. What is wrong with it is a fault that names
// the place.
func Read(raw []byte) (*Model, error) {
	if len(raw) > 0 && raw[0] != '{' || strings.HasPrefix(string(raw[:min(4, len(raw))]), "{L") {
		return nil, problem("", "it is no JSON; save it as model.json, not as .ubj, .bin or .deprecated")
	}
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{Keys: 1 << 20, StringBytes: 1 << 20})
	if err != nil {
		return nil, problem("", "it is no JSON: %s", err)
	}
	learner := doc.Root().Get("learner")
	if learner.Kind() != jsondoc.Object {
		return nil, problem("", "there is no \"learner\" in it; save it with save_model(\"model.json\")")
	}
	r := &reader{model: &Model{}, learner: learner}
	for _, step := range []func() error{r.params, r.inputs, r.booster, r.objective} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.model, nil
}

type reader struct {
	model    *Model
	learner  jsondoc.Value
	features int
	groups   int
}

func problem(place, msg string, args ...any) error {
	return shape.Problemf("XGBoost", place, msg, args...)
}

// param is a number that XGBoost writes as a text, within bounds; what is not
// there is its default.
func param(v jsondoc.Value, key string, otherwise, low, high int) (int, error) {
	p := v.Get(key)
	if !p.Exists() {
		return otherwise, nil
	}
	text := p.Text()
	if p.Kind() == jsondoc.Number {
		text = p.Number()
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, problem(key, "%.20q is no whole number from %d to %d", text, low, high)
	}
	return n, nil
}

func (r *reader) params() error {
	p := r.learner.Get("learner_model_param")
	features, err := param(p, "num_feature", -1, 1, MaxInputs)
	if err != nil {
		return err
	}
	if features < 0 {
		return problem("learner_model_param", "num_feature is missing")
	}
	classes, err := param(p, "num_class", 0, 0, MaxGroups)
	if err != nil {
		return err
	}
	targets, err := param(p, "num_target", 1, 1, MaxGroups)
	if err != nil {
		return err
	}
	r.features, r.groups = features, max(classes, targets, 1)
	return r.baseScores(p.Get("base_score").Text())
}

// baseScores reads "5E-1", or one number for each group: "[1E-1,2E-1]".
func (r *reader) baseScores(text string) error {
	list := strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), ",")
	if len(list) != 1 && len(list) != r.groups {
		return problem("base_score", "there are %d numbers for %d groups", len(list), r.groups)
	}
	r.model.base = make([]float64, r.groups)
	for i := range r.model.base {
		b, err := strconv.ParseFloat(strings.TrimSpace(list[min(i, len(list)-1)]), 32)
		if err != nil || math.IsNaN(b) || math.IsInf(b, 0) {
			return problem("base_score", "%.40q is no number", text)
		}
		r.model.base[i] = b
	}
	return nil
}

func (r *reader) inputs() error {
	names, types := r.learner.Get("feature_names"), r.learner.Get("feature_types")
	if n := names.Len(); n != 0 && n != r.features {
		return problem("feature_names", "there are %d names for %d features", n, r.features)
	}
	if n := types.Len(); n != 0 && n != r.features {
		return problem("feature_types", "there are %d types for %d features", n, r.features)
	}
	in := make([]shape.Input, r.features)
	for i := range in {
		in[i] = shape.Input{Name: "f" + strconv.Itoa(i), Kind: shape.Number}
	}
	names.Items(func(i int, v jsondoc.Value) bool { in[i].Name = v.Text(); return true })
	types.Items(func(i int, v jsondoc.Value) bool {
		switch v.Text() {
		case "c", "categorical":
			in[i].Kind = shape.Code
		case "i":
			in[i].Kind = shape.Boolean
		}
		return true
	})
	r.model.inputs = in
	return nil
}

// booster finds the trees or the weights. A dart booster wraps one of trees.
func (r *reader) booster() error {
	b := r.learner.Get("gradient_booster")
	switch name := b.Get("name").Text(); name {
	case "gbtree":
		return r.forest(b.Get("model"), jsondoc.Value{})
	case "dart":
		return r.forest(b.Path("gbtree", "model"), b.Get("weight_drop"))
	case "gblinear":
		return r.linear(b.Path("model", "weights"))
	default:
		return problem("gradient_booster", "the booster %.40q is not known; gbtree, dart and gblinear are", name)
	}
}

func (r *reader) linear(weights jsondoc.Value) error {
	w, ok := floats(weights)
	if want := (r.features + 1) * r.groups; !ok || len(w) != want {
		return problem("weights", "want a list of %d numbers", want)
	}
	r.model.weights = w
	return nil
}

func (r *reader) forest(model, drop jsondoc.Value) error {
	trees, info := model.Get("trees"), model.Get("tree_info")
	if trees.Kind() != jsondoc.Array || info.Len() != trees.Len() {
		return problem("trees", "there are %d trees and a group for %d", trees.Len(), info.Len())
	}
	groups, ok := ints(info)
	factors, okDrop := floats(drop)
	if !ok || !okDrop || drop.Exists() && len(factors) != trees.Len() {
		return problem("trees", "tree_info and weight_drop must be one number for each of %d trees", trees.Len())
	}
	if err := r.categories(model.Get("cats")); err != nil {
		return err
	}
	r.model.trees = forest.New(r.features, r.groups)
	var failed error
	trees.Items(func(i int, v jsondoc.Value) bool {
		factor := float32(1)
		if factors != nil {
			factor = factors[i]
		}
		failed = r.tree(v, i, int(groups[i]), factor)
		return failed == nil
	})
	return failed
}

// categories reads the texts of categories, which newer versions keep: for
// each feature the bytes of all texts and where each begins.
func (r *reader) categories(cats jsondoc.Value) error {
	var failed error
	cats.Get("enc").Items(func(i int, enc jsondoc.Value) bool {
		offsets, ok := ints(enc.Get("offsets"))
		if i >= r.features || !ok {
			failed = problem("cats", "the categories of feature %d cannot be read", i)
			return false
		}
		if len(offsets) < 2 || r.model.inputs[i].Kind != shape.Code {
			return true
		}
		values, ok := ints(enc.Get("values"))
		if !ok || enc.Get("values").Index(0).Kind() == jsondoc.None {
			failed = problem("cats", "the categories of feature %d cannot be read", i)
			return false
		}
		text := make([]byte, len(values))
		for k, v := range values {
			text[k] = byte(v)
		}
		in := &r.model.inputs[i]
		for k := range len(offsets) - 1 {
			from, to := offsets[k], offsets[k+1]
			if from < 0 || from > to || int(to) > len(text) {
				failed = problem("cats", "category %d of feature %d is out of range", k, i)
				return false
			}
			in.Categories = append(in.Categories, string(text[from:to]))
		}
		in.Kind = shape.Category
		return true
	})
	return failed
}

// objective reads how margins become scores and brings the base scores, which
// are written as scores, to margins.
func (r *reader) objective() error {
	name := r.learner.Path("objective", "name").Text()
	m := r.model
	link, ok := map[string]link{
		"reg:squarederror": identity, "reg:linear": identity, "reg:absoluteerror": identity, "reg:pseudohubererror": identity,
		"reg:quantileerror": identity, "reg:squaredlogerror": identity, "reg:expectileerror": identity, "binary:logitraw": identity,
		"rank:pairwise": identity, "rank:ndcg": identity, "rank:map": identity,
		"count:poisson": exponential, "reg:gamma": exponential, "reg:tweedie": exponential, "survival:cox": exponential,
		"survival:aft": exponential, "binary:logistic": sigmoid, "reg:logistic": sigmoid, "binary:hinge": hinge,
		"multi:softmax": softmax, "multi:softprob": softmax,
	}[name]
	if !ok {
		return problem("objective", "%.40q is not known", name)
	}
	m.link = link
	if err := r.margins(name); err != nil {
		return err
	}
	switch {
	case link == softmax && r.groups < 2:
		return problem("objective", "%s needs at least 2 classes", name)
	case link == softmax:
		m.classes = true
		m.outputs = shape.Classes(r.groups)
	case r.groups == 1:
		m.outputs = []shape.Output{{Name: "score"}}
	default:
		for i := range r.groups {
			m.outputs = append(m.outputs, shape.Output{Name: "score_" + strconv.Itoa(i)})
		}
	}
	return nil
}

func (r *reader) margins(name string) error {
	for i, b := range r.model.base {
		switch r.model.link {
		case sigmoid:
			if b <= 0 || b >= 1 {
				return problem("base_score", "%v lies not between 0 and 1, which %s needs", b, name)
			}
			b = -log(float32(1)/float32(b) - 1)
		case exponential:
			if b <= 0 {
				return problem("base_score", "%v lies not above 0, which %s needs", b, name)
			}
			b = log(float32(b))
		}
		r.model.base[i] = b
	}
	if r.model.trees == nil {
		// XGBoost gives every group of a linear booster the first base score.
		for i := range r.model.base {
			r.model.base[i] = r.model.base[0]
		}
	}
	return nil
}

func log(x float32) float64 { return float64(float32(math.Log(float64(x)))) }
