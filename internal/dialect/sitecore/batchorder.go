package sitecore

import (
	"fmt"

	"rapport/internal/catalog"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// readOrder reads an order, and its contact as a guest.
func (r *record) readOrder(w *work, rules *identity.Rules) {
	switch r.mode {
	case "insert", "create", "upsert", "merge", "patch", "delete":
	default:
		r.fail(codeUnsupported, fmt.Sprintf("the mode %.40q is not possible for an order", r.mode))
		return
	}
	if r.value.Get("referenceId").Text() == "" {
		r.fail(codeInvalid, "the order has no referenceId")
		return
	}
	r.delta, r.code, r.message = orders, codeOK, "ok"
	if r.mode == "delete" {
		return
	}
	contact := r.value.Get("contact")
	var customer *event.Identifier
	if contact.Kind() == jsondoc.Object {
		at := event.Event{Time: w.cursor.At}
		if kept, _ := rules.Choose(identifiersOf(contact, &at)); len(kept) > 0 {
			customer = &kept[0]
		}
	}
	if customer == nil && (r.mode == "insert" || r.mode == "create") {
		r.fail(codeInvalid, "identity information missing: the contact has neither an e-mail address nor identifiers")
		return
	}
	n := 0
	line := func() string { n++; return fmt.Sprintf("%s-%d-%d", w.batch.Ref, r.number, n) }
	var err error
	if r.order, err = orderDocument(r.value, customer, line); err != nil {
		_, message := said(err)
		r.fail(codeInvalid, message)
		return
	}
	if customer == nil {
		return
	}
	guest := *r
	guest.value, guest.mode = contact, "upsert"
	guest.code = 0
	guest.readGuest(w, rules)
	if guest.code != 0 {
		r.fail(guest.code, guest.message)
		return
	}
	r.arrival = guest.arrival
}

// keepOrder decides the command that a line is. The key makes a line that is
// done again give the answer of the first time.
func (w *work) keepOrder(r *record) {
	c := pipeline.Command{
		Kind: catalog.Order, ID: r.value.Get("referenceId").Text(), Op: catalog.Put, Body: r.order, Source: w.batch.Source,
		Received: w.Now.Now(), IdempotencyKey: fmt.Sprintf("%s-%d", w.batch.Ref, r.number),
	}
	switch r.mode {
	case "insert", "create":
		c.IfNoneMatch = "*"
	case "merge", "patch":
		c.Op = catalog.Merge
	case "delete":
		c.Op, c.Body = catalog.Delete, nil
	}
	if r.order != nil && w.unchanged(&c) {
		r.message, r.delta = "unchanged", leaves
		return
	}
	_, err := w.Orders.Change(w.ctx, c)
	switch _, message := said(err); fault.KindOf(err) {
	case fault.NotFound:
		r.fail(codeMissing, "order not found")
	case fault.Precondition, fault.Conflict:
		r.fail(codeExists, "an order with this referenceId exists already")
	case fault.Invalid:
		r.fail(codeInvalid, message)
	default:
		if err != nil {
			r.fail(codeInternal, message)
		}
	}
}

// unchanged tells that an order says already what a command would make it say.
func (w *work) unchanged(c *pipeline.Command) bool {
	stored, err := w.Orders.Entity(w.ctx, catalog.Order, c.ID)
	if err != nil || c.IfNoneMatch != "" {
		return false
	}
	v, ok := stored.View.(*catalog.OrderView)
	doc, err := jsondoc.Parse(c.Body, jsondoc.Limits{Depth: 40, Keys: 4_000})
	if !ok || err != nil {
		return false
	}
	root := doc.Root()
	known := map[string]string{"status": v.Status, "currency": v.Currency, "total": string(v.Total)}
	if v.Time != nil {
		known["time"] = v.Time.String()
	}
	for name, now := range known {
		said := root.Get(name)
		text := said.Text()
		if said.Kind() == jsondoc.Number {
			text = string(jsondoc.AppendCanonical(nil, said))
		}
		if said.Exists() && text != now {
			return false
		}
	}
	if customer := root.Get("customer"); customer.Exists() &&
		(v.Customer == nil || customer.Get("namespace").Text() != v.Customer.Namespace || customer.Get("value").Text() != v.Customer.Value) {
		return false
	}
	equal := true
	root.Get("fields").Each(func(name string, said jsondoc.Value) bool {
		equal = string(jsondoc.AppendCanonical(nil, said)) == string(v.Fields[name])
		return equal
	})
	return equal && (!root.Get("lines").Exists() || sameLines(root.Get("lines"), v))
}

// sameLines compares lines without the refs that they were given.
func sameLines(said jsondoc.Value, v *catalog.OrderView) bool {
	now, err := linesOf(v)
	if err != nil || said.Len() != len(now) {
		return false
	}
	equal := true
	said.Items(func(i int, line jsondoc.Value) bool {
		n := len(now[i])
		if _, ok := now[i][lineRef]; ok {
			n--
		}
		line.Each(func(name string, value jsondoc.Value) bool {
			if name == lineRef {
				return true
			}
			n--
			equal = string(jsondoc.AppendCanonical(nil, value)) == string(now[i][name])
			return equal
		})
		equal = equal && n == 0
		return equal
	})
	return equal
}
