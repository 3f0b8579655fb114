package effect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/feel"
	"rapport/internal/profile"
)

// Content is what a message is made of. Nil parts are not there.
type Content struct {
	ID           string
	Kind         Kind
	Time         clock.Instant
	Destination  string
	Person       *profile.View
	Event        *event.Event
	Segment      string // that was entered or left
	Audience     string // that somebody was added to or removed from
	Change       string // entered, left, added or removed
	Instructions json.RawMessage
	Catalog      map[string]json.RawMessage // by the names of the target's items
	Experience   json.RawMessage            // what a triggered experience gives the person
}

// whole is the payload where no mapping says another one, and what a mapping
// sees.
type whole struct {
	ID           string          `json:"id"`
	Kind         Kind            `json:"kind"`
	Time         clock.Instant   `json:"time"`
	Destination  string          `json:"destination"`
	Person       *personPart     `json:"person,omitempty"`
	Event        *eventPart      `json:"event,omitempty"`
	Segment      *changePart     `json:"segment,omitempty"`
	Audience     *changePart     `json:"audience,omitempty"`
	Instructions json.RawMessage `json:"instructions,omitempty"`

	Catalog    map[string]json.RawMessage `json:"catalog,omitempty"`
	Experience json.RawMessage            `json:"experience,omitempty"`
}

type personPart struct {
	ID          string                     `json:"id"`
	Identifiers []identifierPart           `json:"identifiers"`
	Traits      map[string]json.RawMessage `json:"traits,omitzero"`
}

type identifierPart struct {
	Namespace string `json:"namespace"`
	Value     string `json:"value"`
}

type changePart struct {
	Key    string `json:"key"`
	Change string `json:"change"`
}

