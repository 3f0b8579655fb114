package pmml

import (
	"maps"
	"math"
	"slices"
)

// segment is one model of an ensemble.
type segment struct {
	test   int32
	weight float64
	part   *part
	place  []int // where each of its classes is among the ensemble's
}

type ensemble struct {
	tests    *tests
	segments []segment
	p        *part
	single   bool // sums have 32 bits
	weighted bool
	missing  string
	scores   int // slots to sort numbers in, one for each segment
}

func (c *compiler) mining(sc *scope, e *element, p *part, classify bool) {
	inside := e.child("Segmentation")
	method := inside.attr("multipleModelMethod")
	en := &ensemble{
		tests: c.shared, p: p, single: e.attr("x-mathContext") == "float",
		missing: inside.attr("missingPredictionTreatment"), weighted: method == "weightedAverage" || method == "weightedMajorityVote" || method == "weightedSum" || method == "x-weightedSum",
	}
	if en.missing != "" && !slices.Contains([]string{"continue", "skipSegment", "returnMissing"}, en.missing) {
		c.fail(inside, "the missingPredictionTreatment %.40q is not known", en.missing)
	}
	chain := &scope{around: sc, fields: map[string]field{}, steps: sc.steps}
	for _, s := range inside.all("Segment") {
		c.segment(chain, s, en, method == "modelChain")
	}
	if len(en.segments) == 0 {
		c.fail(e, "the MiningModel has no segments")
		return
	}
	// what a chain works out, its outputs may read
	maps.Copy(sc.fields, chain.fields)
	c.combine(inside, en, method, classify)
}

func (c *compiler) segment(chain *scope, s *element, en *ensemble, link bool) {
	model := findModel(s)
	if model == nil {
		c.fail(s, "the segment has no model within it; references to others are not supported")
		return
	}
	one := segment{test: c.findPredicate(chain, s), weight: c.numeric(s, "weight", 1), part: c.model(chain, model, false)}
	en.segments = append(en.segments, one)
	if link {
		maps.Copy(chain.fields, one.part.visible)
	}
}

// classes unites the classes of the segments, in the order they are met.
func (c *compiler) classes(e *element, en *ensemble) {
	var classes []float64
	at := map[float64]int{}
	for i := range en.segments {
		s := &en.segments[i]
		for _, code := range s.part.classes {
			if _, ok := at[code]; !ok {
				at[code] = len(classes)
				classes = append(classes, code)
			}
			s.place = append(s.place, at[code])
		}
		if c.parts += len(s.place); c.parts > MaxParts {
			c.fail(e, "the model needs more than %d parts", MaxParts)
			return
		}
	}
	c.probabilities(en.p, classes)
}

func (c *compiler) combine(e *element, en *ensemble, method string, classify bool) {
	last := en.segments[len(en.segments)-1].part
	switch method {
	case "modelChain", "selectFirst":
		if len(last.classes) > 0 {
			c.classes(e, en)
		}
		en.p.eval = en.chain
		if method == "selectFirst" {
			en.p.eval = en.first
		}
		return
	}
	if classify {
		c.combineClasses(e, en, method)
	} else {
		c.combineNumbers(e, en, method)
	}
}

func (c *compiler) combineClasses(e *element, en *ensemble, method string) {
	c.classes(e, en)
	if len(en.p.classes) == 0 {
		c.fail(e, "the ensemble classifies, but none of its segments does")
	}
	switch method {
	case "majorityVote", "weightedMajorityVote":
		en.p.eval = func(s []float64) bool { return en.classify(s, true, false) }
	case "average", "weightedAverage":
		en.p.eval = func(s []float64) bool { return en.classify(s, false, false) }
	case "max":
		en.p.eval = func(s []float64) bool { return en.classify(s, false, true) }
	default:
		c.fail(e, "the multipleModelMethod %.40q is not supported for a classification", method)
	}
}

