package condition

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/segment/decimal"
)

// expectation is what the values of a field can be.
type expectation uint8

const (
	anything expectation = iota
	texts
	numbers
	dates
	booleans
)

var expected = [...]string{"anything", "texts", "numbers", "times", "true or false"}

// testKeys are the members that say a test.
var testKeys = []string{
	"op", "value", "values", "min", "max", "from", "to", "from_open", "to_open", "in", "not_in", "like", "not_like",
	"contains", "starts_with", "ends_with", "exists", "before", "after", "within", "within_next",
}

// operators are the ways to write an operator.
var operators = map[string]string{
	"=": "=", "==": "=", "eq": "=", "equals": "=", "is": "=", "equal": "=",
	"!=": "!=", "<>": "!=", "ne": "!=", "neq": "!=", "is not": "!=", "not equals": "!=",
	"in": "in", "one of": "in", "not in": "not in", "nin": "not in", "none of": "not in",
	"like": "like", "not like": "not like",
	"contains": "contains", "not contains": "not contains", "starts with": "starts with", "ends with": "ends with",
	"exists": "exists", "is set": "exists", "missing": "missing", "not exists": "missing", "is not set": "missing",
	"<": "<", "lt": "<", "<=": "<=", "lte": "<=", "le": "<=", ">": ">", "gt": ">", ">=": ">=", "gte": ">=", "ge": ">=",
	"before": "<", "after": ">", "between": "between", "not between": "not between",
	"within": "within", "within last": "within", "in last": "within", "within next": "within next", "in next": "within next",
}

func operatorNames() []string {
	return []string{"=", "!=", "in", "not in", "like", "not like", "contains", "starts with", "ends with", "exists", "missing", "<", "<=", ">", ">=", "between", "not between", "within", "within next"}
}

// nested reads a test that has an object to itself. A bare value is equality.
func (r *raw) nested(want expectation, own []string) (Test, error) {
	switch r.kind {
	case jsondoc.Object:
		return r.test(want, own)
	case jsondoc.Array:
		return r.in(want, false)
	default:
		v, err := r.constant(want)
		return Test{Op: In, Values: []Value{v}}, err
	}
}

// test reads the test in an object whose other members are own.
func (r *raw) test(want expectation, own []string) (Test, error) {
	if err := r.known(own, testKeys); err != nil {
		return Test{}, err
	}
	if op := r.get("op"); op != nil {
		return r.byOperator(op, want)
	}
	for _, key := range [...]string{"value", "values", "in", "not_in", "like", "not_like", "contains", "starts_with", "ends_with", "exists", "within", "within_next"} {
		v := r.get(key)
		if v == nil {
			continue
		}
		if err := r.alone(key, own); err != nil {
			return Test{}, err
		}
		if key == "exists" {
			return existence(v)
		}
		name := map[string]string{"value": "=", "values": "in"}[key]
		if name == "" {
			name = strings.ReplaceAll(key, "_", " ")
		}
		return v.compare(name, want)
	}
	if slices.ContainsFunc(rangeKeys, r.has) {
		return r.span(want, own)
	}
	return Test{Op: Exists}, nil
}

// alone refuses a second test beside the one under key.
func (r *raw) alone(key string, own []string) error {
	for _, k := range r.keys {
		if k != key && slices.Contains(testKeys, k) && !slices.Contains(own, k) {
			return bad(r.at+"/"+k, "invalid_condition", "%q and %q are two tests: write two conditions, joined by all or any", key, k)
		}
	}
	return nil
}

func existence(v *raw) (Test, error) {
	if v.kind != jsondoc.True {
		return Test{}, bad(v.at, "type_mismatch", "exists is true or false, not %s", v.describe())
	}
	return Test{Op: Exists, Not: !v.is}, nil
}

func (r *raw) byOperator(op *raw, want expectation) (Test, error) {
	name, ok := operators[strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(op.text, "_", " ")), " "))]
	if op.kind != jsondoc.String || !ok {
		return Test{}, bad(op.at, "unknown_operator", "%s is no operator%s", op.describe(), meant(op.text, operatorNames()))
	}
	switch name {
	case "exists", "missing":
		return Test{Op: Exists, Not: name == "missing"}, r.alone("op", nil)
	case "between", "not between":
		return r.between(name, want)
	}
	v := r.get("value")
	if v == nil {
		v = r.get("values")
	}
	if v == nil {
		return Test{}, bad(r.at, "invalid_condition", "the operator %q needs a \"value\"", name)
	}
	for _, k := range r.keys {
		if slices.Contains(testKeys, k) && k != "op" && k != "value" && k != "values" {
			return Test{}, bad(r.at+"/"+k, "invalid_condition", "%q does not go with the operator %q: write two conditions", k, name)
		}
	}
	return v.compare(name, want)
}

