package effect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Through is what a broadcast says otherwise than the destination that it goes
// through. Zero values say nothing.
type Through struct {
	Content   json.RawMessage // settings, of those that a broadcast may write
	Traits    []string
	Decision  string
	Items     []ItemChoice
	Mapping   string
	Consent   *ConsentAsked
	PerSecond float64
}

// usualShare is how much of what a destination may be told in a minute a
// broadcast takes at most, so that it never stops the destination.
const usualShare = 0.95

// Through gives the destination as a broadcast uses it. may names the settings
// that a broadcast may write.
func (t *Target) Through(x *Through, may []string) (*Target, error) {
	if !t.Broadcasts {
		return nil, invalid("destination", "the destination takes no broadcasts: PUT it with broadcasts true")
	}
	d := t.Destination
	d.Events, d.Segments, d.Audience, d.Profile, d.Experiences, d.Alerts = nil, nil, nil, nil, false, false
	var err error
	if d.Settings, err = overlay(t.Settings, x.Content, may); err != nil {
		return nil, err
	}
	d.Traits = append(slices.Clone(d.Traits), x.Traits...)
	if x.Decision != "" {
		d.Decision = x.Decision
	}
	if len(x.Items) > 0 {
		d.Items = x.Items
	}
	if x.Mapping != "" {
		d.Mapping = x.Mapping
	}
	if x.Consent != nil {
		d.Consent = x.Consent
	}
	most := usualShare * float64(d.StopAt) / 60
	if d.PerSecond = min(d.PerSecond, most); d.PerSecond == 0 {
		d.PerSecond = most
	}
	if x.PerSecond > 0 {
		d.PerSecond = min(d.PerSecond, x.PerSecond)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return Read(text)
}

func overlay(settings, content json.RawMessage, may []string) (json.RawMessage, error) {
	if len(content) == 0 {
		return settings, nil
	}
	var under, over map[string]json.RawMessage
	if err := json.Unmarshal(settings, &under); err != nil {
		return nil, fmt.Errorf("the settings cannot be read: %w", err)
	}
	if err := json.Unmarshal(content, &over); err != nil {
		return nil, invalid("content", "content is no object: %v", err)
	}
	for name, value := range over {
		if !slices.Contains(may, name) {
			if len(may) == 0 {
				return nil, invalid("content/"+name, "a destination of this type has nothing that a broadcast writes itself: leave content out, the mapping makes the payload")
			}
			return nil, invalid("content/"+name, "a broadcast cannot write %q: give %s", name, strings.Join(may, ", "))
		}
		under[name] = value
	}
	return json.Marshal(under)
}

// Bare tells that nothing but broadcasts and alerts goes through a destination:
// what these write themselves need not be there.
func (t *Target) Bare() bool {
	return (t.Broadcasts || t.Alerts) && !t.Experiences && t.Events == nil && len(t.Segments) == 0 && t.Audience == nil && t.Profile == nil
}
