package catalog

import (
	"cmp"
	"slices"
	"strings"
)

// Portions are portions that, applied anywhere, say all that the entity knows
// but its refunds: these belong to whoever told of them. It is how an anchor
// that becomes a customer later learns of an order.
func (e *Entity) Portions() []Portion {
	var out []Portion
	if !e.floor.IsZero() {
		op := Put
		if e.deleted {
			op = Delete
		}
		out = append(out, Portion{Kind: e.Kind, ID: e.ID, Op: op, Stamp: e.floor, Customer: e.Customer()})
	}
	fields := slices.DeleteFunc(slices.Clone(e.fields), func(r register) bool { return r.party() })
	slices.SortStableFunc(fields, func(a, b register) int {
		return cmp.Or(a.stamp.Compare(b.stamp), strings.Compare(a.source, b.source))
	})
	at := func(s Stamp, source string) *Portion {
		if n := len(out) - 1; n < 0 || out[n].Op != Merge || out[n].Stamp != s || out[n].Source != source {
			out = append(out, Portion{Kind: e.Kind, ID: e.ID, Stamp: s, Source: source, Customer: e.Customer()})
		}
		return &out[len(out)-1]
	}
	for i := range fields {
		p := at(fields[i].stamp, fields[i].source)
		p.Fields = append(p.Fields, Field{fields[i].name, fields[i].value})
	}
	for i := range e.ops {
		p := at(e.ops[i].Stamp, e.ops[i].source)
		p.CartOps = append(p.CartOps, e.ops[i].CartOp)
	}
	return out
}
