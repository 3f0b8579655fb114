package pipeline

import (
	"context"
	"slices"
	"strconv"

	"rapport/internal/event"
)

func (e *eraser) identifies(ev *event.Event) bool {
	for i := range ev.Identifiers {
		if e.keys[ev.Identifiers[i].Key()] {
			return true
		}
	}
	return false
}

// maybeShort tells whether an event may carry an identifier that is too short
// to be looked for in texts.
func (e *eraser) maybeShort(payload []byte) bool {
	for _, i := range e.short {
		if bytesContain(payload, strconv.Quote(i.Value)) || bytesContain(payload, ":"+i.Value) {
			return true
		}
	}
	return false
}

// anonymous adds the pseudonyms under which events of the person were kept
// without consent. Nothing else joins them to the person, but who asks to be
// erased means these as well.
func (e *eraser) anonymous(ctx context.Context) error {
	for _, ident := range slices.Clone(e.idents) {
		other := e.p.pseudonyms.Of(ident)
		a, err := e.p.copyAnchor(ctx, other.Key())
		if err != nil {
			return err
		}
		if a != nil && !slices.Contains(e.idents, other) {
			e.idents = append(e.idents, other)
		}
	}
	return nil
}
