package segment

import (
	"errors"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/segment/condition"
)

// TraitDefinition is a computed trait of the user's own: an aggregate, such as
// {"event": "Order Completed", "sum": {"property": "total"}, "within": "365d"},
// or a formula, such as {"feel": "computed.ltv * 2"}. What the aggregate would
// be tested for does not count.
type TraitDefinition struct {
	Key   string
	Value *condition.Node // of kind Events or Expression
}

// trait is a computed trait made ready.
type trait struct {
	key     string
	node    *condition.Node
	source  int32 // -1: none
	period  period
	program *feel.Program
	timely  bool
	leaves  []int32 // that compare it
}

// compute takes in computed traits and affinities.
func (c *compiler) compute(d Definitions) error {
	for i := range d.Affinities {
		if err := c.affinity(&d.Affinities[i]); err != nil {
			return about(d.Affinities[i].Key, err)
		}
	}
	// Aggregates come first: formulas read them.
	for _, kind := range [...]condition.Kind{condition.Events, condition.Expression} {
		if kind == condition.Expression {
			c.set.scope = c.scope(false)
		}
		for i := range d.Traits {
			def := &d.Traits[i]
			if def.Value == nil || def.Key == "" || def.Value.Kind != condition.Events && def.Value.Kind != condition.Expression {
				return fault.Errorf(fault.Invalid, "invalid_computed_trait",
					"the computed trait %q is neither an aggregate of events nor an expression: give it \"event\", \"order\" or \"feel\"", def.Key)
			}
			if def.Value.Kind != kind {
				continue
			}
			if err := c.trait(def); err != nil {
				return aboutTrait(def.Key, err)
			}
		}
	}
	c.set.scope = c.scope(true)
	return nil
}

func aboutTrait(key string, err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok {
		return err
	}
	named := *f
	named.Message = "computed trait \"" + key + "\": " + f.Message
	return &named
}

func (c *compiler) trait(def *TraitDefinition) error {
	if _, twice := c.traits[def.Key]; twice {
		return refuse(def.Value, "invalid_computed_trait", "two computed traits have this key: rename one")
	}
	t := trait{key: def.Key, node: def.Value, source: -1}
	var err error
	if def.Value.Kind == condition.Expression {
		if t.program, t.timely, err = c.expression(def.Value, def.Value.Ref, false); err != nil {
			return err
		}
	} else if err := c.aggregate(&t); err != nil {
		return err
	}
	at := int32(len(c.set.traits))
	if t.source >= 0 {
		src := &c.set.sources[t.source]
		src.traits = append(src.traits, at)
	}
	c.set.traits = append(c.set.traits, t)
	c.traits[def.Key] = at
	return nil
}

func (c *compiler) aggregate(t *trait) error {
	// As a value, every event counts: the test does not bound what is kept.
	q := *t.node.Events
	q.Test = condition.Test{Op: condition.Exists}
	n := *t.node
	n.Events = &q
	l := leaf{node: nil}
	if err := c.question(&l, &n, &q); err != nil {
		return err
	}
	t.node, t.period = &n, l.period
	if len(l.sources) > 0 {
		t.source = l.sources[0]
	}
	return nil
}

// traitValue is what a computed trait is at an instant, and when it can next
// be another by time alone.
func (e *Evaluator) traitValue(t *trait, now clock.Instant) (Cell, clock.Instant) {
	if t.program != nil {
		v, next := e.run(t.program, t.timely, now)
		return cellOf(v), next
	}
	k := e.gather(t.node.Events, &t.period, t.source)
	return k.value(now)
}

func (e *Evaluator) computed(l *leaf, now clock.Instant) (bool, clock.Instant) {
	t := &e.set.traits[l.trait]
	at := func(now clock.Instant) (bool, clock.Instant) {
		c, next := e.traitValue(t, now)
		yes, change := holds(&l.node.Field.Test, e.present(c), now)
		return yes, sooner(next, change)
	}
	was, next := at(now)
	return was, e.exactlyTimely(next, was, t.timely, at)
}

// exactlyTimely is exactly with an end: what asks for the day may change every
// day, and not every day is looked at.
func (e *Evaluator) exactlyTimely(next clock.Instant, was, timely bool, at func(clock.Instant) (bool, clock.Instant)) clock.Instant {
	if !timely {
		return exactly(next, was, at)
	}
	for range maxSteps {
		if next == never {
			return never
		}
		is, after := at(next)
		if is != was {
			return next
		}
		next = after
	}
	return next
}

// Value is a computed trait, or one value of an affinity.
type Value struct {
	Key  string
	JSON string // canonical; "" where there is none
	// Kind is the type of the value, and At the instant where it is a time. A
	// value of type Other is there, and has no JSON.
	Kind CellKind
	At   clock.Instant
	// Next is when it can next be another by time alone; zero is never.
	Next clock.Instant
	// Truncated says that it rests on sums where single events would be needed.
	Truncated bool
}

// Traits are the person's computed traits, by key.
func (e *Evaluator) Traits(p Person, states []*State, now clock.Instant) []Value {
	e.begin(p, states, now)
	out := make([]Value, 0, len(e.set.traits))
	for i := range e.set.traits {
		t := &e.set.traits[i]
		c, next := e.traitValue(t, now)
		v := Value{Key: t.key, JSON: c.json(), Kind: c.Kind, At: c.At, Next: next}
		if t.program == nil {
			k := e.gather(t.node.Events, &t.period, t.source)
			v.Truncated = k.truncated(now, e.lost(t.source))
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b Value) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func (e *Evaluator) lost(source int32) clock.Instant {
	if source < 0 || e.set.sources[source].what != condition.Event {
		return never
	}
	if s := e.source(source); s != nil {
		return s.lost
	}
	return never
}
