package naive

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
)

// thing is one thing that happened, with the values that are aggregated.
type thing struct {
	at     clock.Instant
	order  string // to tell those of one instant apart
	values []any
}

// aggregate is what a question comes to: a number, a time, a value, nil.
func (w *world) aggregate(q *condition.Question) any {
	var all []thing
	switch q.What {
	case condition.Order:
		all = w.orders(q)
	case condition.OrderLine:
		all = w.lines(q)
	default:
		all = w.events(q)
	}
	all = slices.DeleteFunc(all, func(t thing) bool { return !w.inside(&q.Window, t.at) })
	slices.SortFunc(all, func(a, b thing) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.order, b.order)) })
	if q.Agg == condition.Count {
		return new(big.Rat).SetInt64(int64(len(all)))
	}
	if q.Of == "" {
		if len(all) == 0 {
			return nil
		}
		if q.Agg == condition.First {
			return all[0].at
		}
		return all[len(all)-1].at
	}
	return w.values(q.Agg, all)
}

func (w *world) values(agg condition.Aggregate, all []thing) any {
	var every, leading []any // all values, and the first of each thing
	for _, t := range all {
		values := slices.DeleteFunc(slices.Clone(t.values), func(v any) bool {
			_, object := v.(map[string]any)
			return object
		})
		every = append(every, values...)
		if len(values) > 0 {
			leading = append(leading, values[0])
		}
	}
	switch agg {
	case condition.Unique:
		return new(big.Rat).SetInt64(int64(len(counts(every))))
	case condition.MostFrequent:
		return mostFrequent(every)
	case condition.First, condition.Last:
		if len(leading) == 0 {
			return nil
		}
		if agg == condition.First {
			return leading[0]
		}
		return leading[len(leading)-1]
	}
	return numbers(agg, every)
}

func numbers(agg condition.Aggregate, values []any) any {
	sum, n := new(big.Rat), int64(0)
	var low, high *big.Rat
	for _, v := range values {
		x, ok := v.(*big.Rat)
		if !ok {
			continue
		}
		n++
		sum.Add(sum, x)
		if low == nil || x.Cmp(low) < 0 {
			low = x
		}
		if high == nil || x.Cmp(high) > 0 {
			high = x
		}
	}
	switch {
	case agg == condition.Sum:
		return sum
	case n == 0:
		return nil
	case agg == condition.Min:
		return low
	case agg == condition.Max:
		return high
	}
	return sum.Quo(sum, new(big.Rat).SetInt64(n))
}

type counted struct {
	v any
	n int
}

func counts(values []any) []counted {
	var out []counted
	for _, v := range values {
		i := slices.IndexFunc(out, func(c counted) bool { return order(c.v, v) == 0 })
		if i < 0 {
			out = append(out, counted{v, 0})
			i = len(out) - 1
		}
		out[i].n++
	}
	return out
}

func mostFrequent(values []any) any {
	all := counts(values)
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(a, b counted) int { return cmp.Or(cmp.Compare(b.n, a.n), order(a.v, b.v)) }).v
}

