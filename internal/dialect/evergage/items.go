package evergage

import (
	"bytes"

	"rapport/internal/jsondoc"
)

// product is the item type whose items are sold.
const product = "Product"

// properties writes what the event is about: one item, a cart or an order, and
// what the classic members and an interaction say beside it.
func (g *mapping) properties(f *fields, a *about) {
	w := &g.out
	switch {
	case f.order.Exists():
		w.order(typed(f.order))
	case f.cart.Exists():
		w.cart(f.cart)
	case f.catalog.Exists():
		w.catalog(f.catalog)
	}
	i := f.interaction
	if !f.order.Exists() && !f.cart.Exists() && !f.catalog.Exists() {
		w.interaction(i)
	}
	if name := f.action.Text(); name != "" && name != g.e.Name {
		w.text("action", name)
	}
	w.value("event_type", text(i.Get("eventType")))
	w.value("page_type", text(a.pageType))
	if a.zones.Len() > 0 {
		w.value("content_zones", a.zones)
	}
	if f.stats.Len() > 0 {
		w.value("campaign_stats", f.stats)
	}
	if f.attributes.Len() > 0 {
		w.value("attributes", f.attributes)
	}
	g.form(either(f.form, i.Get("form")))
	if still, _ := f.flags.Get("nonInteractive").Bool(); still {
		w.yes("non_interactive")
	}
}

// typed finds the item type of which something is: products where there are
// any, otherwise the type named first.
func typed(v jsondoc.Value) (kind string, item jsondoc.Value) {
	if p := v.Get(product); p.Exists() && !p.IsNull() {
		return product, p
	}
	v.Each(func(key string, x jsondoc.Value) bool {
		kind, item = key, x
		return x.IsNull()
	})
	return kind, item
}

// catalog writes the item that an event is about. Where several types are
// named the others are listed beside it.
func (w *writer) catalog(v jsondoc.Value) {
	kind, item := typed(v)
	w.item(kind, item)
	if v.Len() < 2 {
		return
	}
	m := w.open("also", '[')
	v.Each(func(key string, x jsondoc.Value) bool {
		if key != kind && x.Kind() == jsondoc.Object {
			inner := w.open("", '{')
			w.item(key, x)
			w.close(inner)
		}
		return true
	})
	w.close(m)
}

// item writes an item of the classic form.
func (w *writer) item(kind string, v jsondoc.Value) {
	w.itemID(kind, first(v, "_id", "id"))
	w.rest(v)
	w.dimensions(v, v.Get("categories"), kind)
}

// itemID writes what an item is. Products have the name under which all
// dialects send them; the id of another kind of item stands by itself, so that
// a category never counts as a product of the same id.
func (w *writer) itemID(kind string, id jsondoc.Value) {
	w.text("item_type", kind)
	value := scalar(id)
	if kind == product {
		w.text("product_id", value)
		return
	}
	w.text("_id", value)
}

// rest copies the members of an item but for those that get another form.
func (w *writer) rest(v jsondoc.Value) {
	v.EachBytes(func(key []byte, x jsondoc.Value) bool {
		if w.flat && envelopeName(string(key)) {
			return true
		}
		switch string(key) {
		case "_id", "id", "item_type", "product_id", "categories", "dimensions", "relatedCatalogObjects", "item", "attributes",
			"catalogObjectId", "catalogObjectType", "lineItemId", "cartEventId", "orderEventId":
		case "type", "tagType":
			if !w.beacon {
				w.value(string(key), x)
			}
		case "quantity":
			if !w.whole {
				w.value("quantity", x)
			}
		case "sku":
			if id := x.Get("_id"); id.Exists() {
				x = id
			}
			w.value("sku", x)
		case "imageUrl":
			w.value("image_url", x)
		case "category", "brand", "also", "order_id", "products":
			w.value(string(key), text(x)) // names that mean something here
		default:
			w.value(string(key), x)
		}
		return true
	})
	w.nested(v)
}

// nested copies the attributes of an item that stands inside a line, and those
// of an interaction, where the line does not say them itself.
func (w *writer) nested(v jsondoc.Value) {
	for _, name := range [...]string{"item", "attributes"} {
		inner := v.Get(name)
		inner.EachBytes(func(key []byte, x jsondoc.Value) bool {
			switch string(key) {
			case "_id", "id", "categories", "dimensions", "relatedCatalogObjects", "item", "attributes", "item_type", "product_id", "sku":
				return true
			}
			name := string(key)
			if name == "imageUrl" {
				name = "image_url"
			}
			if !v.Get(string(key)).Exists() {
				w.value(name, x)
			}
			return true
		})
	}
}

