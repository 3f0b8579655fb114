package profile

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
)

// MaxVariants bounds what is kept of the variants of experiments that somebody
// was shown, by phase.
const MaxVariants = 1_000

// foldVariant notes which variant of an experiment somebody was shown. The mark
// is experiment/phase/variant; the first time is the exposure that counts.
func (p *Partial) foldVariant(e *event.Event, names *Names) {
	if !e.Exposes() {
		return
	}
	experiment := e.Properties.Get(event.ExposureExperiment).Text()
	variant := e.Properties.Get(event.ExposureVariant).Text()
	phase := e.Properties.Get(event.ExposurePhase).Raw()
	if experiment == "" || variant == "" || len(phase) == 0 {
		return
	}
	mark := experiment + "/" + string(phase) + "/" + variant
	p.variants, p.truncated = note(p.variants, mark, e, names, bounded{MaxVariants, inVariants, p.truncated})
}

// Exposed tells whether anything is known of experiments.
func (p *Partial) Exposed() bool { return len(p.variants) > 0 }

// Variants is a copy with no more than what somebody was shown of experiments.
func (p *Partial) Variants() *Partial {
	return &Partial{firstSeen: p.firstSeen, lastSeen: p.lastSeen, variants: slices.Clone(p.variants)}
}

// EachVariant visits the marks of what somebody was shown, with the first time.
func (p *Partial) EachVariant(visit func(mark string, first clock.Instant)) {
	for i := range p.variants {
		visit(p.variants[i].key, p.variants[i].first)
	}
}
