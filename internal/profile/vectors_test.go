package profile_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"rapport/internal/id"
	"rapport/internal/profile"
)

func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "spec", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []T `json:"cases"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s has no cases", name)
	}
	return file.Cases
}

// person folds events into the partials of the anchors a and b and assembles
// them.
func person(t *testing.T, events []said, priorities map[string]uint8) *profile.View {
	t.Helper()
	partials := map[string]*profile.Partial{"a": profile.New(), "b": profile.New()}
	for _, s := range events {
		e := s.event(t)
		partials[e.Anchor().Value].Fold(e, profile.Input{
			Short: id.Message(e.MessageID), Priority: priorities[e.Source], Mapping: mapping,
		})
	}
	ids := append(seenAs("a"), seenAs("b")...)
	return profile.Assemble(ids, []*profile.Partial{partials["a"], partials["b"]}, profile.Options{Lineage: true})
}

func orders(events []said) [][]said {
	back := slices.Clone(events)
	slices.Reverse(back)
	return [][]said{events, back}
}

func TestOrders_FollowTheVectors(t *testing.T) {
	t.Parallel()
	type money = map[string]json.Number
	type computed struct {
		OrderCount int   `json:"order_count"`
		Total      money `json:"order_total"`
		Refund     money `json:"refund_total"`
		Net        money `json:"order_net"`
		Average    money `json:"average_order_value"`
	}
	type vector struct {
		Name     string   `json:"name"`
		Events   []said   `json:"events"`
		Computed computed `json:"computed"`
	}
	for _, v := range vectors[vector](t, "orders.json") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for _, events := range orders(v.Events) {
				c := person(t, events, nil).Computed
				got := computed{c.OrderCount, c.OrderTotal, c.RefundTotal, c.OrderNet, c.OrderAverage}
				if !reflect.DeepEqual(got, v.Computed) {
					t.Fatalf("got  %+v\nwant %+v", got, v.Computed)
				}
			}
		})
	}
}

func TestTraits_FollowTheVectors(t *testing.T) {
	t.Parallel()
	type saying struct {
		Source string          `json:"source"`
		Value  json.RawMessage `json:"value"`
		Others []saying        `json:"others"`
	}
	type vector struct {
		Name       string                     `json:"name"`
		Events     []said                     `json:"events"`
		Priorities map[string]uint8           `json:"priorities"`
		Traits     map[string]json.RawMessage `json:"traits"`
		Lineage    map[string]saying          `json:"lineage"`
	}
	for _, v := range vectors[vector](t, "traits.json") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for _, events := range orders(v.Events) {
				got := person(t, events, v.Priorities)
				if !sameJSON(t, got.Traits, v.Traits) {
					t.Fatalf("got %s, want %s", got.Traits, v.Traits)
				}
				for name, want := range v.Lineage {
					l := got.Lineage.Traits[name]
					if l.Source != want.Source || string(l.Value) != string(want.Value) || len(l.Others) != len(want.Others) {
						t.Fatalf("%s came from %+v, want %+v", name, l, want)
					}
					for i := range want.Others {
						if l.Others[i].Source != want.Others[i].Source || string(l.Others[i].Value) != string(want.Others[i].Value) {
							t.Fatalf("%s: other %d is %+v, want %+v", name, i, l.Others[i], want.Others[i])
						}
					}
				}
			}
		})
	}
}

func sameJSON(t *testing.T, a, b any) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}
