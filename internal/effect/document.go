// Package effect is what leaves the house because of something that happened:
// what a destination is to be told, which causes it is planned for, and the
// records that say what was planned, sent, or not sent and why. It computes and
// never sends, never asks the clock and never knows a secret in the clear.
package effect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Destination is a destination as it is defined.
type Destination struct {
	Name     string            `json:"name,omitempty" maxLength:"200"`
	Type     string            `json:"type" doc:"What it is: webhook, http, email, … as GET /api/v1/destination-types lists them"`
	Settings json.RawMessage   `json:"settings,omitempty" doc:"As the type's schema says. Secrets are kept encrypted and shown as ********; sending that back leaves them as they were"`
	Sealed   map[string][]byte `json:"sealed,omitempty" hidden:"true" doc:"The secrets of the settings as they are stored, by their places"`

	Events   *EventChoice    `json:"events,omitempty" doc:"Send what people do"`
	Segments []SegmentChoice `json:"segments,omitempty" maxItems:"100" doc:"Send who comes into segments and who leaves them"`
	Audience *AudienceChoice `json:"audience,omitempty" doc:"Keep an audience on the other side the same as a segment"`
	Profile  *ChangeChoice   `json:"profile,omitempty" doc:"Send people of whom something changed"`
	// Broadcasts go through it under keys of their own, with what it asks.
	Broadcasts bool `json:"broadcasts,omitempty" doc:"Broadcasts may go through it"`
	// Experiences are sent under this destination's own key and pace.
	Experiences bool `json:"experiences,omitempty" doc:"Triggered experiences may be sent to it"`
	// Alerts are about the instance and about no person.
	Alerts bool `json:"alerts,omitempty" doc:"Alerts may be sent to it, with what they say as alert"`

	Traits   []string     `json:"traits,omitempty" maxItems:"200" doc:"Traits of the person that go along; [\"*\"]: all of them; left out: none"`
	Decision string       `json:"decision,omitempty" doc:"Key of a decision model that is asked about each person when it is sent: its answer goes along as instructions"`
	Items    []ItemChoice `json:"items,omitempty" maxItems:"20" doc:"Items of the catalog that go along as catalog"`
	Mapping  string       `json:"mapping,omitempty" maxLength:"65536" doc:"FEEL that makes the payload of id, kind, time, destination, person, event, segment, audience, instructions, catalog and experience; left out: all of them"`

	Consent   *ConsentAsked `json:"consent,omitempty" doc:"What is asked of consent before each attempt; left out: nothing"`
	Freshness Span          `json:"freshness,omitempty" doc:"What happened longer ago than this when it came in is not sent; left out: 1h, at most 720h"`
	StopAt    int           `json:"stop_at,omitempty" minimum:"1" maximum:"100000000" doc:"At more sends in a minute the destination stops until a person releases it; left out: 10000"`
	GiveUp    Span          `json:"give_up,omitempty" doc:"How long a message is tried again before it becomes a dead letter; left out: 72h, at most 720h"`
	PerSecond float64       `json:"per_second,omitempty" minimum:"0" doc:"Messages in a second at most; left out: what the type says"`
	AtOnce    int           `json:"at_once,omitempty" minimum:"1" maximum:"64" doc:"Calls at the same time; left out: what the type says"`
}

// EventChoice is which events that are sent.
type EventChoice struct {
	Names   []string `json:"names,omitempty" maxItems:"500" doc:"Names of tracked events, pages and screens; left out: all"`
	Types   []string `json:"types,omitempty" maxItems:"10" doc:"track, page, screen, identify, group, alias; left out: all"`
	Sources []string `json:"sources,omitempty" maxItems:"100" doc:"Keys of sources; left out: all"`
	Filter  string   `json:"filter,omitempty" maxLength:"8192" doc:"FEEL over event that is true for those to be sent, such as event.properties.total > 100"`
}

