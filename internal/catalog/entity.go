package catalog

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// The bounds of an entity. What is older than the newest so many is dropped
// and the entity says that it is truncated.
const (
	MaxRegisters = 500   // fields of an order, cart or item
	MaxMembers   = 2_000 // fields and members of an account
	MaxRefunds   = 1_000
	MaxCartOps   = 1_000
)

// memberPrefix begins the register of an account's member.
const memberPrefix = "m:"

// Entity is what is known of one order, cart, item or account: the merge of
// its portions. It depends on their set alone, not on their order or number.
type Entity struct {
	Kind Kind
	ID   string

	floor   Stamp // of the latest put or delete: what is older is gone
	deleted bool  // the floor is a delete's
	cut     Stamp // of the newest element that a bound dropped
	fields  []register
	refunds []refund
	ops     []cartOp
	dirty   bool // anything is
}

type refund struct {
	Refund
	source string
	dirty  bool
}

func (r *refund) compare(o *refund) int {
	return cmp.Or(
		r.Stamp.Compare(o.Stamp),
		strings.Compare(r.Amount, o.Amount),
		strings.Compare(r.Currency, o.Currency),
		strings.Compare(r.Lines, o.Lines),
		strings.Compare(r.source, o.source),
	)
}

type cartOp struct {
	CartOp
	source string
	dirty  bool
}

func (c *cartOp) compare(o *cartOp) int {
	return cmp.Or(
		c.Stamp.Compare(o.Stamp),
		cmp.Compare(c.Verb, o.Verb),
		strings.Compare(c.Lines, o.Lines),
		strings.Compare(c.Order, o.Order),
		strings.Compare(c.source, o.source),
	)
}

// NewEntity knows nothing yet.
func NewEntity(k Kind, entityID string) *Entity { return &Entity{Kind: k, ID: entityID} }

// Apply adds what a portion says. Applying it again changes nothing.
func (e *Entity) Apply(p *Portion) {
	if p.Op != Merge {
		e.raise(p.Stamp, p.Op == Delete)
	}
	if p.Stamp.Compare(e.floor) < 0 {
		return
	}
	for i := range p.Fields {
		e.field(register{name: p.Fields[i].Name, value: p.Fields[i].Value, source: p.Source, stamp: p.Stamp})
	}
	if e.Kind == Account && p.Customer.Value != "" {
		e.field(register{
			name: memberPrefix + p.Customer.String(), value: identifierText(p.Customer), source: p.Source, stamp: p.Stamp,
		})
	}
	for i := range p.Refunds {
		e.refund(refund{Refund: p.Refunds[i], source: p.Source})
	}
	for i := range p.CartOps {
		e.op(cartOp{CartOp: p.CartOps[i], source: p.Source})
	}
}

// raise drops what was said before a put or a delete.
func (e *Entity) raise(floor Stamp, deleted bool) {
	switch c := floor.Compare(e.floor); {
	case c < 0, c == 0 && (e.deleted || !deleted):
		return
	case c == 0:
		e.deleted = true
	default:
		e.floor, e.deleted = floor, deleted
	}
	e.dirty = true
	e.fields = slices.DeleteFunc(e.fields, func(r register) bool { return r.stamp.Compare(floor) < 0 && !r.party() })
	e.refunds = slices.DeleteFunc(e.refunds, func(r refund) bool { return r.Stamp.Compare(floor) < 0 })
	e.ops = slices.DeleteFunc(e.ops, func(o cartOp) bool { return o.Stamp.Compare(floor) < 0 })
	if e.cut.Compare(floor) < 0 {
		e.cut = Stamp{}
	}
}

func (e *Entity) field(r register) {
	if r.stamp.Compare(e.floor) < 0 && !r.party() {
		return
	}
	r.dirty = true
	var changed bool
	if e.fields, changed = put(e.fields, r); !changed {
		return
	}
	e.dirty = true
	limit := MaxRegisters
	if e.Kind == Account {
		limit = MaxMembers
	}
	if len(e.fields) > limit {
		var cut Stamp
		e.fields, cut = bound(e.fields, limit,
			func(a, b *register) int { return cmp.Or(a.stamp.Compare(b.stamp), strings.Compare(b.name, a.name)) },
			func(r *register) Stamp { return r.stamp })
		e.cut = later(e.cut, cut)
	}
}

