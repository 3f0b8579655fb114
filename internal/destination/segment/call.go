package segment

import (
	"bytes"
	"encoding/json"
	"slices"

	"rapport/internal/destination"
)

// payload is what a message says where no mapping document says it otherwise.
type payload struct {
	Type   string `json:"type"` // of a call that a mapping document made
	Person struct {
		Identifiers []identifier    `json:"identifiers"`
		Traits      json.RawMessage `json:"traits"`
	} `json:"person"`
	Event *struct {
		MessageID string `json:"message_id"`
		Type      string `json:"type"`
		Name      string `json:"name"`
		Time      string `json:"time"`
		GroupID   string `json:"group_id"`
		// Identifiers are the event's own.
		Identifiers []identifier    `json:"identifiers"`
		Properties  json.RawMessage `json:"properties"`
		Traits      json.RawMessage `json:"traits"`
		Context     json.RawMessage `json:"context"`
	} `json:"event"`
	Segment      *change         `json:"segment"`
	Audience     *change         `json:"audience"`
	Instructions json.RawMessage `json:"instructions"`
}

type identifier struct {
	Namespace string `json:"namespace"`
	Value     string `json:"value"`
}

type change struct {
	Key    string `json:"key"`
	Change string `json:"change"`
}

var calls = []string{"track", "page", "screen", "identify", "group", "alias"}

// call makes the fields of a call.
func (s *sink) call(m *destination.Message) (map[string]any, *destination.Result) {
	var p payload
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		// A mapping document may have called something else by these names.
		var only struct{ Type string }
		if json.Unmarshal(m.Payload, &only) != nil || !slices.Contains(calls, only.Type) {
			return nil, refused("the payload is no event: leave the mapping document out, or let it make a call with a type")
		}
		p = payload{Type: only.Type}
	}
	if slices.Contains(calls, p.Type) {
		return whole(m)
	}
	out := map[string]any{}
	idents := p.Person.Identifiers
	if p.Event != nil { // the call as it came, where the person has other ids too
		idents = slices.Concat(p.Event.Identifiers, idents)
	}
	for _, i := range idents {
		switch {
		case i.Namespace == s.UserID && out["userId"] == nil:
			out["userId"] = i.Value
		case i.Namespace == s.Anon && out["anonymousId"] == nil:
			out["anonymousId"] = i.Value
		}
	}
	switch {
	case p.Event != nil:
		if p.Event.Type == "alias" {
			return nil, refused("an alias call cannot be forwarded: the payload does not say which of the person's identifiers is the former one; leave its type out of the destination's events")
		}
		if p.Event.Type == "group" && p.Event.GroupID == "" {
			return nil, refused("a group call cannot be forwarded: the payload does not say which account it is about")
		}
		p.event(out)
	case p.Segment != nil:
		p.moved(out, "Segment", p.Segment)
	case p.Audience != nil:
		p.moved(out, "Audience", p.Audience)
	default:
		out["type"] = "identify"
		put(out, "traits", p.Person.Traits)
	}
	return out, nil
}

// whole is a call that a mapping document made.
func whole(m *destination.Message) (map[string]any, *destination.Result) {
	d := json.NewDecoder(bytes.NewReader(m.Payload))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		r := destination.NoJSON()
		return nil, &r
	}
	return out, nil
}

func put(out map[string]any, name string, v json.RawMessage) {
	if len(v) > 0 && string(v) != "null" {
		out[name] = v
	}
}

func (p *payload) event(out map[string]any) {
	e := p.Event
	out["type"] = e.Type
	put(out, "context", e.Context)
	if e.Time != "" {
		out["timestamp"] = e.Time
	}
	switch e.Type {
	case "identify":
		put(out, "traits", e.Traits)
	case "group":
		out["groupId"] = e.GroupID
		put(out, "traits", e.Traits)
	case "track":
		out["event"] = e.Name
		put(out, "properties", e.Properties)
	default:
		if e.Name != "" {
			out["name"] = e.Name
		}
		put(out, "properties", e.Properties)
	}
}

// moved is a person who came into or left a segment or an audience.
func (p *payload) moved(out map[string]any, what string, c *change) {
	in := c.Change == "entered" || c.Change == "added"
	out["type"], out["event"] = "track", what+map[bool]string{true: " Entered", false: " Exited"}[in]
	properties := map[string]any{"key": c.Key, c.Key: in}
	if len(p.Person.Traits) > 2 {
		properties["traits"] = p.Person.Traits
	}
	if len(p.Instructions) > 0 && string(p.Instructions) != "null" {
		properties["instructions"] = p.Instructions
	}
	out["properties"] = properties
}
