package profile_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/profile/golden"
	"rapport/internal/profile/schema"
)

// said is an event as a test writes it.
type said struct {
	Type       string          `json:"type"`
	Name       string          `json:"name,omitempty"`
	MessageID  string          `json:"message_id"`
	Time       clock.Instant   `json:"time"`
	Received   clock.Instant   `json:"received,omitzero"`
	Source     string          `json:"source,omitempty"`
	Channel    string          `json:"channel,omitempty"`
	GroupID    string          `json:"group_id,omitempty"`
	ItemAction string          `json:"item_action,omitempty"`
	Anchor     string          `json:"anchor,omitempty"`
	Verified   bool            `json:"verified,omitempty"`
	Traits     json.RawMessage `json:"traits,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Context    json.RawMessage `json:"context,omitempty"`
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func value(t fataler, raw json.RawMessage) jsondoc.Value {
	t.Helper()
	if len(raw) == 0 {
		return jsondoc.Value{}
	}
	doc, err := jsondoc.Parse(raw, jsondoc.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return doc.Root()
}

func (s said) event(t fataler) *event.Event {
	t.Helper()
	if s.Anchor == "" {
		s.Anchor = "a"
	}
	if s.Received == 0 {
		s.Received = s.Time + 1_000
	}
	if s.Source == "" {
		s.Source = "web"
	}
	return &event.Event{
		Type: event.TypeOf(s.Type), Name: s.Name, MessageID: s.MessageID, Time: s.Time, ReceivedAt: s.Received,
		Verified: s.Verified, Source: s.Source, Channel: s.Channel, GroupID: s.GroupID, ItemAction: s.ItemAction,
		Identifiers: []event.Identifier{{Namespace: event.UserID, Value: s.Anchor}},
		Traits:      value(t, s.Traits), Properties: value(t, s.Properties), Context: value(t, s.Context),
	}
}

var mapping = catalog.DefaultMapping()

func input(e *event.Event) profile.Input {
	return profile.Input{Short: id.Message(e.MessageID), Mapping: mapping}
}

func fold(t fataler, events ...said) *profile.Partial {
	t.Helper()
	p := profile.New()
	for _, s := range events {
		e := s.event(t)
		p.Fold(e, input(e))
	}
	return p
}

func seenAs(anchor string) []profile.IdentifierSeen {
	return []profile.IdentifierSeen{{Identifier: event.Identifier{Namespace: event.UserID, Value: anchor}}}
}

func shown(t fataler, partials ...*profile.Partial) string {
	t.Helper()
	var all []byte
	for _, rules := range everyRule {
		opts := profile.Options{Lineage: true, Rules: rules, Now: 1_800_000_000_000_000}
		for _, v := range []any{profile.Assemble(nil, partials, opts), profile.Conflicts(partials, opts, true)} {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("%v", err)
			}
			all = append(append(all, b...), '\n')
		}
	}
	return string(all)
}

// everyRule are the rules of a new instance and one set for each rule.
var everyRule = []*profile.Rules{
	nil, ruled(golden.MostFrequent), ruled(golden.SourcePriority), ruled(golden.MostComplete),
}

func ruled(r golden.Rule) *profile.Rules {
	g, err := golden.New(golden.Document{Default: golden.Choice{Rule: r}, Sources: []string{"app"}})
	if err != nil {
		panic(err)
	}
	s, err := schema.New(schema.Document{Traits: map[string]schema.Trait{"n": {Type: schema.Number}, "plan": {Type: schema.Boolean}}})
	if err != nil {
		panic(err)
	}
	return &profile.Rules{Golden: g, Schema: s}
}

func at(t testing.TB, text string) clock.Instant {
	t.Helper()
	var i clock.Instant
	if err := i.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return i
}

func raw(format string, args ...any) json.RawMessage { return fmt.Appendf(nil, format, args...) }
