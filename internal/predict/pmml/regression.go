package pmml

import (
	"math"
	"slices"
)

// table is one RegressionTable: a sum of terms.
type table struct {
	intercept float64
	linear    []linearTerm
	category  []categoryTerm
	products  []productTerm
}

type linearTerm struct {
	slot                  int
	coefficient, exponent float64
}

type categoryTerm struct {
	slot               int
	value, coefficient float64
}

type productTerm struct {
	slots       []int
	coefficient float64
}

// sum is missing where a number of it is; a missing category adds nothing.
func (t *table) sum(s []float64) float64 {
	y := t.intercept
	for i := range t.linear {
		l := &t.linear[i]
		if l.exponent == 1 {
			y += s[l.slot] * l.coefficient
		} else {
			y += math.Pow(s[l.slot], l.exponent) * l.coefficient
		}
	}
	for i := range t.category {
		if k := &t.category[i]; s[k.slot] == k.value {
			y += k.coefficient
		}
	}
	for i := range t.products {
		x := t.products[i].coefficient
		for _, slot := range t.products[i].slots {
			x *= s[slot]
		}
		y += x
	}
	return y
}

func (c *compiler) table(sc *scope, e *element) table {
	t := table{intercept: c.numeric(e, "intercept", 0)}
	for _, k := range e.body() {
		switch k.name {
		case "NumericPredictor":
			f := c.lookup(sc, k, k.attr("name"))
			if f.kind == text {
				c.fail(k, "the field %.60q holds texts, it is no number", k.attr("name"))
			}
			t.linear = append(t.linear, linearTerm{f.slot, c.numeric(k, "coefficient", missing), c.numeric(k, "exponent", 1)})
		case "CategoricalPredictor":
			f := c.lookup(sc, k, k.attr("name"))
			t.category = append(t.category, categoryTerm{f.slot, c.value(k, k.attr("value"), f.kind, f.single), c.numeric(k, "coefficient", missing)})
		case "PredictorTerm":
			p := productTerm{coefficient: c.numeric(k, "coefficient", missing)}
			for _, r := range k.all("FieldRef") {
				p.slots = append(p.slots, c.lookup(sc, r, r.attr("field")).slot)
			}
			t.products = append(t.products, p)
		default:
			c.fail(k, "%.40s within a RegressionTable is not supported", k.name)
		}
	}
	return t
}

// inverse are the normalizations that bring one sum to one value.
func inverse(method string) (func(float64) float64, bool) {
	switch method {
	case "", "none", "softmax", "simplemax":
		return func(x float64) float64 { return x }, true
	case "logit":
		return func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, true
	case "probit":
		return func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }, true
	case "cloglog":
		return func(x float64) float64 { return -math.Expm1(-math.Exp(x)) }, true
	case "loglog":
		return func(x float64) float64 { return math.Exp(-math.Exp(-x)) }, true
	case "cauchit":
		return func(x float64) float64 { return 0.5 + math.Atan(x)/math.Pi }, true
	case "exp":
		return math.Exp, true
	}
	return nil, false
}

func (c *compiler) regression(sc *scope, e *element, p *part, classify bool) {
	var tables []table
	var classes []float64
	for _, t := range e.all("RegressionTable") {
		tables = append(tables, c.table(sc, t))
		if !classify {
			continue
		}
		class := c.code(t.attr("targetCategory"))
		if slices.Contains(classes, class) {
			c.fail(t, "two tables are for the class %.60q", t.attr("targetCategory"))
		}
		classes = append(classes, class)
	}
	method := e.attr("normalizationMethod")
	f, ok := inverse(method)
	switch {
	case !ok:
		c.fail(e, "the normalizationMethod %.40q is not known", method)
	case !classify && (len(tables) != 1 || method == "simplemax"):
		c.fail(e, "a regression has one RegressionTable and no normalization over classes")
	case !classify:
		p.eval = predictNumber(&tables[0], f, method == "softmax", p.value)
	case len(tables) < 2:
		c.fail(e, "a classification has at least 2 RegressionTables")
	default:
		c.probabilities(p, classes)
		p.eval = func(s []float64) bool {
			probs := s[p.probs : p.probs+len(tables)]
			for i := range tables {
				probs[i] = tables[i].sum(s)
			}
			normalize(probs, method, f)
			return p.best(s)
		}
	}
}

// predictNumber evaluates a regression; its softmax is the logistic function.
func predictNumber(t *table, f func(float64) float64, logistic bool, value int) func([]float64) bool {
	if logistic {
		f, _ = inverse("logit")
	}
	return func(s []float64) bool {
		s[value] = f(t.sum(s))
		return true
	}
}

// normalize makes probabilities of the sums of all classes. With two of them,
// and for "none", the last takes what the others leave.
func normalize(probs []float64, method string, f func(float64) float64) {
	last := len(probs) - 1
	switch method {
	case "softmax":
		top := slices.Max(probs)
		for i, x := range probs {
			probs[i] = math.Exp(x - top)
		}
		share(probs)
	case "simplemax":
		share(probs)
	default:
		rest := 1.0
		for i := range last {
			probs[i] = f(probs[i])
			rest -= probs[i]
		}
		if last == 1 || method == "" || method == "none" {
			probs[last] = rest
			return
		}
		probs[last] = f(probs[last])
	}
}

func share(probs []float64) {
	sum := 0.0
	for _, x := range probs {
		sum += x
	}
	for i := range probs {
		probs[i] /= sum
	}
}
