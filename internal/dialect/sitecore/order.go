package sitecore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/dialect"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// The ref of an order is its referenceId, under which every dialect and the own
// API know it.

func (d *Door) orderRoutes() {
	for _, v := range [...]string{"/v2", "/v2.1"} {
		d.mux.Handle("GET "+v+"/orders", d.serve(false, (*call).listOrders))
		d.mux.Handle("POST "+v+"/orders", d.serve(true, (*call).createOrder))
		d.mux.Handle("GET "+v+"/orders/{ref}", d.serve(false, (*call).getOrder))
		d.mux.Handle("DELETE "+v+"/orders/{ref}", d.serve(true, (*call).deleteOrder))
	}
	d.mux.Handle("POST /v2/orders/{ref}", d.serve(true, (*call).patchOrder))
	d.mux.Handle("PATCH /v2.1/orders/{ref}", d.serve(true, (*call).patchOrder))
	d.mux.Handle("PUT /v2.1/orders/{ref}", d.serve(true, (*call).putOrder))
	d.itemRoutes()
	d.partyRoutes()
}

// statuses are those of orders, in the words of the catalog.
var statuses = map[string]string{
	"PURCHASED": catalog.StatusPurchased, "CONFIRMED": "confirmed", "PAYMENT_PENDING": "payment_pending",
	"CANCELLED": catalog.StatusCancelled, "REFUNDED": "refunded",
}

func orderMissing(ref string) error {
	return fault.Errorf(fault.NotFound, "order_not_found", "there is no order %.100q", ref)
}

// order reads an order.
func (c *call) order(ctx context.Context, ref string) (*catalog.OrderView, string, error) {
	stored, err := c.door.Orders.Entity(ctx, catalog.Order, ref)
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = orderMissing(ref)
		}
		return nil, "", err
	}
	v, ok := stored.View.(*catalog.OrderView)
	if !ok {
		return nil, "", orderMissing(ref)
	}
	return v, stored.ETag, nil
}

func (c *call) getOrder() (reply, error) {
	v, _, err := c.order(c.Context(), c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.orderOf(v)}, nil
}

// listOrders lists the orders of a guest.
func (c *call) listOrders() (reply, error) {
	p, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	ref := c.query.Get("guestRef")
	if ref == "" {
		return reply{}, fault.Errorf(fault.Invalid, "missing_guest_ref", "guestRef is missing; send the ref of a guest")
	}
	v, err := c.person(c.Context(), ref)
	if err != nil {
		return reply{}, err
	}
	ids, err := c.door.People.PersonOrders(c.Context(), v.ID)
	if err != nil {
		return reply{}, err
	}
	items, err := c.ordersOf(ids)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, c.page(items, p)}, nil
}

func (c *call) ordersOf(ids []string) ([]item, error) {
	items := []item{}
	for _, id := range ids {
		v, _, err := c.order(c.Context(), id)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		items = append(items, c.orderOf(v))
	}
	return items, nil
}

// orderOf shows an order.
func (c *call) orderOf(v *catalog.OrderView) item {
	out := item{}
	for name, value := range v.Fields {
		out[name] = value
	}
	delete(out, "order_status")
	ref := url.PathEscape(v.ID)
	out["ref"], out["referenceId"], out["href"] = v.ID, v.ID, c.href("/"+c.version()+"/orders/"+ref)
	out["currencyCode"], out["price"], out["modifiedAt"] = v.Currency, v.Total, v.UpdatedAt
	if out["orderType"] == nil {
		out["orderType"] = "STANDARD"
	}
	if v.Time != nil {
		out["orderedAt"] = *v.Time
	}
	out["status"] = strings.ToUpper(v.Status)
	if said := strings.Trim(string(v.Fields["order_status"]), `"`); said != "" && v.Status == catalog.StatusPurchased {
		out["status"] = strings.ToUpper(said) // a stream said it in the dialect's own words
	}
	if v.Customer != nil {
		guest := refOf(c.door.Ref(*v.Customer))
		out["guestRef"], out["guest"] = guest, item{"ref": guest, "href": c.href("/" + c.version() + "/guests/" + guest)}
	}
	lines, err := linesOf(v)
	if err == nil {
		items := make([]item, 0, len(lines))
		for i := range lines {
			items = append(items, c.itemOf(v.ID, lines, i))
		}
		out["orderItems"] = items
	}
	return out
}

func (c *call) createOrder() (reply, error) {
	ref := c.body.Get("referenceId").Text()
	if ref == "" {
		return reply{}, fault.Errorf(fault.Invalid, "missing_reference_id", "referenceId is missing; each order has its own")
	}
	customer, err := c.customer()
	if err != nil {
		return reply{}, err
	}
	doc, err := orderDocument(c.body, customer, c.door.newID)
	if err != nil {
		return reply{}, err
	}
	return c.change(http.StatusCreated, pipeline.Command{ID: ref, Op: catalog.Put, Body: doc, IfNoneMatch: "*"})
}

// customer is whom an order is for, as the request says; nil where it does not.
func (c *call) customer() (*event.Identifier, error) {
	ref := c.query.Get("guestRef")
	if ref == "" {
		ref = c.body.Get("guestRef").Text()
	}
	if ref == "" {
		return nil, nil
	}
	v, err := c.person(c.Context(), ref)
	if err != nil {
		return nil, err
	}
	return &c.anchor(v)[0], nil
}

