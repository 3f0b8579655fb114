package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"rapport/internal/access"
	"rapport/internal/profile"
)

// maxSample is how many people are looked at where all would take too long.
const maxSample = 2_000

// TraitList is one page of the traits there are.
type TraitList struct {
	List[profile.TraitReport]
	Sampled
}

// Sampled says of how many people an answer speaks.
type Sampled struct {
	People   int  `json:"people" doc:"How many were looked at"`
	Complete bool `json:"complete" doc:"These were all; else a fair sample"`
}

// RulesPreview is what other rules would change.
type RulesPreview struct {
	Sampled
	Changed int              `json:"changed" doc:"People with at least one trait that would be another"`
	Fields  []FieldChange    `json:"fields" nullable:"false" doc:"Traits that would change, the most often first"`
	Samples []ChangedProfile `json:"samples" nullable:"false" doc:"Up to ten changes"`
}

// FieldChange is how many people have another value of a trait.
type FieldChange struct {
	Field  string `json:"field"`
	People int    `json:"people"`
}

// ChangedProfile is one change of one person.
type ChangedProfile struct {
	Profile string `json:"profile" doc:"Its id"`
	profile.Difference
}

func (a *API) traitRoutes() {
	get := func(id, path, summary string) spec {
		return spec{id: id, method: http.MethodGet, path: path, tag: "profiles", summary: summary, scope: access.ScopeRead, status: http.StatusOK}
	}
	register(a, get("list-traits", "/traits", "The traits that are declared or that people have, with their types"), a.listTraits)
	register(a, get("list-conflicts", "/profiles/{ref}/conflicts", "Where sources said different things of a person, what counts and why"), a.listConflicts)
}

func (a *API) listTraits(ctx context.Context, in *Paging) (*body[TraitList], error) {
	rules, err := a.Spine.ProfileRules(ctx)
	if err != nil {
		return nil, err
	}
	census := profile.NewCensus(rules)
	all, err := a.Spine.SamplePeople(ctx, maxSample, func(_ string, partials []*profile.Partial) { census.Add(partials) })
	if err != nil {
		return nil, err
	}
	page, err := pageOf(census.Report(), func(t profile.TraitReport) string { return t.Name }, *in)
	if err != nil {
		return nil, err
	}
	return &body[TraitList]{TraitList{listOf(page), Sampled{census.People(), all}}}, nil
}

func (a *API) listConflicts(ctx context.Context, in *struct {
	Ref
	All bool `query:"all" doc:"Also fields that nobody disputes"`
	Paging
},
) (*body[List[profile.Conflict]], error) {
	conflicts, err := a.Spine.Conflicts(ctx, in.Ref.Ref, in.All)
	if err != nil {
		return nil, err
	}
	page, err := pageOf(conflicts, func(c profile.Conflict) string { return c.Field }, in.Paging)
	if err != nil {
		return nil, err
	}
	return &body[List[profile.Conflict]]{listOf(page)}, nil
}

// preview holds people against other rules. The rules that stay are those that
// hold now.
func (b ruleBook) preview(ctx context.Context, in *struct{ RawBody []byte }) (*body[RulesPreview], error) {
	if err := b.check(in.RawBody); err != nil {
		return nil, err
	}
	now, err := b.Spine.ProfileRules(ctx)
	if err != nil {
		return nil, err
	}
	then, err := profile.Compile(b.into(bytes.Clone(in.RawBody)))
	if err != nil {
		return nil, err
	}
	then = then.Over(now)
	const maxChanges = 10
	out := RulesPreview{Samples: []ChangedProfile{}}
	fields := map[string]int{}
	out.Complete, err = b.Spine.SamplePeople(ctx, maxSample, func(id string, partials []*profile.Partial) {
		out.People++
		changes := profile.Differences(partials, now, then)
		if len(changes) > 0 {
			out.Changed++
		}
		for _, d := range changes {
			fields[d.Field]++
			if len(out.Samples) < maxChanges {
				out.Samples = append(out.Samples, ChangedProfile{id, d})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out.Fields = make([]FieldChange, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out.Fields = append(out.Fields, FieldChange{name, fields[name]})
	}
	slices.SortStableFunc(out.Fields, func(x, y FieldChange) int { return cmp.Compare(y.People, x.People) })
	return &body[RulesPreview]{out}, nil
}