// compare makes the test of one operator with a value.
func (r *raw) compare(op string, want expectation) (Test, error) {
	switch op {
	case "=", "!=":
		if r.kind == jsondoc.Array {
			return Test{}, bad(r.at, "type_mismatch", "%q compares with one value: for a list use \"in\"", op)
		}
		v, err := r.constant(want)
		return Test{Op: In, Not: op == "!=", Values: []Value{v}}, err
	case "in", "not in":
		return r.in(want, op == "not in")
	case "like", "not like", "contains", "not contains", "starts with", "ends with":
		return r.like(op, want)
	case "within", "within next":
		return r.near(op, want)
	}
	b, err := r.bound(want)
	if err != nil {
		return Test{}, err
	}
	b.Open = op == "<" || op == ">"
	if op[0] == '<' {
		return Test{Op: Range, High: &b}, nil
	}
	return Test{Op: Range, Low: &b}, nil
}

func (r *raw) in(want expectation, not bool) (Test, error) {
	t := Test{Op: In, Not: not}
	if r.kind != jsondoc.Array || len(r.kids) == 0 || len(r.kids) > MaxValues {
		return t, bad(r.at, "invalid_condition", "\"in\" takes a list of 1 to %d values, not %s", MaxValues, r.describe())
	}
	for _, k := range r.kids {
		v, err := k.constant(want)
		if err != nil {
			return t, err
		}
		if len(t.Values) > 0 && t.Values[0].Kind != v.Kind {
			return t, bad(k.at, "type_mismatch", "%s stands in a list of another type: write one list per type, joined by any", k.describe())
		}
		t.Values = append(t.Values, v)
	}
	slices.SortFunc(t.Values, compareValues)
	t.Values = slices.Compact(t.Values)
	return t, nil
}

