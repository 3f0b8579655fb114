package profile

import (
	"encoding/json"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile/rfm"
)

// AffinityShare is what part of a person's interest in a dimension a value has.
type AffinityShare struct {
	Value string      `json:"value"`
	Share json.Number `json:"share" doc:"In percent; those of all values add up to exactly 100"`
}

// Computed is what the events of a person come to.
type Computed struct {
	EventCount    uint64                 `json:"event_count"`
	Events        map[string]uint64      `json:"events" doc:"Events by type"`
	EventNames    map[string]Occurrence  `json:"event_names" doc:"Events by name"`
	Channels      map[string]Occurrence  `json:"channels"`
	FirstSeen     *clock.Instant         `json:"first_seen"`
	LastSeen      *clock.Instant         `json:"last_seen"`
	FirstReceived *clock.Instant         `json:"first_received"`
	SessionCount  int                    `json:"session_count"`
	LastSession   *Session               `json:"last_session"`
	ActiveSession bool                   `json:"active_session"`
	OrderCount    int                    `json:"order_count" doc:"Distinct orders placed and not cancelled"`
	OrderCountNet int                    `json:"order_count_net" doc:"Those that were not refunded in full"`
	OrderCounts   map[string]int64       `json:"order_counts" doc:"Orders by currency"`
	OrderTotal    map[string]json.Number `json:"order_total" doc:"Gross, by currency"`
	RefundTotal   map[string]json.Number `json:"refund_total"`
	OrderNet      map[string]json.Number `json:"order_net" doc:"order_total less refund_total"`
	OrderAverage  map[string]json.Number `json:"average_order_value" doc:"Gross per order, by currency"`
	FirstOrder    *clock.Instant         `json:"first_order_at"`
	LastOrder     *clock.Instant         `json:"last_order_at"`
	RFM           *rfm.Score             `json:"rfm" doc:"Recency, frequency and monetary value; null without orders"`
	Carts         []*catalog.CartView    `json:"carts" nullable:"false" doc:"Carts that hold something; the id is empty where nobody named it"`
	Accounts      []Sighting             `json:"accounts" nullable:"false"`
	ContactPoints []ContactPoint         `json:"contact_points" nullable:"false"`
	// First and Latest hold device, os, browser, user_agent, locale, timezone,
	// location, app, referrer and campaign, as far as they are known.
	First  map[string]json.RawMessage `json:"first"`
	Latest map[string]json.RawMessage `json:"latest"`
	// Touchpoints are the channels under common names: web, app, email, sms,
	// push, call_centre, store, server; others under their own.
	Touchpoints      map[string]Touchpoint `json:"touchpoints"`
	PreferredChannel *string               `json:"preferred_channel" doc:"Where the person did most by itself; null where that is not known"`
	Activity         Activity              `json:"activity"`
	MostActiveDays   []string              `json:"most_active_days" nullable:"false" doc:"Of the week, the most active first: at most three with more than their share"`
	MostActiveHours  []int                 `json:"most_active_hours" nullable:"false" doc:"Of the day, the most active first: at most three with more than their share"`
	FirstCampaign    *CampaignSeen         `json:"first_campaign"`
	LastCampaign     *CampaignSeen         `json:"last_campaign"`
	Loyalty          *LoyaltyView          `json:"loyalty" doc:"Null where nothing is known"`
	Derived          map[string]Derived    `json:"derived" doc:"What follows from traits and context: age, birthday, country, language, gender, timezone, full_name"`
	// Entities are those of declared types that are the person's, by type.
	Entities  map[string][]*catalog.ObjectView `json:"entities,omitempty" doc:"Tickets, subscriptions and entities of own types, by type"`
	Truncated []string                         `json:"truncated,omitempty" doc:"Lists of which only a part is kept"`
	// Traits are the computed traits of the instance's own.
	Traits map[string]json.RawMessage `json:"traits,omitempty"`
}

