// Package trial counts what an experiment shows: for each person what its
// metrics come to, and over people exact sums from which every figure follows.
// It never estimates, never stores and never reads a clock. All sums are whole
// numbers: in whatever order people come and change, they come to the same.
//
// Start reading at Meter.Of.
package trial

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
)

// Unit is how many of the amounts that are added up make one.
const Unit = 1_000_000

// largest bounds what one event adds, so that sums of a person fit.
const largest = 1_000_000_000 * Unit

// Meter reads what the metrics of a definition count.
type Meter struct {
	*experiment.Definition
	sources   []source // distinct ones
	metrics   []metric
	signature uint64
}

type source struct {
	experiment.Source
	text string // what tells it apart
	kind event.Type
	name uint32 // profile.HashName; 0: any
	path []string
	body bool // what is counted stands in the event
}

// metric is one with the places of its sources.
type metric struct {
	*experiment.Metric
	numerator, denominator  int // -1: none
	delay, window, lookback time.Duration
}

// NewMeter makes the meter of a definition.
func NewMeter(d *experiment.Definition) *Meter {
	m := &Meter{Definition: d}
	for i := range d.Metrics {
		x := &d.Metrics[i]
		k := metric{
			Metric: x, numerator: m.source(x.Numerator), denominator: -1,
			delay: x.Delay.Length(), window: x.Window.Length(), lookback: x.Lookback.Length(),
		}
		if x.Denominator != nil {
			k.denominator = m.source(*x.Denominator)
		}
		m.metrics = append(m.metrics, k)
	}
	m.signature = m.sign()
	return m
}

// sign tells definitions apart whose people have to be counted anew.
func (m *Meter) sign() uint64 {
	h := sha256.New()
	for i := range m.metrics {
		x := *m.metrics[i].Metric
		// These are about how sums are read, not about what is added up.
		x.Name, x.Role, x.Inverse, x.Margin, x.CapShare, x.Quantile = "", "", false, 0, 0, 0
		text, err := json.Marshal(&x)
		if err != nil {
			continue // it was read from JSON
		}
		h.Write(append(text, m.fine(i)))
	}
	if m.Bandit != nil {
		h.Write([]byte(strings.Join(m.Bandit.Features, "\x00")))
		if p := m.Primary(); p != nil {
			h.Write([]byte(p.Key))
		}
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) | 1
}

// fine tells whether sums of a metric are kept by size.
func (m *Meter) fine(i int) byte {
	if m.metrics[i].CapShare > 0 || m.metrics[i].Type == experiment.Quantile {
		return 1
	}
	return 0
}

// Signature changes where people have to be counted anew; it is never zero.
func (m *Meter) Signature() uint64 { return m.signature }

func (m *Meter) source(s experiment.Source) int {
	text, err := json.Marshal(s)
	if err != nil {
		text = []byte(s.Name)
	}
	if i := slices.IndexFunc(m.sources, func(x source) bool { return x.text == string(text) }); i >= 0 {
		return i
	}
	k := source{Source: s, text: string(text), kind: event.TypeOf(s.Type), body: s.Property != "" || len(s.Where) > 0}
	if s.Name != "*" {
		k.name = profile.HashName(s.Name)
	}
	if s.Property != "" {
		k.path = strings.Split(s.Property, ".")
	}
	m.sources = append(m.sources, k)
	return len(m.sources) - 1
}

// Hit is an event that counts for one source of a meter.
type Hit struct {
	Time   clock.Instant
	Short  uint64 // of its message, to tell two of one moment apart
	Source int
	Amount int64 // in millionths
}

// Wants tells whether an event may count, and whether that stands in its body.
func (m *Meter) Wants(e *profile.Entry) (wants, body bool) {
	for i := range m.sources {
		if s := &m.sources[i]; s.of(e) {
			wants = true
			body = body || s.body
		}
	}
	return wants, body
}

func (s *source) of(e *profile.Entry) bool {
	return s.kind == e.Type && (s.name == 0 || s.name == e.Name)
}

// Read appends what an event counts for. properties may be nothing where Wants
// said that the body is not needed.
func (m *Meter) Read(hits []Hit, e *profile.Entry, properties jsondoc.Value) []Hit {
	for i := range m.sources {
		s := &m.sources[i]
		if !s.of(e) {
			continue
		}
		if amount, ok := s.amount(properties); ok {
			hits = append(hits, Hit{e.Time, e.Short, i, amount})
		}
	}
	return hits
}

// amount is what an event adds.
func (s *source) amount(properties jsondoc.Value) (int64, bool) {
	for name, want := range s.Where {
		if !alike(properties.Path(strings.Split(name, ".")...), want) {
			return 0, false
		}
	}
	if s.path == nil {
		return Unit, true
	}
	v := properties.Path(s.path...)
	f, ok := v.Float()
	if !ok {
		f, ok = numeral(v.Text())
	}
	if !ok || math.IsNaN(f) {
		return 0, false
	}
	return int64(math.Max(-largest, math.Min(largest, math.Round(f*Unit)))), true
}

// numeral reads an amount that was sent as text.
func numeral(text string) (float64, bool) {
	var n json.Number
	if text == "" || json.Unmarshal([]byte(text), &n) != nil {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// alike tells whether a value is the one that is asked for.
func alike(v jsondoc.Value, want json.RawMessage) bool {
	want = bytes.TrimSpace(want)
	if len(want) > 0 && want[0] == '"' {
		var text string
		return json.Unmarshal(want, &text) == nil && v.Exists() && v.Kind() == jsondoc.String && v.Text() == text
	}
	if f, ok := v.Float(); ok {
		g, err := json.Number(string(want)).Float64()
		return err == nil && f == g
	}
	return v.Exists() && string(v.Raw()) == string(want)
}
