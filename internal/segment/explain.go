package segment

import (
	"strconv"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/segment/condition"
)

// Explanation says why a person is in a segment or not: the condition as a
// tree, each node with its answer.
type Explanation struct {
	Sentence string         `json:"sentence"`
	Holds    bool           `json:"holds"`
	Value    string         `json:"value,omitempty" doc:"What the person has of what is asked"`
	Until    *clock.Instant `json:"until,omitempty" doc:"When time alone changes the answer"`
	// Truncated says that the value rests on sums per day where single events
	// would be needed, or on less than there was.
	Truncated bool           `json:"truncated,omitempty"`
	Segment   string         `json:"segment,omitempty" doc:"The segment that is asked for"`
	Parts     []*Explanation `json:"parts,omitempty"`
	More      int            `json:"more,omitempty" doc:"Parts that are not shown"`
}

// maxExplained is how many nodes of a condition are explained.
const maxExplained = 500

// Explain says why, for the segment of a key.
func (e *Evaluator) Explain(p Person, states []*State, key string, now clock.Instant) (*Explanation, error) {
	i, ok := e.set.Find(key)
	if !ok {
		return nil, fault.Errorf(fault.NotFound, "unknown_segment", "there is no segment %q", key)
	}
	e.begin(p, states, now)
	left := maxExplained
	x := e.explain(e.set.segments[i].cond, &left)
	x.Holds = e.answer(i).Member
	return x, nil
}

// explain goes through the tree as it was written, not as it was compiled.
func (e *Evaluator) explain(n *condition.Node, left *int) *Explanation {
	*left--
	x := &Explanation{Sentence: n.Sentence()}
	switch n.Kind {
	case condition.All, condition.Any, condition.Not:
		x.Sentence = map[condition.Kind]string{
			condition.All: "all of these", condition.Any: "at least one of these", condition.Not: "not this",
		}[n.Kind]
		for i, k := range n.Nodes {
			if *left <= 0 {
				x.More = len(n.Nodes) - i
				break
			}
			part := e.explain(k, left)
			x.Parts = append(x.Parts, part)
		}
		x.Holds = e.holdsNode(n)
	case condition.Segment:
		x.Segment = n.Ref
		if i, ok := e.set.Find(n.Ref); ok {
			x.Holds = e.holdsNode(e.set.segments[i].cond)
			if *left > 0 {
				x.Parts = []*Explanation{e.explain(e.set.segments[i].cond, left)}
			}
		}
	default:
		e.explainLeaf(x, n)
	}
	return x
}

// holdsNode answers for a node of a tree as it was written.
func (e *Evaluator) holdsNode(n *condition.Node) bool {
	switch n.Kind {
	case condition.All, condition.Any:
		for _, k := range n.Nodes {
			if e.holdsNode(k) != (n.Kind == condition.All) {
				return n.Kind == condition.Any
			}
		}
		return n.Kind == condition.All
	case condition.Not:
		return !e.holdsNode(n.Nodes[0])
	case condition.Segment:
		i, ok := e.set.Find(n.Ref)
		return ok && e.holdsNode(e.set.segments[i].cond)
	}
	i, ok := e.set.byLeaf[n.Canonical()]
	if !ok {
		return false
	}
	yes, _ := e.node(i, e.now)
	return yes
}

func (e *Evaluator) explainLeaf(x *Explanation, n *condition.Node) {
	i, ok := e.set.byLeaf[n.Canonical()]
	if !ok {
		return
	}
	yes, next := e.node(i, e.now)
	x.Holds = yes
	if next != never {
		x.Until = &next
	}
	l := &e.set.leaves[e.set.nodes[i].leaf]
	switch n.Kind {
	case condition.Events:
		e.explainEvents(x, l)
	case condition.Sequence:
		for _, s := range l.sources {
			lost := e.lost(s)
			x.Truncated = x.Truncated || lost != 0 && l.period.in(lost, e.now)
		}
	case condition.Computed:
		c, _ := e.traitValue(&e.set.traits[l.trait], e.now)
		x.Value = c.text()
		if c.Kind == Null {
			x.Value = "nothing"
		}
	case condition.Affinity:
		x.Value = e.affinityText(l)
	case condition.Expression, condition.Always:
	default:
		x.Value = cellsText(e.field(l.field))
	}
}

func (e *Evaluator) explainEvents(x *Explanation, l *leaf) {
	if l.band != nil {
		x.Value = "0"
		if x.Holds {
			x.Value = "1 or more"
		}
		return
	}
	k := e.look(l)
	c, _ := k.value(e.now)
	x.Value = c.text()
	if c.Kind == Null {
		x.Value = "nothing"
	}
	if len(l.sources) == 0 {
		return
	}
	s := &e.set.sources[l.sources[0]]
	if n, whole := c.Num.Whole(); l.node.Events.Agg == condition.Count && whole && s.bounds.keep > 0 && !s.bounds.lossy && n >= int64(s.bounds.keep) {
		x.Value += " or more"
	}
	x.Truncated = k.truncated(e.now, e.lost(l.sources[0]))
}

func (e *Evaluator) affinityText(l *leaf) string {
	s := e.shares(l.affinity)
	for i, x := range s.shares {
		if x.Value == l.node.Affinity.Value {
			const hundred = 100
			return "number " + strconv.Itoa(i+1) + " with " + strconv.Itoa(x.Share/hundred) + "." +
				strconv.Itoa(x.Share%hundred/10) + strconv.Itoa(x.Share%10) + " %"
		}
	}
	return "nothing"
}

// cellsText is the values of a field for a person to read.
func cellsText(cells []Cell) string {
	if len(cells) == 0 {
		return "nothing"
	}
	const few = 10
	s := ""
	for i := range cells {
		if i == few {
			return s + ", and " + strconv.Itoa(len(cells)-few) + " more"
		}
		if i > 0 {
			s += ", "
		}
		s += cells[i].text()
	}
	return s
}
