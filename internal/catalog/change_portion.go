package catalog

import (
	"fmt"

	"rapport/internal/jsondoc"
)

// Portion is what the change says of its entity.
func (c *Change) Portion() (Portion, error) {
	p := Portion{Kind: c.Kind, ID: c.ID, Op: c.Op, Stamp: c.stamp(), MessageID: c.ChangeID, Source: c.Source}
	if c.Op == Delete {
		return p, nil
	}
	doc, err := jsondoc.Parse(c.Document, jsondoc.Limits{})
	if err != nil {
		return p, fmt.Errorf("reading change of %s %q: %w", c.Kind, c.ID, err)
	}
	root := doc.Root()
	customer := root.Get("customer")
	switch {
	case customer.IsNull():
		p.set("customer", "null")
	case customer.Exists():
		if p.Customer, err = readCustomer(customer, nil); err != nil {
			return p, fmt.Errorf("reading change of %s %q: %w", c.Kind, c.ID, err)
		}
		p.set("customer", identifierText(p.Customer))
	}
	for name, prefix := range groups {
		root.Get(name).Each(func(key string, v jsondoc.Value) bool {
			p.set(prefix+key, Canonical(v))
			return true
		})
	}
	switch c.Kind {
	case Order:
		c.order(root, &p)
	case Cart:
		c.cart(root, &p)
	}
	return p, nil
}

// own takes members that are fields of the entity itself.
func (p *Portion) own(root jsondoc.Value, names ...string) {
	for _, name := range names {
		if v := root.Get(name); v.Exists() {
			p.set(name, Canonical(v))
		}
	}
}

func (c *Change) order(root jsondoc.Value, p *Portion) {
	p.own(root, "status", "currency", "time", "purchased", "cart")
	lines := root.Get("lines")
	total := root.Get("total")
	if lines.Kind() == jsondoc.Array {
		read := linesText(readLines(lines))
		p.set("lines", read)
		if !total.Exists() {
			if text, ok := totalOf(jsondoc.Value{}, read); ok {
				p.set("total", text)
			}
		}
	} else if lines.IsNull() {
		p.set("lines", "null")
	}
	if a, ok := AmountOf(total); ok {
		p.set("total", a.Text())
	} else if total.IsNull() {
		p.set("total", "null")
	}
	root.Get("refunds").Items(func(_ int, v jsondoc.Value) bool {
		r := Refund{ID: scalarText(v.Get("id")), Stamp: p.Stamp, Currency: v.Get("currency").Text()}
		if a, ok := AmountOf(v.Get("amount")); ok {
			r.Amount = a.Abs().Text()
		}
		if ls := v.Get("lines"); ls.Kind() == jsondoc.Array {
			r.Lines = linesText(readLines(ls))
		}
		p.Refunds = append(p.Refunds, r)
		return true
	})
	if c.Op != Put {
		return
	}
	// An order that a shop puts here was placed, unless it says otherwise.
	for name, value := range map[string]string{
		"purchased": "true", "status": quote(StatusPurchased), "currency": quote(DefaultCurrency), "time": quote(c.Time.String()),
	} {
		if v := root.Get(name); !v.Exists() || v.IsNull() {
			p.set(name, value)
		}
	}
}

func (c *Change) cart(root jsondoc.Value, p *Portion) {
	p.own(root, "currency")
	switch lines := root.Get("lines"); lines.Kind() {
	case jsondoc.Array:
		p.CartOps = []CartOp{{Stamp: p.Stamp, Verb: CartReplace, Lines: linesText(readLines(lines))}}
	case jsondoc.Null:
		p.CartOps = []CartOp{{Stamp: p.Stamp, Verb: CartClear}}
	}
}