// Occurrence is how often something happened, and when last.
type Occurrence struct {
	Count     uint64        `json:"count"`
	FirstSeen clock.Instant `json:"first_seen"`
	LastSeen  clock.Instant `json:"last_seen"`
}

// Session is a run of events without half an hour of silence.
type Session struct {
	Start  clock.Instant `json:"start"`
	End    clock.Instant `json:"end"`
	Events uint64        `json:"events"`
}

// Sighting is an account that events named.
type Sighting struct {
	ID        string        `json:"id"`
	FirstSeen clock.Instant `json:"first_seen"`
	LastSeen  clock.Instant `json:"last_seen"`
}

// ContactPoint is a way to reach a person that events named.
type ContactPoint struct {
	Type  string `json:"type" enum:"address,email,phone,social,push_token"`
	Value string `json:"value" doc:"Of an address its parts in one line, of a social handle provider:handle"`
	// Address is the address as it was said.
	Address    json.RawMessage `json:"address,omitempty"`
	FirstSeen  clock.Instant   `json:"first_seen"`
	LastSeen   clock.Instant   `json:"last_seen"`
	Count      uint64          `json:"count" doc:"How often it was named"`
	Source     string          `json:"source,omitempty" doc:"That named it last"`
	Verified   bool            `json:"verified" doc:"A secret key or a signature vouched for it; else it is merely claimed"`
	VerifiedAt *clock.Instant  `json:"verified_at,omitempty" doc:"When first"`
}

func (p *Partial) computed(ids []IdentifierSeen, fields []field, opts Options) Computed {
	c := Computed{
		EventCount: p.events, Events: map[string]uint64{},
		EventNames: occurrences(p.names), Channels: p.allChannels(),
		FirstSeen: known(p.firstSeen), LastSeen: known(p.lastSeen), FirstReceived: known(p.firstReceived),
		ActiveSession: p.active(), Accounts: []Sighting{}, ContactPoints: []ContactPoint{},
		First: map[string]json.RawMessage{}, Latest: map[string]json.RawMessage{},
		Truncated: p.truncated.names(),
	}
	for t, n := range p.types {
		if n > 0 {
			c.Events[event.Type(t).String()] = uint64(n)
		}
	}
	if n, last := p.sessions(); n > 0 {
		c.SessionCount = n
		c.LastSession = &Session{Start: last.start, End: last.end, Events: last.events}
	}
	for i := range p.groups {
		g := &p.groups[i]
		c.Accounts = append(c.Accounts, Sighting{ID: g.key, FirstSeen: g.first, LastSeen: g.last})
	}
	for i := range p.contacts {
		c.ContactPoints = append(c.ContactPoints, p.contacts[i].view())
	}
	for i := range p.about {
		a := &p.about[i]
		c.First[aspectNames[a.aspect]] = json.RawMessage(a.first.text)
		c.Latest[aspectNames[a.aspect]] = json.RawMessage(a.latest.text)
	}
	c.Entities = p.entities(ids)
	p.commerce(ids, &c, opts)
	p.standard(fields, &c, opts.Now)
	return c
}

func occurrences(list []seen) map[string]Occurrence {
	out := make(map[string]Occurrence, len(list))
	for i := range list {
		s := &list[i]
		out[s.key] = Occurrence{Count: uint64(s.count), FirstSeen: s.first, LastSeen: s.last}
	}
	return out
}

// known is an instant for JSON, null where it is not known.
func known(i clock.Instant) *clock.Instant {
	if i == 0 {
		return nil
	}
	return &i
}

var sectionNames = [...]string{
	"traits", "event_names", "channels", "accounts", "contact_points", "sessions", "orders", "carts", "context", "trait_values",
	"", "", "", "entities", "variants",
}

func (s section) names() []string {
	if s&inTraits != 0 {
		s &^= inValues // values are not counted where traits are missing
	}
	var out []string
	for i, n := range sectionNames {
		if s&(1<<i) != 0 && n != "" {
			out = append(out, n)
		}
	}
	return out
}
