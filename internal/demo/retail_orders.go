package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/govalues/decimal"
)

// RetailReport says what became of every line of the file.
type RetailReport struct {
	Lines       int // all but the header and empty ones: the sum of what follows up to Stock, and Rejected
	Sales       int // lines of orders
	Refunds     int // lines of refunds
	Gifts       int // lines of a customer's order that cost nothing: they stay in it
	Adjustments int // lines of invoices A…: bad debt, booked on no customer
	Stock       int // goods found, lost or broken: no price, or a quantity less than nothing and no price
	Orders      int
	Returns     int      // refund invoices
	Unnamed     int      // orders and refunds without a customer
	Bare        []string // invoices too long for one event: sent without their lines
	Rejected    []Rejected
	// Customer and Order are worth a look; empty where the file has none.
	Customer, Order string
}

// invoice is the lines of one invoice, in the order of the file.
type invoice struct {
	id       string
	refund   bool
	customer string
	country  string
	time     time.Time
	lines    []saleLine
}

// total is the exact sum of the lines, positive for refunds too.
func (v *invoice) total() (decimal.Decimal, error) {
	var sum decimal.Decimal
	for _, l := range v.lines {
		amount, err := l.price.Mul(decimal.MustNew(l.quantity, 0))
		if err == nil {
			sum, err = sum.Add(amount)
		}
		if err != nil {
			return sum, fmt.Errorf("line %d: summing up invoice %s: %w", l.number, v.id, err)
		}
	}
	return sum.Abs(), nil
}

// retail gathers the invoices of a file.
type retail struct {
	report   RetailReport
	invoices []*invoice
	byID     map[string]*invoice
}

// gather reads a whole file: lines of one invoice need not stand together.
//
// The rule for odd lines: an invoice C… is a refund and its quantities are
// negative; an invoice A… adjusts the books and is no sale; a line without a
// price stays in the order of a known customer as a gift, and is a correction
// of the stock otherwise; a negative quantity in any other priced line is
// rejected, as is a negative price and a line whose customer is another one
// than that of the invoice's first line.
func gather(r io.Reader) (*retail, error) {
	g := &retail{byID: map[string]*invoice{}}
	err := readRetail(r, g.take, func(r Rejected) {
		g.report.Lines++
		g.reject(r)
	})
	return g, err
}

func (g *retail) reject(r Rejected) { g.report.Rejected = append(g.report.Rejected, r) }

func (g *retail) refuse(s saleLine, format string, args ...any) {
	g.reject(Rejected{s.number, "invoice " + s.invoice + ": " + fmt.Sprintf(format, args...)})
}

// take decides what a line is.
func (g *retail) take(s saleLine) {
	g.report.Lines++
	kind := strings.ToUpper(s.invoice[:1])
	refund := kind == "C"
	switch {
	case kind == "A":
		g.report.Adjustments++
	case s.price.IsNeg():
		g.refuse(s, "a negative price belongs into an adjustment (A…)")
	case s.price.IsZero() && (s.customer == "" || s.quantity <= 0):
		g.report.Stock++
	case refund && s.quantity >= 0:
		g.refuse(s, "a refund (C…) takes a negative quantity")
	case !refund && s.quantity <= 0:
		g.refuse(s, "quantity %d: only a refund (C…) takes less than 1", s.quantity)
	default:
		g.add(s, refund)
	}
}

func (g *retail) add(s saleLine, refund bool) {
	v := g.byID[s.invoice]
	if v == nil {
		v = &invoice{id: s.invoice, refund: refund, customer: s.customer, country: s.country, time: s.time}
		g.byID[s.invoice] = v
		g.invoices = append(g.invoices, v)
	}
	switch {
	case v.customer != s.customer:
		g.refuse(s, "customer %q, but line %d says %q", s.customer, v.lines[0].number, v.customer)
		return
	case refund:
		g.report.Refunds++
	case s.price.IsZero():
		g.report.Gifts++
	default:
		g.report.Sales++
	}
	v.lines = append(v.lines, s)
}
