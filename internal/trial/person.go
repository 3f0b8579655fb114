package trial

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/experiment"
)

// Values is what a metric comes to for one person, in millionths: numerator and
// denominator, and the same before the first exposure.
type Values [4]int64

// The places in Values.
const (
	Numerator = iota
	Denominator
	NumeratorBefore
	DenominatorBefore
)

// Trial is one person in one experiment: what counts of it.
type Trial struct {
	Experiment string
	Signature  uint64 // of the meter; zero: nothing was counted, there was no definition
	Phase      int
	Variant    string
	First      clock.Instant
	Several    bool // was shown more than one variant
	// Of a bandit's exposure.
	Propensity int
	Policy     string
	Features   []int64
	Metrics    []Values // in the order of the definition
}

// Day is that of the first exposure, counted from 1970.
func (t *Trial) Day() int { return int(t.First.Time().Unix() / 86400) }

// Of counts for a person what happened to it. first is the exposure that counts.
func (m *Meter) Of(first *experiment.Exposure, several bool, hits []Hit) Trial {
	t := Trial{
		Experiment: m.Key, Signature: m.signature, Phase: first.Phase, Variant: first.Variant, First: first.First, Several: several,
		Metrics: make([]Values, len(m.metrics)),
	}
	for i := range m.metrics {
		t.Metrics[i] = m.metrics[i].of(first.First, hits)
	}
	return t
}

func (x *metric) of(first clock.Instant, hits []Hit) (v Values) {
	var counts [4]int64
	add := func(place int, h *Hit) {
		v[place] = clamp(v[place] + h.Amount)
		counts[place]++
	}
	for i := range hits {
		h := &hits[i]
		since := h.Time.Sub(first)
		after := since >= x.delay && (x.window == 0 || since < x.window) && since >= 0
		before := since < 0 && -since <= x.lookback
		for place, source := range [...]int{x.numerator, x.denominator} {
			switch {
			case source != h.Source:
			case after:
				add(place, h)
			case before:
				add(place+NumeratorBefore, h)
			}
		}
	}
	for _, place := range [...]int{Numerator, NumeratorBefore} {
		switch {
		case x.Type == experiment.Conversion:
			v[place] = 0
			if counts[place] >= int64(x.AtLeast) {
				v[place] = Unit
			}
		case x.Cap > 0:
			v[place] = min(v[place], int64(x.Cap*Unit))
		}
	}
	return v
}

// clamp keeps what a person comes to below what sums can hold.
func clamp(v int64) int64 {
	const most = 1_000_000_000_000 * Unit
	return max(-most, min(most, v))
}

// Reach is how long before the first exposure something may count.
func (m *Meter) Reach() (reach time.Duration) {
	for i := range m.metrics {
		reach = max(reach, m.metrics[i].lookback)
	}
	return reach
}

// Sort puts trials in the order in which they are kept.
func Sort(trials []Trial) {
	slices.SortFunc(trials, func(a, b Trial) int { return cmp.Compare(a.Experiment, b.Experiment) })
}

const trialsVersion = 1

var errTrials = errors.New("trials of a person are damaged")

// Append writes the trials of a person.
func Append(b []byte, trials []Trial) []byte {
	e := wire.Encoder{B: append(b, trialsVersion)}
	for i := range trials {
		t := &trials[i]
		e.Str(t.Experiment)
		e.Fixed(t.Signature)
		e.Uint(uint64(t.Phase))
		e.Str(t.Variant)
		e.Int(int64(t.First))
		several := byte(0)
		if t.Several {
			several = 1
		}
		e.Byte(several)
		e.Uint(uint64(t.Propensity))
		e.Str(t.Policy)
		e.Uint(uint64(len(t.Features)))
		for _, f := range t.Features {
			e.Int(f)
		}
		e.Uint(uint64(len(t.Metrics)))
		for _, v := range t.Metrics {
			for _, n := range v {
				e.Int(n)
			}
		}
	}
	return e.B
}

// Read reads what Append wrote.
func Read(b []byte) ([]Trial, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != trialsVersion {
		return nil, errTrials
	}
	d := wire.NewDecoder(b[1:], nil)
	var out []Trial
	for d.Len() > 0 && !d.Bad() {
		t := Trial{
			Experiment: d.Str(), Signature: d.Fixed(), Phase: int(d.Uint()), Variant: d.Str(), First: clock.Instant(d.Int()),
			Several: d.Byte() == 1, Propensity: int(d.Uint()), Policy: d.Str(),
		}
		for range d.Count() {
			t.Features = append(t.Features, d.Int())
		}
		for range d.Count() {
			var v Values
			for i := range v {
				v[i] = d.Int()
			}
			t.Metrics = append(t.Metrics, v)
		}
		out = append(out, t)
	}
	if d.Bad() {
		return nil, errTrials
	}
	return out, nil
}
