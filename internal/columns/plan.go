package columns

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/jsondoc"
	"rapport/internal/segment"
	"rapport/internal/segment/condition"
)

// Language is what a plan needs beside the condition.
type Language struct {
	Now clock.Instant
	// Evaluation gives the number of the evaluation that says who is in a
	// segment; false where there is none.
	Evaluation func(segment string) (uint64, bool)
	// Computed is Evaluation for computed traits; nil knows none.
	Computed func(trait string) (uint64, bool)
}

// Plan turns a condition into what the columns can answer. What they cannot is
// unknown in it, so its answer is never wrong.
func Plan(n *condition.Node, l Language) Node {
	switch n.Kind {
	case condition.All:
		return All(l.plans(n.Nodes))
	case condition.Any:
		return Any(l.plans(n.Nodes))
	case condition.Not:
		return Not{Plan(n.Nodes[0], l)}
	case condition.Always:
		return Everybody(Yes)
	case condition.Segment:
		if m, ok := l.Evaluation(n.Ref); ok {
			return Member(m)
		}
	case condition.Trait, condition.Identifier, condition.Consent, condition.Context, condition.Profile:
		test := n.Field.Test
		test.Not = false // for one of the values; the negation is put around it
		return negated(l.field(n.Kind, n.Field, &test), n.Field.Test.Not)
	case condition.Events:
		return l.events(n.Events)
	case condition.Computed:
		return l.own(n.Field)
	}
	return Everybody(Unknown)
}

// own asks for a computed trait, of those of whom it is known as of now.
func (l Language) own(f *condition.Field) Node {
	if l.Computed == nil {
		return Everybody(Unknown)
	}
	evaluation, ok := l.Computed(f.Name)
	if !ok {
		return Everybody(Unknown)
	}
	c, test := ownFields(evaluation), f.Test
	test.Not = false // for one of the values; the negation is put around it
	known := All{Scalar{c.value, anything()}, Not{Expired(evaluation, l.Now)}}
	return Any{
		All{known, negated(Any{Scalar{c.value, l.test(&test)}, Scalar{c.at, l.instants(&test)}}, f.Test.Not)},
		All{Not{known}, Everybody(Unknown)},
	}
}

func (l Language) plans(nodes []*condition.Node) []Node {
	out := make([]Node, len(nodes))
	for i, n := range nodes {
		out[i] = Plan(n, l)
	}
	return out
}

func negated(n Node, not bool) Node {
	if not {
		return Not{n}
	}
	return n
}

func (l Language) field(kind condition.Kind, f *condition.Field, t *condition.Test) Node {
	switch kind {
	case condition.Trait:
		return l.trait(f.Name, t)
	case condition.Identifier:
		return identifier(f.Name, t)
	case condition.Consent:
		return Scalar{Field{Consent, f.Name}, l.test(t)}
	case condition.Context:
		return l.context(f, t)
	}
	return l.profile(f.Name, t)
}

// trait asks for a trait by its name, else for a part of one by a path.
func (l Language) trait(path string, t *condition.Test) Node {
	whole := Scalar{Field{Trait, path}, l.test(t)}
	name, rest, deep := strings.Cut(path, ".")
	if !deep {
		return whole
	}
	return Any{whole, All{
		Not{Scalar{Field{Trait, path}, anything()}},
		Scalar{Field{Trait, name}, l.testAt(t, rest)},
	}}
}

// anything holds for all who have a value.
func anything() Test {
	return Test{
		Text:   func(string) Verdict { return Yes },
		Ranges: []Range{{math.Inf(-1), math.Inf(1)}},
	}
}

func identifier(namespace string, t *condition.Test) Node {
	switch t.Op {
	case condition.Exists:
		return HasIdentifier{Namespace: namespace}
	case condition.In:
		h := HasIdentifier{Namespace: namespace, Values: []string{}}
		for i := range t.Values {
			if t.Values[i].Kind == condition.String {
				h.Values = append(h.Values, t.Values[i].Text)
			}
		}
		return h
	}
	return Everybody(Unknown) // the values themselves are not kept
}

// ContextFields tells whether the columns have an aspect of the context, and
// what of it they leave out.
func ContextFields(aspect string, first bool) (kept bool, without []string) {
	if first && aspect != "campaign" && aspect != "referrer" {
		return false, nil
	}
	if aspect == "device" {
		return true, []string{"advertisingId", "id", "token"} // different for everybody
	}
	return true, nil
}

func (l Language) context(f *condition.Field, t *condition.Test) Node {
	aspect, rest, _ := strings.Cut(f.Name, ".")
	kept, without := ContextFields(aspect, f.First)
	key, _, _ := strings.Cut(rest, ".")
	if !kept || slices.Contains(without, key) {
		return Everybody(Unknown)
	}
	kind := Latest
	if f.First {
		kind = First
	}
	return Scalar{Field{kind, aspect}, l.testAt(t, rest)}
}

// profile asks for what events come to.
func (l Language) profile(name string, t *condition.Test) Node {
	field := Field{Computed, name}
	switch name {
	case "first_seen", "last_seen", "first_order_at", "last_order_at":
		return Scalar{field, l.instants(t)}
	case "event_count", "session_count", "order_count", "anonymous", "channel", "account":
		return Scalar{field, l.test(t)}
	}
	return Everybody(Unknown)
}

// test is a test of canonical values.
func (l Language) test(t *condition.Test) Test {
	out := Test{Text: func(json string) Verdict { return verdictOf(segment.Matches(t, json, l.Now)) }}
	switch {
	case t.Op == condition.Exists:
		out.Ranges = anything().Ranges
	case t.Op == condition.In:
		l.constants(&out, t)
	case t.Op == condition.Range && numeric(t):
		if r, ok := rangeOf(t); ok {
			out.Ranges = []Range{r}
			break
		}
		out.Number = l.number(t)
	}
	return out
}

