package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
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

func TestClassify_FollowsTheVectors(t *testing.T) {
	t.Parallel()
	type vector struct {
		ItemAction string         `json:"item_action"`
		Event      string         `json:"event"`
		Action     string         `json:"action"`
		Class      catalog.Class  `json:"class"`
		Effect     catalog.Effect `json:"effect"`
		Status     string         `json:"status"`
	}
	m := catalog.DefaultMapping()
	for _, v := range vectors[vector](t, "item_actions.json") {
		t.Run(v.Event+v.ItemAction, func(t *testing.T) {
			t.Parallel()
			got, ok := m.Classify(&event.Event{Type: event.Track, Name: v.Event, ItemAction: v.ItemAction})
			want := catalog.Action{Name: v.Action, Class: v.Class, Effect: v.Effect, Status: v.Status}
			if ok != (v.Action != "") || got != want {
				t.Fatalf("got %+v, %v, want %+v", got, ok, want)
			}
		})
	}
}

type said struct {
	Type       string          `json:"type"`
	Name       string          `json:"name"`
	MessageID  string          `json:"message_id"`
	Time       clock.Instant   `json:"time"`
	GroupID    string          `json:"group_id"`
	Anchor     string          `json:"anchor"`
	Source     string          `json:"source"`
	Properties json.RawMessage `json:"properties"`
	Traits     json.RawMessage `json:"traits"`
}

func parsed(t *testing.T, raw json.RawMessage) jsondoc.Value {
	t.Helper()
	if len(raw) == 0 {
		return jsondoc.Value{}
	}
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}

func (s said) portions(t *testing.T, m *catalog.Mapping) []catalog.Portion {
	t.Helper()
	if s.Anchor == "" {
		s.Anchor = "a"
	}
	e := &event.Event{
		Type: event.TypeOf(s.Type), Name: s.Name, MessageID: s.MessageID, Time: s.Time, GroupID: s.GroupID, Source: s.Source,
		Identifiers: []event.Identifier{{Namespace: event.UserID, Value: s.Anchor}},
		Properties:  parsed(t, s.Properties), Traits: parsed(t, s.Traits),
	}
	return m.PortionsOf(e, catalog.Stamp{Time: s.Time, Short: id.Message(s.MessageID)})
}

func TestCart_FollowsTheVectors(t *testing.T) {
	t.Parallel()
	type vector struct {
		Name   string          `json:"name"`
		Events []said          `json:"events"`
		Lines  json.RawMessage `json:"lines"`
		Total  json.Number     `json:"total"`
		Orders []string        `json:"orders"`
	}
	m := catalog.DefaultMapping()
	for _, v := range vectors[vector](t, "carts.json") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				slices.Reverse(v.Events)
				cart := catalog.NewEntity(catalog.Cart, "c")
				for _, s := range v.Events {
					for _, p := range s.portions(t, m) {
						if p.Kind == catalog.Cart && p.ID == "c" {
							cart.Apply(&p)
						}
					}
				}
				got, ok := cart.View(nil).(*catalog.CartView)
				if !ok && len(parsed(t, v.Lines).Raw()) == 2 {
					continue // nothing was ever said of it
				}
				want := string(jsondoc.AppendCanonical(nil, parsed(t, v.Lines)))
				if string(got.Lines) != want || got.Total != v.Total || !slices.Equal(got.Orders, v.Orders) {
					t.Fatalf("got %s, %s, %v, want %s, %s, %v", got.Lines, got.Total, got.Orders, want, v.Total, v.Orders)
				}
			}
		})
	}
}
