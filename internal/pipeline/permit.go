package pipeline

import (
	"context"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/profile"
)

// Use is what data is to be used for.
type Use struct {
	Purpose string `json:"purpose"`
	Channel string `json:"channel,omitempty"` // empty: none in particular
}

// Permission is the answer to whether a person's data may be used.
type Permission struct {
	Profile string // the person's id
	Anchor  id.Key // of the strongest identifier
	Use     Use    // the first that is not allowed, else the last
	Allowed bool
	Reason  string // one of consent's reasons
}

// Permit tells whether a person's data may be used for all of some uses at an
// instant: by what the person said, the live consent policy and the
// suppression lists. Whoever is about to use data asks here, with the purpose
// and the channel: decision models before they read a person, and every
// activation before it plans what leaves the house.
func (p *Pipeline) Permit(ctx context.Context, ref string, uses []Use, at clock.Instant) (*Permission, error) {
	who, err := p.gather(ctx, ref)
	if err != nil {
		return nil, err
	}
	return p.permit(ctx, who, uses, at)
}

func (p *Pipeline) permit(ctx context.Context, who *person, uses []Use, at clock.Instant) (*Permission, error) {
	rules, err := p.ConsentPolicy(ctx)
	if err != nil {
		return nil, err
	}
	out := &Permission{Profile: who.id, Allowed: true}
	if len(who.members) > 0 {
		out.Anchor = who.members[0].Key()
	}
	state := profile.ConsentsOf(who.partials())
	ask := rules.Rules()
	ask.Suppressed = func(channel string) bool {
		return slices.ContainsFunc(p.suppressionsOf(who), func(on SuppressedOn) bool {
			return on.Channel == consent.AnyChannel || on.Channel == channel
		})
	}
	for _, use := range uses {
		if rules != nil && !rules.Knows(use.Purpose) {
			return nil, fault.Errorf(fault.Invalid, "unknown_purpose", "the consent policy has no purpose %q: add it there, or name one that it has", use.Purpose).At("/purpose")
		}
		out.Use = use
		if out.Allowed, out.Reason = state.Allowed(&ask, use.Purpose, use.Channel, at); !out.Allowed {
			break
		}
	}
	return out, nil
}