func (c *call) patchOrder() (reply, error) { return c.updateOrder(catalog.Merge) }
func (c *call) putOrder() (reply, error)   { return c.updateOrder(catalog.Put) }

// updateOrder changes an order. Its reference and its time stay.
func (c *call) updateOrder(op catalog.Op) (reply, error) {
	ref := c.PathValue("ref")
	v, _, err := c.order(c.Context(), ref)
	if err != nil {
		return reply{}, err
	}
	if said := c.body.Get("referenceId").Text(); said != "" && said != ref {
		return reply{}, fault.Errorf(fault.Invalid, "immutable_reference_id", "referenceId %.100q cannot take the place of %.100q: it never changes", said, ref)
	}
	customer, err := c.customer()
	if err != nil {
		return reply{}, err
	}
	if customer == nil && op == catalog.Put {
		customer = v.Customer
	}
	doc, err := orderDocument(c.body, customer, c.door.newID)
	if err != nil {
		return reply{}, err
	}
	if op == catalog.Put && v.Time != nil {
		doc = withTime(doc, v.Time.String())
	}
	return c.change(http.StatusOK, pipeline.Command{ID: ref, Op: op, Body: doc})
}

// withTime sets the time of an order's document.
func withTime(doc []byte, at string) []byte {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(doc, &m); err != nil {
		return doc
	}
	m["time"] = jsondoc.AppendString(nil, at)
	out, err := json.Marshal(m)
	if err != nil {
		return doc
	}
	return out
}

func (c *call) deleteOrder() (reply, error) {
	return c.change(http.StatusNoContent, pipeline.Command{ID: c.PathValue("ref"), Op: catalog.Delete})
}

// change decides a command on an order and waits until its guest shows it.
func (c *call) change(status int, command pipeline.Command) (reply, error) {
	command.Kind, command.Source, command.Received = catalog.Order, c.source.Key, c.door.Now.Now()
	out, err := c.door.Orders.Change(c.Context(), command)
	if err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = orderMissing(command.ID)
		}
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(c.Context(), dialect.DefaultWait)
	defer cancel()
	if err := c.door.Accept.WaitApplied(ctx, out.Receipt); err != nil {
		return reply{}, err
	}
	if status == http.StatusNoContent {
		return reply{status, nil}, nil
	}
	v, ok := out.View.(*catalog.OrderView)
	if !ok {
		return reply{}, errors.New("the order has no view")
	}
	return reply{status, c.orderOf(v)}, nil
}

// orderDocument lays an order out as the catalog keeps it.
func orderDocument(body jsondoc.Value, customer *event.Identifier, newID func() string) ([]byte, error) {
	w := writer{[]byte{'{'}}
	var failed error
	w.object("fields", func() { failed = orderFields(&w, body) })
	if failed != nil {
		return nil, failed
	}
	if customer != nil {
		w.object("customer", func() { w.text("namespace", customer.Namespace); w.text("value", customer.Value) })
	}
	if v := body.Get("status"); v.Exists() && !v.IsNull() {
		status, ok := statuses[v.Text()]
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "invalid_status", "status %.40q is not known; send PURCHASED, CONFIRMED, PAYMENT_PENDING, CANCELLED or REFUNDED", v.Text())
		}
		w.text("status", status)
		w.member("purchased", []byte("true"))
		if status == "refunded" {
			w.member("refunds", []byte(`[{"id":"status"}]`))
		}
	}
	if v := body.Get("orderedAt"); v.Exists() {
		at, ok := instant(v.Text())
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "invalid_ordered_at", "orderedAt %.40q is no time; send ISO 8601", v.Text())
		}
		w.text("time", at.String())
	}
	for from, to := range map[string]string{"currencyCode": "currency", "price": "total"} {
		if v := body.Get(from); v.Exists() && !v.IsNull() {
			w.member(to, v.Raw())
		}
	}
	if v := body.Get("orderItems"); v.Kind() == jsondoc.Array {
		w.key([]byte("lines"))
		w.b = appendRefLines(w.b, v, newID)
	}
	return append(w.b, '}'), nil
}

// orderFields writes the members of an order that have no common name.
func orderFields(w *writer, body jsondoc.Value) error {
	body.EachBytes(func(key []byte, v jsondoc.Value) bool {
		switch string(key) {
		case "referenceId", "ref", "href", "guestRef", "guest", "status", "orderedAt", "currencyCode", "price", "orderItems", "contact", "createdAt", "modifiedAt":
		default:
			w.key(key)
			w.b = append(w.b, v.Raw()...)
		}
		return true
	})
	if v := body.Get("orderItems"); v.Exists() && !v.IsNull() && v.Kind() != jsondoc.Array {
		return fault.Errorf(fault.Invalid, "invalid_order_items", "orderItems is of the kind %s; send an array", v.Kind())
	}
	return nil
}

// linesOf are the lines of an order.
func linesOf(v *catalog.OrderView) ([]map[string]json.RawMessage, error) {
	var lines []map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(v.Lines))
	err := d.Decode(&lines)
	return lines, err
}
