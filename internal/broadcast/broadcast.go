// Package broadcast is a message that goes to everybody in a segment, once: how
// it is defined, who gets it and why others do not, when, and how it stands. It
// never sends and never reads people, the clock or a store: what is known of a
// person is handed to it.
package broadcast

import (
	"bytes"
	"encoding/json"
	"time"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/fault"
)

// Broadcast is a broadcast as it is defined.
type Broadcast struct {
	Name        string              `json:"name,omitempty" maxLength:"200"`
	Segment     string              `json:"segment" doc:"Key of the segment whose members get it"`
	Destination string              `json:"destination" doc:"Key of the destination it goes through, which takes broadcasts: its server, its sender, where the recipient's address is, its consent"`
	Content     json.RawMessage     `json:"content,omitempty" doc:"Settings of the destination that are other ones for this message, such as subject, html and text of an e-mail; GET /api/v1/destination-types names them"`
	Traits      []string            `json:"traits,omitempty" maxItems:"200" doc:"Traits that templates see beside those of the destination; [\"*\"]: all of them"`
	Decision    string              `json:"decision,omitempty" doc:"Key of a decision model that is asked about each person: its answer is decision in templates. Left out: that of the destination"`
	Items       []effect.ItemChoice `json:"items,omitempty" maxItems:"20" doc:"Items of the catalog that templates see. Left out: those of the destination"`
	Mapping     string              `json:"mapping,omitempty" maxLength:"65536" doc:"FEEL that makes the payload. Left out: that of the destination"`

	Consent    *effect.ConsentAsked `json:"consent,omitempty" doc:"What a person must have agreed to. Left out: what the destination asks"`
	At         clock.Instant        `json:"at,omitzero" doc:"When it begins; left out: as soon as it is told to"`
	QuietHours *QuietHours          `json:"quiet_hours,omitempty" doc:"When nobody gets it, in the time zone of each recipient; left out: as the rules for broadcasts say"`
	Frequency  *Frequency           `json:"frequency,omitempty" doc:"How many broadcasts a person gets at most; left out: as the rules for broadcasts say"`
	HoldOut    float64              `json:"hold_out,omitempty" minimum:"0" maximum:"99" doc:"Percent of the people who do not get it, to compare with; two decimals count"`
	PerSecond  float64              `json:"per_second,omitempty" minimum:"0" doc:"Messages in a second at most; left out, or more: as many as the destination's stop_at allows in a minute"`
}

// QuietHours is a part of the day.
type QuietHours struct {
	From     string `json:"from" doc:"Such as 21:00"`
	To       string `json:"to" doc:"Such as 08:00; before from: on the next day"`
	TimeZone string `json:"time_zone,omitempty" doc:"Of people whose own is not known, such as Europe/Berlin; left out: UTC"`
	Trait    string `json:"trait,omitempty" doc:"The trait that has a person's time zone; left out: that of the latest device, else of the traits timezone and time_zone"`

	from, to int // minutes of the day
}

// Frequency is how often people are written to.
type Frequency struct {
	Most int         `json:"most" minimum:"1" maximum:"32" doc:"Broadcasts to one person"`
	In   effect.Span `json:"in" doc:"Within this time, such as 168h; at most 2160h"`
}

// Rules hold for all broadcasts of an instance.
type Rules struct {
	Approval   bool        `json:"approval,omitempty" doc:"true: nothing is sent that somebody else than its author has not approved"`
	QuietHours *QuietHours `json:"quiet_hours,omitempty" doc:"Of broadcasts that say none of their own"`
	Frequency  *Frequency  `json:"frequency,omitempty" doc:"Of broadcasts that say none of their own"`
}

const (
	maxFrequency = 2160 * time.Hour
	// remembered is how many times of a person are kept: Frequency.Most at most.
	remembered = 32
)

func invalid(field, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_broadcast", format, args...).At("/" + field)
}

func strictly(document []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("", "the document cannot be read: %v", err)
	}
	if d.More() {
		return invalid("", "something follows the document")
	}
	return nil
}

// Read reads a broadcast and checks what it says by itself.
func Read(document []byte) (*Broadcast, error) {
	b := &Broadcast{}
	if err := strictly(document, b); err != nil {
		return nil, err
	}
	switch {
	case b.Segment == "":
		return nil, invalid("segment", "segment is missing: give the key of the segment whose members get it")
	case b.Destination == "":
		return nil, invalid("destination", "destination is missing: give the key of the destination it goes through")
	case b.HoldOut < 0 || b.HoldOut > 99:
		return nil, invalid("hold_out", "hold_out %v: give 0 to 99 percent", b.HoldOut)
	case b.PerSecond < 0 || b.PerSecond > 1e6:
		return nil, invalid("per_second", "per_second %v: give 0 to 1000000", b.PerSecond)
	}
	var content map[string]json.RawMessage
	if len(b.Content) > 0 && json.Unmarshal(b.Content, &content) != nil {
		return nil, invalid("content", "content is no object")
	}
	if err := b.QuietHours.ready("quiet_hours"); err != nil {
		return nil, err
	}
	return b, b.Frequency.check("frequency")
}

// ReadRules reads the rules for all broadcasts.
func ReadRules(document []byte) (*Rules, error) {
	r := &Rules{}
	if err := strictly(document, r); err != nil {
		return nil, err
	}
	if err := r.QuietHours.ready("quiet_hours"); err != nil {
		return nil, err
	}
	return r, r.Frequency.check("frequency")
}

// With is the broadcast with what the rules say where it says nothing.
func (b *Broadcast) With(r *Rules) *Broadcast {
	out := *b
	if out.QuietHours == nil {
		out.QuietHours = r.QuietHours
	}
	if out.Frequency == nil {
		out.Frequency = r.Frequency
	}
	return &out
}

func (f *Frequency) check(at string) error {
	switch {
	case f == nil:
	case f.Most < 1 || f.Most > remembered:
		return invalid(at+"/most", "most %d: give 1 to %d", f.Most, remembered)
	case f.In <= 0 || time.Duration(f.In) > maxFrequency:
		return invalid(at+"/in", "in %v: give a time of at most %v, such as 168h", time.Duration(f.In), maxFrequency)
	}
	return nil
}
