package segment

import (
	"encoding/binary"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
)

// Reasons say why a person is in a segment or not, without the words: for each
// node of the condition in the order of explaining a byte of flags, and what the
// flags announce. A node that asks for a segment names its definition.

// The flags of a node. The numbers are on disk: append only.
const (
	reasonHolds     = 1
	reasonTruncated = 2
	reasonUntil     = 4 // an instant follows
	reasonValue     = 8 // a text follows
)

// AppendReasons appends why the person of the last evaluation is in a segment or
// not, as of its instant. Render gives that its words; it takes much longer.
func (e *Evaluator) AppendReasons(b []byte, segment int) []byte {
	for i := range e.set.segments[segment].told {
		x := &e.set.segments[segment].told[i]
		yes, next := e.node(x.node, e.now)
		flags := byte(0)
		if yes {
			flags = reasonHolds
		}
		switch x.kind {
		case condition.All, condition.Any, condition.Not:
			b = append(b, flags)
		case condition.Segment:
			b = binary.BigEndian.AppendUint64(append(b, flags), x.id)
		default:
			b = e.appendLeaf(b, &e.set.leaves[e.set.nodes[x.node].leaf], flags, next)
		}
	}
	return b
}

func (e *Evaluator) appendLeaf(b []byte, l *leaf, flags byte, next clock.Instant) []byte {
	value, truncated := e.valueOf(l, flags&reasonHolds != 0)
	if truncated {
		flags |= reasonTruncated
	}
	if next != never {
		flags |= reasonUntil
	}
	if value != "" {
		flags |= reasonValue
	}
	b = append(b, flags)
	if next != never {
		b = binary.AppendVarint(b, int64(next))
	}
	if value != "" {
		b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
	}
	return b
}

// valueOf is what the person has of what a leaf asks, for a person to read.
func (e *Evaluator) valueOf(l *leaf, holds bool) (value string, truncated bool) {
	switch l.node.Kind {
	case condition.Events:
		if l.band == nil {
			return e.amount(l)
		}
		if holds {
			return "1 or more", false
		}
		return "0", false
	case condition.Sequence:
		for _, s := range l.sources {
			lost := e.lost(s)
			truncated = truncated || lost != 0 && l.period.in(lost, e.now)
		}
		return "", truncated
	case condition.Computed:
		c, _ := e.traitValue(&e.set.traits[l.trait], e.now)
		return c.say(), false
	case condition.Affinity:
		return e.affinityText(l), false
	case condition.Expression, condition.Always:
		return "", false
	}
	return cellsText(e.field(l.field)), false
}

// say is the cell for a person to read, who knows no null.
func (c *Cell) say() string {
	if c.Kind == Null {
		return "nothing"
	}
	return c.text()
}

// amount is what an aggregate comes to.
func (e *Evaluator) amount(l *leaf) (value string, truncated bool) {
	q := l.node.Events
	var c Cell
	if s := &e.shapes[l.shape]; l.still && s.epoch == e.epoch {
		c = s.cells[s.start(e.now)]
	} else {
		k := e.look(l)
		c, _ = k.value(e.now)
	}
	value = c.say()
	if len(l.sources) == 0 {
		return value, false
	}
	b := &e.set.sources[l.sources[0]].bounds
	if n, whole := c.Num.Whole(); q.Agg == condition.Count && whole && b.keep > 0 && !b.lossy && n >= int64(b.keep) {
		value += " or more"
	}
	s := e.source(l.sources[0])
	if q.What == condition.Event && (s == nil || len(s.sums) == 0 && s.lost == 0) {
		return value, false
	}
	k := e.look(l)
	return value, k.truncated(e.now, e.lost(l.sources[0]))
}
