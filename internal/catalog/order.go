package catalog

import (
	"slices"
	"strings"

	"rapport/internal/clock"
)

// Money is what an order comes to. A cancelled order and its refunds come to
// nothing.
type Money struct {
	// Purchased says that the order was placed; until then only its refunds
	// are known.
	Purchased bool
	Cancelled bool
	Time      clock.Instant // when it was placed; zero: not known
	Currency  string
	Total     Sum // what it came to when it was placed
	Refunds   []CurrencySum
}

// CurrencySum is money in one currency.
type CurrencySum struct {
	Currency string
	Sum      Sum
}

// Counts tells whether the order is one of its customer's orders.
func (m *Money) Counts() bool { return m.Purchased && !m.Cancelled }

// Kept tells whether something of what the order came to is left beside its
// refunds. An order for nothing is kept until it is refunded.
func (m *Money) Kept() bool {
	for i := range m.Refunds {
		if r := &m.Refunds[i]; r.Currency == m.Currency && r.Sum.Sign() >= 0 {
			left := difference(&m.Total, &r.Sum)
			return left.Sign() > 0
		}
	}
	return true
}

// unknownCurrency is ISO 4217 for "no currency".
const unknownCurrency = "XXX"

// CartID is the cart an order was made of, "" for its customer's only one,
// and false where the order needs none because it says itself what it has.
func (e *Entity) CartID() (string, bool) {
	if e.Kind != Order || e.raw("total") != "" || e.raw("lines") != "" || e.raw("purchased") != "true" {
		return "", false
	}
	return e.text("cart"), true
}

// Money adds the order up. cart is the one of CartID, nil where there is none.
func (e *Entity) Money(cart *Entity) Money {
	m := Money{
		Purchased: e.raw("purchased") == "true",
		Time:      e.instant("time"),
		Currency:  e.currency(),
	}
	status := e.text("status")
	m.Cancelled = status == StatusCancelled || status == "canceled"
	m.Total = e.total(cart)
	if !m.Cancelled {
		m.Refunds = e.refunded(&m)
	}
	return m
}

func (e *Entity) currency() string {
	if c := e.text("currency"); c != "" {
		return c
	}
	return unknownCurrency
}

func (e *Entity) instant(name string) clock.Instant {
	var i clock.Instant
	if err := i.UnmarshalText([]byte(e.text(name))); err != nil {
		return 0
	}
	return i
}

// lines are the order's own or those of the cart it took.
func (e *Entity) lines(cart *Entity) []line {
	if raw := e.raw("lines"); raw != "" {
		return parseLines(raw)
	}
	if _, need := e.CartID(); need && cart != nil {
		lines, _ := cart.takenBy(e.ID)
		return lines
	}
	return nil
}

func (e *Entity) total(cart *Entity) Sum {
	var sum Sum
	if a, ok := ParseAmount(e.raw("total")); ok {
		sum.Add(a)
		return sum
	}
	sum, _ = linesSum(e.lines(cart))
	return sum
}

// refunded adds the refunds per currency, sorted. A refund without an amount
// is what the order has left beside the others.
func (e *Entity) refunded(m *Money) []CurrencySum {
	var sums []CurrencySum
	whole := false
	for i := range e.refunds {
		r := &e.refunds[i]
		if r.Amount == "" {
			whole = true
			continue
		}
		currency := r.Currency
		if currency == "" {
			currency = m.Currency
		}
		if a, ok := ParseAmount(r.Amount); ok {
			of(&sums, currency).Add(a)
		}
	}
	if whole && m.Purchased {
		sum := of(&sums, m.Currency)
		if left := difference(&m.Total, sum); left.Sign() > 0 {
			sum.AddSum(&left)
		}
	}
	return sums
}

func difference(a, b *Sum) Sum {
	var d Sum
	d.AddSum(a)
	d.Sub(b)
	return d
}

// of finds the sum of a currency and makes it where there is none.
func of(sums *[]CurrencySum, currency string) *Sum {
	i, found := slices.BinarySearchFunc(*sums, currency, func(s CurrencySum, c string) int { return strings.Compare(s.Currency, c) })
	if !found {
		*sums = slices.Insert(*sums, i, CurrencySum{Currency: currency})
	}
	return &(*sums)[i].Sum
}

// AddMoney adds sums per currency to others.
func AddMoney(to *[]CurrencySum, currency string, s *Sum) { of(to, currency).AddSum(s) }

// Status is what the order was last said to be.
func (e *Entity) Status() string { return e.text("status") }
