package bandit

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Logged is one decision with what came of it.
type Logged struct {
	Propensity float64 // of what was chosen, when it was
	Target     float64 // how likely the other way chooses the same
	Reward     float64
	// Expected is the reward that a model expects of what was chosen, Value of
	// the other way as a whole.
	Expected, Value float64
}

// Estimate is a value with its 95 % interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// OffPolicy is what another way to choose would have brought, per person.
type OffPolicy struct {
	Decisions int      `json:"decisions"`
	Effective float64  `json:"effective_sample_size" doc:"So many decisions are as good as these"`
	MaxWeight float64  `json:"max_weight"`
	Unlikely  int      `json:"without_propensity" doc:"Decisions that say nothing: their propensity is not known"`
	IPS       Estimate `json:"ips" doc:"Inverse propensity scoring"`
	SNIPS     Estimate `json:"snips" doc:"The same, by the sum of weights"`
	DM        Estimate `json:"dm" doc:"By a model of the reward alone"`
	DR        Estimate `json:"dr" doc:"Doubly robust: the model, put right by what it got wrong"`
	Warning   string   `json:"warning,omitempty" doc:"Why not to trust it"`
}

// leastEffective is below what no estimate is to be trusted.
const leastEffective = 100

// Sums adds up decisions, in two passes: SNIPS needs the mean before its error.
type Sums struct {
	n, unlikely        int
	w, ww, most        float64
	ips, ipsSq         float64
	dm, dmSq, dr, drSq float64
	wr, wwr, wwrr      float64 // for the linearised error of SNIPS
}

// Add takes a decision in.
func (s *Sums) Add(l Logged) {
	if !(l.Propensity > 0) {
		s.unlikely++
		return
	}
	w := l.Target / l.Propensity
	s.n++
	s.w, s.ww, s.most = s.w+w, s.ww+w*w, math.Max(s.most, w)
	x := w * l.Reward
	s.ips, s.ipsSq = s.ips+x, s.ipsSq+x*x
	s.dm, s.dmSq = s.dm+l.Value, s.dmSq+l.Value*l.Value
	d := l.Value + w*(l.Reward-l.Expected)
	s.dr, s.drSq = s.dr+d, s.drSq+d*d
	s.wr, s.wwr, s.wwrr = s.wr+x, s.wwr+w*x, s.wwrr+x*x
}

// Result gives the estimates.
func (s *Sums) Result() OffPolicy {
	out := OffPolicy{Decisions: s.n, Unlikely: s.unlikely, MaxWeight: s.most}
	if s.n < 2 {
		out.Warning = "fewer than two decisions have a known propensity"
		return out
	}
	n := float64(s.n)
	if s.ww > 0 {
		out.Effective = s.w * s.w / s.ww
	}
	out.IPS, out.DM, out.DR = mean(s.ips, s.ipsSq, n), mean(s.dm, s.dmSq, n), mean(s.dr, s.drSq, n)
	if s.w > 0 {
		v := s.wr / s.w
		// Of a ratio of means, by the delta method.
		variance := (s.wwrr - 2*v*s.wwr + v*v*s.ww) / (s.w * s.w)
		out.SNIPS = around(v, math.Sqrt(math.Max(variance, 0)))
	}
	switch {
	case out.Effective < leastEffective:
		out.Warning = "the decisions are worth fewer than 100: what was logged is too unlike the other way to judge it"
	case float64(s.unlikely) > 0.01*(n+float64(s.unlikely)):
		out.Warning = "more than one decision in a hundred has no known propensity"
	}
	return out
}

func mean(sum, squares, n float64) Estimate {
	m := sum / n
	return around(m, math.Sqrt(math.Max((squares-n*m*m)/(n-1), 0)/n))
}

func around(v, se float64) Estimate {
	half := distuv.UnitNormal.Quantile(0.975) * se
	return Estimate{v, v - half, v + half}
}
