package experience

import (
	"math"
	"slices"

	"rapport/internal/decision/offer"
	"rapport/internal/experiment"
)

func (v *VariantDocument) weight() float64 {
	if v.Weight == nil {
		return 1
	}
	return *v.Weight
}

// Variant finds a variant by its key; nil: there is none.
func (r *Ready) Variant(key string) *VariantDocument {
	i := slices.IndexFunc(r.Variants, func(v VariantDocument) bool { return v.Key == key })
	if i < 0 {
		return nil
	}
	return &r.Variants[i]
}

// Visit is where and by whom an experience is asked for.
type Visit struct {
	*offer.Situation
	// Unit is what the hash is made of for somebody who was never given a variant.
	Unit string
	Page string // address of the page; empty: none
}

// The stages at which an experience falls, beside those of rules.
const (
	StagePage    = "page"
	StageTraffic = "traffic"
)

// Open tells whether a visitor gets the experience, before traffic.
func (r *Ready) Open(v *Visit) offer.Drop {
	switch {
	case r.From != 0 && v.Now < r.From:
		return offer.Drop{Stage: offer.StageValidity, Reason: "not before " + r.From.String()}
	case r.To != 0 && v.Now >= r.To:
		return offer.Drop{Stage: offer.StageValidity, Reason: "over since " + r.To.String()}
	case len(r.Channels) > 0 && !slices.Contains(r.Channels, v.Channel):
		return offer.Drop{Stage: offer.StageChannel, Reason: "not for this channel"}
	case !r.OnPage(v.Page):
		return offer.Drop{Stage: StagePage, Reason: "not on this page"}
	}
	return r.rule.Holds(v.Situation, nil)
}

// Choose gives the variant of a visitor: the one that the person was given
// first, as long as it is there and has weight; else by hash. nil: the visitor
// is outside the traffic.
func (r *Ready) Choose(v *Visit) (*VariantDocument, offer.Drop) {
	if first, _ := v.Shown.Variant(r.Key); first != "" {
		if x := r.Variant(first); x != nil && x.weight() > 0 {
			return x, offer.Drop{}
		}
	}
	if r.Traffic != nil && float64(experiment.Bucket(r.Key+"/traffic", v.Unit)) >= *r.Traffic/100*experiment.Buckets {
		return nil, offer.Drop{Stage: StageTraffic, Reason: "outside the traffic"}
	}
	return r.byHash(float64(experiment.Bucket(r.Key, v.Unit)) / experiment.Buckets), offer.Drop{}
}

func (r *Ready) byHash(place float64) *VariantDocument {
	sum := 0.0
	for i := range r.Variants {
		sum += r.Variants[i].weight()
	}
	place *= sum
	last := &r.Variants[0]
	for i := range r.Variants {
		v := &r.Variants[i]
		if v.weight() == 0 {
			continue
		}
		last = v
		if place -= v.weight(); place < -math.SmallestNonzeroFloat64 {
			return v
		}
	}
	return last
}
