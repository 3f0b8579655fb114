package offer

import (
	"math"
	"slices"

	"rapport/internal/feel"
	"rapport/internal/predict"
	"rapport/internal/predict/shape"
)

// score gives each offer its score. One without a score falls.
func (s *Set) score(q *Query, d *Decision, list []scored) []scored {
	r := s.place.Ranking
	if r.By == "priority" {
		for i := range list {
			list[i].score = list[i].Priority
		}
		return list
	}
	sc := s.scorer(q)
	kept := list[:0]
	for i := range list {
		x := list[i]
		if why := sc.score(&x); why != "" {
			d.drop(x.at, Drop{StageScore, why})
			continue
		}
		kept = append(kept, x)
	}
	return kept
}

// scorer scores the offers of one question.
type scorer struct {
	set   *Set
	q     *Query
	run   *predict.Run
	base  []input // of inputs that are asked once: they do not read the offer
	each  []input
	ready float64 // the propensity where it is the same for all offers
	same  bool
	why   string // there is none
}

func (s *Set) scorer(q *Query) *scorer {
	sc := &scorer{set: s, q: q, ready: math.NaN()}
	if s.place.Ranking.Model == "" {
		return sc
	}
	if s.broken != nil {
		sc.why = s.broken.Error()
		return sc
	}
	sc.run = s.model.NewRun()
	for _, in := range s.place.inputs {
		if asksOfOffer(in.program) {
			sc.each = append(sc.each, in)
		} else {
			sc.base = append(sc.base, in)
		}
	}
	sc.person()
	for _, in := range sc.base {
		sc.set1(in.name, q.run(in.program, nil))
	}
	if len(sc.each) == 0 {
		sc.same = true
		sc.ready, sc.why = sc.propensity()
	}
	return sc
}

// person fills the inputs that nobody says a formula for from what is known of
// the person by the same name.
func (sc *scorer) person() {
	who, ok := sc.q.Value.AsContext()
	if !ok {
		return
	}
	for _, in := range sc.set.model.Inputs() {
		if slices.ContainsFunc(sc.set.place.inputs, func(x input) bool { return x.name == in.Name }) {
			continue
		}
		for _, part := range [...]string{"traits", "computed"} {
			if of, ok := who.Get(part); ok {
				if c, ok := of.AsContext(); ok {
					if v, ok := c.Get(in.Name); ok && !v.IsNull() {
						sc.set1(in.Name, v)
						break
					}
				}
			}
		}
	}
}

// set1 sets one input; what the model cannot take stays missing.
func (sc *scorer) set1(name string, v feel.Value) {
	i := slices.IndexFunc(sc.set.model.Inputs(), func(in shape.Input) bool { return in.Name == name })
	if i < 0 {
		return
	}
	var err error
	if b, ok := v.AsBool(); ok {
		err = sc.run.SetBool(i, b)
	} else if n, ok := v.AsFloat(); ok {
		err = sc.run.SetNumber(i, n)
	} else if text, ok := v.AsString(); ok {
		err = sc.run.SetText(i, text)
	} else {
		sc.run.SetMissing(i)
	}
	if err != nil {
		sc.run.SetMissing(i)
	}
}

func (sc *scorer) propensity() (p float64, why string) {
	out, err := sc.run.Score()
	if err != nil {
		return math.NaN(), err.Error()
	}
	p = out[sc.set.output]
	if math.IsNaN(p) || math.IsInf(p, 0) {
		return math.NaN(), "the model gives no number"
	}
	return p, ""
}

// score scores one offer, or says why it cannot.
func (sc *scorer) score(x *scored) (why string) {
	r := sc.set.place.Ranking
	p, why := sc.ready, sc.why
	if sc.run != nil && !sc.same {
		for _, in := range sc.each {
			sc.set1(in.name, sc.q.run(in.program, x.Ready))
		}
		p, why = sc.propensity()
	}
	x.propensity = p
	if r.By == "model" {
		if why != "" {
			return why
		}
		x.score = p * x.Value * x.Lever
		return ""
	}
	sc.q.begin()
	sc.q.slots[slotPropensity] = feel.Null
	if !math.IsNaN(p) {
		sc.q.slots[slotPropensity] = feel.Float(p)
	}
	n, ok := sc.q.run(sc.set.place.formula, x.Ready).AsFloat()
	if !ok || math.IsNaN(n) {
		return "the formula gives no number"
	}
	x.score = n
	return ""
}
