// Package policy is what an instance asks of consent: which purposes there are,
// which of them the events of a source need, and what becomes of an event whose
// person did not say yes. It judges and strips events; it never reads state,
// never stores, and never draws: START READING at Document, then Judge.
package policy

import (
	"bytes"
	"encoding/json"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/fault"
)

// Mode is what becomes of an event without consent.
type Mode string

// The modes of a source.
const (
	// Keep takes the event whole. What is done with it is asked for later.
	Keep Mode = "keep"
	// Anonymous takes it without anything that says whose it is.
	Anonymous Mode = "anonymous"
	// Refuse counts it and keeps nothing.
	Refuse Mode = "refuse"
)

// ReasonNoConsent is why an event was refused.
const ReasonNoConsent = consent.ReasonUnknown

// The bounds of a document.
const (
	maxPurposes = 100
	maxSources  = 500
)

// AnySource stands for every source that the document does not name.
const AnySource = "*"

// Document is a consent policy as people write it.
type Document struct {
	Purposes []Purpose      `json:"purposes" minItems:"1" maxItems:"100" doc:"What data is used for"`
	Sources  []SourceRule   `json:"sources,omitempty" maxItems:"500" doc:"What events need; a source that is not named, nor *, keeps all of them"`
	Signals  *SignalMeaning `json:"signals,omitempty" doc:"What a browser's own signals say no to; left out: both to advertising"`
}

// Purpose is one use of data.
type Purpose struct {
	Key   string            `json:"key" minLength:"1" maxLength:"100"`
	Name  string            `json:"name,omitempty" maxLength:"200" doc:"For people"`
	Names map[string]string `json:"names,omitempty" doc:"For people who read other languages, such as {\"de\": \"Angebote\"}"`
	Basis string            `json:"basis,omitempty" enum:"consent,opt_out" doc:"consent, the default: forbidden until the person says yes; opt_out: allowed until the person says no"`
}

// SourceRule is what the events of a source need.
type SourceRule struct {
	Source  string `json:"source" minLength:"1" maxLength:"100" doc:"Key of the source, or *"`
	Purpose string `json:"purpose" minLength:"1" maxLength:"100" doc:"Needs consent of the person"`
	Channel string `json:"channel,omitempty" maxLength:"100" doc:"Left out: consent for all channels"`
	Mode    Mode   `json:"mode" enum:"keep,anonymous,refuse" doc:"What becomes of an event without consent: kept whole, kept without anything that says whose it is, or refused and counted as no_consent"`
}

// SignalMeaning says which purposes a signal says no to.
type SignalMeaning struct {
	GPC []string `json:"gpc,omitempty" maxItems:"100" doc:"Global Privacy Control"`
	DNT []string `json:"dnt,omitempty" maxItems:"100" doc:"Do Not Track"`
}

// The bases of a purpose.
const (
	basisConsent = "consent"
	basisOptOut  = "opt_out"
)

// Policy is a document made ready. It never changes.
type Policy struct {
	Version  int
	document Document
	rules    consent.Rules
	sources  map[string]*SourceRule
}

// Parse reads a document and checks it. The fault says what is wrong, where,
// and what would mend it.
func Parse(document []byte) (*Policy, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	p := &Policy{sources: map[string]*SourceRule{}}
	if err := d.Decode(&p.document); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_policy", "the consent policy cannot be read: %v", err)
	}
	if err := p.purposes(); err != nil {
		return nil, err
	}
	if len(p.document.Sources) > maxSources {
		return nil, fault.Errorf(fault.Invalid, "invalid_policy", "sources has %d entries, %d are possible; * stands for all others", len(p.document.Sources), maxSources).At("/sources")
	}
	for i := range p.document.Sources {
		if err := p.source(i); err != nil {
			return nil, err
		}
	}
	if s := p.document.Signals; s != nil {
		for name, list := range map[string][]string{"gpc": s.GPC, "dnt": s.DNT} {
			for _, purpose := range list {
				if !p.Knows(purpose) {
					return nil, fault.Errorf(fault.Invalid, "unknown_purpose", "signals.%s names %q, which is none of the purposes: add it there", name, purpose).At("/signals/" + name)
				}
			}
		}
	}
	return p, nil
}