// order sorts values: texts, numbers, false, true.
func order(a, b any) int {
	rank := func(v any) int {
		switch v.(type) {
		case string:
			return 1
		case *big.Rat:
			return 2
		}
		return 3
	}
	if c := cmp.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	switch x := a.(type) {
	case string:
		return strings.Compare(x, b.(string))
	case *big.Rat:
		return x.Cmp(b.(*big.Rat))
	case bool:
		switch y := b.(bool); {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
	return 0
}

// inside tells whether a time is in a window now.
func (w *world) inside(win *condition.Window, at clock.Instant) bool {
	switch win.Kind {
	case condition.Fixed:
		return (win.From == 0 || at >= win.From) && (win.To == 0 || at < win.To)
	case condition.Sliding:
		age := w.now.Sub(at)
		return (win.Last == 0 || age < win.Last) && (win.Until == 0 || age >= win.Until)
	case condition.Calendar:
		ago := periodNumber(win, w.now) - periodNumber(win, at)
		return ago < win.Ago+win.Periods && (win.Ago == 0 || ago >= win.Ago)
	}
	return true
}

// periodNumber numbers the periods of the calendar.
func periodNumber(win *condition.Window, at clock.Instant) int {
	zone := time.UTC
	if win.Zone != "" {
		var err error
		if zone, err = time.LoadLocation(win.Zone); err != nil {
			panic(err)
		}
	}
	y, m, d := at.Time().In(zone).Date()
	days := int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86_400)
	switch win.Unit {
	case condition.Day:
		return days
	case condition.Week:
		return (days + 3) / 7 // 1970-01-01 was a Thursday
	case condition.Month:
		return y*12 + int(m)
	case condition.Quarter:
		return y*4 + (int(m)-1)/3
	}
	return y
}

func (w *world) events(q *condition.Question) []thing {
	var out []thing
	for _, e := range w.Events {
		if !w.matches(&q.Match, e) || q.Item != nil && !w.about(q, items(properties(e))) {
			continue
		}
		t := thing{at: e.Time, order: e.MessageID}
		if q.Of != "" {
			t.values = follow(properties(e), q.Of)
		}
		out = append(out, t)
	}
	return out
}

func properties(e *event.Event) any {
	if e.Properties.Kind() != jsondoc.Object {
		return map[string]any{}
	}
	return decode(e.Properties.Raw())
}

func (w *world) matches(m *condition.Match, e *event.Event) bool {
	if m.Name != "" && m.Name != e.Name || m.Type != "" && m.Type != e.Type.String() {
		return false
	}
	if m.Action != "" && m.Action != w.action(e) {
		return false
	}
	return !slices.ContainsFunc(m.Filters, func(f condition.Filter) bool {
		return !w.test(&f.Test, w.said(&f, e), e.Time)
	})
}

func (w *world) action(e *event.Event) string {
	if w.Mapping != nil {
		if m := w.Mapping(e.Source); m != nil {
			if a, ok := m.Classify(e); ok {
				return a.Name
			}
		}
	}
	return e.ItemAction
}

func (w *world) said(f *condition.Filter, e *event.Event) []any {
	switch f.Field {
	case condition.Channel:
		if e.Channel == "" {
			return nil
		}
		return []any{e.Channel}
	case condition.Source:
		return []any{e.Source}
	case condition.EventContext:
		if e.Context.Exists() {
			if own := follow(decode(e.Context.Raw()), f.Path); own != nil {
				return own
			}
		}
		for _, v := range [...]jsondoc.Value{e.Shared, e.Derived} {
			if !v.Exists() {
				continue
			}
			if said := follow(decode(v.Raw()), f.Path); said != nil {
				return said
			}
		}
		return nil
	}
	return follow(properties(e), f.Path)
}

// items are the ids of the items that properties or a line are about.
func items(v any) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	var out []string
	if id := itemID(m); id != "" {
		out = append(out, id)
	}
	for _, list := range []string{"products", "line_items", "lineItems", "lines"} {
		if lines, ok := m[list].([]any); ok {
			for _, l := range lines {
				if inner, ok := l.(map[string]any); ok {
					if id := itemID(inner); id != "" {
						out = append(out, id)
					}
				}
			}
			break
		}
	}
	return out
}

func itemID(m map[string]any) string {
	for _, name := range []string{"product_id", "productId", "_id", "sku"} {
		for _, v := range flat(m[name]) {
			switch x := v.(type) {
			case string:
				if s := strings.TrimSpace(x); s != "" {
					return s
				}
			case *big.Rat:
				return plainNumber(x)
			}
		}
	}
	return ""
}

func plainNumber(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	const digits = 19
	return strings.TrimRight(r.FloatString(digits), "0")
}

// about tells whether one of the items is one that the question asks for.
func (w *world) about(q *condition.Question, ids []string) bool {
	var values []any
	for _, id := range ids {
		if q.Attr == "" {
			values = append(values, id)
			continue
		}
		// An attribute is tested item by item: a negated test asks for one item
		// that is not so.
		if w.test(q.Item, w.attribute(id, q.Attr), w.now) {
			return true
		}
	}
	return q.Attr == "" && w.test(q.Item, values, w.now)
}

func (w *world) attribute(id, name string) []any {
	if w.Item == nil {
		return nil
	}
	return flat(w.Item(id, name))
}
