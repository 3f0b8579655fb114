package condition

import (
	"slices"
	"strings"

	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/decimal"
)

// aggregates are the members that say an aggregate.
var aggregates = map[string]Aggregate{
	"count": Count, "times": Count, "sum": Sum, "avg": Average, "average": Average, "min": Min, "max": Max,
	"unique": Unique, "first": First, "last": Last, "most_frequent": MostFrequent,
}

var aggregateKeys = []string{"count", "times", "sum", "avg", "average", "min", "max", "unique", "first", "last", "most_frequent"}

// String is the aggregate's name.
func (a Aggregate) String() string {
	return [...]string{"", "count", "sum", "avg", "min", "max", "unique", "first", "last", "most_frequent"}[a]
}

var (
	matchKeys = []string{"event", "page", "screen", "action", "type", "where"}
	chainKeys = []string{"followed_by", "not_followed_by"}
)

func (p *parser) question(r *raw) (*Node, error) {
	if r.has("followed_by") || r.has("not_followed_by") {
		return p.followed(r)
	}
	q := &Question{What: Event}
	own := append([]string{"item", "window", "within"}, aggregateKeys...)
	var err error
	switch {
	case r.has("order"):
		q.What = Order
		own = append(own, "order", "where")
		err = r.get("order").mere("order")
	case r.has("order_item"):
		q.What = OrderLine
		own = append(own, "order_item", "where")
		err = r.get("order_item").mere("order_item")
	default:
		own = append(own, matchKeys...)
	}
	if err == nil {
		err = r.known(own)
	}
	if err == nil {
		err = q.read(r)
	}
	return &Node{Kind: Events, At: r.at, Events: q}, err
}

// mere refuses anything but true and an empty object behind order.
func (r *raw) mere(what string) error {
	if r.kind == jsondoc.True && r.is || r.kind == jsondoc.Object && len(r.keys) == 0 {
		return nil
	}
	return bad(r.at, "invalid_condition", "write \"%s\": {} and the details beside it, not %s", what, r.describe())
}

func (q *Question) read(r *raw) error {
	var err error
	if q.What == Event {
		if q.Match, err = r.match(); err != nil {
			return err
		}
	} else if q.Match.Filters, err = r.filters(); err != nil {
		return err
	}
	if err = q.orderFields(r); err != nil {
		return err
	}
	if i := r.get("item"); i != nil {
		if q.What == Order {
			return bad(i.at, "invalid_condition", "an order has many items: ask for order_item")
		}
		if err = q.item(i); err != nil {
			return err
		}
	}
	if err = q.aggregate(r); err != nil {
		return err
	}
	q.Window, err = r.window(true)
	return err
}

// orderFields are the fields of an order that a profile keeps.
var orderFields = []string{"currency", "status", "total"}

func (q *Question) orderFields(r *raw) error {
	if q.What != Order {
		return nil
	}
	for _, f := range q.Match.Filters {
		if f.Field != Property || !slices.Contains(orderFields, f.Path) {
			return bad(r.at+"/where", "unknown_field", "an order is filtered by %s; for anything else ask for its event", strings.Join(orderFields, ", "))
		}
	}
	return nil
}

// item reads which items are meant: an id, a list of ids, or a present
// attribute of the catalog.
func (q *Question) item(r *raw) error {
	if r.kind != jsondoc.Object {
		t, err := r.nested(texts, nil)
		q.Item = &t
		return err
	}
	if r.has("id") {
		if err := r.known([]string{"id"}); err != nil {
			return err
		}
		t, err := r.get("id").nested(texts, nil)
		q.Item = &t
		return err
	}
	a := r.get("attribute")
	if a == nil {
		return bad(r.at, "invalid_condition", "an item is named by \"id\" or by \"attribute\" with a test")
	}
	var err error
	if q.Attr, err = a.name("an item's attribute or dimension"); err != nil {
		return err
	}
	t, err := r.test(anything, []string{"attribute"})
	q.Item = &t
	return err
}

func (r *raw) match() (Match, error) {
	var m Match
	for _, k := range [...]string{"event", "page", "screen"} {
		v := r.get(k)
		if v == nil {
			continue
		}
		if m.Name != "" || m.Type != "" {
			return m, bad(v.at, "invalid_condition", "event, page and screen are three kinds of thing: write one")
		}
		name, err := v.name("the name of " + k)
		if err != nil {
			return m, err
		}
		if name != "*" {
			m.Name = name
		}
		if k != "event" {
			m.Type = k
		}
	}
	if a := r.get("action"); a != nil {
		var err error
		if m.Action, err = a.name("an item action"); err != nil {
			return m, err
		}
	}
	if t := r.get("type"); t != nil {
		if event.TypeOf(t.text) == 0 || m.Type != "" && m.Type != t.text {
			return m, bad(t.at, "invalid_condition", "type is track, identify, page, screen, group or alias, not %s", t.describe())
		}
		m.Type = t.text
	}
	var err error
	m.Filters, err = r.filters()
	return m, err
}

