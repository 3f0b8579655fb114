package experiment

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// The bounds of a definition.
const (
	MaxVariants = 64
	MaxFactors  = 6
	MaxMetrics  = 50
	MaxFeatures = 16
)

// Read reads and checks a document, and fills in what it leaves out.
func Read(key string, document []byte) (*Definition, error) {
	d := &Definition{}
	if err := jsondoc.Strict(document, d); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_experiment", "the experiment cannot be read: %v", err)
	}
	d.Key = key
	if err := d.complete(); err != nil {
		return nil, err
	}
	return d, nil
}

// Document is the definition as it is kept.
func (d *Definition) Document() ([]byte, error) {
	c := *d
	if c.Kind == Multivariate {
		c.Variants = nil // they follow from the factors
	}
	return json.Marshal(&c)
}

func (d *Definition) complete() error {
	if d.Kind == "" {
		d.Kind = AB
	}
	if d.State == "" {
		d.State = Draft
	}
	switch {
	case !oneOf(string(d.Kind), string(AB), string(Multivariate), string(Bandit), string(Contextual)):
		return invalid("/kind", "unknown kind %q: give ab, multivariate, bandit or contextual_bandit", d.Kind)
	case !oneOf(string(d.State), string(Draft), string(Running), string(Paused), string(Stopped), string(Archived)):
		return invalid("/state", "unknown state %q: give draft, running, paused, stopped or archived", d.State)
	case strings.TrimSpace(d.Name) == "" || len(d.Name) > 200:
		return invalid("/name", "give a name, in 1 to 200 bytes")
	case len(d.Tags) > 50:
		return invalid("/tags", "at most 50 tags")
	}
	for _, step := range []func() error{d.completeArms, d.completeWho, d.completeMetrics, d.completeLearning, d.completeAnalysis} {
		if err := step(); err != nil {
			return err
		}
	}
	if d.Conclusion != nil && d.Conclusion.Winner != "" && d.Variant(d.Conclusion.Winner) == nil {
		return invalid("/conclusion/winner", "there is no variant %q", d.Conclusion.Winner)
	}
	return nil
}

// completeArms makes the variants of factors, and checks variants.
func (d *Definition) completeArms() error {
	if (d.Kind == Multivariate) != (len(d.Factors) > 0) {
		return invalid("/factors", "a multivariate experiment has factors, others have variants")
	}
	if d.Kind == Multivariate {
		if len(d.Variants) > 0 {
			return invalid("/variants", "the variants of a multivariate experiment follow from its factors: leave them out")
		}
		if err := d.combine(); err != nil {
			return err
		}
	}
	if n := len(d.Variants); n < 2 || n > MaxVariants {
		return invalid("/variants", "give 2 to %d variants, not %d", MaxVariants, n)
	}
	total := 0
	seen := map[string]bool{}
	for i := range d.Variants {
		v, at := &d.Variants[i], "/variants/"+itoa(i)
		switch {
		case !validKey(v.Key):
			return badKey(v.Key, at+"/key")
		case seen[v.Key]:
			return invalid(at+"/key", "two variants have the key %q", v.Key)
		case v.share() < 0 || v.share() > 1_000_000:
			return invalid(at+"/weight", "give a weight of 0 to 1000000")
		}
		seen[v.Key] = true
		total += v.share()
	}
	if total == 0 {
		return invalid("/variants", "all weights are zero: nobody would get anything")
	}
	return nil
}

// completeWho checks who takes part.
func (d *Definition) completeWho() error {
	if t := d.Traffic; t != nil && !isShare(*t) {
		return invalid("/traffic", "give a share of 0 to 1")
	}
	if l := d.Layer; l != nil {
		switch {
		case !validKey(l.Key):
			return badKey(l.Key, "/layer/key")
		case !isShare(l.From) || !isShare(l.To) || l.From >= l.To:
			return invalid("/layer", "give from and to between 0 and 1, from the smaller")
		}
	}
	if h := d.Holdout; h != nil {
		switch {
		case !validKey(h.Key):
			return badKey(h.Key, "/holdout/key")
		case !isShare(h.Share):
			return invalid("/holdout/share", "give a share of 0 to 1")
		}
	}
	if len(d.Seed) > 200 {
		return invalid("/seed", "at most 200 bytes")
	}
	if a := d.Audience; a != nil {
		if a.Segment == "" && a.Condition == "" {
			return invalid("/audience", "give a segment, a condition or both; leave the audience out for everybody")
		}
		if _, err := a.compile(); err != nil {
			return invalid("/audience/condition", "%v", err)
		}
	}
	return nil
}

func isShare(f float64) bool { return f >= 0 && f <= 1 && !math.IsNaN(f) }