func (c *compiler) combineNumbers(e *element, en *ensemble, method string) {
	for i := range en.segments {
		if len(en.segments[i].part.classes) > 0 {
			c.fail(e, "the ensemble predicts a number, but its segment %d a class", i+1)
			return
		}
	}
	switch method {
	case "sum", "weightedSum", "x-weightedSum":
		en.p.eval = func(s []float64) bool { return en.add(s, false) }
	case "average", "weightedAverage":
		en.p.eval = func(s []float64) bool { return en.add(s, true) }
	case "max":
		en.p.eval = en.highest
	case "median":
		en.scores = c.slots
		for range en.segments {
			c.slot()
		}
		en.p.eval = en.median
	default:
		c.fail(e, "the multipleModelMethod %.40q is not supported for a regression", method)
	}
}

// each runs the segments whose test holds; f takes what each one gives. It is
// false where a segment without an answer leaves the ensemble without one.
func (en *ensemble) each(s []float64, f func(s []float64, one *segment, n int)) (n int, ok bool) {
	for i := range en.segments {
		one := &en.segments[i]
		if en.tests.try(one.test, s) != yes {
			continue
		}
		if one.part.run(s) {
			f(s, one, n)
			n++
		} else if en.missing != "skipSegment" {
			return n, false
		}
	}
	return n, n > 0
}

func (en *ensemble) round(x float64) float64 {
	if en.single {
		return float64(float32(x))
	}
	return x
}

func (en *ensemble) weight(one *segment) float64 {
	if en.weighted {
		return one.weight
	}
	return 1
}

func (en *ensemble) add(s []float64, average bool) bool {
	sum, weights := 0.0, 0.0
	_, ok := en.each(s, func(s []float64, one *segment, _ int) {
		w := en.weight(one)
		sum = en.round(sum + en.round(w*s[one.part.value]))
		weights += w
	})
	if average {
		sum = en.round(sum / weights)
	}
	s[en.p.value] = sum
	return ok
}

func (en *ensemble) highest(s []float64) bool {
	top := math.Inf(-1)
	_, ok := en.each(s, func(s []float64, one *segment, _ int) { top = max(top, s[one.part.value]) })
	s[en.p.value] = top
	return ok
}

func (en *ensemble) median(s []float64) bool {
	n, ok := en.each(s, func(s []float64, one *segment, n int) { s[en.scores+n] = s[one.part.value] })
	if !ok {
		return false
	}
	list := s[en.scores : en.scores+n]
	slices.Sort(list)
	s[en.p.value] = (list[n/2] + list[(n-1)/2]) / 2
	return true
}

// classify adds votes or probabilities for each class, or keeps the highest.
func (en *ensemble) classify(s []float64, vote, highest bool) bool {
	p := en.p
	probs := s[p.probs : p.probs+len(p.classes)]
	clear(probs)
	total := 0.0
	_, ok := en.each(s, func(s []float64, one *segment, _ int) {
		w := en.weight(one)
		total += w
		for i, at := range one.place {
			x := s[one.part.probs+i]
			switch {
			case vote && s[one.part.value] == one.part.classes[i]:
				probs[at] += w
			case vote:
			case highest:
				probs[at] = max(probs[at], x)
			default:
				probs[at] += w * x
			}
		}
	})
	if !ok {
		return false
	}
	if highest {
		share(probs)
		return p.best(s)
	}
	for i := range probs {
		probs[i] /= total
	}
	return p.best(s)
}

// chain runs all links; the answer is that of the last whose test holds.
func (en *ensemble) chain(s []float64) bool {
	var last *segment
	for i := range en.segments {
		one := &en.segments[i]
		if en.tests.try(one.test, s) == yes {
			one.part.run(s)
			last = one
		}
	}
	return en.take(s, last)
}

// first runs the first segment whose test holds.
func (en *ensemble) first(s []float64) bool {
	for i := range en.segments {
		one := &en.segments[i]
		if en.tests.try(one.test, s) == yes {
			one.part.run(s)
			return en.take(s, one)
		}
	}
	return false
}

// take makes the answer of one segment the ensemble's own.
func (en *ensemble) take(s []float64, one *segment) bool {
	if one == nil || len(en.p.classes) > 0 && len(one.part.classes) == 0 {
		return false
	}
	s[en.p.value] = s[one.part.value]
	if len(en.p.classes) == 0 {
		return true
	}
	probs := s[en.p.probs : en.p.probs+len(en.p.classes)]
	clear(probs)
	for i, at := range one.place {
		probs[at] = s[one.part.probs+i]
	}
	return true
}
