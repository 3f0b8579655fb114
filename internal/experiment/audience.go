package experiment

import (
	"slices"

	"rapport/internal/feel"
)

// The names that a condition of an audience may use, in the order of their
// slots.
const (
	slotProfile = iota
	slotSegments
	slotContext
)

// Person is what is known of who asks, as far as audiences ask for it. Each is
// called at most once per question, where a condition needs it.
type Person struct {
	Segments func() []string
	Profile  func() feel.Value
	Context  func() feel.Value
	Now      feel.Value

	segments []string
	asked    bool
	slots    [3]feel.Value
	made     [3]bool
	eval     *feel.Evaluator
}

func (p *Person) inSegment(key string) bool { return slices.Contains(p.segmentKeys(), key) }

func (p *Person) segmentKeys() []string {
	if !p.asked && p.Segments != nil {
		p.segments = p.Segments()
	}
	p.asked = true
	return p.segments
}

func (p *Person) slot(n int) {
	if p.made[n] {
		return
	}
	p.made[n] = true
	switch {
	case n == slotProfile && p.Profile != nil:
		p.slots[n] = p.Profile()
	case n == slotContext && p.Context != nil:
		p.slots[n] = p.Context()
	case n == slotSegments:
		list := make([]feel.Value, 0, len(p.segmentKeys()))
		for _, s := range p.segments {
			list = append(list, feel.String(s))
		}
		p.slots[n] = feel.ListOf(list...)
	}
}

// compile compiles the condition; nil where there is none.
func (a *Audience) compile() (*feel.Program, error) {
	if a.Condition == "" {
		return nil, nil //nolint:nilnil // no condition holds for everybody
	}
	scope := feel.NewScope(feel.Var{Name: "profile"}, feel.Var{Name: "segments"}, feel.Var{Name: "context"})
	return feel.Compile(a.Condition, scope, feel.CompileOptions{Strict: true, MaxSource: 8192})
}

// includes tells whether somebody belongs to the audience.
func (e *Experiment) includes(p *Person) bool {
	a := e.Audience
	if a == nil {
		return true
	}
	if a.Segment != "" && (p == nil || !p.inSegment(a.Segment)) {
		return false
	}
	if e.condition == nil {
		return true
	}
	if p == nil {
		return false
	}
	for _, n := range e.condition.Inputs() {
		p.slot(n)
	}
	o := feel.Options{Now: p.Now, Limits: feel.Limits{Steps: 10_000}, NoDiagnostics: true}
	if p.eval == nil {
		p.eval = feel.NewEvaluator(o)
	} else {
		p.eval.Reset(o)
	}
	return p.eval.Test(e.condition, p.slots[:])
}
