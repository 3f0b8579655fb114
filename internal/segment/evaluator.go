package segment

import (
	"slices"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/segment/condition"
)

// Answer is whether a person belongs to a segment, and the next instant at
// which time alone changes that: zero where it never does. It is exact, unless
// more than maxSteps changes of parts that cancel out come before it: then it
// is an instant to look again.
type Answer struct {
	Segment int
	ID      uint64 // of the definition
	Member  bool
	Next    clock.Instant
}

const maxSteps = 400

// Evaluator answers for one person after the other. It belongs to one worker.
type Evaluator struct {
	set     *Set
	catalog Catalog

	person Person
	states []*State
	now    clock.Instant
	base   memory // answers of now
	steps  memory // answers of another instant
	at     clock.Instant

	epoch   uint32 // of the person
	fields  []span
	values  Cells
	series  []found
	orders  []Order
	hashes  []uint64
	ordered bool

	items   []item
	shapes  []shaped
	tally   tally
	one     [1]Cell
	attrs   Cells
	chain   chainMemory
	watched watch
	feel    *feel.Evaluator
	saidAt  [slots]uint32
	saidAs  [slots]feel.Value
	scores  map[int32]scored
}

// memory is what nodes answered.
type memory struct {
	epoch uint32
	nodes []answered
}

type answered struct {
	epoch uint32
	yes   bool
	exact bool // at next it is the other answer for certain
	next  clock.Instant
}

type span struct {
	epoch    uint32
	from, to int
}

type found struct {
	epoch  uint32
	series *series
}

// NewEvaluator answers for a set. A nil catalog knows no item.
func NewEvaluator(s *Set, c Catalog) *Evaluator {
	if c == nil {
		c = NoCatalog{}
	}
	return &Evaluator{
		set: s, catalog: c,
		base: memory{nodes: make([]answered, len(s.nodes))}, steps: memory{nodes: make([]answered, len(s.nodes))},
		fields: make([]span, len(s.fields)), series: make([]found, len(s.sources)),
		shapes: make([]shaped, s.shapes),
	}
}

// begin turns to a person.
func (e *Evaluator) begin(p Person, states []*State, now clock.Instant) {
	e.person, e.states, e.now = p, states, now
	e.epoch++
	e.base.epoch++
	e.steps.epoch++
	e.at = never
	e.values.Reset()
	e.ordered = false
	clear(e.scores)
}

// Evaluate answers for the segments that were touched. The states are those of
// the person's anchors; they are not changed.
func (e *Evaluator) Evaluate(dst []Answer, p Person, states []*State, t *Touched, now clock.Instant) []Answer {
	if t.set != e.set || !t.Any() {
		return dst
	}
	e.begin(p, states, now)
	if !t.every {
		e.risen(t)
	}
	for _, s := range t.segments() {
		dst = append(dst, e.answer(int(s)))
	}
	return dst
}

// EvaluateSegments answers for the segments of these numbers.
func (e *Evaluator) EvaluateSegments(dst []Answer, p Person, states []*State, segments []int, now clock.Instant) []Answer {
	e.begin(p, states, now)
	for _, s := range segments {
		dst = append(dst, e.answer(s))
	}
	return dst
}

func (e *Evaluator) answer(segment int) Answer {
	s := &e.set.segments[segment]
	yes, next := e.node(s.root, e.now)
	a := Answer{Segment: segment, ID: s.id, Member: yes}
	if e.base.nodes[s.root].exact {
		a.Next = next
		return a
	}
	for i := 0; next != never; i++ {
		is, after := e.node(s.root, next)
		if is != yes || i == maxSteps {
			a.Next = next
			break
		}
		next = after
	}
	return a
}

// node answers for a node at an instant; next is a bound: nothing changes
// before it.
func (e *Evaluator) node(n int32, now clock.Instant) (bool, clock.Instant) {
	m := &e.base
	if now != e.now {
		if m = &e.steps; now != e.at {
			m.epoch++
			e.at = now
		}
	}
	a := &m.nodes[n]
	if a.epoch == m.epoch {
		return a.yes, a.next
	}
	x := &e.set.nodes[n]
	var is answered
	switch x.kind {
	case condition.All:
		is = e.group(m, x.kids, now, true)
	case condition.Any:
		is = e.group(m, x.kids, now, false)
	case condition.Not:
		is.yes, is.next = e.node(x.kids[0], now)
		is.yes, is.exact = !is.yes, m.nodes[x.kids[0]].exact
	default:
		l := &e.set.leaves[x.leaf]
		is.yes, is.next = e.leaf(l, now)
		is.exact = l.still && is.next != never
	}
	is.epoch = m.epoch
	*a = is
	return is.yes, is.next
}

