package pmml

// attribute is one row of a characteristic: a test and the points for it.
type attribute struct {
	test   int32
	points expr
	reason float64 // the text, missing where there is none
}

type characteristic struct {
	first, count int
	baseline     float64
	diff         int // slot of what it takes from the best, or adds to the least
	reason       int // slot of its reason
}

type scorecard struct {
	tests      *tests
	initial    float64
	attributes []attribute
	list       []characteristic
	value      int
	reasons    []int
	below      bool // reasons are what takes points away
}

func (c *compiler) scorecard(sc *scope, e *element, p *part) {
	k := &scorecard{tests: c.shared, initial: c.numeric(e, "initialScore", 0), value: p.value}
	switch e.attr("reasonCodeAlgorithm") {
	case "", "pointsBelow":
		k.below = true
	case "pointsAbove":
	default:
		c.fail(e, "the reasonCodeAlgorithm %.40q is not known", e.attr("reasonCodeAlgorithm"))
	}
	reasons := e.attr("useReasonCodes") != "false"
	for _, ch := range e.child("Characteristics").all("Characteristic") {
		baseline := c.numeric(ch, "baselineScore", c.numeric(e, "baselineScore", missing))
		one := characteristic{first: len(k.attributes), baseline: baseline, diff: c.slot(), reason: c.slot()}
		if reasons && baseline != baseline {
			c.fail(ch, "reason codes need a baselineScore, of the scorecard or of each characteristic")
		}
		for _, a := range ch.all("Attribute") {
			k.attributes = append(k.attributes, c.attribute(sc, ch, a, reasons))
			one.count++
		}
		k.list = append(k.list, one)
	}
	if len(k.list) == 0 {
		c.fail(e, "the scorecard has no characteristics")
	}
	if reasons {
		for range k.list {
			k.reasons = append(k.reasons, c.slot())
		}
		p.reasons = k.reasons
	}
	p.eval = k.eval
}

func (c *compiler) attribute(sc *scope, ch, a *element, reasons bool) attribute {
	out := attribute{test: c.findPredicate(sc, a), reason: missing}
	if complexScore := a.child("ComplexPartialScore").body(); len(complexScore) > 0 {
		out.points = c.expression(sc, complexScore[0])
	} else {
		out.points = constant(c.numeric(a, "partialScore", missing), number)
		if _, ok := a.find("partialScore"); !ok {
			c.fail(a, "the attribute has no partialScore")
		}
	}
	for _, from := range []*element{ch, a} {
		if code, ok := from.find("reasonCode"); ok {
			out.reason = c.code(code)
		}
	}
	if reasons && out.reason != out.reason {
		c.fail(a, "the attribute has no reasonCode, nor has its characteristic")
	}
	return out
}

// eval adds the points of the first attribute that holds of each
// characteristic; one with none leaves the card without a score.
func (k *scorecard) eval(s []float64) bool {
	sum := k.initial
	for i := range k.list {
		ch := &k.list[i]
		a := k.holds(ch, s)
		if a == nil {
			return false
		}
		points := a.points.f(s)
		sum += points
		s[ch.reason] = a.reason
		if s[ch.diff] = points - ch.baseline; k.below {
			s[ch.diff] = ch.baseline - points
		}
	}
	s[k.value] = sum
	if len(k.reasons) > 0 {
		k.rank(s)
	}
	return true
}

func (k *scorecard) holds(ch *characteristic, s []float64) *attribute {
	for i := ch.first; i < ch.first+ch.count; i++ {
		if k.tests.try(k.attributes[i].test, s) == yes {
			return &k.attributes[i]
		}
	}
	return nil
}

// rank fills the reasons from the weightiest on. Characteristics that share a
// reason count together, at the place of the first; equals keep their order.
func (k *scorecard) rank(s []float64) {
	for i := range k.list {
		for j := range i {
			if a, b := &k.list[i], &k.list[j]; s[a.reason] == s[b.reason] {
				s[b.diff] += s[a.diff]
				s[a.reason] = missing
				break
			}
		}
	}
	for _, slot := range k.reasons {
		top := -1
		for i := range k.list {
			ch := &k.list[i]
			if s[ch.reason] == s[ch.reason] && (top < 0 || s[ch.diff] > s[k.list[top].diff]) {
				top = i
			}
		}
		if top < 0 {
			s[slot] = missing
			continue
		}
		s[slot] = s[k.list[top].reason]
		s[k.list[top].reason] = missing
	}
}
