package catalog

import (
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// What an event says of items, carts and orders, for those who write events
// down as they are: nothing here becomes an entity.

// productType is the type of the items that are sold.
const productType = "Product"

// ItemOf is the item that an event is about: the name of its dimension and its
// id; both empty where it names none. A list or a category stands for itself.
func ItemOf(props jsondoc.Value) (kind, id string) {
	kind = props.Get("item_type").Text()
	if kind != "" && kind != productType {
		return kind, firstScalar(props, "_id", "product_id")
	}
	if id = firstScalar(props, "product_id", "productId", "_id", "sku"); id != "" {
		return productType, id
	}
	for _, d := range [...][2]string{{"category_id", "Category"}, {"category", "Category"}, {"list_id", "List"}} {
		if id = scalarText(props.Get(d[0])); id != "" {
			return d[1], id
		}
	}
	return kind, ""
}

func firstScalar(v jsondoc.Value, names ...string) string {
	for _, n := range names {
		if s := scalarText(v.Get(n)); s != "" {
			return s
		}
	}
	return ""
}

// TotalOf is the total of an order and its currency by the rules of purchases:
// what the event says, else the sum of its lines and the source's currency.
func (m *Mapping) TotalOf(e *event.Event) (total, currency string) {
	currency = m.currency
	if c, ok := currencyOf(e.Derived.Get("currency").Text()); ok {
		currency = c
	}
	if c, ok := currencyOf(e.Properties.Get("currency").Text()); ok {
		currency = c
	}
	for _, name := range totalNames {
		if a, ok := AmountOf(e.Properties.Get(name)); ok {
			return a.Text(), currency
		}
	}
	lines, _, _ := eventLines(e.Properties, true)
	total, _ = totalOf(e.Properties, lines)
	return total, currency
}

// Line is a line of a cart or an order as an event says it. Amounts are exact
// and empty where there are none.
type Line struct {
	ID, Product, Type, Price, Quantity string
}

// EachLine visits the lines of an event: its products, or the one product that
// its properties describe.
func EachLine(props jsondoc.Value, visit func(Line)) {
	for _, name := range [...]string{"products", "line_items", "lineItems", "lines"} {
		list := props.Get(name)
		if list.Kind() != jsondoc.Array {
			continue
		}
		n := 0
		list.Items(func(_ int, v jsondoc.Value) bool {
			if v.Kind() == jsondoc.Object {
				n++
				visit(lineOf(v))
			}
			return n < MaxLines
		})
		return
	}
	if l := lineOf(props); l.Product != "" && firstScalar(props, "product_id", "productId", "_id", "sku") != "" {
		visit(l)
	}
}

func lineOf(v jsondoc.Value) Line {
	l := Line{Type: v.Get("item_type").Text()}
	for _, name := range productNames {
		if l.Product = scalarText(v.Get(name)); l.Product != "" {
			break
		}
	}
	if l.Type == "" {
		l.Type = productType
	}
	l.ID = firstScalar(v, "line_item_id", "lineItemId", "sku")
	if l.ID == "" {
		l.ID = l.Product
	}
	if a, ok := AmountOf(v.Get("price")); ok {
		l.Price = a.Text()
	}
	if a, ok := AmountOf(v.Get("quantity")); ok {
		l.Quantity = a.Text()
	}
	return l
}