func (e *Entity) refund(r refund) {
	if r.Stamp.Compare(e.floor) < 0 {
		return
	}
	r.dirty = true
	i, found := slices.BinarySearchFunc(e.refunds, r.ID, func(x refund, n string) int { return strings.Compare(x.ID, n) })
	if !found {
		e.refunds = slices.Insert(e.refunds, i, r)
	} else if r.compare(&e.refunds[i]) > 0 {
		e.refunds[i] = r
	} else {
		return
	}
	e.dirty = true
	if len(e.refunds) > MaxRefunds {
		var cut Stamp
		e.refunds, cut = bound(e.refunds, MaxRefunds,
			func(a, b *refund) int { return cmp.Or(a.Stamp.Compare(b.Stamp), strings.Compare(b.ID, a.ID)) },
			func(r *refund) Stamp { return r.Stamp })
		e.cut = later(e.cut, cut)
	}
}

func (e *Entity) op(o cartOp) {
	if o.Stamp.Compare(e.floor) < 0 {
		return
	}
	o.dirty = true
	i, found := slices.BinarySearchFunc(e.ops, o, func(x, n cartOp) int { return x.compare(&n) })
	if found {
		return
	}
	e.ops = slices.Insert(e.ops, i, o)
	e.dirty = true
	if n := len(e.ops) - MaxCartOps; n > 0 {
		e.cut = later(e.cut, e.ops[n-1].Stamp)
		e.ops = slices.Delete(e.ops, 0, n)
	}
}

// Merge adds all that another state of the same entity knows.
func (e *Entity) Merge(o *Entity) {
	if !o.floor.IsZero() {
		e.raise(o.floor, o.deleted)
	}
	if o.cut.Compare(e.floor) >= 0 && o.cut.Compare(e.cut) > 0 {
		e.cut = o.cut
		e.dirty = true
	}
	for i := range o.fields {
		e.field(o.fields[i])
	}
	for i := range o.refunds {
		e.refund(o.refunds[i])
	}
	for i := range o.ops {
		e.op(o.ops[i])
	}
}

// Exists tells whether the entity is there: something was said of it, and
// nothing of what was said is older than its deletion.
func (e *Entity) Exists() bool {
	said := slices.ContainsFunc(e.fields, func(r register) bool { return !r.party() })
	return said || len(e.refunds)+len(e.ops) > 0 || !e.floor.IsZero() && !e.deleted
}

// Truncated tells that a bound dropped something.
func (e *Entity) Truncated() bool { return !e.cut.IsZero() }

// Changed tells whether AppendChanges has something to say.
func (e *Entity) Changed() bool { return e.dirty }

// Customer is whose order or cart it is; zero where nobody said.
func (e *Entity) Customer() event.Identifier {
	var i event.Identifier
	r := find(e.fields, "customer")
	if r == nil {
		return i
	}
	doc, err := jsondoc.Parse([]byte(r.value), jsondoc.Limits{})
	if err != nil {
		return i
	}
	i.Namespace, i.Value = doc.Root().Get("namespace").Text(), doc.Root().Get("value").Text()
	return i
}

// raw is a field's value, "" where there is none or it is null.
func (e *Entity) raw(name string) string {
	if r := find(e.fields, name); r != nil && r.value != "null" {
		return r.value
	}
	return ""
}

// text is a field that is a string.
func (e *Entity) text(name string) string { return unquote(e.raw(name)) }

// MemSize is about how many bytes the entity takes.
func (e *Entity) MemSize() int {
	const head, perField, perRefund, perOp = 200, 80, 160, 130
	n := head + len(e.ID) + perField*cap(e.fields) + perRefund*cap(e.refunds) + perOp*cap(e.ops)
	for i := range e.fields {
		n += len(e.fields[i].value)
	}
	for i := range e.refunds {
		r := &e.refunds[i]
		n += len(r.ID) + len(r.Amount) + len(r.Lines)
	}
	for i := range e.ops {
		n += len(e.ops[i].Lines) + len(e.ops[i].Order)
	}
	return n
}

// Says tells whether something that the entity shows was said under one of some
// stamps.
func (e *Entity) Says(of func(Stamp) bool) bool {
	return of(e.floor) ||
		slices.ContainsFunc(e.fields, func(r register) bool { return of(r.stamp) }) ||
		slices.ContainsFunc(e.refunds, func(r refund) bool { return of(r.Stamp) }) ||
		slices.ContainsFunc(e.ops, func(o cartOp) bool { return of(o.Stamp) })
}

// EachField visits the free fields and the dimensions that are not null, with
// their canonical JSON, sorted by their prefixed names.
func (e *Entity) EachField(visit func(name, value string) bool) {
	for i := range e.fields {
		r := &e.fields[i]
		if r.value == "null" || !strings.HasPrefix(r.name, FieldPrefix) && !strings.HasPrefix(r.name, DimensionPrefix) {
			continue
		}
		if !visit(r.name, r.value) {
			return
		}
	}
}