func (d *Definition) completeMetrics() error {
	if len(d.Metrics) > MaxMetrics {
		return invalid("/metrics", "at most %d metrics", MaxMetrics)
	}
	primary, seen := slices.ContainsFunc(d.Metrics, func(m Metric) bool { return m.Role == RolePrimary }), map[string]bool{}
	for i := range d.Metrics {
		m, at := &d.Metrics[i], "/metrics/"+itoa(i)
		first := !primary && m.Role == ""
		if err := m.complete(at, first); err != nil {
			return err
		}
		if seen[m.Key] {
			return invalid(at+"/key", "two metrics have the key %q", m.Key)
		}
		seen[m.Key] = true
		primary = primary || first
	}
	if n := len(slices.DeleteFunc(slices.Clone(d.Metrics), func(m Metric) bool { return m.Role != RolePrimary })); n > 1 {
		return invalid("/metrics", "%d metrics are primary: one decides, make the others secondary", n)
	}
	return nil
}

func (d *Definition) completeLearning() error {
	if !d.Learns() {
		if d.Bandit != nil {
			return invalid("/bandit", "only a bandit learns: leave it out or change the kind")
		}
		return nil
	}
	if d.Bandit == nil {
		d.Bandit = &BanditPlan{}
	}
	b := d.Bandit
	if b.Floor == 0 {
		b.Floor = 0.01
	}
	if b.MinUnits == 0 {
		b.MinUnits = 100
	}
	p := d.Primary()
	switch {
	case p == nil || !oneOf(p.Type, Conversion, Count, Sum):
		return invalid("/metrics", "a bandit learns from its primary metric: give one of type conversion, count or sum")
	case b.Floor < 0 || b.Floor*float64(len(d.Variants)) > 1 || math.IsNaN(b.Floor):
		return invalid("/bandit/floor", "a floor of %g for %d variants is more than there is to give", b.Floor, len(d.Variants))
	case b.MinUnits < 1:
		return invalid("/bandit/min_units", "give at least 1")
	case (d.Kind == Contextual) != (len(b.Features) > 0) || len(b.Features) > MaxFeatures:
		return invalid("/bandit/features", "a contextual bandit has 1 to %d features, another one none", MaxFeatures)
	}
	return nil
}

func (d *Definition) completeAnalysis() error {
	a := &d.Analysis
	fill(&a.Method, "sequential")
	fill(&a.Difference, "relative")
	if a.Correction == "" {
		a.Correction = "none"
		if d.comparisons() > 1 {
			a.Correction = "holm"
		}
	}
	fill(&a.Alpha, 0.05)
	fill(&a.Tuning, 5000)
	fill(&a.Effect, 0.05)
	fill(&a.Power, 0.8)
	fill(&a.MinUnits, 100)
	switch {
	case !oneOf(a.Method, "sequential", "fixed", "bayesian"):
		return invalid("/analysis/method", "unknown method %q: give sequential, fixed or bayesian", a.Method)
	case !oneOf(a.Difference, "relative", "absolute"):
		return invalid("/analysis/difference", "unknown difference %q: give relative or absolute", a.Difference)
	case !oneOf(a.Correction, "none", "holm", "benjamini-hochberg"):
		return invalid("/analysis/correction", "unknown correction %q: give none, holm or benjamini-hochberg", a.Correction)
	case !(a.Alpha >= 0.0001 && a.Alpha <= 0.5):
		return invalid("/analysis/alpha", "give 0.0001 to 0.5")
	case !(a.Power >= 0.5 && a.Power <= 0.999):
		return invalid("/analysis/power", "give 0.5 to 0.999")
	case !(a.Effect > 0 && a.Effect <= 10) || !(a.Tuning >= 1) || a.PriorSD < 0 || a.MinUnits < 1:
		return invalid("/analysis", "effect is above 0 and at most 10, tuning at least 1, prior_sd not negative, min_units at least 1")
	}
	return nil
}

// comparisons are how many p values results show that are no guardrail's.
func (d *Definition) comparisons() int {
	n := 0
	for i := range d.Metrics {
		if d.Metrics[i].Role != RoleGuardrail {
			n += len(d.Variants) - 1
		}
	}
	return n
}

func fill[T comparable](field *T, with T) {
	var zero T
	if *field == zero {
		*field = with
	}
}

func itoa(i int) string { return strconv.Itoa(i) }

// validKey tells a key that can stand in an address and in a property.
func validKey(key string) bool {
	if key == "" || len(key) > 128 {
		return false
	}
	for i := range len(key) {
		b := key[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && (i == 0 || b != '.' && b != '-' && b != '_' && b != '/') {
			return false
		}
	}
	return true
}

func badKey(key, at string) error {
	return invalid(at, "%q is no key: give 1 to 128 letters, digits, dots, hyphens, slashes and underscores, beginning with a letter or digit", key)
}
