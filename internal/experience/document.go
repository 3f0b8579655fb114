// Package experience is what is shown or sent to whom and when: web, interactive
// and triggered experiences as they are defined, who gets which variant, which
// pages they are for, what triggers them, and what came of them. It computes;
// it never shows, sends or keeps anything, and never asks the clock.
package experience

import (
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/decision/offer"
)

// Type is how an experience comes to people.
type Type string

// The types.
const (
	Web         Type = "web"         // in places of pages
	Interactive Type = "interactive" // asked for by its key, from anywhere
	Triggered   Type = "triggered"   // sent because something happened
)

// Experience is an experience as it is defined.
type Experience struct {
	Name      string                 `json:"name,omitempty" maxLength:"200"`
	Type      Type                   `json:"type" enum:"web,interactive,triggered"`
	Placement string                 `json:"placement,omitempty" doc:"Of a web experience: the key of the placement that it fills"`
	Priority  float64                `json:"priority,omitempty" doc:"Of several that could fill a place the larger does"`
	From      clock.Instant          `json:"from,omitzero" doc:"Not before"`
	To        clock.Instant          `json:"to,omitzero" doc:"Not from then on"`
	Channels  []string               `json:"channels,omitempty" maxItems:"20" doc:"Only there; left out: everywhere"`
	Audience  *offer.EligibilityRule `json:"audience,omitempty" doc:"Who gets it; left out: everybody"`
	Pages     *PageRule              `json:"pages,omitempty" doc:"On which pages; left out: on all"`
	Display   *DisplayRule           `json:"display,omitempty" doc:"When a page shows it; left out: at once"`
	Traffic   *float64               `json:"traffic,omitempty" minimum:"0" maximum:"100" doc:"Percent of its audience that gets it; left out: all"`
	Caps      []CapRule              `json:"caps,omitempty" maxItems:"20" doc:"How often a person gets it at most; a decision that holds is not counted anew"`
	Variants  []VariantDocument      `json:"variants" minItems:"1" maxItems:"20"`
	Goals     []GoalDocument         `json:"goals,omitempty" maxItems:"20" doc:"What it is meant to bring about; results count them"`
	ValidFor  *offer.Span            `json:"valid_for,omitempty" doc:"How long a decision holds, in every channel; left out: 15m; 0s: it is made each time"`
	Public    bool                   `json:"public,omitempty" doc:"Write keys may ask for it"`
	Scripts   bool                   `json:"scripts,omitempty" doc:"The site allows it to bring scripts; without it content has none"`

	OnEvents []string `json:"on_events,omitempty" maxItems:"100" doc:"Of an interactive experience: names of events (the action) whose answer gives it to Salesforce's clients; * is any"`

	Fallback json.RawMessage `json:"fallback,omitempty" doc:"What an interactive experience answers where no variant can be given; left out: {}"`

	Trigger     *Trigger      `json:"trigger,omitempty" doc:"Of a triggered experience: what sets it off"`
	Delay       offer.Span    `json:"delay,omitempty" doc:"How long after that it is sent"`
	Cancel      *Cancellation `json:"cancel,omitempty" doc:"What calls it off before it is sent"`
	Destination string        `json:"destination,omitempty" doc:"Of a triggered experience: the key of the destination that it is sent to"`
	AgainAfter  *offer.Span   `json:"again_after,omitempty" doc:"How long after it was set off it can be set off again for a person; left out: 24h"`
}

// VariantDocument is one form of an experience.
type VariantDocument struct {
	Key     string                     `json:"key"`
	Weight  *float64                   `json:"weight,omitempty" minimum:"0" doc:"Share of people beside the others; left out: 1"`
	Control bool                       `json:"control,omitempty" doc:"What the others are compared with"`
	Content map[string]json.RawMessage `json:"content,omitempty" doc:"What is shown, by language; * stands for any. Texts may be Liquid templates"`
	Offers  string                     `json:"offers,omitempty" doc:"Key of a placement whose offers are shown, in place of content or for the template"`
	Model   *AskedModel                `json:"model,omitempty" doc:"A decision model that is asked"`
	// Response is a template that writes the whole answer.
	Response string `json:"response,omitempty" maxLength:"65536" doc:"Liquid that writes JSON of person, outputs, offers, params, context and variant, in place of content"`
}