func (p *Policy) purposes() error {
	if n := len(p.document.Purposes); n == 0 || n > maxPurposes {
		return fault.Errorf(fault.Invalid, "invalid_policy", "purposes has %d entries: give 1 to %d", n, maxPurposes).At("/purposes")
	}
	seen := map[string]bool{}
	for i := range p.document.Purposes {
		x := &p.document.Purposes[i]
		switch {
		case x.Key == "" || len(x.Key) > consent.MaxName || bytes.IndexByte([]byte(x.Key), 0) >= 0:
			return fault.Errorf(fault.Invalid, "invalid_policy", "purpose %q: give a key of 1 to %d bytes", x.Key, consent.MaxName).At("/purposes")
		case seen[x.Key]:
			return fault.Errorf(fault.Invalid, "invalid_policy", "purpose %q comes twice: leave one of them", x.Key).At("/purposes")
		case x.Basis == basisOptOut:
			p.rules.WithoutConsent = append(p.rules.WithoutConsent, x.Key)
		case x.Basis != "" && x.Basis != basisConsent:
			return fault.Errorf(fault.Invalid, "invalid_policy", "purpose %q has the basis %q: give consent or opt_out", x.Key, x.Basis).At("/purposes")
		}
		seen[x.Key] = true
	}
	return nil
}

func (p *Policy) source(i int) error {
	s := &p.document.Sources[i]
	switch {
	case s.Source == "" || p.sources[s.Source] != nil:
		return fault.Errorf(fault.Invalid, "invalid_policy", "source %q: name each source once", s.Source).At("/sources")
	case !p.Knows(s.Purpose):
		return fault.Errorf(fault.Invalid, "unknown_purpose", "source %q needs %q, which is none of the purposes: add it there", s.Source, s.Purpose).At("/sources")
	case !slices.Contains([]Mode{Keep, Anonymous, Refuse}, s.Mode):
		return fault.Errorf(fault.Invalid, "invalid_policy", "source %q has the mode %q: give keep, anonymous or refuse", s.Source, s.Mode).At("/sources")
	}
	p.sources[s.Source] = s
	return nil
}

// Knows tells whether a purpose is one of the policy's.
func (p *Policy) Knows(purpose string) bool {
	return slices.ContainsFunc(p.document.Purposes, func(x Purpose) bool { return x.Key == purpose })
}

// Purposes are those that people can say something about.
func (p *Policy) Purposes() []Purpose {
	if p == nil {
		return nil
	}
	return p.document.Purposes
}

// Rules are what Allowed is asked with. A nil policy asks for a yes to
// everything.
func (p *Policy) Rules() consent.Rules {
	if p == nil {
		return consent.Rules{}
	}
	return p.rules
}

// Of gives what the events of a source need; nil where they need nothing.
func (p *Policy) Of(source string) *SourceRule {
	if p == nil {
		return nil
	}
	s := p.sources[source]
	if s == nil {
		s = p.sources[AnySource]
	}
	if s == nil || s.Mode == Keep {
		return nil
	}
	return s
}

// Verdict is what a rule says of an event by itself.
type Verdict uint8

// The verdicts.
const (
	Silent  Verdict = iota // the event says nothing of the purpose: what is known of the person decides
	Granted                // it says yes
	Denied                 // it says no
)

// Judge looks at what an event itself says of the rule's purpose. That is the
// last word of the person at the time of the event, so whatever else is or will
// be known, and in whatever order, the answer stays.
func (s *SourceRule) Judge(words []consent.Entry) Verdict {
	all := Silent
	for i := range words {
		w := &words[i]
		if w.Purpose != s.Purpose || w.Channel != s.Channel && w.Channel != consent.AnyChannel {
			continue
		}
		v := Denied
		if w.Status == consent.Granted {
			v = Granted
		}
		if w.Channel == s.Channel {
			return v
		}
		all = v
	}
	return all
}

// Known tells whether what is known of a person allows an event of an instant.
// A yes does not reach back to what happened before it was said. A no does:
// who has said no meanwhile is not asked for what comes late.
func (p *Policy) Known(s *SourceRule, state consent.State, at clock.Instant) bool {
	for i := range state {
		w := &state[i]
		if w.Purpose == s.Purpose && (w.Channel == s.Channel || w.Channel == consent.AnyChannel) && w.Time > at {
			return false
		}
	}
	yes, _ := state.Allowed(&p.rules, s.Purpose, s.Channel, at)
	return yes
}

// News gives the words of an event that are kept even where the event is not:
// those that change what may be done and, of a person of whom something is
// known, those that are new. So an older yes that comes late does not undo a
// no. The no of a stranger leaves no trace: there is nothing that it forbids.
func (p *Policy) News(state consent.State, known bool, words []consent.Entry, at clock.Instant) []consent.Entry {
	var out []consent.Entry
	for i := range words {
		w := &words[i]
		old := state.Find(w.Purpose, w.Channel)
		if old != nil && (old.Time > at || (old.Status == consent.Granted) == (w.Status == consent.Granted)) {
			continue
		}
		before, _ := state.Allowed(&p.rules, w.Purpose, w.Channel, at)
		if known || before != (w.Status == consent.Granted) {
			out = append(out, *w)
		}
	}
	return out
}
