package profile

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
)

// IdentifierSeen is an identifier of a person with its sightings.
type IdentifierSeen struct {
	event.Identifier
	FirstSeen clock.Instant `json:"first_seen"`
	LastSeen  clock.Instant `json:"last_seen"`
}

// Options say how a profile is shown.
type Options struct {
	ID string // the profile's
	// Lineage adds where each trait came from, with the values that lost.
	Lineage bool
	// MessageID finds the message id of a short hash; nil or "" leaves the hash
	// in hexadecimal.
	MessageID func(short uint64, source string, at clock.Instant) string
}

// View is a profile as the API shows it. Equal facts give equal bytes.
type View struct {
	ID          string                     `json:"id"`
	Anonymous   bool                       `json:"anonymous" doc:"Nothing but anonymous ids is known"`
	Identifiers []IdentifierSeen           `json:"identifiers"`
	Traits      map[string]json.RawMessage `json:"traits"`
	Computed    Computed                   `json:"computed"`
	Segments    []string                   `json:"segments"`
	Consent     map[string]json.RawMessage `json:"consent"`
	Lineage     *Lineage                   `json:"lineage,omitempty"`
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
	OrderTotal    map[string]json.Number `json:"order_total" doc:"Gross, by currency"`
	RefundTotal   map[string]json.Number `json:"refund_total"`
	OrderNet      map[string]json.Number `json:"order_net" doc:"order_total less refund_total"`
	OrderAverage  map[string]json.Number `json:"average_order_value" doc:"Gross per order, by currency"`
	FirstOrder    *clock.Instant         `json:"first_order_at"`
	LastOrder     *clock.Instant         `json:"last_order_at"`
	Carts         []*catalog.CartView    `json:"carts" doc:"Carts that hold something; the id is empty where nobody named it"`
	Accounts      []Sighting             `json:"accounts"`
	ContactPoints []ContactPoint         `json:"contact_points"`
	// First and Latest hold device, os, browser, user_agent, locale, timezone,
	// location, app, referrer and campaign, as far as they are known.
	First     map[string]json.RawMessage `json:"first"`
	Latest    map[string]json.RawMessage `json:"latest"`
	Truncated []string                   `json:"truncated,omitempty" doc:"Lists of which only a part is kept"`
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

// ContactPoint is an email address or a phone number that events named.
type ContactPoint struct {
	Type      string        `json:"type" enum:"email,phone"`
	Value     string        `json:"value"`
	FirstSeen clock.Instant `json:"first_seen"`
	LastSeen  clock.Instant `json:"last_seen"`
}

// Assemble is the person of several identifiers: the merge of their partials,
// which it leaves as they are.
func Assemble(ids []IdentifierSeen, partials []*Partial, opts Options) *View {
	p := New()
	for _, o := range partials {
		p.Merge(o)
	}
	v := &View{
		ID: opts.ID, Anonymous: true, Identifiers: slices.Clone(ids),
		Traits: map[string]json.RawMessage{}, Segments: []string{}, Consent: map[string]json.RawMessage{},
	}
	if v.Identifiers == nil {
		v.Identifiers = []IdentifierSeen{}
	}
	slices.SortFunc(v.Identifiers, func(a, b IdentifierSeen) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Value, b.Value))
	})
	for i := range ids {
		if ids[i].Namespace != event.AnonymousID {
			v.Anonymous = false
		}
	}
	p.winners(func(t *trait, _ []trait) {
		if t.value != "null" {
			v.Traits[t.name] = json.RawMessage(t.value)
		}
	})
	v.Computed = p.computed(ids)
	if opts.Lineage {
		v.Lineage = p.lineage(opts)
	}
	return v
}

// winners visits each trait with its value and those that lost, the best of
// them first.
func (p *Partial) winners(visit func(t *trait, others []trait)) {
	for i := 0; i < len(p.traits); {
		k := i + 1
		for k < len(p.traits) && p.traits[k].name == p.traits[i].name {
			k++
		}
		same := slices.Clone(p.traits[i:k])
		slices.SortFunc(same, func(a, b trait) int { return b.compare(&a) })
		visit(&same[0], same[1:])
		i = k
	}
}

func (p *Partial) computed(ids []IdentifierSeen) Computed {
	c := Computed{
		EventCount: p.events, Events: map[string]uint64{},
		EventNames: occurrences(p.names), Channels: occurrences(p.channels),
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
		s := &p.contacts[i]
		kind := event.Email
		if s.key[:1] == contactPhone {
			kind = event.Phone
		}
		c.ContactPoints = append(c.ContactPoints, ContactPoint{Type: kind, Value: s.key[1:], FirstSeen: s.first, LastSeen: s.last})
	}
	for i := range p.about {
		a := &p.about[i]
		c.First[aspectNames[a.aspect]] = json.RawMessage(a.first.text)
		c.Latest[aspectNames[a.aspect]] = json.RawMessage(a.latest.text)
	}
	p.commerce(ids, &c)
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
	"traits", "event_names", "channels", "accounts", "contact_points", "sessions", "orders", "carts",
}

func (s section) names() []string {
	var out []string
	for i, n := range sectionNames {
		if s&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}
