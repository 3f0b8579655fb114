// Package settings is what is said of a decision model beside its document:
// how many of its decisions are kept and for how long, which of its inputs data
// connections answer, and when a draft is tried on past decisions. It never
// evaluates and never calls anything.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/feel"
)

// Settings of one decision model.
type Settings struct {
	Keep    Keep             `json:"keep"`
	Inputs  map[string]Input `json:"inputs,omitempty" doc:"Input data that data connections answer, by name"`
	Nightly *Nightly         `json:"nightly,omitempty" doc:"Try a version on past decisions every night"`
	Consent *Use             `json:"consent,omitempty" doc:"What the model uses people's data for: nothing is read of a person who did not agree"`
}

// Use is what a person must have agreed to.
type Use struct {
	Purpose string `json:"purpose" minLength:"1" maxLength:"100"`
	Channel string `json:"channel,omitempty" maxLength:"100" doc:"Left out: consent for all channels"`
}

// Keep says which decisions are kept.
type Keep struct {
	Sample     *float64 `json:"sample,omitempty" minimum:"0" maximum:"1" doc:"Share of the live decisions that are kept, evenly by chance; left out: 1"`
	TestSample *float64 `json:"test_sample,omitempty" minimum:"0" maximum:"1" doc:"Share of the live decisions beside which versions in test run; left out: 1"`
	Days       int      `json:"days,omitempty" minimum:"1" maximum:"3650" doc:"How long they are kept; left out: 30"`
}

// Input is an input data that a data connection answers.
type Input struct {
	Connection string            `json:"connection" doc:"Key of the data connection"`
	With       map[string]string `json:"with,omitempty" doc:"Its parameters: FEEL over profile, item, request and inputs"`
}

// Nightly says when past decisions are made again with another version.
type Nightly struct {
	At      string `json:"at" doc:"HH:MM in UTC"`
	Version string `json:"version,omitempty" doc:"A number; left out: the newest version, unless that is the live one"`
	Sample  int    `json:"sample,omitempty" minimum:"1" maximum:"100000" doc:"How many of the newest live decisions; left out: 1000"`
}

// The defaults.
const (
	DefaultDays   = 30
	DefaultSample = 1000
	maxInputs     = 50
)

// Read reads a document of settings and checks it.
func Read(document []byte) (*Settings, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	s := &Settings{}
	if err := d.Decode(s); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_settings", "the settings cannot be read: %v", err)
	}
	for name, share := range map[string]*float64{"sample": s.Keep.Sample, "test_sample": s.Keep.TestSample} {
		if share != nil && !(*share >= 0 && *share <= 1) {
			return nil, fault.Errorf(fault.Invalid, "invalid_settings", "keep.%s is %v: give a share from 0 to 1", name, *share).At("/keep/" + name)
		}
	}
	if s.Keep.Days < 0 || s.Keep.Days > 3650 {
		return nil, fault.Errorf(fault.Invalid, "invalid_settings", "keep.days is %d: give 1 to 3650", s.Keep.Days).At("/keep/days")
	}
	if c := s.Consent; c != nil && (c.Purpose == "" || len(c.Purpose) > 100 || len(c.Channel) > 100) {
		return nil, fault.Errorf(fault.Invalid, "invalid_settings", "consent names the purpose %q: give 1 to 100 bytes", c.Purpose).At("/consent/purpose")
	}
	if len(s.Inputs) > maxInputs {
		return nil, fault.Errorf(fault.Invalid, "invalid_settings", "%d inputs are answered by connections, %d are possible", len(s.Inputs), maxInputs).At("/inputs")
	}
	for name, in := range s.Inputs {
		if in.Connection == "" {
			return nil, fault.Errorf(fault.Invalid, "invalid_settings", "input %q names no connection", name).At("/inputs/" + name)
		}
		if _, err := in.compile(name); err != nil {
			return nil, err
		}
	}
	return s, s.Nightly.check()
}

func (n *Nightly) check() error {
	if n == nil {
		return nil
	}
	if _, err := time.Parse("15:04", n.At); err != nil {
		return fault.Errorf(fault.Invalid, "invalid_settings", "nightly.at is %q: give a time of the day in UTC, such as 02:30", n.At).At("/nightly/at")
	}
	if n.Sample < 0 || n.Sample > 100_000 {
		return fault.Errorf(fault.Invalid, "invalid_settings", "nightly.sample is %d: give 1 to 100000", n.Sample).At("/nightly/sample")
	}
	if n.Version != "" && strings.Trim(n.Version, "0123456789") != "" {
		return fault.Errorf(fault.Invalid, "invalid_settings", "nightly.version is %q: give a number, or leave it out for the newest", n.Version).At("/nightly/version")
	}
	return nil
}

// Due tells whether the night's time has come on the day of now.
func (n *Nightly) Due(now time.Time) bool {
	at, err := time.Parse("15:04", n.At)
	now = now.UTC()
	return err == nil && now.Hour()*60+now.Minute() >= at.Hour()*60+at.Minute()
}

// Share is the share of live decisions that are kept.
func (k Keep) Share() float64 { return share(k.Sample) }

// TestShare is the share of live decisions beside which test versions run.
func (k Keep) TestShare() float64 { return share(k.TestSample) }

func share(s *float64) float64 {
	if s == nil {
		return 1
	}
	return *s
}

// For is how long decisions are kept.
func (k Keep) For() time.Duration {
	days := k.Days
	if days == 0 {
		days = DefaultDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// Parameter is a parameter of a connection, ready to be worked out.
type Parameter struct {
	Name    string
	Program *feel.Program
}

// Scope is what the formulas of parameters read, in the order of the slots.
func Scope() []string { return []string{"profile", "item", "request", "inputs"} }

// Parameters compiles the parameters of an input, by name.
func (in Input) Parameters() []Parameter {
	out, err := in.compile("")
	if err != nil {
		return nil // Read has checked them
	}
	return out
}

func (in Input) compile(input string) ([]Parameter, error) {
	vars := make([]feel.Var, len(Scope()))
	for i, name := range Scope() {
		vars[i] = feel.Var{Name: name}
	}
	scope := feel.NewScope(vars...)
	out := make([]Parameter, 0, len(in.With))
	for _, name := range slices.Sorted(maps.Keys(in.With)) {
		p, err := feel.Compile(in.With[name], scope, feel.CompileOptions{})
		if err != nil {
			field := fmt.Sprintf("/inputs/%s/with/%s", input, name)
			return nil, fault.Errorf(fault.Invalid, "invalid_settings", "the parameter %q of input %q is no FEEL: %v", name, input, err).At(field)
		}
		out = append(out, Parameter{name, p})
	}
	return out, nil
}
