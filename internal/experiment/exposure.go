package experiment

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/clock"
)

// Exposure says that somebody was shown a variant. What is kept of a person is
// the first of each variant and phase: a set, whatever the order of arrival.
type Exposure struct {
	Experiment string
	Phase      int
	Variant    string
	First      clock.Instant
}

// Mark is the exposure's key in what is kept of a person.
func (e *Exposure) Mark() string {
	return e.Experiment + "/" + strconv.Itoa(e.Phase) + "/" + e.Variant
}

// ReadMark reads what Mark wrote; false where it is none.
func ReadMark(mark string, first clock.Instant) (Exposure, bool) {
	key, rest, ok := strings.Cut(mark, "/")
	number, variant, also := strings.Cut(rest, "/")
	phase, err := strconv.Atoi(number)
	if !ok || !also || err != nil || phase < 0 || key == "" || variant == "" {
		return Exposure{}, false
	}
	return Exposure{key, phase, variant, first}, true
}

// Register is what somebody was shown, of all experiments, in any order. That
// of a person is those of its anchors together.
type Register []Exposure

// First is the exposure that counts for an experiment: the earliest. The second
// result says that the person was shown more than one of its variants.
func (r Register) First(experiment string) (first *Exposure, several bool) {
	for i := range r {
		e := &r[i]
		if e.Experiment != experiment {
			continue
		}
		if first == nil {
			first = e
			continue
		}
		several = several || e.Variant != first.Variant
		if e.before(first) {
			first = e
		}
	}
	return first, several
}

func (e *Exposure) before(o *Exposure) bool {
	return cmp.Or(cmp.Compare(e.First, o.First), cmp.Compare(e.Phase, o.Phase), strings.Compare(e.Variant, o.Variant)) < 0
}

// Experiments are those that somebody was in, each once, in their order.
func (r Register) Experiments() []string {
	var out []string
	for i := range r {
		out = append(out, r[i].Experiment)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Has tells whether an exposure to a variant in a phase is known.
func (r Register) Has(experiment string, phase int, variant string) bool {
	return slices.ContainsFunc(r, func(e Exposure) bool {
		return e.Experiment == experiment && e.Phase == phase && e.Variant == variant
	})
}

// Merge gives what both say: of each variant and phase the earliest.
func (r Register) Merge(o Register) Register {
	out := slices.Clone(r)
	for _, e := range o {
		i := slices.IndexFunc(out, func(x Exposure) bool {
			return x.Experiment == e.Experiment && x.Phase == e.Phase && x.Variant == e.Variant
		})
		switch {
		case i < 0:
			out = append(out, e)
		default:
			out[i].First = min(out[i].First, e.First)
		}
	}
	return out
}
