package sitecore

import (
	"bytes"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/profile"
)

// actionOf is what an event does to items, carts and orders, in the names of
// the catalog.
func actionOf(typ string, f *fields) string {
	switch typ {
	case typeSearch:
		return "Search"
	case typeAdd:
		return "Add To Cart"
	case typeClearCart:
		return "Clear Cart"
	case typeForceClose, typeSessionClose:
		return profile.EndSession
	case typeCheckout:
		return orderAction(f.status.Text())
	case typeOrderCheckout:
		return orderAction(f.order.Get("status").Text())
	}
	return ""
}

// basket tells the types that are about the cart of a browser.
func basket(typ jsondoc.Value) bool {
	switch typ.Text() {
	case typeAdd, typeClearCart, typeCheckout, typeOrderCheckout:
		return true
	}
	return false
}

// orderAction is what a status of an order means. An order whose payment is
// still awaited is placed.
func orderAction(status string) string {
	switch strings.ToUpper(status) {
	case "CANCELLED", "CANCELED":
		return "Cancel"
	case "REFUNDED":
		return "Refund"
	}
	return "Purchase"
}

// properties writes the members of an event under the names that all dialects
// share, then its extension. whole leaves a product as it is, which is then no
// line of a cart.
func (f *fields) properties(w *writer, whole bool) {
	at := len(w.b)
	f.body.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if v.IsNull() || silent(key) {
			return true
		}
		switch name := string(key); {
		case (name == "currency" || name == "pos" || name == "page") && len(v.Raw()) == len(`""`):
		case name == "product" && !whole:
			w.key([]byte("products"))
			w.b = appendLines(w.b, v)
		case name == "order" && v.Kind() == jsondoc.Object:
			f.ordered(w)
		case name == "reference_id":
			w.member("order_id", v.Raw())
		case name == "order_id" && f.reference.Exists():
		default:
			w.key(key)
			w.b = append(w.b, v.Raw()...)
		}
		return true
	})
	if basket(f.typ) && f.browser.Exists() && !f.body.Get("cart_id").Exists() {
		w.member("cart_id", f.browser.Raw()) // a browser has one cart at a time
	}
	if status := f.orderStatus(); status.Exists() {
		w.member("order_status", status.Raw())
	}
	f.extend(w, at)
}

// orderStatus is the status of an order in the words of this dialect, which the
// order keeps beside the common one.
func (f *fields) orderStatus() jsondoc.Value {
	if v := f.order.Get("status"); v.Exists() && !v.IsNull() {
		return v
	}
	if f.reference.Exists() {
		return f.status
	}
	return jsondoc.Value{}
}

// ofIdentity writes what an IDENTITY says beside the person: the point of sale,
// which its session is told by, and the extension.
func (f *fields) ofIdentity(w *writer) {
	at := len(w.b)
	if pos := f.body.Get("pos"); len(pos.Raw()) > len(`""`) && !pos.IsNull() {
		w.member("pos", pos.Raw())
	}
	f.extend(w, at)
}

// extend adds the extension to an object that begins at a place. A name that
// both have is the event's own.
func (f *fields) extend(w *writer, at int) {
	if !f.ext.Exists() {
		return
	}
	if f.ext.Kind() != jsondoc.Object {
		w.member("ext", f.ext.Raw())
		return
	}
	own := len(w.b)
	f.ext.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if !named(w.b[at:own], key) {
			w.key(key)
			w.b = append(w.b, v.Raw()...)
		}
		return true
	})
}

// named tells whether the members of an object, without its braces, have a
// name among them.
func named(members, name []byte) bool {
	if !bytes.Contains(members, name) {
		return false
	}
	text := append(append(append(make([]byte, 0, len(members)+2), '{'), members...), '}')
	doc, err := jsondoc.Parse(text, jsondoc.Limits{Depth: 36, Keys: 4_000})
	return err == nil && doc.Root().Get(string(name)).Exists()
}

// orderNames are the members of an order that have a common name.
var orderNames = map[string]string{
	"referenceId": "order_id", "currencyCode": "currency", "price": "total", "status": "status", "orderItems": "products",
}

// ordered lays an order of ORDER_CHECKOUT out as the catalog reads it. What the
// event says itself of the order counts.
func (f *fields) ordered(w *writer) {
	f.order.EachBytes(func(key []byte, v jsondoc.Value) bool {
		name, common := orderNames[string(key)]
		if !common {
			name = "order_" + string(key)
		}
		switch {
		case v.IsNull() || f.says(name) || !common && (name == "order_id" || name == "order_status"):
		case name == "products":
			w.key([]byte(name))
			w.b = appendLines(w.b, v)
		default:
			w.member(name, v.Raw())
		}
		return true
	})
}

// says tells whether the event has a property of its own of that name.
func (f *fields) says(name string) bool {
	switch name {
	case "order_id":
		return f.reference.Exists()
	case "currency":
		return len(f.currency.Raw()) > len(`""`)
	}
	v := f.body.Get(name)
	return v.Exists() && !v.IsNull()
}

// appendLines lays products or order items out as lines.
func appendLines(b []byte, v jsondoc.Value) []byte {
	b = append(b, '[')
	if v.Kind() == jsondoc.Object {
		b = appendLine(b, v)
	}
	first := true
	v.Items(func(_ int, item jsondoc.Value) bool {
		if item.Kind() == jsondoc.Object {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendLine(b, item)
		}
		return true
	})
	return append(b, ']')
}

func appendLine(b []byte, item jsondoc.Value) []byte {
	w := writer{append(b, '{')}
	item.EachBytes(func(key []byte, v jsondoc.Value) bool {
		switch name := string(key); {
		case v.IsNull() || name == "productId" || name == "product_id":
		case name == "currencyCode" && !item.Get("currency").Exists():
			w.member("currency", v.Raw())
		case name == "currencyCode":
		default:
			w.key(key)
			w.b = append(w.b, v.Raw()...)
		}
		return true
	})
	for _, name := range [...]string{"productId", "product_id", "item_id", "referenceId"} {
		if v := item.Get(name); v.Exists() && !v.IsNull() {
			w.member("product_id", v.Raw())
			break
		}
	}
	return append(w.b, '}')
}
