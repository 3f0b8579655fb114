package segment

import (
	"errors"
	"strconv"
	"strings"

	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/segment/condition"
	"rapport/internal/wording"
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
	return e.ExplainIn(wording.English, p, states, key, now)
}

// ExplainIn says why in a language.
func (e *Evaluator) ExplainIn(l wording.Language, p Person, states []*State, key string, now clock.Instant) (*Explanation, error) {
	i, ok := e.set.Find(key)
	if !ok {
		return nil, fault.Errorf(fault.NotFound, "unknown_segment", "there is no segment %q", key)
	}
	e.begin(p, states, now)
	return RenderIn(l, e.AppendReasons(nil, i), e.set.segments[i].cond, func(key string, _ uint64) *condition.Node {
		k, ok := e.set.Find(key)
		if !ok {
			return nil
		}
		return e.set.segments[k].cond
	})
}

var errReasons = errors.New("the reasons do not fit the condition")

// Render gives reasons their words: those of the condition that they are of,
// and of the segments that it asks for, by their keys and the ids of their
// definitions.
func Render(reasons []byte, n *condition.Node, find func(key string, id uint64) *condition.Node) (*Explanation, error) {
	return RenderIn(wording.English, reasons, n, find)
}

// RenderIn gives reasons their words in a language.
func RenderIn(l wording.Language, reasons []byte, n *condition.Node, find func(key string, id uint64) *condition.Node) (*Explanation, error) {
	r := renderer{language: l, in: wire.NewDecoder(reasons, nil), find: find, left: maxExplained}
	x := r.node(n)
	if r.in.Bad() || r.in.Len() > 0 {
		return nil, errReasons
	}
	return x, nil
}

// renderer goes through the tree as it was written, as compiler.tell does.
type renderer struct {
	in   *wire.Decoder
	find func(key string, id uint64) *condition.Node
	left int
	// language is the one of the words.
	language wording.Language
}

// german are the words around conditions.
var german = wording.Catalog{
	"all of these": "alles davon", "at least one of these": "mindestens eines davon", "not this": "nicht das", "nothing": "nichts",
	"%s or more": "%s oder mehr", "number %s with %s": "Platz %s mit %s",
}

func (r *renderer) node(n *condition.Node) *Explanation {
	r.left--
	flags := r.in.Byte()
	x := &Explanation{Holds: flags&reasonHolds != 0, Truncated: flags&reasonTruncated != 0}
	if flags&reasonUntil != 0 {
		at := clock.Instant(r.in.Int())
		x.Until = &at
	}
	if flags&reasonValue != 0 {
		x.Value = r.in.Str()
	}
	x.Value = r.value(n.Kind, x.Value)
	switch n.Kind {
	case condition.All, condition.Any, condition.Not:
		x.Sentence = german.Say(r.language, map[condition.Kind]string{
			condition.All: "all of these", condition.Any: "at least one of these", condition.Not: "not this",
		}[n.Kind])
		for i, k := range n.Nodes {
			if r.left <= 0 || r.in.Bad() {
				x.More = len(n.Nodes) - i
				break
			}
			x.Parts = append(x.Parts, r.node(k))
		}
	case condition.Segment:
		x.Sentence, x.Segment = n.SentenceIn(r.language), n.Ref
		asked := r.find(n.Ref, r.in.Fixed())
		if asked == nil {
			r.in.Fail()
		} else if r.left > 0 {
			x.Parts = []*Explanation{r.node(asked)}
		}
	default:
		x.Sentence = n.SentenceIn(r.language)
	}
	return x
}

// value says what was kept of a person's value in the words of valueOf. What people
// wrote themselves stays as it is.
func (r *renderer) value(of condition.Kind, kept string) string {
	if kept == "nothing" {
		return german.Say(r.language, kept)
	}
	switch of {
	case condition.Events:
		if n, more := strings.CutSuffix(kept, " or more"); more {
			return german.Say(r.language, "%s or more", n)
		}
	case condition.Affinity:
		place, share, both := strings.Cut(strings.TrimPrefix(kept, "number "), " with ")
		if both {
			return german.Say(r.language, "number %s with %s", place, r.language.Number(share))
		}
	}
	return kept
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
