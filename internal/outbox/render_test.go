package outbox

import (
	"slices"
	"testing"

	"rapport/internal/effect"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// Whoever becomes known leaves one home and enters at another. Where that is looked
// at late, after they have left for good, one entry and one exit are told all the
// same: the exit by which they left, and not their moving.
func TestCompare_TellsOneExitOfSomebodyWhoMoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		passed store.Position
		plans  []effect.Plan
		want   []effect.Kind // empty: nothing is told
	}{
		"was in it there, and left": {30, []effect.Plan{{Position: 10, Kind: effect.Check}, {Position: 20, Kind: effect.Entered}, {Position: 30, Kind: effect.Left}}, []effect.Kind{"", "", effect.Left}},
		"is not in it there":        {5, []effect.Plan{{Position: 10, Kind: effect.Check}}, []effect.Kind{effect.Left}},
	} {
		r := newRig(t, nil)
		r.passed = c.passed
		o := r.Outbox
		o.told.put(string(effect.ToldKey("crm", "lookers", "ada")), knownIn)
		var drafts []draft
		for _, x := range c.plans {
			x.Destination, x.Segment = "crm", "lookers"
			drafts = append(drafts, draft{Plan: x, person: &pipeline.Subject{View: &profile.View{ID: "ada"}}})
		}
		if err := o.compare(t.Context(), drafts); err != nil {
			t.Fatal(err)
		}
		var got []effect.Kind
		for i := range drafts {
			if drafts[i].skip != "" {
				drafts[i].as = ""
			}
			got = append(got, drafts[i].as)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: told of %q, want %q", name, got, c.want)
		}
	}
}
