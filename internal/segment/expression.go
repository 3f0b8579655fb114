package segment

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
)

// The names that an expression may use, by slot.
const (
	slotTraits = iota
	slotProfile
	slotComputed
	slots
)

// scope types the person: traits hold anything, the fields of the profile are
// known, and computed has the aggregates and, where all is set, the formulas.
func (c *compiler) scope(all bool) *feel.Scope {
	var profile, computed []feel.Field
	for _, name := range condition.ProfileFields() {
		profile = append(profile, feel.Field{Name: name, Type: profileType(name)})
	}
	for i := range c.set.traits {
		if t := &c.set.traits[i]; all || t.program == nil {
			computed = append(computed, feel.Field{Name: t.key, Type: t.feelType()})
		}
	}
	return feel.NewScope(
		feel.Var{Name: "traits", Type: feel.AnyContextType},
		feel.Var{Name: "profile", Type: feel.ContextType(profile...)},
		feel.Var{Name: "computed", Type: feel.ContextType(computed...)},
	)
}

func profileType(name string) *feel.Type {
	switch {
	case strings.HasSuffix(name, "_count"):
		return feel.NumberType
	case strings.HasSuffix(name, "_seen"), strings.HasSuffix(name, "_at"):
		return feel.DateTimeType
	case name == "anonymous":
		return feel.BooleanType
	}
	return feel.ListType(feel.StringType)
}

func (t *trait) feelType() *feel.Type {
	if t.program != nil {
		return t.program.Type()
	}
	q := t.node.Events
	switch q.Agg {
	case condition.Count, condition.Sum, condition.Average, condition.Min, condition.Max, condition.Unique:
		return feel.NumberType
	case condition.First, condition.Last:
		if q.Of == "" {
			return feel.DateTimeType
		}
	}
	return feel.AnyType
}

// maxFeelSteps bounds one run.
const maxFeelSteps = 100_000

// expression compiles FEEL, typed against the profile. timely tells that it
// asks for the present.
func (c *compiler) expression(n *condition.Node, src string, test bool) (*feel.Program, bool, error) {
	prog, err := feel.Compile(src, c.set.scope, feel.CompileOptions{Strict: true, MaxSource: condition.MaxExpr})
	if err != nil {
		code, issue := "invalid_expression", err.Error()
		if x, ok := errors.AsType[*feel.CompileError](err); ok && len(x.Issues) > 0 {
			d := x.Issues[0]
			issue = "line " + strconv.Itoa(d.Pos.Line) + ", column " + strconv.Itoa(d.Pos.Column) + ": " + d.Message
			if d.Code == feel.CodeType || d.Code == feel.CodeArguments {
				code = "type_mismatch"
			}
		}
		reads := "computed"
		if !test {
			reads = "the computed traits that are no formulas themselves"
		}
		return nil, false, refuse(n, code, "the expression cannot be used: %s; it may read traits, profile and %s", issue, reads)
	}
	if k := prog.Type().Kind(); test && k != feel.TypeBoolean && k != feel.TypeAny && k != feel.TypeNull {
		return nil, false, refuse(n, "type_mismatch", "the expression gives a %s: a condition is true or false; compare it with something", prog.Type())
	}
	return prog, timely(src), nil
}

// timely tells whether a source names the clock. It may say so of a text that
// only looks like it.
func timely(src string) bool {
	s := strings.Join(strings.Fields(src), "")
	return strings.Contains(s, "now()") || strings.Contains(s, "today()") || strings.Contains(s, "now(") || strings.Contains(s, "today(")
}

// expression answers for a leaf of FEEL: it holds where it gives true.
func (e *Evaluator) expression(l *leaf, now clock.Instant) (bool, clock.Instant) {
	at := func(now clock.Instant) (bool, clock.Instant) {
		v, next := e.run(l.program, l.timely, now)
		return v.IsTrue(), next
	}
	was, next := at(now)
	return was, e.exactlyTimely(next, was, l.timely, at)
}

// run runs a program. The present that it sees is the day's beginning in UTC:
// what asks for it changes at midnight and not in between.
func (e *Evaluator) run(p *feel.Program, timely bool, now clock.Instant) (feel.Value, clock.Instant) {
	next := never
	var o feel.Options
	if timely {
		day := dayOf(now, time.UTC)
		next = dayStart(day+1, time.UTC)
		o.Now = feel.FromTime(time.Unix(int64(day)*86_400, 0).UTC())
	}
	o.NoDiagnostics = true
	o.Limits.Steps = maxFeelSteps
	var in [slots]feel.Value
	for _, slot := range p.Inputs() {
		switch slot {
		case slotTraits, slotProfile:
			in[slot] = e.said(slot)
		case slotComputed:
			v, change := e.computedValue(p, now)
			in[slot], next = v, sooner(next, change)
		}
	}
	if e.feel == nil {
		e.feel = feel.NewEvaluator(o)
	} else {
		e.feel.Reset(o)
	}
	return e.feel.Run(p, in[:]), next
}

