package segment

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/segment/condition"
)

var errZone = errors.New("the time zone is not known")

// Compile makes a set. A fault of kind Invalid names the definition and the
// node that is wrong.
func Compile(d Definitions) (*Set, error) {
	c := compiler{
		set: &Set{limits: d.Limits.orDefault()}, nodes: map[string]int32{}, written: map[*condition.Node]int32{}, sources: map[SourceID]int32{},
		fields: map[string]int32{}, traits: map[string]int32{}, defs: map[string]*Definition{}, roots: map[string]int32{},
		affinities: map[string]int32{}, shapes: map[string]int32{}, ladders: map[string]int32{},
	}
	if err := c.compute(d); err != nil {
		return nil, err
	}
	for i := range d.Segments {
		def := &d.Segments[i]
		if def.Condition == nil || def.Key == "" {
			return nil, fault.Errorf(fault.Invalid, "invalid_segment", "segment %d has no key or no condition: give it both", i)
		}
		if c.defs[def.Key] != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_segment", "two segments have the key %q: rename one", def.Key)
		}
		c.defs[def.Key] = def
	}
	for i := range d.Segments {
		if _, err := c.segment(d.Segments[i].Key, nil); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.set.segments, func(a, b compiled) int { return strings.Compare(a.key, b.key) })
	c.finish()
	return c.set, nil
}

// compiler is what is known while a set is made.
type compiler struct {
	set        *Set
	nodes      map[string]int32
	sources    map[SourceID]int32
	fields     map[string]int32
	traits     map[string]int32
	affinities map[string]int32
	shapes     map[string]int32
	ladders    map[string]int32
	defs       map[string]*Definition
	roots      map[string]int32  // -1: being compiled
	path       []string          // the segments that are being compiled
	asks       []*condition.Node // what in each of them asks for the next
	written    map[*condition.Node]int32
}

// segment compiles what a segment asks, for a node that asks for it; nil: for
// itself.
func (c *compiler) segment(key string, by *condition.Node) (int32, error) {
	if by != nil {
		c.asks = append(c.asks, by)
		defer func() { c.asks = c.asks[:len(c.asks)-1] }()
	}
	if root, ok := c.roots[key]; ok {
		if root < 0 {
			return 0, c.circle(key)
		}
		return root, nil
	}
	def := c.defs[key]
	c.roots[key] = -1
	c.path = append(c.path, key)
	root, err := c.node(def.Condition)
	if err != nil {
		return 0, about(key, err)
	}
	c.path = c.path[:len(c.path)-1]
	c.roots[key] = root
	c.set.segments = append(c.set.segments, compiled{id: def.ID, key: key, root: root, cond: def.Condition})
	return root, nil
}

// circle is the fault of segments that ask for one another. It names the node
// of the one that is compiled first: most likely that one is new.
func (c *compiler) circle(key string) error {
	ring := append(slices.Clone(c.path[slices.Index(c.path, key):]), key)
	at := c.asks[0].At
	return fault.Errorf(fault.Invalid, "segment_cycle", "segment %q: %s: the segments %s ask for one another in a circle: take one of the references away",
		c.path[0], cmp.Or(at, "/"), strings.Join(ring, " → ")).At(at)
}

// about says which definition a fault is of, once. A condition that is only
// tried out has a blank key, and so no name to say.
func about(key string, err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if !ok || strings.TrimSpace(key) == "" || strings.HasPrefix(f.Message, "segment ") {
		return err
	}
	named := *f
	named.Message = "segment " + strconv.Quote(key) + ": " + f.Message
	return &named
}

func refuse(n *condition.Node, code, format string, args ...any) error {
	if n.At != "" {
		format = strings.ReplaceAll(n.At, "%", "%%") + ": " + format
	}
	return fault.Errorf(fault.Invalid, code, format, args...).At(n.At)
}

func (c *compiler) node(n *condition.Node) (int32, error) {
	i, err := c.compile(n)
	c.written[n] = i
	return i, err
}

func (c *compiler) compile(n *condition.Node) (int32, error) {
	switch n.Kind {
	case condition.All, condition.Any, condition.Not:
		kids := make([]int32, len(n.Nodes))
		for i, k := range n.Nodes {
			var err error
			if kids[i], err = c.node(k); err != nil {
				return 0, err
			}
		}
		return c.group(n.Kind, kids), nil
	case condition.Segment:
		if c.defs[n.Ref] == nil {
			return 0, refuse(n, "unknown_segment", "there is no segment %q: create it first, or correct its key", n.Ref)
		}
		return c.segment(n.Ref, n)
	}
	key := n.Canonical()
	if i, ok := c.nodes[key]; ok {
		return i, nil
	}
	l := leaf{node: n, field: -1, shape: -1, trait: -1, affinity: -1}
	if err := c.leaf(&l); err != nil {
		return 0, err
	}
	c.set.leaves = append(c.set.leaves, l)
	at := int32(len(c.set.leaves) - 1)
	c.attach(at)
	return c.add(key, node{kind: n.Kind, leaf: at}), nil
}

