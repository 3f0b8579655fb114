package linear

import (
	"maps"
	"math"
	"slices"

	"rapport/internal/jsondoc"
	"rapport/internal/predict/shape"
)

// Limits of a model.
const (
	// MaxInputs is how many inputs a model may have.
	MaxInputs = 1 << 16
	// MaxWeights is how many weights all its sums may have together.
	MaxWeights = 1 << 22
)

// Read reads a document. What is wrong with it is a fault that names the place.
func Read(raw []byte) (*Model, error) {
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{Keys: 1 << 20})
	if err != nil {
		return nil, problem("", "it is no JSON: %s", err)
	}
	root := doc.Root()
	if root.Get("format").Text() != "linear" {
		return nil, problem("format", "want \"linear\"")
	}
	r := &reader{model: &Model{}, root: root}
	for _, step := range []func() error{r.known, r.inputs, r.links, r.sums} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.model, nil
}

type reader struct {
	model *Model
	root  jsondoc.Value
	place map[string]int   // of each input
	codes []map[string]int // of the categories of each input
}

func problem(place, msg string, args ...any) error {
	return shape.Problemf("linear", place, msg, args...)
}

// only refuses members that nobody would read: a typing error must not become
// a weight of 0.
func only(v jsondoc.Value, place string, known ...string) error {
	for key := range v.Members() {
		if !slices.Contains(known, key) {
			return problem(place, "%.60q is not known here; %s are", key, shape.List(known))
		}
	}
	return nil
}

func (r *reader) known() error {
	return only(r.root, "", "format", "link", "inputs", "classes", "sums", "comment")
}

func (r *reader) inputs() error {
	list := r.root.Get("inputs")
	if n := list.Len(); list.Kind() != jsondoc.Array || n == 0 || n > MaxInputs {
		return problem("inputs", "want a list of 1 to %d inputs", MaxInputs)
	}
	r.place = make(map[string]int, list.Len())
	for v := range list.Elements() {
		if err := r.input(v); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) input(v jsondoc.Value) error {
	in := shape.Input{Name: v.Get("name").Text()}
	place := "input " + in.Name
	if _, twice := r.place[in.Name]; twice || in.Name == "" {
		return problem(place, "every input needs a name of its own")
	}
	if err := only(v, place, "name", "kind", "categories", "missing", "mean", "scale"); err != nil {
		return err
	}
	t := term{first: r.model.width, missing: math.NaN(), scale: 1}
	width := 1
	codes := map[string]int{}
	switch kind := v.Get("kind").Text(); kind {
	case "", "number":
	case "boolean":
		in.Kind = shape.Boolean
	case "category":
		in.Kind = shape.Category
		for c := range v.Get("categories").Elements() {
			_, twice := codes[c.Text()]
			if c.Kind() != jsondoc.String || twice {
				return problem(place, "the categories must be texts, each once")
			}
			codes[c.Text()] = len(in.Categories)
			in.Categories = append(in.Categories, c.Text())
			if len(in.Categories) > MaxCategories {
				return problem(place, "it has more than %d categories", MaxCategories)
			}
		}
		if len(in.Categories) == 0 {
			return problem(place, "it has no categories")
		}
		t.categories, width = len(in.Categories), len(in.Categories)
	default:
		return problem(place, "the kind %.20q is not known; number, category and boolean are", kind)
	}
	if err := t.numbers(v, in); err != nil {
		return err
	}
	in.Required = math.IsNaN(t.missing)
	r.place[in.Name] = len(r.model.inputs)
	r.codes = append(r.codes, codes)
	r.model.width += width
	r.model.inputs = append(r.model.inputs, in)
	r.model.terms = append(r.model.terms, t)
	return nil
}

// MaxCategories is how many categories an input may have.
const MaxCategories = 10_000

func (t *term) numbers(v jsondoc.Value, in shape.Input) error {
	place := "input " + in.Name
	for key, to := range map[string]*float64{"mean": &t.mean, "scale": &t.scale} {
		n := v.Get(key)
		f, ok := n.Float()
		if !n.Exists() {
			continue
		}
		if !ok || in.Kind != shape.Number || key == "scale" && f == 0 {
			return problem(place, "%s must be a number, not 0 for scale, and belongs to numbers alone", key)
		}
		*to = f
	}
	missing := v.Get("missing")
	if !missing.Exists() || missing.IsNull() {
		return nil
	}
	ok := false
	switch in.Kind {
	case shape.Category:
		i := in.Index(missing.Text())
		t.missing, ok = float64(i), i >= 0
	case shape.Boolean:
		var set bool
		if set, ok = missing.Bool(); set {
			t.missing = 1
		} else {
			t.missing = 0
		}
	default:
		t.missing, ok = missing.Float()
	}
	if !ok {
		return problem(place, "\"missing\" is no %s of this input", in.Kind)
	}
	return nil
}

func (r *reader) links() error {
	links := map[string]link{"identity": identity, "logit": logit, "probit": probit, "log": log, "cloglog": cloglog, "softmax": softmax}
	name := r.root.Get("link").Text()
	l, ok := links[name]
	if !ok {
		return problem("link", "%.20q is not known; %s are", name, shape.List(slices.Sorted(maps.Keys(links))))
	}
	r.model.link = l
	sums, classes := r.root.Get("sums").Len(), r.root.Get("classes").Len()
	switch {
	case l != softmax && (sums != 1 || classes != 0):
		return problem("sums", "%s has one sum and no classes", name)
	case l == softmax && (sums < 2 || classes != 0 && classes != sums):
		return problem("sums", "softmax has at least 2 sums and as many classes")
	case l != softmax:
		r.model.outputs = []shape.Output{{Name: "score"}}
	case classes == 0:
		r.model.outputs = shape.Classes(sums)
	default:
		var names []string
		for c := range r.root.Get("classes").Elements() {
			names = append(names, c.Text())
		}
		r.model.outputs = shape.Named(names)
	}
	if sums > MaxWeights/r.model.width {
		return problem("sums", "there are more than %d weights", MaxWeights)
	}
	return nil
}

func (r *reader) sums() error {
	for sum := range r.root.Get("sums").Elements() {
		if err := only(sum, "sums", "intercept", "weights"); err != nil {
			return err
		}
		bias, ok := sum.Get("intercept").Float()
		if !ok && sum.Get("intercept").Exists() {
			return problem("sums", "the intercept is no number")
		}
		r.model.bias = append(r.model.bias, bias)
		row := make([]float64, r.model.width)
		for name, v := range sum.Get("weights").Members() {
			if err := r.weight(row, name, v); err != nil {
				return err
			}
		}
		r.model.weights = append(r.model.weights, row...)
	}
	return nil
}

func (r *reader) weight(row []float64, name string, v jsondoc.Value) error {
	i, ok := r.place[name]
	if !ok {
		return problem("weights", "%.60q is no input", name)
	}
	t, in := r.model.terms[i], r.model.inputs[i]
	if t.categories == 0 {
		w, ok := v.Float()
		if !ok {
			return problem("weights", "the weight of %s is no number", name)
		}
		row[t.first] = w
		return nil
	}
	if v.Kind() != jsondoc.Object {
		return problem("weights", "%s wants a weight for each category: {\"%s\": 0.5}", name, in.Categories[0])
	}
	for category, v := range v.Members() {
		w, ok := v.Float()
		at, known := r.codes[i][category]
		if !ok || !known {
			return problem("weights", "%.60q is no category of %s, or its weight is no number", category, name)
		}
		row[t.first+at] = w
	}
	return nil
}
