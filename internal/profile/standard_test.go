package profile_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/profile"
)

func TestStandardTraits_FollowTheVectors(t *testing.T) {
	t.Parallel()
	type vector struct {
		Name     string                     `json:"name"`
		Now      clock.Instant              `json:"now"`
		Events   []said                     `json:"events"`
		Computed map[string]json.RawMessage `json:"computed"`
	}
	for _, v := range vectors[vector](t, "standard_traits.json") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for _, events := range orders(v.Events) {
				half := len(events) / 2
				view := profile.Assemble(nil, []*profile.Partial{fold(t, events[:half]...), fold(t, events[half:]...)}, profile.Options{Now: v.Now})
				text, err := json.Marshal(view.Computed)
				if err != nil {
					t.Fatal(err)
				}
				var got map[string]json.RawMessage
				if err := json.Unmarshal(text, &got); err != nil {
					t.Fatal(err)
				}
				for name, want := range v.Computed {
					if !equalJSON(t, got[name], want) {
						t.Errorf("%s is\n%s, want\n%s", name, got[name], want)
					}
				}
			}
		})
	}
}

// equalJSON compares values, whatever the order of their members.
func equalJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y any
	for text, into := range map[*json.RawMessage]*any{&a: &x, &b: &y} {
		d := json.NewDecoder(strings.NewReader(string(*text)))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			t.Fatalf("%s: %v", *text, err)
		}
	}
	return sameJSON(t, x, y)
}

// The days and hours of a profile are those of each event's time on the
// person's clock.
func TestActivity_EqualsCountingEachEvent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"}).Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatalf("%v", err)
		}
		days, hours := map[string]uint64{}, make([]uint64, 24)
		var events []said
		for i := range rapid.IntRange(1, 60).Draw(t, "events") {
			at := time.Unix(rapid.Int64Range(1_262_304_000, 1_893_456_000).Draw(t, "time"), 0)
			local := at.In(loc)
			days[strings.ToLower(local.Weekday().String())]++
			hours[local.Hour()]++
			events = append(events, said{Type: "page", MessageID: fmt.Sprint(i), Time: clock.From(at), Context: raw(`{"timezone":%q}`, zone)})
		}
		got := computed(t, fold(t, events...)).Activity
		if a, b := fmt.Sprint(got.Days, got.Hours), fmt.Sprint(days, hours); a != b || got.Zone != zone {
			t.Fatalf("%s: got %s, want %s", got.Zone, a, b)
		}
	})
}
