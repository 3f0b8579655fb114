package experience_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/experience"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
)

// TestCreditsOf_CountsAPersonOnceForAVariantAndOnceForAnOffer compares with a
// plain count: who was ever given a variant, and who an offer of it.
func TestCreditsOf_CountsAPersonOnceForAVariantAndOnceForAnOffer(t *testing.T) {
	t.Parallel()
	b := book(t, `{"type":"web","placement":"hero","variants":[{"key":"a"},{"key":"b"}]}`)
	r := rand.New(rand.NewPCG(1, 2))
	want, got, most := map[string]int64{}, map[string]int64{}, int64(0)
	for range 200 {
		p, given := profile.New(), map[string]bool{}
		for n := range r.IntN(8) {
			variant := fmt.Sprint(string(rune('a' + r.IntN(2))))
			items := ""
			for _, o := range r.Perm(4)[:r.IntN(4)] {
				if items != "" {
					items += ","
				}
				items += fmt.Sprintf(`{"offer":"o%d","offer_version":1}`, o)
				given[fmt.Sprint(variant, "/o", o)] = true
			}
			given[variant] = true
			at := start + clock.Instant(n)*hour*7
			p.Fold(track(t, shown.DecisionMade, at, fmt.Sprintf(
				`{"decision_id":"d%d","placement":"hero","experience":"welcome","experience_version":1,"variant":%q,"channel":%q,"items":[%s]}`,
				n, variant, []string{"web", "email", "app"}[r.IntN(3)], items,
			)), profile.Input{Short: uint64(n + 1)})
		}
		for k := range given {
			want[k]++
		}
		for c, x := range experience.CreditsOf(p, b) {
			k := c.Variant
			if c.Offer != "" {
				k += "/" + c.Offer
			}
			got[k] += x.People
			if c.Offer == "" {
				most = max(most, x.People)
			}
		}
	}
	maps.DeleteFunc(got, func(_ string, n int64) bool { return n == 0 })
	if !maps.Equal(got, want) || most != 1 {
		t.Errorf("got %v, want %v; one person is %d of a variant", got, want, most)
	}
}