// SegmentChoice names a segment whose entries and exits are sent.
type SegmentChoice struct {
	Key string   `json:"key"`
	On  []string `json:"on,omitempty" enum:"entered,left" doc:"Left out: both"`
}

// AudienceChoice is a segment that is kept on the other side.
type AudienceChoice struct {
	Segment string `json:"segment"`
}

// ChangeChoice says what of a person is watched.
type ChangeChoice struct {
	Traits []string `json:"traits,omitempty" maxItems:"200" doc:"A change of one of these is sent; left out: of any of those that go along"`
}

// ItemChoice names an item of the catalog, or several.
type ItemChoice struct {
	Name string `json:"name" doc:"What it is called below catalog"`
	ID   string `json:"id" maxLength:"8192" doc:"FEEL over what a mapping sees that gives its id, such as event.properties.product_id, or a list of ids, such as instructions.offers.sku"`
}

// ConsentAsked is what a person must have agreed to.
type ConsentAsked struct {
	Purpose string `json:"purpose"`
	Channel string `json:"channel,omitempty"`
}

// Span is a time span as text, such as 90s or 1h.
type Span time.Duration

// MarshalText is the form of time.Duration.
func (s Span) MarshalText() ([]byte, error) {
	if s == 0 {
		return nil, nil
	}
	return []byte(time.Duration(s).String()), nil
}

// UnmarshalText reads a span such as 90s.
func (s *Span) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = 0
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time span: give 90s, 15m or 1h", text)
	}
	*s = Span(d)
	return nil
}

// What is taken where nothing is said, and the most that can be.
const (
	defaultFreshness = time.Hour
	defaultGiveUp    = 72 * time.Hour
	defaultStopAt    = 10_000
	maxSpan          = 720 * time.Hour
)

func invalid(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_destination", format, args...).At("/" + field)
}

// Target is a destination that was checked: what a version says. It is
// immutable.
type Target struct {
	Destination
	filter  *feel.Program
	mapping *feel.Program
	items   []*feel.Program
}

// Read reads a document and checks what it says, the settings of its type
// apart.
func Read(document []byte) (*Target, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	t := &Target{}
	if err := d.Decode(&t.Destination); err != nil {
		return nil, invalid("", "the destination cannot be read: %v", err)
	}
	if d.More() {
		return nil, invalid("", "something follows the destination's document")
	}
	t.fill()
	for _, check := range []func() error{t.checkWhat, t.checkWhom, t.checkLimits, t.compile} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Target) fill() {
	if t.Freshness == 0 {
		t.Freshness = Span(defaultFreshness)
	}
	if t.GiveUp == 0 {
		t.GiveUp = Span(defaultGiveUp)
	}
	if t.StopAt == 0 {
		t.StopAt = defaultStopAt
	}
	for i := range t.Segments {
		if len(t.Segments[i].On) == 0 {
			t.Segments[i].On = []string{string(Entered), string(Left)}
		}
	}
	if len(t.Settings) == 0 {
		t.Settings = json.RawMessage("{}")
	}
}

func (t *Target) checkWhat() error {
	if t.Type == "" {
		return invalid("type", "the destination says no type: GET /api/v1/destination-types lists them")
	}
	if t.Events == nil && len(t.Segments) == 0 && t.Audience == nil && t.Profile == nil && !t.Broadcasts && !t.Experiences && !t.Alerts {
		return invalid("", "the destination is told nothing: give events, segments, audience, profile, broadcasts, experiences or alerts")
	}
	if t.Audience != nil && t.Audience.Segment == "" {
		return invalid("audience/segment", "give the key of a segment")
	}
	if t.Profile != nil && len(t.Profile.Traits) == 0 && len(t.Traits) == 0 {
		return invalid("profile/traits", "say which traits are watched, here or in traits")
	}
	if t.Consent != nil && t.Consent.Purpose == "" {
		return invalid("consent/purpose", "say for which purpose consent is asked")
	}
	return nil
}

