package pipeline

import (
	"context"
	"slices"
	"strconv"

	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
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

// checkSuppress looks whether the lists are there that a request names.
func (p *Pipeline) checkSuppress(c *PrivacyCommand) error {
	if len(c.Suppress) > 0 && c.Type != ErasureRequest {
		return fault.Errorf(fault.Invalid, "invalid_suppress", "suppress is said of an erasure, this is a request for %s: leave it out", c.Type).At("/suppress")
	}
	for _, list := range c.Suppress {
		if _, err := p.suppressionList(list); err != nil {
			return fault.Errorf(fault.Invalid, "list_not_found", "suppress: %w", err).At("/suppress")
		}
	}
	return nil
}

// suppress leaves the person's addresses and numbers on the lists that the
// request names, and takes them from all others.
func (e *eraser) suppress(ctx context.Context) error {
	var all []consent.Subject
	for _, ident := range e.idents {
		all = append(all, e.p.contacts.Of(ident)...)
	}
	for _, l := range e.p.SuppressionLists() {
		keep := slices.Contains(e.row.Suppress, l.Key)
		f := suppressionFact{Op: SuppressRemove, List: consent.SuppressionList{Key: l.Key}}
		if keep {
			f.Op = SuppressAdd
		}
		for _, s := range all {
			if e.p.isOn(l.Key, s) != keep {
				f.Subjects = append(f.Subjects, s)
			}
		}
		if len(f.Subjects) == 0 {
			continue
		}
		if _, err := e.p.keepSuppression(ctx, f); err != nil {
			return err
		}
		if !keep {
			for _, s := range f.Subjects {
				e.touched = append(e.touched, store.RowKey{Table: store.TableSuppressed, Bucket: id.CommonBucket, Key: suppressedKey(l.Key, s)})
			}
		}
	}
	return nil
}
