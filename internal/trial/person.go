package trial

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

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
	b = append(b, trialsVersion)
	for i := range trials {
		t := &trials[i]
		b = appendText(b, t.Experiment)
		b = binary.BigEndian.AppendUint64(b, t.Signature)
		b = binary.AppendUvarint(b, uint64(t.Phase))
		b = appendText(b, t.Variant)
		b = binary.AppendVarint(b, int64(t.First))
		flags := byte(0)
		if t.Several {
			flags = 1
		}
		b = binary.AppendUvarint(append(b, flags), uint64(t.Propensity))
		b = appendText(b, t.Policy)
		b = binary.AppendUvarint(b, uint64(len(t.Features)))
		for _, f := range t.Features {
			b = binary.AppendVarint(b, f)
		}
		b = binary.AppendUvarint(b, uint64(len(t.Metrics)))
		for _, v := range t.Metrics {
			for _, n := range v {
				b = binary.AppendVarint(b, n)
			}
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Read reads what Append wrote.
func Read(b []byte) ([]Trial, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := reader{b: b[1:], bad: b[0] != trialsVersion}
	var out []Trial
	for len(r.b) > 0 && !r.bad {
		t := Trial{Experiment: r.text()}
		if s := r.take(8); s != nil {
			t.Signature = binary.BigEndian.Uint64(s)
		}
		t.Phase, t.Variant, t.First = int(r.uvarint()), r.text(), clock.Instant(r.varint())
		if f := r.take(1); f != nil {
			t.Several = f[0] == 1
		}
		t.Propensity, t.Policy = int(r.uvarint()), r.text()
		for range r.count() {
			t.Features = append(t.Features, r.varint())
		}
		for range r.count() {
			var v Values
			for i := range v {
				v[i] = r.varint()
			}
			t.Metrics = append(t.Metrics, v)
		}
		out = append(out, t)
	}
	if r.bad {
		return nil, errTrials
	}
	return out, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.take(uint64(max(n, 0)))
	r.bad = r.bad || n <= 0
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.take(uint64(max(n, 0)))
	r.bad = r.bad || n <= 0
	return v
}

func (r *reader) text() string { return string(r.take(r.uvarint())) }

// count is the length of a list of which each item takes at least a byte.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(n)
}
