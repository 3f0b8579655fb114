package trial

import (
	"rapport/internal/experiment/bandit"
)

// Other is another way to choose, to be judged by what a bandit logged: fixed
// shares of the variants, or the best by what was learned.
type Other struct {
	Shares map[string]float64 // by variant; nil: the best
}

// Judge adds up what the other way would have brought, by the exposures of an
// experiment. Each must be one that its meter counted.
type Judge struct {
	m      *Meter
	other  Other
	policy *Policy
	means  []float64
	place  int
	sums   bandit.Sums
}

// NewJudge makes a judge; nil where the experiment has no primary metric.
func NewJudge(m *Meter, b *Book, other Other) *Judge {
	p := m.Primary()
	if p == nil {
		return nil
	}
	j := &Judge{m: m, other: other, policy: Learn(m, b), means: make([]float64, len(m.Variants))}
	for i := range m.Metrics {
		if &m.Metrics[i] == p {
			j.place = i
		}
	}
	for i := range m.Variants {
		c := b.Sum(len(m.Metrics), func(at Place) bool { return at.Variant == m.Variants[i].Key })
		if s := &c.Metrics[j.place]; s.N > 0 {
			j.means[i] = s.Sum(Numerator) / float64(s.N)
		}
	}
	return j
}

// Add takes in what a person came to.
func (j *Judge) Add(t *Trial) {
	if t.Signature != j.m.signature {
		return
	}
	expected := j.means
	if j.policy != nil {
		if e := j.policy.Expected(t.Features); e != nil {
			expected = e
		}
	}
	target := j.target(expected)
	l := bandit.Logged{Propensity: float64(t.Propensity) / bandit.Whole, Reward: float64(t.Metrics[j.place][Numerator]) / Unit}
	for i := range j.m.Variants {
		l.Value += target[i] * expected[i]
		if j.m.Variants[i].Key == t.Variant {
			l.Target, l.Expected = target[i], expected[i]
		}
	}
	j.sums.Add(l)
}

// target is how likely the other way chooses each variant.
func (j *Judge) target(expected []float64) []float64 {
	out := make([]float64, len(expected))
	if j.other.Shares != nil {
		total := 0.0
		for _, s := range j.other.Shares {
			total += s
		}
		for i := range out {
			out[i] = j.other.Shares[j.m.Variants[i].Key] / total
		}
		return out
	}
	best, sign := 0, 1.0
	if j.m.Primary().Inverse {
		sign = -1
	}
	for i := range expected {
		if sign*expected[i] > sign*expected[best] {
			best = i
		}
	}
	out[best] = 1
	return out
}

// Result gives the estimates.
func (j *Judge) Result() bandit.OffPolicy { return j.sums.Result() }
