package catalog

import (
	"slices"
	"strings"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// MaxFields is how many free fields one portion carries; MaxFieldBytes how
// long one value may be. What exceeds them stays in the event and out of the
// entity.
const (
	MaxFields     = 200
	MaxFieldBytes = 16 << 10
)

// PortionsOf is what an event says of entities: nothing for most. A cart
// portion without an id is of the one cart that its person has when nobody
// names carts; it has no entity of its own and lives in the profile.
func (m *Mapping) PortionsOf(e *event.Event, stamp Stamp) []Portion {
	if e.Type == event.Group {
		return groupPortions(e, stamp)
	}
	a, ok := m.Classify(e)
	if !ok {
		return nil
	}
	base := Portion{Stamp: stamp, MessageID: e.MessageID, Source: e.Source, Customer: e.Anchor()}
	switch a.Class {
	case ClassCatalog:
		if m.learnItems {
			return itemPortions(e, base)
		}
	case ClassCart:
		return cartPortions(e, a, base)
	case ClassOrder:
		return m.orderPortions(e, a, base)
	}
	return nil
}

func groupPortions(e *event.Event, stamp Stamp) []Portion {
	if e.GroupID == "" || len(e.GroupID) > MaxID {
		return nil
	}
	p := Portion{
		Kind: Account, ID: e.GroupID, Stamp: stamp,
		MessageID: e.MessageID, Source: e.Source, Customer: e.Anchor(),
	}
	p.freeFields(e.Traits, nil)
	return []Portion{p}
}

func itemPortions(e *event.Event, p Portion) []Portion {
	p.Kind, p.ID = Item, firstText(e.Properties, "product_id", "productId", "_id", "sku")
	if p.ID == "" || len(p.ID) > MaxID {
		return nil
	}
	for _, name := range [...]string{"name", "price", "currency", "url", "image_url", "sku", "variant"} {
		if v := e.Properties.Get(name); v.Exists() {
			p.set(FieldPrefix+name, Canonical(v))
		}
	}
	for _, d := range [...][2]string{{"category", "Category"}, {"brand", "Brand"}} {
		if v := e.Properties.Get(d[0]); v.Exists() && !v.IsNull() {
			p.set(DimensionPrefix+d[1], Canonical(v))
		}
	}
	return []Portion{p}
}

var cartVerbs = map[Effect]CartVerb{
	AddLines: CartAdd, SetLines: CartSet, RemoveLines: CartRemove, ReplaceLines: CartReplace, ClearLines: CartClear,
}

func cartPortions(e *event.Event, a Action, p Portion) []Portion {
	verb := cartVerbs[a.Effect]
	if verb == 0 {
		return nil
	}
	lines, said, brief := eventLines(e.Properties, verb != CartReplace)
	if !said && verb != CartClear {
		return nil
	}
	op := CartOp{Stamp: p.Stamp, Verb: verb, Lines: lines, brief: brief}
	if verb == CartClear {
		op.Lines = ""
	}
	p.cartHead(e.Properties)
	p.CartOps = []CartOp{op}
	return []Portion{p}
}

// cartHead says which cart it is and what is known of it.
func (p *Portion) cartHead(props jsondoc.Value) {
	p.Kind = Cart
	if p.ID = firstText(props, "cart_id", "cartId"); len(p.ID) > MaxID {
		p.ID = ""
	}
	if p.ID != "" {
		p.set("customer", identifierText(p.Customer))
	}
	if c, ok := currencyOf(props.Get("currency").Text()); ok {
		p.set("currency", quote(c))
	}
	if coupon := props.Get("coupon"); coupon.Kind() == jsondoc.String {
		p.set(FieldPrefix+"coupon", Canonical(coupon))
	}
}

// set sets a field; names stay sorted and without doubles.
func (p *Portion) set(name, value string) {
	if len(value) > MaxFieldBytes && name != "lines" || len(name) > MaxID {
		return
	}
	i, found := slices.BinarySearchFunc(p.Fields, name, func(f Field, n string) int { return strings.Compare(f.Name, n) })
	if found {
		p.Fields[i].Value = value
		return
	}
	p.Fields = slices.Insert(p.Fields, i, Field{name, value})
}

// freeFields takes the members of an object as free fields, but for those of
// another use.
func (p *Portion) freeFields(v jsondoc.Value, taken func(key []byte) bool) {
	const own = 8
	p.Fields = slices.Grow(p.Fields, min(v.Len(), MaxFields)+own)
	v.EachBytes(func(key []byte, m jsondoc.Value) bool {
		if taken == nil || !taken(key) {
			p.set(FieldPrefix+string(key), Canonical(m))
		}
		return len(p.Fields) < MaxFields
	})
}

func identifierText(i event.Identifier) string {
	const usual = 96
	b := append(make([]byte, 0, usual), `{"namespace":`...)
	b = append(jsondoc.AppendString(b, i.Namespace), `,"value":`...)
	return string(append(jsondoc.AppendString(b, i.Value), '}'))
}