// said is what the person's traits or profile are, made once per person.
func (e *Evaluator) said(slot int) feel.Value {
	if e.saidAt[slot] != e.epoch {
		e.saidAt[slot] = e.epoch
		if slot == slotTraits {
			e.saidAs[slot] = e.traitsValue()
		} else {
			e.saidAs[slot] = e.profileValue()
		}
	}
	return e.saidAs[slot]
}

func (e *Evaluator) traitsValue() feel.Value {
	b := feel.NewContextBuilder(8)
	var doc jsondoc.Doc
	e.person.Traits(func(name, value string) bool {
		if err := doc.Reset([]byte(value), jsondoc.Limits{StringBytes: len(value), Keys: len(value)}); err == nil {
			b.Put(name, feelValue(doc.Root()))
		}
		return true
	})
	return b.Value()
}

func feelValue(v jsondoc.Value) feel.Value {
	switch v.Kind() {
	case jsondoc.String:
		s, _ := v.Str()
		return feel.String(s)
	case jsondoc.Number:
		n, _ := feel.ParseNumber(v.Number())
		return n
	case jsondoc.True, jsondoc.False:
		return feel.Bool(v.Kind() == jsondoc.True)
	case jsondoc.Array:
		items := make([]feel.Value, 0, v.Len())
		for x := range v.Elements() {
			items = append(items, feelValue(x))
		}
		return feel.ListOf(items...)
	case jsondoc.Object:
		b := feel.NewContextBuilder(v.Len())
		for key, x := range v.Members() {
			b.Put(key, feelValue(x))
		}
		return b.Value()
	}
	return feel.Null
}

func (e *Evaluator) profileValue() feel.Value {
	var c Cells
	b := feel.NewContextBuilder(16)
	for _, name := range condition.ProfileFields() {
		c.Reset()
		e.person.Values(&c, condition.Profile, &condition.Field{Name: name})
		if profileType(name).Kind() == feel.TypeList {
			items := make([]feel.Value, len(c.List))
			for i := range c.List {
				items[i] = c.List[i].feel()
			}
			b.Put(name, feel.ListOf(items...))
			continue
		}
		v := feel.Null
		if len(c.List) > 0 {
			v = c.List[0].feel()
		}
		b.Put(name, v)
	}
	return b.Value()
}

// computedValue holds the computed traits that stand before the program: a
// formula sees the aggregates.
func (e *Evaluator) computedValue(p *feel.Program, now clock.Instant) (feel.Value, clock.Instant) {
	next := never
	formula := false
	for i := range e.set.traits {
		formula = formula || e.set.traits[i].program == p
	}
	b := feel.NewContextBuilder(len(e.set.traits))
	for i := range e.set.traits {
		t := &e.set.traits[i]
		if formula && t.program != nil {
			continue
		}
		c, change := e.traitValue(t, now)
		b.Put(t.key, c.feel())
		next = sooner(next, change)
	}
	return b.Value(), next
}

func (c *Cell) feel() feel.Value {
	switch c.Kind {
	case Text:
		return feel.String(string(c.Text))
	case Number:
		v, _ := feel.ParseNumber(c.Num.Text())
		return v
	case Bool:
		return feel.Bool(c.Bool)
	case Time:
		return feel.FromTime(c.At.Time())
	}
	return feel.Null
}

// cellOf is a value of FEEL as a cell. Times are texts of ISO 8601.
func cellOf(v feel.Value) Cell {
	var c Cells
	switch v.Kind() {
	case feel.KindNull:
		return Cell{}
	case feel.KindBoolean:
		return Cell{Kind: Bool, Bool: v.IsTrue()}
	case feel.KindNumber:
		c.AddJSON(v.String(), "")
	case feel.KindDateTime:
		if t, ok := v.AsTime(); ok {
			return Cell{Kind: Time, At: clock.From(t)}
		}
	case feel.KindList, feel.KindContext, feel.KindRange, feel.KindFunction:
		return Cell{Kind: Other}
	default:
		c.AddText(v.String())
	}
	if len(c.List) == 1 {
		return c.List[0]
	}
	return Cell{Kind: Other}
}

// json is the cell as canonical JSON, "" where it is nothing.
func (c *Cell) json() string {
	switch c.Kind {
	case Null, Other:
		return ""
	case Number, Bool:
		return c.text()
	}
	return string(jsondoc.AppendString(nil, c.text()))
}
