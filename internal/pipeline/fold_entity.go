package pipeline

import (
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/store"
)

// applyToEntity merges a portion. Where more than one has told of the entity,
// each is told all of it: whose it is, and what it comes to, follows from the
// whole and not from what one of them did.
func (w *people) applyToEntity(e *entity, p *catalog.Portion) {
	w.touchEntity(e)
	before := e.row.Customer()
	e.row.Apply(p)
	if p.Kind == catalog.Item {
		w.markItem(e.key, e.row.ID, e.row)
	}
	if p.Kind != catalog.Order && p.Kind != catalog.Cart && p.Kind != catalog.Object {
		return
	}
	e.row.Involve(p.Customer, p.Stamp, p.Source)
	if now := e.row.Customer(); now != before && before.Value != "" {
		e.row.Involve(before, p.Stamp, p.Source)
	}
	involved, others := e.row.Parties()
	if who := e.row.Customer(); who.Value != "" && !slices.Contains(involved, who) {
		involved = append(involved, who)
	}
	if len(involved) == 0 || len(involved) == 1 && !others {
		return
	}
	for _, who := range involved {
		for _, part := range e.row.Portions() {
			k := who.Key()
			w.send(k, target{store.TableAnchors, k}, who, &part)
		}
	}
}