type eventPart struct {
	MessageID string `json:"message_id"`
	// Identifiers are those on the event, the strongest first: the person may have
	// others of the same namespaces.
	Identifiers []identifierPart `json:"identifiers,omitempty"`

	Type       string          `json:"type"`
	Name       string          `json:"name,omitempty"`
	Time       clock.Instant   `json:"time"`
	ReceivedAt clock.Instant   `json:"received_at"`
	Source     string          `json:"source,omitempty"`
	Channel    string          `json:"channel,omitempty"`
	GroupID    string          `json:"group_id,omitempty"`
	ItemAction string          `json:"item_action,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Traits     json.RawMessage `json:"traits,omitempty"`
	Context    json.RawMessage `json:"context,omitempty"`
}

func eventOf(e *event.Event) *eventPart {
	if e == nil {
		return nil
	}
	idents := make([]identifierPart, len(e.Identifiers))
	for i, x := range e.Identifiers {
		idents[i] = identifierPart{x.Namespace, x.Value}
	}
	return &eventPart{
		MessageID: e.MessageID, Identifiers: idents, Type: e.Type.String(), Name: e.Name, Time: e.Time, ReceivedAt: e.ReceivedAt, Source: e.Source,
		Channel: e.Channel, GroupID: e.GroupID, ItemAction: e.ItemAction, Properties: e.Properties.Raw(), Traits: e.Traits.Raw(), Context: e.Context.Raw(),
	}
}

// feelEvent is an event as a filter sees it.
type feelEvent struct {
	value feel.Value
	bad   bool
}

func readEvent(e *event.Event) *feelEvent {
	v, err := feelOf(eventOf(e))
	return &feelEvent{v, err != nil}
}

// EventValue is an event as formulas see it; null where it cannot be read.
func EventValue(e *event.Event) feel.Value {
	v, err := feelOf(eventOf(e))
	if err != nil {
		return feel.Null
	}
	return v
}

// EventJSON is an event as payloads have it.
func EventJSON(e *event.Event) (json.RawMessage, error) { return json.Marshal(eventOf(e)) }

func (x *feelEvent) passes(p *feel.Program) bool {
	if x.bad {
		return false
	}
	v, _ := p.Eval(feel.Options{NoDiagnostics: true}, x.value)
	return v.IsTrue()
}

// feelOf makes a FEEL value of something that JSON can say.
func feelOf(x any) (feel.Value, error) {
	text, err := json.Marshal(x)
	if err != nil {
		return feel.Null, err
	}
	var plain any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		return feel.Null, err
	}
	return feel.FromGo(plain)
}

// MaxPayload is the largest payload, in bytes.
const MaxPayload = 256 << 10

// Payload makes what is sent. It is nil where the mapping says null: then
// nothing is sent. An error is the mapping's, for people to read.
func (t *Target) Payload(c *Content, now clock.Instant) (json.RawMessage, error) {
	text, err := json.Marshal(t.whole(c))
	if err == nil && t.mapping != nil {
		text, err = t.mapped(text, now)
	}
	if err != nil {
		return nil, err
	}
	if len(text) > MaxPayload {
		return nil, fmt.Errorf("the payload has %d bytes, %d are possible: send less of it", len(text), MaxPayload)
	}
	return text, nil
}

func (t *Target) whole(c *Content) whole {
	w := whole{
		ID: c.ID, Kind: c.Kind, Time: c.Time, Destination: c.Destination, Person: t.person(c.Person), Event: eventOf(c.Event),
		Instructions: c.Instructions, Catalog: c.Catalog, Experience: c.Experience,
	}
	if c.Segment != "" {
		w.Segment = &changePart{c.Segment, c.Change}
	}
	if c.Audience != "" {
		w.Audience = &changePart{c.Audience, c.Change}
	}
	return w
}

func (t *Target) mapped(text []byte, now clock.Instant) ([]byte, error) {
	slots, err := slotsOf(text)
	if err != nil {
		return nil, err
	}
	v, said := t.mapping.Eval(feel.Options{Now: feel.FromTime(now.Time())}, slots...)
	if v.Kind() == feel.KindNull {
		if len(said) > 0 {
			return nil, fmt.Errorf("the mapping gives null: %s", said[0].Message)
		}
		return nil, nil
	}
	return json.Marshal(v.Go())
}

// slotsOf are the parts of a payload as FEEL sees them.
func slotsOf(text []byte) ([]feel.Value, error) {
	var parts map[string]any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&parts); err != nil {
		return nil, err
	}
	slots := make([]feel.Value, len(scope()))
	for i, name := range scope() {
		v, err := feel.FromGo(parts[name])
		if err != nil {
			return nil, err
		}
		slots[i] = v
	}
	return slots, nil
}

// ItemsAsked are the ids of the items that go along with a message, by their
// names. List says that several were asked for.
type ItemsAsked struct {
	IDs  []string
	List bool
}

// maxItems is how many items of the catalog one name may stand for.
const maxItems = 50

// ItemsOf finds out which items of the catalog go along.
func (t *Target) ItemsOf(c *Content, now clock.Instant) (map[string]ItemsAsked, error) {
	if len(t.items) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(t.whole(c))
	if err != nil {
		return nil, err
	}
	slots, err := slotsOf(text)
	if err != nil {
		return nil, err
	}
	out := map[string]ItemsAsked{}
	for i, p := range t.items {
		v, _ := p.Eval(feel.Options{Now: feel.FromTime(now.Time()), NoDiagnostics: true}, slots...)
		var asked ItemsAsked
		switch ids := v.Go().(type) {
		case string:
			asked.IDs = []string{ids}
		case []any:
			asked.List = true
			for _, x := range ids[:min(len(ids), maxItems)] {
				if name, ok := x.(string); ok {
					asked.IDs = append(asked.IDs, name)
				}
			}
		}
		out[t.Items[i].Name] = asked
	}
	return out, nil
}

// person is what of a person goes along: who it is, and the chosen traits.
func (t *Target) person(v *profile.View) *personPart {
	if v == nil {
		return nil
	}
	p := &personPart{ID: v.ID, Identifiers: []identifierPart{}}
	if len(t.Traits) > 0 {
		p.Traits = t.Chosen(v, t.Traits)
	}
	for _, i := range v.Identifiers {
		p.Identifiers = append(p.Identifiers, identifierPart{i.Namespace, i.Value})
	}
	return p
}

// Chosen are some traits of a person, those that there are.
func (t *Target) Chosen(v *profile.View, names []string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, name := range names {
		if name == "*" {
			maps.Copy(out, v.Traits)
			continue
		}
		if x, ok := v.Traits[name]; ok {
			out[name] = x
		} else if rest, ok := strings.CutPrefix(name, computedPrefix); ok {
			if x := computed(v, rest); x != nil {
				out[name] = x
			}
		}
	}
	return out
}

func computed(v *profile.View, name string) json.RawMessage {
	text, err := json.Marshal(v.Computed)
	if err != nil {
		return nil
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	return all[name]
}

// Watched is what of a person a change of is sent, as text to compare.
func (t *Target) Watched(v *profile.View) []byte {
	names := t.Traits
	if t.Profile != nil && len(t.Profile.Traits) > 0 {
		names = t.Profile.Traits
	}
	text, err := json.Marshal(t.Chosen(v, names)) // keys in order
	if err != nil {
		return nil
	}
	for _, i := range v.Identifiers {
		text = append(append(append(text, i.Namespace...), ':'), i.Value...)
	}
	return text
}

// Example says what a message of a kind would tell of; of the first that the
// destination is told of where the kind is empty. The kind is empty where it is
// not told of such.
func (t *Target) Example(kind Kind) (as Kind, segment, change string) {
	first := kind == ""
	switch {
	case t.Events != nil && (first || kind == Event):
		return Event, "", ""
	case len(t.Segments) > 0 && (first || kind == Entered || kind == Left):
		if first {
			kind = Kind(t.Segments[0].On[0])
		}
		for _, p := range t.Segments {
			if slices.Contains(p.On, string(kind)) {
				return kind, p.Key, string(kind)
			}
		}
	case t.Audience != nil && (first || kind == Member):
		return Member, t.Audience.Segment, "added"
	case t.Profile != nil && (first || kind == Profile):
		return Profile, "", ""
	}
	return "", "", ""
}

// In tells whether a profile is in a segment.
func In(v *profile.View, segment string) bool { return slices.Contains(v.Segments, segment) }