func (t *Target) checkWhom() error {
	for i, s := range t.Segments {
		if s.Key == "" {
			return invalid(fmt.Sprintf("segments/%d/key", i), "give the key of a segment")
		}
		for _, on := range s.On {
			if on != string(Entered) && on != string(Left) {
				return invalid(fmt.Sprintf("segments/%d/on", i), "%q: give entered, left or both", on)
			}
		}
	}
	if t.Events == nil {
		return nil
	}
	for _, name := range t.Events.Types {
		if !slices.Contains([]string{"track", "page", "screen", "identify", "group", "alias"}, name) {
			return invalid("events/types", "unknown type %q: give track, page, screen, identify, group or alias", name)
		}
	}
	return nil
}

func (t *Target) checkLimits() error {
	switch {
	case time.Duration(t.Freshness) > maxSpan:
		return invalid("freshness", "freshness %v: at most %v", time.Duration(t.Freshness), maxSpan)
	case time.Duration(t.GiveUp) > maxSpan:
		return invalid("give_up", "give_up %v: at most %v", time.Duration(t.GiveUp), maxSpan)
	case t.StopAt < 1 || t.StopAt > 100_000_000:
		return invalid("stop_at", "stop_at %d: give 1 to 100000000", t.StopAt)
	case t.PerSecond < 0 || t.PerSecond > 1e6:
		return invalid("per_second", "per_second %v: give 0 to 1000000", t.PerSecond)
	case t.AtOnce < 0 || t.AtOnce > 64:
		return invalid("at_once", "at_once %d: give 1 to 64", t.AtOnce)
	case len(t.Mapping) > 64<<10:
		return invalid("mapping", "the mapping has %d bytes, %d are possible", len(t.Mapping), 64<<10)
	case t.Events != nil && len(t.Events.Filter) > 8<<10:
		return invalid("events/filter", "the filter has %d bytes, %d are possible", len(t.Events.Filter), 8<<10)
	}
	return nil
}

// The names that a mapping sees, in the order of their slots.
func scope() []string {
	return []string{"id", "kind", "time", "destination", "person", "event", "segment", "audience", "instructions", "catalog", "experience"}
}

func (t *Target) compile() (err error) {
	if t.Events != nil && t.Events.Filter != "" {
		if t.filter, err = compile(t.Events.Filter, "event"); err != nil {
			return invalid("events/filter", "the filter is no FEEL over event: %v", err)
		}
	}
	if t.Mapping != "" {
		if t.mapping, err = compile(t.Mapping, scope()...); err != nil {
			return invalid("mapping", "the mapping is no FEEL over %s: %v", strings.Join(scope(), ", "), err)
		}
	}
	return t.compileItems()
}

func (t *Target) compileItems() error {
	seen := map[string]bool{}
	for i, x := range t.Items {
		at := fmt.Sprintf("items/%d", i)
		if x.Name == "" || seen[x.Name] {
			return invalid(at+"/name", "each of the items needs a name of its own")
		}
		seen[x.Name] = true
		p, err := compile(x.ID, scope()...)
		if err != nil {
			return invalid(at+"/id", "id is no FEEL over %s: %v", strings.Join(scope(), ", "), err)
		}
		t.items = append(t.items, p)
	}
	return nil
}

func compile(src string, names ...string) (*feel.Program, error) {
	vars := make([]feel.Var, len(names))
	for i, n := range names {
		vars[i] = feel.Var{Name: n}
	}
	return feel.Compile(src, feel.NewScope(vars...), feel.CompileOptions{Strict: true})
}

// Asks tells whether the person's profile is needed for what is sent: none of
// it, what is on the surface, or also what takes long, segments and computed
// traits.
func (t *Target) Asks() (surface, whole bool) {
	computed := slices.ContainsFunc(t.Traits, func(n string) bool { return strings.HasPrefix(n, computedPrefix) })
	return true, computed || t.Audience != nil
}

// computedPrefix begins the names of computed values among traits.
const computedPrefix = "computed."
