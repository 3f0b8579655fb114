package profile

import (
	"rapport/internal/catalog"
)

// EachObject visits the person's entities of declared types, sorted by type and
// id: those that are not known to be another's.
func (p *Partial) EachObject(ids []IdentifierSeen, visit func(o *catalog.Entity)) {
	for _, o := range p.objects {
		if o.Exists() && owns(ids, o) {
			visit(o)
		}
	}
}

// entities are the person's objects as a profile shows them; nil without any.
func (p *Partial) entities(ids []IdentifierSeen) map[string][]*catalog.ObjectView {
	var out map[string][]*catalog.ObjectView
	p.EachObject(ids, func(o *catalog.Entity) {
		if out == nil {
			out = map[string][]*catalog.ObjectView{}
		}
		v := o.ObjectView()
		out[v.Type] = append(out[v.Type], v)
	})
	return out
}
