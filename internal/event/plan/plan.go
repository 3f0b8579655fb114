// Package plan holds events against a tracking plan: which events a source may
// send, and of which form, as JSON Schema. It says what does not fit and what
// shall become of it. It never changes an event, and what it says of one holds
// no value of the event.
package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"rapport/internal/fault"
)

// Mode is what becomes of an event that does not fit.
type Mode string

// The modes.
const (
	Allow Mode = "allow" // take it and say nothing
	Warn  Mode = "warn"  // take it and count it as a violation
	Block Mode = "block" // refuse it, counted as blocked_by_plan
)

// Reason is why a blocked event was rejected.
const Reason = "blocked_by_plan"

// The bounds of a plan.
const (
	MaxEvents = 2_000
	maxName   = 1_000
)

// Document is a tracking plan as people write it.
type Document struct {
	Name      string  `json:"name,omitempty" maxLength:"200" doc:"For people"`
	Events    []Event `json:"events" nullable:"false" maxItems:"2000" doc:"The events that there are"`
	Unplanned Mode    `json:"unplanned,omitempty" enum:"allow,warn,block" doc:"What becomes of an event that is not in events; left out: warn"`
	Invalid   Mode    `json:"invalid,omitempty" enum:"allow,warn,block" doc:"What becomes of an event that does not fit its schema, unless the event says so itself; left out: warn"`
}

// Event is one event of a plan.
type Event struct {
	Type        string          `json:"type,omitempty" enum:"track,page,screen,identify,group,alias" doc:"Left out: track"`
	Name        string          `json:"name,omitempty" maxLength:"1000" doc:"Of track, page and screen; left out: any"`
	Description string          `json:"description,omitempty" maxLength:"2000"`
	Schema      json.RawMessage `json:"schema,omitempty" doc:"JSON Schema of the properties, or of the traits of identify and group; it may refer to nothing outside itself"`
	Invalid     Mode            `json:"invalid,omitempty" enum:"allow,warn,block"`
}

// Plan is a document made ready. It never changes.
type Plan struct {
	Document Document
	events   map[key]*planned
}

type key struct{ kind, name string }

type planned struct {
	*Event
	schema *jsonschema.Schema // nil: anything fits
}

// Parse reads a document and checks it, its schemas too. The fault says what is
// wrong, where, and what would mend it.
func Parse(document []byte) (*Plan, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	p := &Plan{events: map[key]*planned{}}
	if err := d.Decode(&p.Document); err != nil {
		return nil, invalid("", "the tracking plan cannot be read: %v", err)
	}
	if d.More() {
		return nil, invalid("", "there is something behind the tracking plan: send one object")
	}
	if len(p.Document.Events) > MaxEvents {
		return nil, invalid("/events", "events has %d entries: %d are possible", len(p.Document.Events), MaxEvents)
	}
	for at, m := range map[string]Mode{"/unplanned": p.Document.Unplanned, "/invalid": p.Document.Invalid} {
		if err := check(at, m); err != nil {
			return nil, err
		}
	}
	for i := range p.Document.Events {
		if err := p.add(i); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_plan", format, args...).At(at)
}

func check(at string, m Mode) error {
	if m != "" && m != Allow && m != Warn && m != Block {
		return invalid(at, "%q is no mode: give allow, warn or block", m)
	}
	return nil
}

func (p *Plan) add(i int) error {
	e, at := &p.Document.Events[i], fmt.Sprintf("/events/%d", i)
	if e.Type == "" {
		e.Type = "track"
	}
	if !slices.Contains([]string{"track", "page", "screen", "identify", "group", "alias"}, e.Type) {
		return invalid(at+"/type", "%q is no type of event: give track, page, screen, identify, group or alias", e.Type)
	}
	if len(e.Name) > maxName {
		return invalid(at+"/name", "the name has %d bytes: give at most %d", len(e.Name), maxName)
	}
	if e.Type == "track" && e.Name == "" {
		return invalid(at+"/name", "a track event has a name: give it")
	}
	if err := check(at+"/invalid", e.Invalid); err != nil {
		return err
	}
	k := key{e.Type, e.Name}
	if p.events[k] != nil {
		return invalid(at, "%s %q comes twice: leave one of them", e.Type, e.Name)
	}
	schema, err := compile(e.Schema)
	if err != nil {
		return invalid(at+"/schema", "the schema of %q: %v", e.Name, err)
	}
	p.events[k] = &planned{e, schema}
	return nil
}

// nothing refuses to load what a schema refers to: a plan is whole in itself.
type nothing struct{}

// Load refuses.
func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is outside of the schema: write it into $defs", url)
}

