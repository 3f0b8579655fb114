package profile

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

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
	// Rules say which values count; nil is those of a new instance.
	Rules *Rules
	// Now is from when ages and the like are counted; zero leaves them out.
	Now clock.Instant
	// Bare leaves out what is computed.
	Bare bool
}

// View is a profile as the API shows it. Equal facts give equal bytes.
type View struct {
	ID          string                     `json:"id"`
	Anonymous   bool                       `json:"anonymous" doc:"Nothing but anonymous ids is known"`
	Identifiers []IdentifierSeen           `json:"identifiers"`
	Traits      map[string]json.RawMessage `json:"traits"`
	Computed    Computed                   `json:"computed"`
	Segments    []string                   `json:"segments"`
	// Affinities say per dimension what the person likes, the most first.
	Affinities map[string][]AffinityShare `json:"affinities,omitempty"`
	Consent    map[string]json.RawMessage `json:"consent"`
	Lineage    *Lineage                   `json:"lineage,omitempty"`
}

// Assemble is the person of several identifiers: the merge of their partials,
// which it leaves as they are.
func Assemble(ids []IdentifierSeen, partials []*Partial, opts Options) *View {
	return merged(partials).View(ids, opts)
}

// View is the person of a partial state that holds all of it. Nothing is shared
// with the state but what neither changes.
func (p *Partial) View(ids []IdentifierSeen, opts Options) *View {
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
	fields := p.fields(opts.Rules)
	for i := range fields {
		if f := &fields[i]; f.finding.Value != null {
			v.Traits[f.name] = json.RawMessage(f.finding.Value)
		}
	}
	v.Consent = consentView(p.Consents())
	if !opts.Bare {
		v.Computed = p.computed(ids, fields, opts)
	}
	if opts.Lineage {
		v.Lineage = lineage(fields, opts)
	}
	return v
}

// Surface is a copy with no more than when the anchor was seen and its traits.
func (p *Partial) Surface() *Partial {
	return &Partial{
		firstSeen: p.firstSeen, lastSeen: p.lastSeen, firstReceived: p.firstReceived, now: p.now,
		traits: slices.Clone(p.traits), past: slices.Clone(p.past), truncated: p.truncated & (inTraits | inValues),
	}
}

func merged(partials []*Partial) *Partial {
	p := New()
	for _, o := range partials {
		p.Merge(o)
	}
	return p
}
