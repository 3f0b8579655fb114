package httpapi

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// GoalResult is what a goal came to.
type GoalResult struct {
	Goal    string                 `json:"goal"`
	People  int64                  `json:"people" doc:"Who reached it after seeing the variant"`
	Rate    float64                `json:"rate" doc:"Of the people to whom it was decided"`
	Orders  int64                  `json:"orders,omitempty"`
	Revenue map[string]json.Number `json:"revenue,omitempty" doc:"By currency"`
}

// VariantResult is what a variant came to.
type VariantResult struct {
	Variant string `json:"variant"`
	Version int    `json:"version" doc:"Of the experience"`
	Outcomes
	Goals  []GoalResult  `json:"goals" nullable:"false"`
	Offers []OfferResult `json:"offers,omitempty"`
	Days   []DayResult   `json:"days" nullable:"false"`
}

// OfferResult is what an offer came to.
type OfferResult struct {
	Offer string `json:"offer"`
	Outcomes
}

// DayResult is a day of a series.
type DayResult struct {
	Day string `json:"day" format:"date"`
	Outcomes
}

// ExperienceResults are what came of an experience.
type ExperienceResults struct {
	Experience string          `json:"experience"`
	Variants   []VariantResult `json:"variants" nullable:"false"`
}

func (a *API) experienceResults(ctx context.Context, in *ModelKey) (*body[ExperienceResults], error) {
	if a.Spine.Definitions().Get(definition.Experience, in.Key).Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, "experience_not_found", "there is no experience %q", in.Key)
	}
	list, err := a.Spine.Results(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	out := ExperienceResults{Experience: in.Key, Variants: []VariantResult{}}
	for i := range list {
		out.variant(&list[i]).add(&list[i])
	}
	for i := range out.Variants {
		out.Variants[i].finish()
	}
	return &body[ExperienceResults]{out}, nil
}

func (r *ExperienceResults) variant(x *pipeline.Result) *VariantResult {
	for i := range r.Variants {
		if v := &r.Variants[i]; v.Variant == x.Variant && v.Version == x.Version {
			return v
		}
	}
	r.Variants = append(r.Variants, VariantResult{Variant: x.Variant, Version: x.Version, Goals: []GoalResult{}, Days: []DayResult{}})
	return &r.Variants[len(r.Variants)-1]
}

func (v *VariantResult) add(x *pipeline.Result) {
	v.Outcomes.add(x, x.Offer == "")
	date := time.Unix(int64(x.Day)*86400, 0).UTC().Format(time.DateOnly)
	i := slices.IndexFunc(v.Days, func(d DayResult) bool { return d.Day == date })
	if i < 0 {
		v.Days = append(v.Days, DayResult{Day: date})
		i = len(v.Days) - 1
	}
	v.Days[i].add(x, x.Offer == "")
	if x.Offer != "" {
		v.Offers = addOffer(v.Offers, x)
	}
	for k := range x.Goals {
		g := &x.Goals[k]
		at := slices.IndexFunc(v.Goals, func(r GoalResult) bool { return r.Goal == g.Goal })
		if at < 0 {
			v.Goals = append(v.Goals, GoalResult{Goal: g.Goal})
			at = len(v.Goals) - 1
		}
		if g.Currency == "" {
			v.Goals[at].People += g.Count
			continue
		}
		v.Goals[at].Orders += g.Count
		v.Goals[at].earn(g.Currency, &g.Sum)
	}
}

func (g *GoalResult) earn(currency string, sum *catalog.Sum) {
	if g.Revenue == nil {
		g.Revenue = map[string]json.Number{}
	}
	total, _ := catalog.ParseSum(string(g.Revenue[currency])) // nothing is 0
	total.AddSum(sum)
	g.Revenue[currency] = total.Number()
}

func (v *VariantResult) finish() {
	slices.SortFunc(v.Days, func(a, b DayResult) int { return strings.Compare(a.Day, b.Day) })
	for i := range v.Goals {
		if v.People > 0 {
			v.Goals[i].Rate = float64(v.Goals[i].People) / float64(v.People)
		}
	}
}

func addOffer(list []OfferResult, x *pipeline.Result) []OfferResult {
	i := slices.IndexFunc(list, func(o OfferResult) bool { return o.Offer == x.Offer })
	if i < 0 {
		list = append(list, OfferResult{Offer: x.Offer})
		i = len(list) - 1
	}
	list[i].add(x, true)
	return list
}

// PlacementResults are what came of the offers that a placement chose by itself.
type PlacementResults struct {
	Placement string        `json:"placement"`
	Offers    []OfferResult `json:"offers" nullable:"false"`
}

func (a *API) placementResults(ctx context.Context, in *ModelKey) (*body[PlacementResults], error) {
	if a.Spine.Definitions().Get(definition.Placement, in.Key).Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, "placement_not_found", "there is no placement %q", in.Key)
	}
	list, err := a.Spine.Results(ctx, "")
	if err != nil {
		return nil, err
	}
	out := PlacementResults{Placement: in.Key, Offers: []OfferResult{}}
	for i := range list {
		if list[i].Placement == in.Key {
			out.Offers = addOffer(out.Offers, &list[i])
		}
	}
	return &body[PlacementResults]{out}, nil
}
