package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile"
)

// IdentityView says why the identifiers of a person are one person.
type IdentityView struct {
	ID          string                   `json:"id"`
	Identifiers []profile.IdentifierSeen `json:"identifiers"`
	Links       []LinkView               `json:"links"`
	// FormerIDs are the ids that also lead here: one for each identifier.
	FormerIDs []string `json:"former_ids"`
}

// LinkView is one reason: two identifiers were on the same event.
type LinkView struct {
	Strong        event.Identifier `json:"strong"`
	Weak          event.Identifier `json:"weak"`
	FirstSeen     clock.Instant    `json:"first_seen"`
	LastSeen      clock.Instant    `json:"last_seen"`
	FirstReceived clock.Instant    `json:"first_received"`
	// Sightings counts the quarters of an hour in which they were seen together.
	Sightings int `json:"sightings"`
}

// Identity explains a person's links.
func (p *Pipeline) Identity(ctx context.Context, ref string) (*IdentityView, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	v := &IdentityView{ID: who.id, Identifiers: who.members, Links: []LinkView{}, FormerIDs: []string{}}
	for _, a := range who.anchors {
		for _, e := range a.edges {
			v.Links = append(v.Links, LinkView{
				Strong: a.ident, Weak: e.ident, FirstSeen: e.first, LastSeen: e.last, FirstReceived: e.received, Sightings: len(e.seen),
			})
		}
	}
	slices.SortFunc(v.Links, func(a, b LinkView) int {
		if c := p.Rules().Compare(a.Strong, b.Strong); c != 0 {
			return c
		}
		return p.Rules().Compare(a.Weak, b.Weak)
	})
	for _, m := range who.members {
		if other := p.cipher.id(m.Key()); other != who.id {
			v.FormerIDs = append(v.FormerIDs, other)
		}
	}
	slices.Sort(v.FormerIDs)
	return v, nil
}