// dimensions writes to which other items an item belongs.
func (w *writer) dimensions(v, categories jsondoc.Value, kind string) {
	if !text(v.Get("category")).Exists() {
		switch {
		case kind == "Category":
			w.text("category", scalar(first(v, "_id", "id")))
		case categories.Len() > 0:
			c := categories.Index(0)
			w.text("category", scalar(either(c.Get("_id"), c)))
		}
	}
	if categories.Len() > 0 {
		m := w.open("categories", '[')
		categories.Items(func(_ int, c jsondoc.Value) bool {
			if id := scalar(either(c.Get("_id"), c)); id != "" {
				w.element(id)
			}
			return true
		})
		w.close(m)
	}
	related := object(first(v, "relatedCatalogObjects", "dimensions"))
	if !related.Exists() {
		return
	}
	w.value("dimensions", related)
	if brand := related.Get("Brand"); brand.Len() > 0 && !v.Get("brand").Exists() {
		w.text("brand", scalar(brand.Index(0)))
	}
	if list := related.Get("Category"); list.Len() > 0 && categories.Len() == 0 && kind != "Category" && !v.Get("category").Exists() {
		w.text("category", scalar(list.Index(0)))
	}
}

// cart writes the one line that changed, or the whole cart.
func (w *writer) cart(v jsondoc.Value) {
	w.value("cart_id", first(v, "id", "cartId"))
	if kind, lines := typed(v.Get("complete")); v.Get("complete").Kind() == jsondoc.Object {
		w.lines(kind, lines)
		return
	}
	if kind, line := typed(v.Get("singleLine")); line.Kind() == jsondoc.Object {
		w.line(kind, line)
	}
}

// order writes an order of the classic form.
func (w *writer) order(kind string, v jsondoc.Value) {
	w.value("order_id", first(v, "orderId", "id"))
	w.value("total", first(v, "totalValue", "total"))
	w.value("currency", v.Get("currency"))
	v.EachBytes(func(key []byte, x jsondoc.Value) bool {
		switch string(key) {
		case "orderId", "id", "totalValue", "total", "currency", "lineItems", "item_type", "order_id", "products", "attributes":
		default:
			w.value(string(key), x)
		}
		return true
	})
	w.value("attributes", object(v.Get("attributes")))
	w.text("item_type", kind)
	if list := v.Get("lineItems"); list.Kind() == jsondoc.Array {
		w.lines(kind, list)
	}
}

// lines writes the lines of a cart or an order; no line is an empty list.
func (w *writer) lines(kind string, list jsondoc.Value) {
	w.key("products")
	w.b = append(w.b, '[')
	list.Items(func(_ int, v jsondoc.Value) bool {
		if v.Kind() == jsondoc.Object {
			m := w.open("", '{')
			w.line(kind, v)
			w.close(m)
		}
		return true
	})
	w.b = append(w.b, ']')
}

// line writes one line, of either form.
func (w *writer) line(kind string, v jsondoc.Value) {
	if t := first(v, "catalogObjectType").Text(); t != "" {
		kind = t
	}
	if kind == "" {
		kind = product
	}
	id := first(v, "_id", "catalogObjectId", "productId")
	if !id.Exists() {
		id = first(v.Get("item"), "_id", "id")
	}
	w.text("item_type", kind)
	w.text("product_id", scalar(id)) // whatever is sold counts as a product
	w.value("line_item_id", text(first(v, "lineItemId")))
	w.rest(v)
}

// interaction writes what an interaction of the SDK is about.
func (w *writer) interaction(v jsondoc.Value) {
	if o := v.Get("catalogObject"); o.Kind() == jsondoc.Object {
		kind := o.Get("type").Text()
		w.itemID(kind, o.Get("id"))
		o.EachBytes(func(key []byte, x jsondoc.Value) bool {
			if !bytes.Equal(key, []byte("type")) && !bytes.Equal(key, []byte("id")) &&
				!bytes.Equal(key, []byte("attributes")) && !bytes.Equal(key, []byte("relatedCatalogObjects")) {
				w.value(string(key), x)
			}
			return true
		})
		attributes := o.Get("attributes")
		w.rest(attributes)
		w.dimensions(o, attributes.Get("categories"), kind)
	}
	if l := v.Get("lineItem"); l.Kind() == jsondoc.Object {
		w.line("", l)
	}
	if o := v.Get("order"); o.Kind() == jsondoc.Object {
		w.order("", o)
		return
	}
	if list := v.Get("lineItems"); list.Kind() == jsondoc.Array {
		w.lines("", list)
	}
}