// AskedModel names a decision model and what it is asked.
type AskedModel struct {
	Key    string            `json:"key"`
	Inputs map[string]string `json:"inputs,omitempty" doc:"Inputs of the model by name: the name of a parameter of the request, which is taken as a plain value. Others are found as the model finds them"`
}

// PageRule says on which pages something is shown: on one of include, if there are
// any, and on none of exclude.
type PageRule struct {
	Include []PageMatch `json:"include,omitempty" maxItems:"100"`
	Exclude []PageMatch `json:"exclude,omitempty" maxItems:"100"`
}

// PageMatch is a comparison with the address of a page.
type PageMatch struct {
	Match string `json:"match" enum:"equals,contains,prefix,regex"`
	Value string `json:"value" maxLength:"1000" doc:"With a host: compared with the whole address; beginning with /: with the path"`
}

// DisplayRule says when a page shows it.
type DisplayRule struct {
	On    string  `json:"on" enum:"load,delay,scroll,exit"`
	Value float64 `json:"value,omitempty" doc:"Seconds of a delay, percent of a scroll"`
}

// GoalDocument is something that an experience is meant to bring about.
type GoalDocument struct {
	Key    string     `json:"key"`
	Event  string     `json:"event,omitempty" doc:"Name of an event: whether it happened after the experience was seen, to a quarter of an hour"`
	Orders bool       `json:"orders,omitempty" doc:"Orders placed after it was seen, and what they came to"`
	Within offer.Span `json:"within,omitempty" doc:"How long after; left out: 7d"`
}

// Trigger is what sets an experience off: one of these.
type Trigger struct {
	Event   *EventTrigger   `json:"event,omitempty"`
	Segment *SegmentTrigger `json:"segment,omitempty"`
	Session *SessionTrigger `json:"session,omitempty"`
	Cart    *CartTrigger    `json:"cart,omitempty"`
	Date    *DateTrigger    `json:"date,omitempty"`
}

// EventTrigger is an event of a person.
type EventTrigger struct {
	Names []string `json:"names" maxItems:"100" doc:"Names of tracked events, pages and screens"`
	Where string   `json:"where,omitempty" maxLength:"8192" doc:"FEEL over event that must be true"`
}

// SegmentTrigger is an entry into a segment or an exit.
type SegmentTrigger struct {
	Key string `json:"key"`
	On  string `json:"on,omitempty" enum:"entered,left" doc:"Left out: entered"`
}

// SessionTrigger is the end of a session: so long nothing happened, or an event
// that ends it at once.
type SessionTrigger struct {
	Idle offer.Span `json:"idle,omitempty" doc:"Left out: 30m"`
	Cart string     `json:"cart,omitempty" enum:"browsed,abandoned,converted" doc:"What the session came to: an order (converted), a cart that still holds something of it (abandoned), neither (browsed); left out: any"`
}

// CartTrigger is a cart that was left: so long it was not changed, and there is
// something in it still.
type CartTrigger struct {
	Idle offer.Span `json:"idle,omitempty" doc:"Left out: 1h"`
}

// DateTrigger is a date among the traits.
type DateTrigger struct {
	Trait  string     `json:"trait" doc:"A trait that is a date or a time"`
	Before offer.Span `json:"before,omitempty" doc:"So long before it"`
	After  offer.Span `json:"after,omitempty" doc:"So long after it"`
	Yearly bool       `json:"yearly,omitempty" doc:"Each year, as a birthday"`
}

// Cancellation is what calls a triggered experience off.
type Cancellation struct {
	Events []string `json:"events,omitempty" maxItems:"100" doc:"Names of events: one of them after it was set off"`
	Orders bool     `json:"orders,omitempty" doc:"An order after it was set off"`
	When   string   `json:"when,omitempty" maxLength:"8192" doc:"FEEL over person that is true when it is due"`
}