// group is all (whole) or any: it differs from whole as soon as one kid does.
// While none differs, the first to change decides; where some differ, all of
// them have to change first.
func (e *Evaluator) group(m *memory, kids []int32, now clock.Instant, whole bool) answered {
	all := answered{yes: whole}
	latest, differs := never, false
	for _, k := range kids {
		yes, next := e.node(k, now)
		switch {
		case yes == whole && next != never && (all.next == never || next <= all.next):
			all.exact = m.nodes[k].exact || all.exact && next == all.next
			all.next = next
		case yes != whole && next == never:
			return answered{yes: !whole} // whatever the others say
		case yes != whole:
			differs, latest = true, max(latest, next)
		}
	}
	if differs {
		return answered{yes: !whole, next: latest}
	}
	return all
}

func (e *Evaluator) leaf(l *leaf, now clock.Instant) (bool, clock.Instant) {
	switch l.node.Kind {
	case condition.Always:
		return true, never
	case condition.Events:
		return e.events(l, now)
	case condition.Sequence:
		return e.sequence(l, now)
	case condition.Computed:
		return e.computed(l, now)
	case condition.Affinity:
		return e.likes(l), never
	case condition.Expression:
		return e.expression(l, now)
	}
	return holds(&l.node.Field.Test, e.field(l.field), now)
}

// present is a cell as the values of a field: none where it is nothing.
func (e *Evaluator) present(c Cell) []Cell {
	if c.Kind == Null {
		return nil
	}
	e.one[0] = c
	return e.one[:]
}

// field are the values of a field, read once per person.
func (e *Evaluator) field(i int32) []Cell {
	s := &e.fields[i]
	if s.epoch != e.epoch {
		f := &e.set.fields[i]
		s.epoch, s.from = e.epoch, len(e.values.List)
		e.person.Values(&e.values, f.kind, &f.ref)
		s.to = len(e.values.List)
	}
	return e.values.List[s.from:s.to]
}

// source is what the person's anchors hold for a source, merged where more
// than one does; nil is nothing.
func (e *Evaluator) source(i int32) *series {
	f := &e.series[i]
	if f.epoch == e.epoch {
		return f.series
	}
	f.epoch, f.series = e.epoch, nil
	src := &e.set.sources[i]
	several := false
	for _, st := range e.states {
		s := st.find(src.id)
		switch {
		case s == nil:
		case f.series == nil:
			f.series = s
		case !several:
			several = true
			both := series{id: src.id, entries: slices.Clone(f.series.entries), sums: slices.Clone(f.series.sums), newest: f.series.newest, lost: f.series.lost}
			both.merge(s, &src.bounds)
			f.series = &both
		default:
			f.series.merge(s, &src.bounds)
		}
	}
	return f.series
}

// look gathers the items that a question is about.
func (e *Evaluator) look(l *leaf) look {
	q := l.node.Events
	src := int32(-1)
	if len(l.sources) > 0 {
		src = l.sources[0]
	}
	return e.gather(q, &l.period, src)
}

func (e *Evaluator) gather(q *condition.Question, p *period, source int32) look {
	e.items = e.items[:0]
	switch q.What {
	case condition.Order:
		e.orderItems(q, p)
	case condition.OrderLine:
		e.lineItems(q, p, source)
	default:
		if s := e.source(source); s != nil {
			b := &e.set.sources[source].bounds
			for i := range s.sums {
				if q.Attr == "" || e.attribute(q, s.sums[i].text) {
					e.items = append(e.items, s.sums[i].item(b))
				}
			}
			for i := range s.entries {
				if q.Attr == "" || e.attribute(q, s.entries[i].text) {
					e.items = append(e.items, itemOf(&s.entries[i]))
				}
			}
		}
	}
	return look{e: e, q: q, p: p, items: e.items}
}

// attribute tells whether an item's present attribute is as the question asks.
func (e *Evaluator) attribute(q *condition.Question, item string) bool {
	e.attrs.Reset()
	e.catalog.Values(&e.attrs, item, q.Attr)
	yes, _ := holds(q.Item, e.attrs.List, e.now)
	return yes
}
