package catalog

import (
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// totalNames are the names under which clients send an order's total, the best
// first: what the customer paid, then what the shop calls revenue.
var totalNames = [...]string{"total", "revenue", "value", "totalValue", "total_value"}

func orderName(key []byte) bool {
	switch string(key) {
	case "order_id", "orderId", "total", "totalValue", "total_value", "currency", "status",
		"products", "line_items", "lineItems", "lines", "cart_id", "cartId", "refund_id", "refundId":
		return true
	}
	return false
}

func (m *Mapping) orderPortions(e *event.Event, a Action, p Portion) []Portion {
	props := e.Properties
	p.Kind, p.ID = Order, firstText(props, "order_id", "orderId")
	if p.ID == "" && a.Effect == PurchaseOrder {
		p.ID = e.MessageID // an order nobody named is its own
	}
	if p.ID == "" || len(p.ID) > MaxID {
		return nil
	}
	if a.Status != "" {
		p.set("status", quote(a.Status))
	}
	switch a.Effect {
	case PurchaseOrder:
		return m.purchase(e, p)
	case UpdateOrder:
		p.orderFields(props)
		if s := props.Get("status"); s.Kind() == jsondoc.String {
			p.set("status", Canonical(s))
		}
	case RefundOrder:
		p.Refunds = []Refund{refundOf(e, p.Stamp)}
	}
	if len(p.Fields) == 0 && len(p.Refunds) == 0 {
		return nil
	}
	return []Portion{p}
}

// purchase places the order and takes the cart.
func (m *Mapping) purchase(e *event.Event, p Portion) []Portion {
	cart := Portion{Stamp: p.Stamp, MessageID: p.MessageID, Source: p.Source, Customer: p.Customer}
	cart.cartHead(e.Properties)
	cart.CartOps = []CartOp{{Stamp: p.Stamp, Verb: CartPurchase, Order: p.ID}}
	p.set("currency", quote(m.currency))
	if c, ok := currencyOf(e.Derived.Get("currency").Text()); ok {
		p.set("currency", quote(c)) // the source's when the event came
	}
	p.orderFields(e.Properties)
	p.set("customer", identifierText(p.Customer))
	p.set("purchased", "true")
	p.set("time", quote(p.Stamp.Time.String()))
	if cart.ID != "" {
		p.set("cart", quote(cart.ID))
	}
	return []Portion{p, cart}
}

// orderFields takes lines, total, currency and the free fields.
func (p *Portion) orderFields(props jsondoc.Value) {
	p.freeFields(props, orderName)
	if c, ok := currencyOf(props.Get("currency").Text()); ok {
		p.set("currency", quote(c))
	}
	lines, said, _ := eventLines(props, true)
	if said && lines != noLines {
		p.set("lines", lines)
	}
	if total, ok := totalOf(props, lines); ok {
		p.set("total", total)
	}
}

const noLines = "[]"

// totalOf is what the event says the total is, else the sum of its lines.
func totalOf(props jsondoc.Value, lines string) (string, bool) {
	for _, name := range totalNames {
		if a, ok := AmountOf(props.Get(name)); ok {
			return a.Text(), true
		}
	}
	if sum, priced := linesSum(parseLines(lines)); priced {
		if a, ok := ParseAmount(sum.Text()); ok {
			return a.Text(), true
		}
	}
	return "", false
}

// refundOf reads money given back. Clients write it with and without a minus.
// Without a total and lines it is the whole order.
func refundOf(e *event.Event, stamp Stamp) Refund {
	props := e.Properties
	r := Refund{ID: firstText(props, "refund_id", "refundId"), Stamp: stamp}
	if r.ID == "" || len(r.ID) > MaxID {
		r.ID = e.MessageID
	}
	if c, ok := currencyOf(props.Get("currency").Text()); ok {
		r.Currency = c
	}
	lines, said, _ := eventLines(props, false)
	if said && lines != noLines {
		r.Lines = lines
		r.Amount = "0"
	}
	if total, ok := totalOf(props, lines); ok {
		a, _ := ParseAmount(total)
		r.Amount = a.Abs().Text()
	}
	return r
}

// Summary is the part of an order's or cart's portion that a profile keeps:
// the sums, without lines and free fields. Of an object it is all of it: its
// fields are declared, and few.
func (p *Portion) Summary() Portion {
	s := *p
	if p.Kind == Object {
		return s
	}
	const own = 8
	s.Fields = make([]Field, 0, own)
	for _, f := range p.Fields {
		switch f.Name {
		case "currency", "customer", "purchased", "status", "time", "total", "cart":
			s.Fields = append(s.Fields, f)
		case "lines":
			// That there are lines is enough: they are in the total.
			if f.Value != "null" {
				f.Value = noLines
			}
			s.Fields = append(s.Fields, f)
		}
	}
	s.Refunds = nil
	for _, r := range p.Refunds {
		r.Lines = ""
		s.Refunds = append(s.Refunds, r)
	}
	s.CartOps = nil
	for _, op := range p.CartOps {
		if !op.brief && op.Lines != "" {
			op.Lines = brief(op.Lines)
		}
		s.CartOps = append(s.CartOps, op)
	}
	return s
}
