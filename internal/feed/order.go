package feed

import (
	"bytes"
	"hash/maphash"

	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

// orders makes orders of rows that follow one another.
type orders struct {
	open *Record
	// seen are the orders that came to their end, by a hash: a row of one of
	// them comes too late.
	seen map[uint64]struct{}
	seed maphash.Seed
}

// order reads a row of an order: what it says of the order, and its line.
func (p *Plan) order(r *Record) {
	r.Order, r.first = p.text("order_id"), r.Line
	head := p.who([]byte(`{"type":"track","event":"Order Completed"`))
	head = member(append(head, `,"properties":{`...), "order_id", p.first("order_id"))
	currency := p.first("currency")
	if currency == nil && p.m.Currency != "" {
		currency = jsondoc.AppendString(nil, p.m.Currency)
	}
	head = member(head, "currency", currency)
	head = member(head, "total", p.first("total"))
	r.head = p.members(head, "property:")
	line := member([]byte("{"), "product_id", p.first("product_id"))
	line = member(line, "price", p.first("price"))
	line = member(line, "quantity", p.first("quantity"))
	r.line = append(p.members(line, "line:"), '}')
}

// add takes a row; the order before it has come to its end where it belongs to
// another one.
func (o *orders) add(r *Record) (*Record, *tablefile.RowError) {
	if o.seen == nil {
		o.seen, o.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	}
	if o.open != nil && o.open.Order == r.Order {
		if !bytes.Equal(o.open.head, r.head) {
			return nil, &tablefile.RowError{
				Line: r.Line, Value: tablefile.Show([]byte(r.Order)), Code: "order_differs",
				Reason: "it says another person, time, currency or total than the row of this order before it",
				Mend:   "say the same of an order on each of its rows",
			}
		}
		o.open.line = append(append(o.open.line, ','), r.line...)
		o.open.Line, o.open.Rows = r.Line, o.open.Rows+1
		return nil, nil
	}
	h := maphash.String(o.seed, r.Order)
	if _, late := o.seen[h]; late {
		return nil, &tablefile.RowError{
			Line: r.Line, Value: tablefile.Show([]byte(r.Order)), Code: "unsorted",
			Reason: "other orders stand between it and the rows of its order",
			Mend:   "sort the file by the id of the order",
		}
	}
	o.seen[h] = struct{}{}
	done := o.flush()
	o.open = r
	return done, nil
}

func (o *orders) flush() *Record {
	r := o.open
	o.open = nil
	if r == nil {
		return nil
	}
	r.Body = append(append(append(r.head, `,"products":[`...), r.line...), "]}}"...)
	r.head, r.line = nil, nil
	return r
}