func (c *compiler) group(kind condition.Kind, kids []int32) int32 {
	if kind != condition.Not {
		slices.Sort(kids)
		kids = slices.Compact(kids)
		if len(kids) == 1 {
			return kids[0]
		}
	}
	b := []byte{byte('0' + kind)}
	for _, k := range kids {
		b = strconv.AppendInt(append(b, ' '), int64(k), 10)
	}
	if i, ok := c.nodes[string(b)]; ok {
		return i
	}
	return c.add(string(b), node{kind: kind, kids: kids, leaf: -1})
}

func (c *compiler) add(key string, n node) int32 {
	c.set.nodes = append(c.set.nodes, n)
	i := int32(len(c.set.nodes) - 1)
	c.nodes[key] = i
	return i
}

// leaf finds what a leaf reads.
func (c *compiler) leaf(l *leaf) error {
	n := l.node
	var err error
	switch n.Kind {
	case condition.Trait, condition.Identifier, condition.Consent, condition.Context, condition.Profile:
		l.field = c.field(n)
	case condition.Events:
		return c.question(l, n, n.Events)
	case condition.Sequence:
		return c.chain(l)
	case condition.Computed:
		i, ok := c.traits[n.Field.Name]
		if !ok {
			return refuse(n, "unknown_computed_trait", "there is no computed trait %q: create it first, or correct its key", n.Field.Name)
		}
		l.trait = i
	case condition.Affinity:
		i, ok := c.affinities[n.Affinity.Key]
		if !ok {
			return refuse(n, "unknown_affinity", "there is no affinity %q: create it first, or correct its key", n.Affinity.Key)
		}
		l.affinity = i
	case condition.Expression:
		l.program, l.timely, err = c.expression(n, n.Ref, true)
	}
	return err
}

func (c *compiler) field(n *condition.Node) int32 {
	key := strconv.Itoa(int(n.Kind)) + " " + strconv.FormatBool(n.Field.First) + " " + n.Field.Name
	i, ok := c.fields[key]
	if !ok {
		i = int32(len(c.set.fields))
		c.set.fields = append(c.set.fields, field{kind: n.Kind, ref: condition.Field{Name: n.Field.Name, First: n.Field.First}})
		c.fields[key] = i
	}
	return i
}

// question finds the source of an aggregate.
func (c *compiler) question(l *leaf, n *condition.Node, q *condition.Question) error {
	var err error
	if l.period, err = periodOf(&q.Window); err != nil {
		return refuse(n, "invalid_window", "%s is no time zone", q.Window.Zone)
	}
	if q.Attr != "" && moving(q.Item) {
		return refuse(n, "invalid_condition", "an item's attribute is compared with fixed values: write a date instead of one that moves with now")
	}
	l.shape, l.still = c.shape(q), !l.period.delayed() && !moving(&q.Test)
	if q.What == condition.Order {
		return nil
	}
	if s, end, ok := bandOf(q, &l.period, c.set.limits); ok && l.node != nil {
		l.band = end
		l.sources = []int32{c.source(s)}
		return nil
	}
	if q.Attr != "" && q.What == condition.Event && (q.Of != "" || q.Agg != condition.Count && q.Agg != condition.First && q.Agg != condition.Last) {
		return refuse(n, "invalid_condition", "of events about items with an attribute only count, first and last are known: for sums ask for order_item")
	}
	l.sources = []int32{c.source(sourceFor(q, &l.period, c.set.limits))}
	return nil
}

// shape is what a question asks without its test, and of what is kept for it.
func (c *compiler) shape(q *condition.Question) int32 {
	bare := *q
	bare.Test = condition.Test{Op: condition.Exists}
	key := bare.Canonical()
	if q.Agg == condition.Count {
		n, _ := enough(&q.Test)
		key += strconv.Itoa(n)
	}
	i, ok := c.shapes[key]
	if !ok {
		i = int32(len(c.shapes))
		c.shapes[key] = i
		c.set.shapes = len(c.shapes)
	}
	return i
}

func (c *compiler) chain(l *leaf) error {
	chain := l.node.Sequence
	var err error
	if l.period, err = periodOf(&chain.Window); err != nil {
		return refuse(l.node, "invalid_window", "%s is no time zone", chain.Window.Zone)
	}
	for i := range chain.Steps {
		q := condition.Question{What: condition.Event, Match: chain.Steps[i], Agg: condition.Count, Window: chain.Window}
		s := sourceFor(&q, &l.period, c.set.limits)
		if chain.Absent && i == len(chain.Steps)-1 {
			s.to = 0 // what comes after the window still shows that it came
		}
		s.bounds = bounds{keep: c.set.limits.Entries, lossy: true, horizon: l.period.horizon(), zone: l.period.zone}
		l.sources = append(l.sources, c.source(s))
	}
	return nil
}

func (c *compiler) source(s source) int32 {
	s.identify()
	if i, ok := c.sources[s.id]; ok {
		return i
	}
	c.set.sources = append(c.set.sources, s)
	i := int32(len(c.set.sources) - 1)
	c.sources[s.id] = i
	return i
}
