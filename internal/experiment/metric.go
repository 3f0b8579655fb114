package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
)

// The types of metrics.
const (
	Conversion = "conversion" // share of people who did
	Count      = "count"      // how often per person
	Sum        = "sum"        // of a property, per person
	Ratio      = "ratio"      // sum of one over sum of another, such as revenue per order
	Quantile   = "quantile"   // of the sums of people
)

// The roles of metrics.
const (
	RolePrimary   = "primary"
	RoleSecondary = "secondary"
	RoleGuardrail = "guardrail"
)

// Metric is what an experiment counts of what people do after they were first
// exposed.
type Metric struct {
	Key         string  `json:"key"`
	Name        string  `json:"name,omitempty"`
	Type        string  `json:"type,omitempty" enum:"conversion,count,sum,ratio,quantile" doc:"Left out: conversion"`
	Role        string  `json:"role,omitempty" enum:"primary,secondary,guardrail" doc:"Left out: the first metric is primary, others secondary"`
	Numerator   Source  `json:"event" doc:"What is counted"`
	Denominator *Source `json:"denominator,omitempty" doc:"Of a ratio"`
	AtLeast     int     `json:"at_least,omitempty" minimum:"1" doc:"Of a conversion: how often. Left out: 1"`
	Window      Span    `json:"window,omitempty" doc:"How long after the first exposure, such as 7d or 12h. Left out: no end"`
	Delay       Span    `json:"delay,omitempty" doc:"How long after the first exposure counting begins"`
	Lookback    Span    `json:"lookback,omitempty" doc:"How long before the first exposure the same is counted, to take out what was there before (CUPED), such as 14d"`
	Inverse     bool    `json:"inverse,omitempty" doc:"Whether less is better"`
	Cap         float64 `json:"cap,omitempty" minimum:"0" doc:"A person's value counts at most so much"`
	CapShare    float64 `json:"cap_percentile,omitempty" minimum:"0.5" maximum:"0.9999" doc:"The same, at this percentile of people whose value is above zero"`
	Quantile    float64 `json:"quantile,omitempty" minimum:"0.001" maximum:"0.999" doc:"Left out: 0.5"`
	Margin      float64 `json:"margin,omitempty" minimum:"0" maximum:"1" doc:"Of a guardrail: the relative harm that is tolerated"`
}

// Source is which events count, and what of them.
type Source struct {
	Name     string             `json:"name" doc:"Of the event; of a page or screen its name, * for any"`
	Type     string             `json:"type,omitempty" enum:"track,page,screen" doc:"Left out: track"`
	Property string             `json:"property,omitempty" doc:"Path of a number among the properties. Left out: each counts 1"`
	Where    map[string]RawText `json:"where,omitempty" doc:"Properties that must have these values"`
}

// RawText is a string, number or boolean, kept as JSON.
type RawText = json.RawMessage

// Span is a length of time as people write it: 90m, 12h, 7d, 2w.
type Span string

// maxSpan bounds windows: what is further away is no effect of a variant.
const maxSpan = 3660 * 24 * time.Hour

// Length is the duration; zero where none is written. Spans of definitions that
// were read are right.
func (s Span) Length() time.Duration {
	d, _ := s.length()
	return d
}

func (s Span) length() (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	of := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
	n, err := strconv.ParseInt(string(s[:len(s)-1]), 10, 64)
	if of == 0 || err != nil || n < 0 || n > int64(maxSpan/of) {
		return 0, fmt.Errorf("%q is no duration: write a whole number and one of s, m, h, d or w, such as 7d", string(s))
	}
	return time.Duration(n) * of, nil
}

// UnmarshalJSON takes the name alone as well.
func (s *Source) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*s = Source{}
		return json.Unmarshal(text, &s.Name)
	}
	type plain Source
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(s))
}