func compile(text json.RawMessage) (*jsonschema.Schema, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	c.AssertFormat()
	const name = "urn:rapport:plan"
	if err := c.AddResource(name, document); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// Verdict is what a plan says of an event.
type Verdict struct {
	Mode    Mode
	Planned bool     // the event is in the plan
	Rules   []string // what it breaks: where, and which keyword
}

// Fits tells whether there is nothing to say.
func (v *Verdict) Fits() bool { return v.Planned && len(v.Rules) == 0 }

// Judge holds an event against the plan. members are its properties, or the
// traits of identify and group; empty where there are none.
func (p *Plan) Judge(kind, name string, members []byte) Verdict {
	e := p.events[key{kind, name}]
	if e == nil {
		e = p.events[key{kind, ""}]
	}
	if e == nil {
		return Verdict{Mode: or(p.Document.Unplanned, Warn)}
	}
	v := Verdict{Mode: or(e.Invalid, or(p.Document.Invalid, Warn)), Planned: true}
	if e.schema == nil {
		return v
	}
	if len(members) == 0 {
		members = []byte("{}")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(members))
	if err != nil {
		v.Rules = []string{"/: json"}
		return v
	}
	if f, ok := errors.AsType[*jsonschema.ValidationError](e.schema.Validate(value)); ok {
		v.Rules = rules(nil, f)
	}
	return v
}

func or(m, otherwise Mode) Mode {
	if m == "" {
		return otherwise
	}
	return m
}

// maxRules bounds what is said of one event.
const maxRules = 10

// rules names the rules that an event breaks: what is said of the deepest
// causes, without any value.
func rules(out []string, f *jsonschema.ValidationError) []string {
	for _, cause := range f.Causes {
		out = rules(out, cause)
	}
	if len(f.Causes) > 0 || len(out) >= maxRules {
		return out
	}
	keyword := "schema"
	if path := f.ErrorKind.KeywordPath(); len(path) > 0 {
		keyword = path[len(path)-1]
	}
	at := ""
	for _, name := range f.InstanceLocation {
		at += "/" + masked(name)
	}
	if at == "" {
		at = "/"
	}
	const longest = 200
	rule := at[:min(len(at), longest)] + ": " + keyword
	if !slices.Contains(out, rule) {
		out = append(out, rule)
	}
	return out
}

// masked is a member's name, and an asterisk for what looks like data: the
// number of an element, an address that is a key.
func masked(name string) string {
	digits := 0
	for _, c := range name {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if name == "" || digits == len(name) || digits > 4 || strings.ContainsRune(name, '@') {
		return "*"
	}
	return name
}

// Names visits the events of the plan that have a name of their own, with what
// their schemas say of members.
func (p *Plan) Names(visit func(kind, name string)) {
	for _, e := range p.Document.Events {
		visit(e.Type, e.Name)
	}
}

// Members are the names of the members that an event's schema speaks of; ok is
// false where the plan does not know the event or has no schema for it.
func (p *Plan) Members(kind, name string) (members []string, ok bool) {
	e := p.events[key{kind, name}]
	if e == nil {
		e = p.events[key{kind, ""}]
	}
	if e == nil || e.schema == nil {
		return nil, false
	}
	for m := range e.schema.Properties {
		members = append(members, m)
	}
	slices.Sort(members)
	return members, true
}

// Knows tells whether an event is in the plan.
func (p *Plan) Knows(kind, name string) bool {
	return p.events[key{kind, name}] != nil || p.events[key{kind, ""}] != nil
}
