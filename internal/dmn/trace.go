package dmn

import (
	"math/bits"
	"time"

	"rapport/internal/feel"
)

// NodeTrace is what happened in one node, or one call of one.
type NodeTrace struct {
	Kind      Kind
	Name      string
	Namespace string
	ID        string
	Parent    int // index in the trace of the node that asked for it; -1 for none
	Inputs    []feel.Entry
	Output    feel.Value
	Tables    []TableTrace
	Start     time.Duration // since the first node
	Took      time.Duration // nodes and calls within included
}

// TableTrace says which rules of a decision table fitted.
type TableTrace struct {
	Table *Table
	Rules []int // counted from 0
}

// tracer records flat, and gives the readable form on demand.
type tracer struct {
	s      *Session
	nodes  []rawNode
	inputs []feel.Value
	tables []rawTable
	rules  []int32
	parent int
}

type rawNode struct {
	node       *node
	parent     int
	inputs     int // place in tracer.inputs
	count      int
	output     feel.Value
	start, end int64
}

type rawTable struct {
	owner       int
	table       *Table
	rules, last int
}

func (t *tracer) reset(s *Session) {
	clear(t.inputs)
	t.s, t.parent = s, -1
	t.nodes, t.inputs = t.nodes[:0], t.inputs[:0]
	t.tables, t.rules = t.tables[:0], t.rules[:0]
}

// maxTrace bounds the record; a loop that calls a knowledge model a million
// times must not keep a million entries.
const maxTrace = 100_000

func (t *tracer) now() int64 {
	if t.s.opts.Clock == nil {
		return 0
	}
	return t.s.opts.Clock()
}

func (t *tracer) enter(n *node, inputs []feel.Value) int {
	if len(t.nodes) >= maxTrace {
		return -1
	}
	t.nodes = append(t.nodes, rawNode{node: n, parent: t.parent, inputs: len(t.inputs), count: len(inputs), start: t.now()})
	t.inputs = append(t.inputs, inputs...)
	t.parent = len(t.nodes) - 1
	return t.parent
}

// call is enter for a knowledge model, whose arguments lie in slots.
func (t *tracer) call(n *node, f []feel.Value, slots []int) int {
	mark := t.enter(n, nil)
	if mark >= 0 {
		t.nodes[mark].count = len(slots)
		for _, slot := range slots {
			t.inputs = append(t.inputs, f[slot])
		}
	}
	return mark
}

func (t *tracer) leave(mark int, v feel.Value) {
	n := &t.nodes[mark]
	n.output, n.end = v, t.now()
	t.parent = n.parent
}

func (t *tracer) table(table *Table, fits []uint64, hits int) {
	if len(t.rules)+hits > maxTrace {
		return
	}
	from := len(t.rules)
	for w, word := range fits {
		for ; word != 0; word &= word - 1 {
			t.rules = append(t.rules, int32(w*64+bits.TrailingZeros64(word)))
		}
	}
	t.tables = append(t.tables, rawTable{t.parent, table, from, len(t.rules)})
}

// Trace gives what happened since the last Reset, in the order in which logic
// began to run; nil when tracing was off.
func (s *Session) Trace() []NodeTrace {
	if s.trace == nil {
		return nil
	}
	t := s.trace
	out := make([]NodeTrace, len(t.nodes))
	for i := range t.nodes {
		raw := &t.nodes[i]
		out[i] = NodeTrace{
			Kind: raw.node.kind, Name: raw.node.name, Namespace: raw.node.part.defs.Namespace, ID: raw.node.id,
			Parent: raw.parent, Output: raw.output,
			Start: time.Duration(raw.start - t.nodes[0].start), Took: time.Duration(raw.end - raw.start),
			Inputs: raw.entries(s.m, t.inputs[raw.inputs:raw.inputs+raw.count]),
		}
	}
	for _, raw := range t.tables {
		if raw.owner < 0 {
			continue
		}
		tt := TableTrace{Table: raw.table}
		for _, r := range t.rules[raw.rules:raw.last] {
			tt.Rules = append(tt.Rules, int(r))
		}
		out[raw.owner].Tables = append(out[raw.owner].Tables, tt)
	}
	return out
}

// entries names the recorded inputs.
func (raw *rawNode) entries(m *Model, values []feel.Value) []feel.Entry {
	out := make([]feel.Entry, 0, len(values))
	n := raw.node
	for i, v := range values {
		switch {
		case n.kind != DecisionNode:
			out = append(out, feel.Entry{Key: n.params[i].Name, Value: v})
		case n.bind[i].node >= 0:
			if in := m.nodes[n.bind[i].node]; in.kind == InputNode || in.kind == DecisionNode {
				out = append(out, feel.Entry{Key: in.name, Value: v})
			}
		case n.bind[i].fields != nil:
			out = append(out, feel.Entry{Key: n.bind[i].name, Value: v})
		}
	}
	return out
}