// complete fills in and checks a metric; at is where it stands.
func (m *Metric) complete(at string, first bool) error {
	if !validKey(m.Key) {
		return badKey(m.Key, at+"/key")
	}
	if m.Type == "" {
		m.Type = Conversion
	}
	if m.Role == "" {
		m.Role = RoleSecondary
		if first {
			m.Role = RolePrimary
		}
	}
	if !oneOf(m.Type, Conversion, Count, Sum, Ratio, Quantile) {
		return invalid(at+"/type", "unknown type %q: give conversion, count, sum, ratio or quantile", m.Type)
	}
	if !oneOf(m.Role, RolePrimary, RoleSecondary, RoleGuardrail) {
		return invalid(at+"/role", "unknown role %q: give primary, secondary or guardrail", m.Role)
	}
	if err := m.Numerator.complete(at + "/event"); err != nil {
		return err
	}
	if m.Denominator != nil {
		if err := m.Denominator.complete(at + "/denominator"); err != nil {
			return err
		}
	}
	for _, s := range []struct {
		name string
		span Span
	}{{"window", m.Window}, {"delay", m.Delay}, {"lookback", m.Lookback}} {
		if _, err := s.span.length(); err != nil {
			return invalid(at+"/"+s.name, "%v", err)
		}
	}
	return m.fits(at)
}

// fits checks what a type needs and cannot have.
func (m *Metric) fits(at string) error {
	switch {
	case (m.Type == Ratio) != (m.Denominator != nil):
		return invalid(at+"/denominator", "a ratio has a denominator, other types have none")
	case (m.Type == Sum || m.Type == Quantile) && m.Numerator.Property == "":
		return invalid(at+"/event/property", "a %s is of a property: name it, or make the type count", m.Type)
	case m.Type == Conversion && m.Numerator.Property != "":
		return invalid(at+"/event/property", "a conversion counts people, not a property: leave it out, or make the type sum")
	case m.AtLeast < 0 || m.AtLeast > 1 && m.Type != Conversion:
		return invalid(at+"/at_least", "only a conversion has at_least")
	case m.Window.Length() != 0 && m.Delay.Length() >= m.Window.Length():
		return invalid(at+"/delay", "the delay %s is not shorter than the window %s: nothing would count", m.Delay, m.Window)
	case m.Lookback.Length() != 0 && m.Type == Quantile:
		return invalid(at+"/lookback", "a quantile cannot be adjusted by what was before: leave lookback out")
	case m.Cap < 0 || m.Cap > 0 && m.CapShare > 0:
		return invalid(at+"/cap", "give cap or cap_percentile, not both, and no negative one")
	case m.CapShare != 0 && (m.CapShare < 0.5 || m.CapShare > 0.9999 || m.Type == Ratio || m.Type == Quantile || m.Type == Conversion):
		return invalid(at+"/cap_percentile", "cap_percentile is between 0.5 and 0.9999 and of a count or a sum")
	case m.Quantile != 0 && (m.Type != Quantile || m.Quantile < 0.001 || m.Quantile > 0.999):
		return invalid(at+"/quantile", "quantile is between 0.001 and 0.999 and of a metric of type quantile")
	case m.Margin < 0 || m.Margin > 0 && m.Role != RoleGuardrail:
		return invalid(at+"/margin", "only a guardrail has a margin")
	}
	if m.Type == Quantile && m.Quantile == 0 {
		m.Quantile = 0.5
	}
	if m.Type == Conversion && m.AtLeast == 0 {
		m.AtLeast = 1
	}
	return nil
}

func (s *Source) complete(at string) error {
	if s.Type == "" {
		s.Type = "track"
	}
	switch {
	case !oneOf(s.Type, "track", "page", "screen"):
		return invalid(at+"/type", "unknown type %q: give track, page or screen", s.Type)
	case s.Name == "" || len(s.Name) > 256:
		return invalid(at+"/name", "name the event, in 1 to 256 bytes")
	case s.Name == "*" && s.Type == "track":
		return invalid(at+"/name", "* is for pages and screens: name the event")
	case len(s.Where) > 20 || len(s.Property) > 256:
		return invalid(at, "at most 20 conditions, and 256 bytes of a property's path")
	}
	for name, v := range s.Where {
		if t := strings.TrimSpace(string(v)); t == "" || t[0] == '{' || t[0] == '[' || t == "null" {
			return invalid(at+"/where/"+name, "give a string, a number or a boolean")
		}
	}
	return nil
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_experiment", at+": "+format, args...).At(at)
}

func oneOf(s string, of ...string) bool { return slices.Contains(of, s) }
