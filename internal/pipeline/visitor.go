package pipeline

import (
	"context"

	"rapport/internal/event"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
)

// Visitor is who asks for a decision.
type Visitor struct {
	// View is the whole person; nil where nobody is known.
	View *profile.View
	// Own is what the events of the asked identifier alone say; nil where there
	// are none.
	Own *profile.View
	// Alone says that the person is known by that identifier only: the whole is
	// the caller's own.
	Alone bool
	// Shown is what was offered to the whole person, OwnShown what was offered
	// to the asked identifier alone.
	Shown    *shown.State
	OwnShown *shown.State
	Members  []event.Identifier
}

// Visitor gives what is known of the person of an identifier, for a decision.
func (p *Pipeline) Visitor(ctx context.Context, ident event.Identifier) (*Visitor, error) {
	who, err := p.gatherKey(ctx, ident.Key())
	if err != nil || who == nil {
		return &Visitor{Alone: true}, err
	}
	opts, err := p.showing(ctx, who, false)
	if err != nil {
		return nil, err
	}
	v := &Visitor{View: profile.Assemble(who.members, who.partials(), opts), Shown: profile.ShownOf(who.partials())}
	for _, m := range who.members {
		v.Members = append(v.Members, m.Identifier)
	}
	v.Alone = len(v.Members) == 1 && v.Members[0] == ident
	if err := p.evaluate(ctx, who, v.View); err != nil || v.Alone {
		v.Own, v.OwnShown = v.View, v.Shown
		return v, err
	}
	for _, a := range who.anchors {
		if a.ident == ident {
			own := []*profile.Partial{a.partial}
			v.Own, v.OwnShown = profile.Assemble(nil, own, opts), profile.ShownOf(own)
		}
	}
	return v, nil
}
