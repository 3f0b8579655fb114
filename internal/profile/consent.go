package profile

import (
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// registerPrefix keeps traits of clients apart from consents, which are
// registers like traits.
var registerPrefix = []byte(consent.RegisterPrefix)

// foldConsent takes what an event says about consent.
func (p *Partial) foldConsent(e *event.Event, stamp catalog.Stamp, names *Names) {
	if !e.Context.Exists() && !e.Shared.Exists() {
		return
	}
	for _, entry := range consent.Read(e) {
		doc, err := jsondoc.Parse([]byte(entry.Value()), jsondoc.Limits{})
		if err != nil {
			continue // a text that is no UTF-8
		}
		p.trait([]byte(entry.Register()), doc.Root(), reading{stamp, e.Source, names})
	}
}

// Consents are the latest words on every purpose and channel.
func (p *Partial) Consents() consent.State {
	var out consent.State
	for i := 0; i < len(p.traits); {
		best := &p.traits[i]
		for i++; i < len(p.traits) && p.traits[i].name == best.name; i++ {
			if p.traits[i].compare(best) > 0 {
				best = &p.traits[i]
			}
		}
		if !strings.HasPrefix(best.name, consent.RegisterPrefix) {
			continue
		}
		if e, ok := consent.ReadRegister(best.name, best.value); ok {
			out = append(out, consent.Said{Entry: e, Source: best.source, Time: best.stamp.Time})
		}
	}
	return out
}

// ConsentsOf are those of a person of several partials.
func ConsentsOf(partials []*Partial) consent.State { return merged(partials).Consents() }

// consentShown is a purpose as a profile shows it.
type consentShown struct {
	Status   consent.Status           `json:"status,omitempty"`
	Time     *clock.Instant           `json:"time,omitempty"`
	Source   string                   `json:"source,omitempty"`
	Version  string                   `json:"version,omitempty"`
	Channels map[string]*consentShown `json:"channels,omitempty"`
}

// consentView shows consents by purpose; what was said of a channel stands
// below.
func consentView(s consent.State) map[string]json.RawMessage {
	shown := map[string]*consentShown{}
	for i := range s {
		x := &s[i]
		at := shown[x.Purpose]
		if at == nil {
			at = &consentShown{}
			shown[x.Purpose] = at
		}
		if x.Channel != consent.AnyChannel {
			if at.Channels == nil {
				at.Channels = map[string]*consentShown{}
			}
			at.Channels[x.Channel] = &consentShown{Status: x.Status, Time: &x.Time, Source: x.Source, Version: x.Version}
			continue
		}
		at.Status, at.Time, at.Source, at.Version = x.Status, &x.Time, x.Source, x.Version
	}
	out := make(map[string]json.RawMessage, len(shown))
	for purpose, at := range shown {
		b, err := json.Marshal(at)
		if err != nil {
			panic(err) // texts and times
		}
		out[purpose] = b
	}
	return out
}

// ConsentHistory reads what one event said, for the history of a person.
func ConsentHistory(e *event.Event) []consent.Said {
	var out []consent.Said
	for _, entry := range consent.Read(e) {
		out = append(out, consent.Said{Entry: entry, Source: e.Source, Time: e.Time})
	}
	return slices.Clip(out)
}
