package profile

import (
	"encoding/json"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/profile/rfm"
)

// commerce adds up the distinct orders of a person and shows its carts. An
// order that is known to be another person's counts there; a refund counts for
// the person whose event told of it.
func (p *Partial) commerce(ids []IdentifierSeen, c *Computed, opts Options) {
	var gross, refunds []catalog.CurrencySum
	c.OrderCounts = map[string]int64{}
	var first, last clock.Instant
	recent := recently{from: opts.Rules.rfm().From(opts.Now)}
	for _, o := range p.orders {
		m := o.Money(p.cartOf(o))
		for i := range m.Refunds {
			catalog.AddMoney(&refunds, m.Refunds[i].Currency, &m.Refunds[i].Sum)
		}
		if !m.Counts() || !owns(ids, o) {
			continue
		}
		c.OrderCount++
		c.OrderCounts[m.Currency]++
		if m.Kept() {
			c.OrderCountNet++
		}
		recent.add(&m)
		catalog.AddMoney(&gross, m.Currency, &m.Total)
		first, last = earliest(first, m.Time), max(last, m.Time)
	}
	c.FirstOrder, c.LastOrder = known(first), known(last)
	c.OrderTotal, c.RefundTotal = numbers(gross), numbers(refunds)
	c.OrderAverage = make(map[string]json.Number, len(gross))
	for i := range gross {
		c.OrderAverage[gross[i].Currency] = gross[i].Sum.Average(c.OrderCounts[gross[i].Currency])
	}
	c.OrderNet = numbers(net(gross, refunds))
	if opts.Now != 0 {
		c.RFM = opts.Rules.rfm().Score(recent.Bought, opts.Now)
	}
	c.Carts = []*catalog.CartView{}
	for _, cart := range p.carts {
		if v := cart.CartView(); string(v.Lines) != "[]" {
			c.Carts = append(c.Carts, v)
		}
	}
}

// recently adds up the orders that are scored.
type recently struct {
	rfm.Bought
	from clock.Instant
}

func (r *recently) add(m *catalog.Money) {
	if m.Time < r.from {
		return
	}
	r.Orders++
	r.Last = max(r.Last, m.Time)
	catalog.AddMoney(&r.Net, m.Currency, &m.Total)
	for i := range m.Refunds {
		var less catalog.Sum
		less.Sub(&m.Refunds[i].Sum)
		catalog.AddMoney(&r.Net, m.Refunds[i].Currency, &less)
	}
}

func net(gross, refunds []catalog.CurrencySum) []catalog.CurrencySum {
	var out []catalog.CurrencySum
	for i := range gross {
		catalog.AddMoney(&out, gross[i].Currency, &gross[i].Sum)
	}
	for i := range refunds {
		var less catalog.Sum
		less.Sub(&refunds[i].Sum)
		catalog.AddMoney(&out, refunds[i].Currency, &less)
	}
	return out
}

// OwnOrders are the ids of the orders of the person of some identifiers, sorted.
func (p *Partial) OwnOrders(ids []IdentifierSeen) []string {
	var out []string
	for _, o := range p.orders {
		if owns(ids, o) {
			out = append(out, o.ID)
		}
	}
	return out
}

func numbers(sums []catalog.CurrencySum) map[string]json.Number {
	out := make(map[string]json.Number, len(sums))
	for i := range sums {
		out[sums[i].Currency] = sums[i].Sum.Number()
	}
	return out
}

// owns tells whether an order is of one of the identifiers. Nobody's order is
// nobody's; of a person without identifiers everything counts.
func owns(ids []IdentifierSeen, o *catalog.Entity) bool {
	customer := o.Customer()
	return len(ids) == 0 ||
		slices.ContainsFunc(ids, func(i IdentifierSeen) bool { return i.Identifier == customer })
}

// cartOf is the cart that an order needs to say what it has.
func (p *Partial) cartOf(o *catalog.Entity) *catalog.Entity {
	cart, needed := o.CartID()
	if !needed {
		return nil
	}
	return p.Cart(cart)
}

// Cart is a cart of the anchor, "" the one that nobody named; nil where there
// is none. It must not be changed.
func (p *Partial) Cart(cartID string) *catalog.Entity {
	if i, found := slices.BinarySearchFunc(p.carts, cartID, compareEntity); found {
		return p.carts[i]
	}
	return nil
}
