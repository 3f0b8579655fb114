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
// bare leaves out what is computed, which takes the longest.
func (p *Pipeline) Visitor(ctx context.Context, ident event.Identifier, bare bool) (*Visitor, error) {
	copied := (*anchor).clone
	if bare {
		copied = (*anchor).bare
	}
	who, err := p.gatherBy(ctx, ident.Key(), copied)
	if err != nil || who == nil {
		return &Visitor{Alone: true}, err
	}
	opts, err := p.showing(ctx, who, false)
	if err != nil {
		return nil, err
	}
	opts.Bare = bare
	whole := profile.Merged(who.partials())
	v := &Visitor{View: whole.View(who.members, opts), Shown: whole.Shown()}
	for _, m := range who.members {
		v.Members = append(v.Members, m.Identifier)
	}
	v.Alone = len(v.Members) == 1 && v.Members[0] == ident
	if err := p.evaluate(ctx, who, v.View, bare); err != nil || v.Alone {
		v.Own, v.OwnShown = v.View, v.Shown
		return v, err
	}
	for _, a := range who.anchors {
		if a.ident == ident {
			v.Own, v.OwnShown = a.partial.View(nil, opts), a.partial.Shown()
		}
	}
	return v, nil
}
