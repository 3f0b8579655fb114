package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"

	"rapport/internal/destination"
	"rapport/internal/effect"
	"rapport/internal/fault"
	templates "rapport/internal/message"
)

// MessageTrial asks what a template writes about a person.
type MessageTrial struct {
	Template string              `json:"template" maxLength:"262144" doc:"Liquid"`
	Format   templates.Format    `json:"format,omitempty" enum:"html,text,line,json,url,slack,slack_json" default:"html" doc:"What it writes; values are escaped for it"`
	Profile  string              `json:"profile" doc:"Whom it is about: a profile id or namespace:value"`
	Event    json.RawMessage     `json:"event,omitempty" doc:"Of an event: name and properties"`
	Traits   []string            `json:"traits,omitempty" maxItems:"200" doc:"Traits that it sees; left out: all"`
	Decision string              `json:"decision,omitempty" doc:"Key of a decision model whose answer about the person it sees as decision"`
	Items    []effect.ItemChoice `json:"items,omitempty" maxItems:"20" doc:"Items of the catalog that it sees below catalog"`
	Lenient  bool                `json:"lenient,omitempty" doc:"Write nothing for a variable that is not there"`
}

// MessageShown is what a template writes.
type MessageShown struct {
	Person    string `json:"person" doc:"Profile id"`
	Text      string `json:"text" doc:"What it writes"`
	Variables any    `json:"variables" doc:"What it sees"`
}

// PreviewMessage writes a template about a real person. Where it cannot, the
// fault names the line and the variable that is not there.
func (o *Outbox) PreviewMessage(ctx context.Context, ask *MessageTrial) (*MessageShown, error) {
	t, err := templates.Compile(ask.Template, cmp.Or(ask.Format, templates.HTML))
	if err != nil {
		if f, ok := errors.AsType[*fault.Fault](err); ok {
			return nil, f.At("/template")
		}
		return nil, err
	}
	d, err := o.previewed(ctx, ask)
	if err != nil {
		return nil, err
	}
	m := d.outside()
	vars, err := destination.Vars(&m)
	if err != nil {
		return nil, err
	}
	// What stands in a template may change what it sees.
	seen, err := json.Marshal(vars)
	if err != nil {
		return nil, err
	}
	text, err := t.Render(templates.Input{Now: m.Time, Vars: vars, Lenient: ask.Lenient})
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_template", "template, %v", err).At("/template")
	}
	return &MessageShown{Person: m.Person, Text: text, Variables: json.RawMessage(seen)}, nil
}

// previewed gathers what a template sees.
func (o *Outbox) previewed(ctx context.Context, ask *MessageTrial) (*draft, error) {
	about := effect.Destination{Type: "preview", Events: &effect.EventChoice{}, Traits: ask.Traits, Decision: ask.Decision, Items: ask.Items}
	if len(about.Traits) == 0 {
		about.Traits = []string{"*"}
	}
	document, err := json.Marshal(about)
	if err != nil {
		return nil, err
	}
	t, err := effect.Read(document)
	if err != nil {
		return nil, err
	}
	d, err := o.trial(ctx, "preview", t, &DestinationTrial{Profile: ask.Profile, Kind: effect.Event, Event: ask.Event})
	if err != nil {
		return nil, err
	}
	if len(ask.Event) == 0 {
		d.event = nil
	}
	if o.fill(d); d.payload == nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_template", "what the template sees cannot be put together: %s", d.text)
	}
	return d, nil
}
