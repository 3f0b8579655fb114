package trial

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"math"

	"rapport/internal/experiment"
	"rapport/internal/experiment/bandit"
)

// Policy is what a bandit learned of an experiment so far.
type Policy struct {
	shares  []int // nil: by features
	models  []bandit.Model
	gamma   float64
	plan    bandit.Plan
	version string
}

// Learn makes the policy of an experiment from what it counted; nil where it
// does not learn.
func Learn(m *Meter, b *Book) *Policy {
	p := m.Primary()
	if !m.Learns() || p == nil {
		return nil
	}
	place := 0
	for i := range m.Metrics {
		if &m.Metrics[i] == p {
			place = i
		}
	}
	out := &Policy{plan: bandit.Plan{Floor: m.Bandit.Floor, MinUnits: m.Bandit.MinUnits, Inverse: p.Inverse}}
	arms, people := make([]bandit.Arm, len(m.Variants)), 0.0
	for i := range m.Variants {
		c := b.Sum(len(m.Metrics), func(at Place) bool { return at.Variant == m.Variants[i].Key })
		s := &c.Metrics[place]
		arms[i] = bandit.Arm{
			N: float64(s.N), Sum: s.Sum(Numerator), SumSq: s.Product(Numerator, Numerator), Conversion: p.Type == experiment.Conversion,
		}
		people += arms[i].N
	}
	if m.Kind != experiment.Contextual || !out.fit(m, b, arms) {
		out.shares = bandit.Thompson(arms, out.plan)
	}
	out.gamma = out.scale(arms, people)
	out.version = out.name()
	return out
}

// fit makes a model for each variant; false where one of them has too few
// people.
func (p *Policy) fit(m *Meter, b *Book, arms []bandit.Arm) bool {
	models := make([]bandit.Model, len(arms))
	for i := range arms {
		l := b.Linear(m.Variants[i].Key)
		if l == nil || arms[i].N < math.Max(float64(m.Bandit.MinUnits), 2) {
			return false
		}
		var ok bool
		if models[i], ok = bandit.Fit(len(m.Bandit.Features), l.At); !ok {
			return false
		}
	}
	p.models = models
	return true
}

// scale makes the gap between rewards matter the more the better they are known:
// it is counted in standard deviations of a reward, times the root of how many
// people there are per variant.
func (p *Policy) scale(arms []bandit.Arm, people float64) float64 {
	n, sum, sq := 0.0, 0.0, 0.0
	for _, a := range arms {
		n, sum, sq = n+a.N, sum+a.Sum, sq+a.SumSq
	}
	if n < 2 {
		return 0
	}
	sd := math.Sqrt(math.Max((sq-sum*sum/n)/(n-1), 1e-12))
	return math.Sqrt(people*float64(len(arms))) / sd
}

// Shares gives how many of ten thousand such people get each variant.
func (p *Policy) Shares(features []int64) []int {
	if p.shares != nil {
		return p.shares
	}
	return bandit.Inverse(p.Expected(features), p.gamma, p.plan)
}

// Expected gives the reward that is expected of each variant; nil where that
// does not depend on who it is.
func (p *Policy) Expected(features []int64) []float64 {
	if p.models == nil {
		return nil
	}
	x := make([]float64, len(features))
	for i := range features {
		x[i] = float64(features[i]) / 1000
	}
	out := make([]float64, len(p.models))
	for i := range p.models {
		out[i] = p.models[i].Value(x)
	}
	return out
}

// Version names what was learned.
func (p *Policy) Version() string { return p.version }

func (p *Policy) name() string {
	h := fnv.New64a()
	var b [8]byte
	put := func(n uint64) {
		binary.BigEndian.PutUint64(b[:], n)
		_, _ = h.Write(b[:]) // it never fails
	}
	for _, s := range p.shares {
		put(uint64(s))
	}
	for _, m := range p.models {
		for _, c := range m {
			put(math.Float64bits(c))
		}
	}
	put(math.Float64bits(p.gamma))
	return hex.EncodeToString(h.Sum(nil))
}