func compareValues(a, b Value) int {
	if c := cmp.Or(cmp.Compare(a.Kind, b.Kind), a.Num.Cmp(b.Num), strings.Compare(a.Text, b.Text)); c != 0 {
		return c
	}
	switch {
	case a.Bool == b.Bool:
		return 0
	case b.Bool:
		return -1
	}
	return 1
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (r *raw) like(op string, want expectation) (Test, error) {
	if r.kind != jsondoc.String || want != anything && want != texts {
		return Test{}, bad(r.at, "type_mismatch", "%q compares texts with a text, not with %s", op, r.describe())
	}
	if len(r.text) > MaxText || r.text == "" {
		return Test{}, bad(r.at, "invalid_condition", "a pattern has 1 to %d bytes", MaxText)
	}
	text := r.text
	switch op {
	case "contains", "not contains":
		text = "%" + escapeLike.Replace(text) + "%"
	case "starts with":
		text = escapeLike.Replace(text) + "%"
	case "ends with":
		text = "%" + escapeLike.Replace(text)
	}
	return Test{Op: Like, Not: strings.HasPrefix(op, "not "), Values: []Value{{Kind: String, Text: text}}}, nil
}

// near is the last or the next so long.
func (r *raw) near(op string, want expectation) (Test, error) {
	if want != anything && want != dates {
		return Test{}, bad(r.at, "type_mismatch", "%q is for times, and this field holds %s", op, expected[want])
	}
	d, err := r.duration()
	if err != nil {
		return Test{}, err
	}
	now := Value{Kind: Date, Relative: true}
	far := Value{Kind: Date, Relative: true, Offset: -d}
	if op == "within" && want == dates {
		// What happened lies in the past, whatever its clock said.
		return Test{Op: Range, Low: &Bound{Value: far, Open: true}}, nil
	}
	if op == "within" {
		return Test{Op: Range, Low: &Bound{Value: far, Open: true}, High: &Bound{Value: now}}, nil
	}
	far.Offset = d
	return Test{Op: Range, Low: &Bound{Value: now, Open: true}, High: &Bound{Value: far}}, nil
}

var rangeKeys = []string{"min", "max", "from", "to", "after", "before"}

// span is a range whose ends are members of their own: min, max, from and to
// are inside, after and before are not.
func (r *raw) span(want expectation, own []string) (Test, error) {
	t := Test{Op: Range}
	for _, k := range rangeKeys {
		v := r.get(k)
		if v == nil || slices.Contains(own, k) {
			continue
		}
		b, err := v.bound(want)
		if err != nil {
			return t, err
		}
		end := &t.Low
		if k == "max" || k == "to" || k == "before" {
			end = &t.High
		}
		b.Open = k == "after" || k == "before" || r.flag(k+"_open")
		if *end != nil {
			return t, bad(v.at, "invalid_condition", "the range has this end twice: write it once")
		}
		*end = &b
	}
	return t, t.ordered(r.at)
}

func (r *raw) flag(key string) bool {
	v := r.get(key)
	return v != nil && v.kind == jsondoc.True && v.is
}

func (r *raw) between(op string, want expectation) (Test, error) {
	t := Test{Op: Range, Not: op == "not between"}
	v := r.get("value")
	if v == nil {
		s, err := r.span(want, []string{"op"})
		s.Not = t.Not
		if err == nil && (s.Low == nil || s.High == nil) {
			err = bad(r.at, "invalid_condition", "%q needs both ends: \"value\": [low, high] or \"from\" and \"to\"", op)
		}
		return s, err
	}
	const ends = 2
	if v.kind != jsondoc.Array || len(v.kids) != ends {
		return t, bad(v.at, "type_mismatch", "%q takes a list of two values, not %s", op, v.describe())
	}
	low, err := v.kids[0].bound(want)
	if err != nil {
		return t, err
	}
	high, err := v.kids[1].bound(want)
	t.Low, t.High = &low, &high
	if err != nil {
		return t, err
	}
	return t, t.ordered(r.at)
}

// ordered refuses ranges of two types, and those that hold nothing.
func (t *Test) ordered(at string) error {
	if t.Low == nil || t.High == nil {
		return nil
	}
	low, high := t.Low.Value, t.High.Value
	var empty bool
	switch {
	case low.Kind != high.Kind:
		return bad(at, "type_mismatch", "the ends of the range are a %s and a %s: give both of one type", kindNames[low.Kind], kindNames[high.Kind])
	case low.Kind == Number:
		empty = low.Num.Cmp(high.Num) > 0
	case low.Relative != high.Relative:
	case low.Relative:
		empty = low.Offset > high.Offset
	default:
		empty = low.Time > high.Time
	}
	if empty {
		return bad(at, "invalid_condition", "the range ends before it begins: swap its ends")
	}
	return nil
}

var kindNames = [...]string{"", "text", "number", "boolean", "time"}

// rangeMends say what to write instead of a range that a field does not have.
var rangeMends = [...]string{
	texts: "compare it with \"=\", \"in\" or \"like\"", numbers: "give a number",
	dates: "give a time such as \"2026-01-31\" or \"now-30d\"", booleans: "compare it with \"=\"",
}

// bound reads the end of a range: a number or a time.
func (r *raw) bound(want expectation) (Bound, error) {
	switch {
	case r.kind == jsondoc.Number && (want == anything || want == numbers):
		v, err := r.constant(want)
		return Bound{Value: v}, err
	case r.kind == jsondoc.String && (want == anything || want == dates):
		v, err := r.date()
		return Bound{Value: v}, err
	}
	if want == anything {
		return Bound{}, bad(r.at, "type_mismatch", "a range compares numbers or times, not %s", r.describe())
	}
	return Bound{}, bad(r.at, "type_mismatch", "this field holds %s: it has no range to %s: %s", expected[want], r.describe(), rangeMends[want])
}

// constant reads a value for equality.
func (r *raw) constant(want expectation) (Value, error) {
	mismatch := func() (Value, error) {
		return Value{}, bad(r.at, "type_mismatch", "this field holds %s: it is never equal to %s", expected[want], r.describe())
	}
	switch r.kind {
	case jsondoc.String:
		if want == dates {
			return Value{}, bad(r.at, "type_mismatch", "a time is compared by a range: use before, after, within or between")
		}
		if want == numbers || want == booleans {
			return mismatch()
		}
		if len(r.text) > MaxText {
			return Value{}, bad(r.at, "invalid_condition", "a value has at most %d bytes", MaxText)
		}
		return Value{Kind: String, Text: r.text}, nil
	case jsondoc.Number:
		n, ok := decimal.Parse(r.text)
		if !ok {
			return Value{}, bad(r.at, "invalid_condition", "the number %s has more than 30 digits before its point", clip(r.text))
		}
		if want != anything && want != numbers {
			return mismatch()
		}
		return Value{Kind: Number, Num: n}, nil
	case jsondoc.True:
		if want != anything && want != booleans {
			return mismatch()
		}
		return Value{Kind: Bool, Bool: r.is}, nil
	}
	return Value{}, bad(r.at, "type_mismatch", "a value is a text, a number, true or false, not %s: for no value use \"missing\"", r.describe())
}

// whole reads an integer within limits.
func (r *raw) whole(low, high int) (int, error) {
	n, err := strconv.Atoi(r.text)
	if r.kind != jsondoc.Number || err != nil || n < low || n > high {
		return 0, bad(r.at, "invalid_condition", "this is a whole number from %d to %d, not %s", low, high, r.describe())
	}
	return n, nil
}