func (r *raw) filters() ([]Filter, error) {
	w := r.get("where")
	if w == nil {
		return nil, nil
	}
	var out []Filter
	switch w.kind {
	case jsondoc.Object:
		if len(w.keys) > 0 && slices.ContainsFunc(filterKeys, w.has) && (w.has("op") || w.has("value")) {
			f, err := w.filter()
			return []Filter{f}, err
		}
		for i, k := range w.keys {
			t, err := w.kids[i].nested(anything, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, Filter{Field: Property, Path: k, Test: t})
		}
	case jsondoc.Array:
		for _, k := range w.kids {
			f, err := k.filter()
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
	default:
		return nil, bad(w.at, "invalid_condition", "where is a list such as [{\"property\": \"total\", \"op\": \">\", \"value\": 50}], not %s", w.describe())
	}
	if len(out) == 0 || len(out) > MaxFilters {
		return nil, bad(w.at, "invalid_condition", "where has 1 to %d tests, not %d", MaxFilters, len(out))
	}
	slices.SortStableFunc(out, compareFilters)
	return out, nil
}

var filterKeys = []string{"property", "context", "channel", "source"}

func (r *raw) filter() (Filter, error) {
	var f Filter
	if r.kind != jsondoc.Object {
		return f, bad(r.at, "invalid_condition", "a test of an event is an object such as {\"property\": \"total\", \"op\": \">\", \"value\": 50}, not %s", r.describe())
	}
	i := slices.IndexFunc(filterKeys, r.has)
	if i < 0 {
		return f, bad(r.at, "invalid_condition", "nothing says what is tested: name property, context, channel or source")
	}
	key := filterKeys[i]
	f.Field = FilterField(i + 1)
	v := r.get(key)
	var err error
	if f.Field == Channel || f.Field == Source {
		if err = r.known([]string{key}); err == nil {
			f.Test, err = v.nested(texts, nil)
		}
		return f, err
	}
	if f.Path, err = v.name("the path of " + key); err != nil {
		return f, err
	}
	f.Test, err = r.test(anything, []string{key})
	return f, err
}

// aggregate reads what is made of the things that match: at least one, if it
// does not say.
func (q *Question) aggregate(r *raw) error {
	key := ""
	for _, k := range aggregateKeys {
		if !r.has(k) {
			continue
		}
		if key != "" {
			return bad(r.at+"/"+k, "invalid_condition", "%q and %q are two aggregates: write two conditions", key, k)
		}
		key = k
	}
	if key == "" {
		q.Agg, q.Test = Count, Test{Op: Range, Low: &Bound{Value: Value{Kind: Number, Num: decimal.Of(1)}}}
		return nil
	}
	q.Agg = aggregates[key]
	v := r.get(key)
	own := []string{"property", "of", "currency"}
	if v.kind != jsondoc.Object {
		if q.Agg != Count {
			return bad(v.at, "invalid_condition", "%q needs to know of what: {\"property\": \"total\", \"min\": 100}", key)
		}
		own = nil
	} else if err := q.of(v, key); err != nil {
		return err
	}
	var err error
	if q.Test, err = v.nested(q.expects(), own); err != nil {
		return err
	}
	if q.Test.Op == Exists {
		q.Test = q.atAll()
	}
	return q.check(v)
}

// of reads the property that is aggregated.
func (q *Question) of(v *raw, key string) error {
	p := v.get("property")
	if p == nil {
		p = v.get("of")
	}
	var err error
	if p != nil {
		if q.Of, err = p.name("a property"); err != nil {
			return err
		}
	}
	if c := v.get("currency"); c != nil {
		if q.Money, err = c.name("a currency"); err != nil {
			return err
		}
		if q.Money = strings.ToUpper(q.Money); len(q.Money) != 3 || strings.Trim(q.Money, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return bad(c.at, "invalid_condition", "a currency has three letters, such as \"EUR\": %s is none", c.describe())
		}
		if q.What != Order {
			return bad(c.at, "invalid_condition", "only the sums of orders have a currency of their own: filter by the property currency")
		}
	}
	needs := q.Agg != Count && q.Agg != First && q.Agg != Last
	switch {
	case q.Agg == Count && q.Of != "":
		return bad(p.at, "invalid_condition", "a count counts events: for different values of a property use unique")
	case q.What == Order && needs && q.Of == "":
		q.Of = "total"
	case needs && q.Of == "":
		return bad(v.at, "invalid_condition", "%q needs to know of what: add \"property\"", key)
	}
	if q.What == Order && q.Of == "total" && q.Money == "" {
		return bad(v.at, "invalid_condition", "orders are in many currencies: add \"currency\", such as \"EUR\"")
	}
	if q.What == Order && q.Of != "" && !slices.Contains(orderFields, q.Of) {
		return bad(v.at, "unknown_field", "an order has %s, not %q", strings.Join(orderFields, ", "), q.Of)
	}
	return nil
}

func (q *Question) expects() expectation {
	switch q.Agg {
	case First, Last:
		if q.Of == "" {
			return dates
		}
		return anything
	case MostFrequent:
		return anything
	}
	return numbers
}

// atAll is the test of an aggregate that says none.
func (q *Question) atAll() Test {
	if q.Agg == Count || q.Agg == Unique {
		return Test{Op: Range, Low: &Bound{Value: Value{Kind: Number, Num: decimal.Of(1)}}}
	}
	return Test{Op: Exists, Not: q.Test.Not}
}

func (q *Question) check(v *raw) error {
	if q.Agg != Count {
		return nil
	}
	for _, b := range q.Test.numbers() {
		if n, whole := b.Whole(); !whole || n < 0 || n > MaxCount {
			return bad(v.at, "invalid_condition", "a count is a whole number from 0 to %d, not %s", MaxCount, b.Text())
		}
	}
	return nil
}

// numbers are the constants of a test of numbers.
func (t *Test) numbers() []decimal.Num {
	var out []decimal.Num
	for _, v := range t.Values {
		out = append(out, v.Num)
	}
	if t.Low != nil {
		out = append(out, t.Low.Value.Num)
	}
	if t.High != nil {
		out = append(out, t.High.Value.Num)
	}
	return out
}
