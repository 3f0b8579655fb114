package segment

import (
	"slices"

	"rapport/internal/segment/condition"
)

// theOrders are the person's orders that count, read once per person.
func (e *Evaluator) theOrders() []Order {
	if !e.ordered {
		e.ordered = true
		e.orders = e.person.Orders()
		e.hashes = e.hashes[:0]
		if len(e.set.index.lines) > 0 {
			for i := range e.orders {
				e.hashes = append(e.hashes, hashID(e.orders[i].ID))
			}
		}
	}
	return e.orders
}

// orderItems are the orders that a question is about. One whose time nobody
// knows counts only where time does not matter.
func (e *Evaluator) orderItems(q *condition.Question, p *period) {
	for i := range e.theOrders() {
		o := &e.orders[i]
		if o.Cancelled || !e.orderMatches(q, o) || !placed(o, q, p) {
			continue
		}
		it := item{at: o.Time, short: uint64(i), count: 1, first: o.Time, last: o.Time}
		switch q.Of {
		case "total":
			if q.Money != "" && o.Currency != q.Money {
				continue
			}
			it.kind, it.num = Number, o.Total
			it.total, it.min, it.max = o.Total, o.Total, o.Total
		case "status":
			it.kind, it.text = Text, o.Status
		case "currency":
			it.kind, it.text = Text, o.Currency
		}
		e.items = append(e.items, it)
	}
	sortItems(e.items)
}

func placed(o *Order, q *condition.Question, p *period) bool {
	if o.Time == 0 {
		return p.kind == condition.Ever && q.Agg != condition.First && q.Agg != condition.Last
	}
	return p.kind != condition.Fixed || p.in(o.Time, o.Time)
}

func (e *Evaluator) orderMatches(q *condition.Question, o *Order) bool {
	for i := range q.Match.Filters {
		f := &q.Match.Filters[i]
		e.attrs.Reset()
		switch f.Path {
		case "status":
			e.attrs.AddText(o.Status)
		case "currency":
			e.attrs.AddText(o.Currency)
		case "total":
			e.attrs.AddNum(o.Total)
		}
		if yes, _ := holds(&f.Test, e.attrs.List, o.Time); !yes {
			return false
		}
	}
	return true
}

// lineItems are the items of the person's orders that a question is about. Of
// an order that several anchors know, what was said last counts.
func (e *Evaluator) lineItems(q *condition.Question, p *period, source int32) {
	id := e.set.sources[source].id
	for i := range e.theOrders() {
		o := &e.orders[i]
		if o.Cancelled || !placed(o, q, p) {
			continue
		}
		var best *ordered
		want := ordered{source: id, order: e.hashes[i]}
		for _, st := range e.states {
			at, found := slices.BinarySearchFunc(st.orders, &want, func(a ordered, w *ordered) int { return compareOrdered(&a, w) })
			if found && (best == nil || st.orders[at].compare(best) > 0) {
				best = &st.orders[at]
			}
		}
		if best == nil {
			continue
		}
		for k := range best.lines {
			e.lineItem(q, o, best, &best.lines[k])
		}
	}
	sortItems(e.items)
}

func (e *Evaluator) lineItem(q *condition.Question, o *Order, from *ordered, l *line) {
	if q.Attr != "" && !e.attribute(q, l.item) {
		return
	}
	it := item{at: o.Time, short: from.order, count: 1, first: o.Time, last: o.Time, kind: l.kind, num: l.num, text: l.text}
	if q.Of != "" {
		numeric := q.Agg == condition.Sum || q.Agg == condition.Average || q.Agg == condition.Min || q.Agg == condition.Max
		if l.kind == Null || l.kind == Other || numeric && l.kind != Number {
			return
		}
		it.total, it.min, it.max = l.num, l.num, l.num
	}
	e.items = append(e.items, it)
}