// few is how many numbers are compared one by one.
const few = 8

// constants looks for the values of a test, which are of one type. Numbers
// with many digits are texts too, so Text decides on texts where numbers are
// looked for.
func (l Language) constants(out *Test, t *condition.Test) {
	numbers := map[float64]bool{}
	for i := range t.Values {
		switch v := &t.Values[i]; v.Kind {
		case condition.String:
			out.Only = append(out.Only, string(jsondoc.AppendString(nil, v.Text)))
		case condition.Bool:
			out.Only = append(out.Only, strconv.FormatBool(v.Bool))
		case condition.Number:
			if x, ok := exact(v.Num.Text()); ok {
				numbers[x] = true
			}
		}
	}
	if len(numbers) > few {
		out.Number = func(x float64) Verdict { return verdictOf(numbers[x]) }
		return
	}
	for x := range numbers {
		out.Ranges = append(out.Ranges, Range{x, x})
	}
}

func numeric(t *condition.Test) bool {
	return (t.Low == nil || t.Low.Value.Kind == condition.Number) && (t.High == nil || t.High.Value.Kind == condition.Number)
}

// rangeOf is a range of numbers as floats, where its ends have few digits.
func rangeOf(t *condition.Test) (Range, bool) {
	r := Range{math.Inf(-1), math.Inf(1)}
	if t.Low != nil {
		x, ok := exact(t.Low.Value.Num.Text())
		if !ok {
			return r, false
		}
		r.From = x
		if t.Low.Open {
			r.From = math.Nextafter(x, math.Inf(1))
		}
	}
	if t.High != nil {
		x, ok := exact(t.High.Value.Num.Text())
		if !ok {
			return r, false
		}
		r.To = x
		if t.High.Open {
			r.To = math.Nextafter(x, math.Inf(-1))
		}
	}
	return r, true
}

func (l Language) number(t *condition.Test) func(float64) Verdict {
	return func(x float64) Verdict { return verdictOf(segment.Matches(t, numberText(x), l.Now)) }
}

// testAt is a test of what is at a path of a value; "" is the value itself.
func (l Language) testAt(t *condition.Test, path string) Test {
	if path == "" {
		return l.test(t)
	}
	return Test{Text: func(json string) Verdict { return verdictOf(segment.MatchesAt(t, json, path, l.Now)) }}
}

// instants is a test of instants.
func (l Language) instants(t *condition.Test) Test {
	if t.Op == condition.Exists {
		return anything()
	}
	if t.Op != condition.Range || numeric(t) {
		return Test{Number: func(x float64) Verdict {
			return verdictOf(segment.MatchesTime(t, clock.Instant(x), l.Now))
		}}
	}
	r := Range{math.Inf(-1), math.Inf(1)}
	if t.Low != nil {
		r.From = float64(l.instant(t.Low))
		if t.Low.Open {
			r.From++
		}
	}
	if t.High != nil {
		r.To = float64(l.instant(t.High))
		if t.High.Open {
			r.To--
		}
	}
	return Test{Ranges: []Range{r}}
}

func (l Language) instant(b *condition.Bound) clock.Instant {
	if b.Value.Relative {
		return l.Now.Add(b.Value.Offset)
	}
	return b.Value.Time
}

func verdictOf(holds bool) Verdict {
	if holds {
		return Yes
	}
	return No
}

// events asks how often something with a name happened.
func (l Language) events(q *condition.Question) Node {
	m := &q.Match
	if q.What != condition.Event || q.Agg != condition.Count || q.Item != nil || m.Name == "" || m.Type != "" || m.Action != "" ||
		len(m.Filters) > 0 {
		return Everybody(Unknown)
	}
	d := Did{Name: m.Name, Max: Often}
	d.From, d.To = segment.Bounds(&q.Window, l.Now)
	switch q.Test.Op {
	case condition.Exists:
		return Everybody(verdictOf(!q.Test.Not)) // a count always is
	case condition.In:
		return negated(d.oneOf(q.Test.Values), q.Test.Not)
	case condition.Range:
		if numeric(&q.Test) {
			return negated(d.between(&q.Test), q.Test.Not)
		}
	}
	return Everybody(verdictOf(q.Test.Not))
}

func (d Did) oneOf(values []condition.Value) Node {
	out := Any{}
	for i := range values {
		if n, whole := values[i].Num.Whole(); values[i].Kind == condition.Number && whole && n >= 0 {
			d.Min, d.Max = uint64(n), uint64(n)
			out = append(out, d)
		}
	}
	return out
}

// between counts within the whole numbers of a range.
func (d Did) between(t *condition.Test) Node {
	if t.Low != nil && !t.Low.Value.Num.Negative() {
		n, whole := t.Low.Value.Num.Whole()
		if !whole {
			n, _ = t.Low.Value.Num.Sub(t.Low.Value.Num.Fraction()).Whole()
		}
		if !whole || t.Low.Open {
			n++
		}
		d.Min = uint64(n)
	}
	if t.High != nil {
		if t.High.Value.Num.Negative() {
			return Everybody(No)
		}
		n, whole := t.High.Value.Num.Whole()
		if !whole {
			n, _ = t.High.Value.Num.Sub(t.High.Value.Num.Fraction()).Whole()
		} else if t.High.Open {
			n--
		}
		if n < 0 {
			return Everybody(No)
		}
		d.Max = uint64(n)
	}
	return d
}
