package columns

import (
	"math"

	"rapport/internal/clock"
)

// Verdict is what the columns say of a person: Unknown where they do not hold
// what is asked.
type Verdict uint8

// The verdicts.
const (
	No Verdict = iota
	Yes
	Unknown
	unasked // of a dictionary's text nobody asked for yet
)

// Node is a condition on people: one of the types below.
type Node interface {
	// bind prepares the condition for the people of one part.
	bind(c *columns) step
}

// All holds where every part does; where there is none, for everybody.
type All []Node

// Any holds where some part does; where there is none, for nobody.
type Any []Node

// Not holds where its part does not.
type Not struct{ Node Node }

// Everybody gives the same verdict for all.
type Everybody Verdict

// HasIdentifier holds for people with an identifier of a namespace: the one
// with the value, or any where Values is nil.
type HasIdentifier struct {
	Namespace string
	Values    []string
}

// Member holds for the members by an evaluation.
type Member uint64

// Scalar asks for the value of a field.
type Scalar struct {
	Field
	Test
}

// Test decides on one value. What a test has nothing for does not hold.
type Test struct {
	// Absent is the verdict on people without a value.
	Absent Verdict
	// Only, where not nil, are the texts that hold. Text is asked of lists
	// alone then.
	Only []string
	// Text decides on canonical JSON. It must always say the same of a text.
	Text func(json string) Verdict
	// Some, where not nil, is shown all texts of a part before Text is asked of each:
	// false where it says No to every one. Texts stand one after the other, with
	// some that nobody has any more among them.
	Some func(texts string) bool
	// Ranges are the numbers that hold, both ends included.
	Ranges []Range
	// Number decides on numbers outside of Ranges; nil: they do not hold.
	Number func(float64) Verdict
}

// Range is a run of numbers, both ends included.
type Range struct{ From, To float64 }

// Did holds for people who did something at least Min and at most Max times in
// a window: from From on, and before To where To is not zero.
type Did struct {
	Name     string
	From, To clock.Instant
	Min, Max uint64 // Often: there is no maximum
}

// Often is the Max of a Did that has none.
const Often = math.MaxUint64

// lastSeenField is the field with the time of a person's last event. Did reads it
// to know that nothing happened after the window's end.
var lastSeenField = Field{Computed, "last_seen"}

// step is a condition bound to a part. One goroutine uses it, for one scan.
type step interface {
	// scan says of the selected people of a block who matches and of whom it is
	// not known. Both sets are overwritten.
	scan(block int, selected, yes, unknown *set)
}

// bind leaves out what comes after a part that holds for nobody: a scan does not
// get there.
func (n All) bind(c *columns) step {
	all := &allStep{}
	for _, part := range n {
		next := part.bind(c)
		if all.steps = append(all.steps, next); next == constStep(No) {
			break
		}
	}
	return all
}

func (n Any) bind(c *columns) step {
	some := &anyStep{}
	for _, part := range n {
		if next := part.bind(c); next != constStep(No) {
			some.steps = append(some.steps, next)
		}
	}
	if len(some.steps) == 0 {
		return constStep(No)
	}
	return some
}

func (n Not) bind(c *columns) step { return &notStep{of: n.Node.bind(c)} }

func (n Everybody) bind(*columns) step { return constStep(n) }

// allStep hands on to each part only those whom the parts before left.
type allStep struct {
	steps   []step
	yes     set
	unknown set
	left    set
	// tally, where given, is told after each part how many are left.
	tally func(part, yes, unknown int)
}

func (a *allStep) scan(block int, selected, yes, unknown *set) {
	a.left = *selected
	var doubt set
	for i, s := range a.steps {
		s.scan(block, &a.left, &a.yes, &a.unknown)
		a.left = a.yes
		a.left.or(&a.unknown)
		doubt.or(&a.unknown)
		doubt.and(&a.left)
		if a.tally != nil {
			d := doubt.count()
			a.tally(i, a.left.count()-d, d)
		}
		if a.left.empty() {
			break
		}
	}
	*yes, *unknown = a.left, doubt
	yes.less(&doubt)
}

type anyStep struct {
	steps   []step
	yes     set
	unknown set
	left    set
}

func (a *anyStep) scan(block int, selected, yes, unknown *set) {
	a.left = *selected
	var sure, doubt set
	for _, s := range a.steps {
		s.scan(block, &a.left, &a.yes, &a.unknown)
		sure.or(&a.yes)
		doubt.or(&a.unknown)
		a.left.less(&a.yes)
		if a.left.empty() {
			break
		}
	}
	*yes, *unknown = sure, doubt
	unknown.less(&sure)
}

type notStep struct{ of step }

func (n *notStep) scan(block int, selected, yes, unknown *set) {
	left := *selected
	n.of.scan(block, &left, yes, unknown)
	left.less(yes)
	left.less(unknown)
	*yes = left
}

type constStep Verdict

func (v constStep) scan(_ int, selected, yes, unknown *set) {
	*yes, *unknown = set{}, set{}
	switch Verdict(v) {
	case Yes:
		*yes = *selected
	case Unknown:
		*unknown = *selected
	}
}

// verdicts puts the same verdict on all of a selection.
func (v Verdict) give(selected, yes, unknown *set) { constStep(v).scan(0, selected, yes, unknown) }
