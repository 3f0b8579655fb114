package offer

import (
	"encoding/json"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/profile/shown"
)

// Person is what is known of whom something is offered to, as far as the caller
// may be treated by it.
type Person struct {
	// In tells whether the person is in a segment; visible is false where the
	// caller may not be treated by that.
	In func(segment string) (in, visible bool)
	// Value is what formulas see.
	Value feel.Value
	// Agreed tells whether the person agreed to something.
	Agreed func(purpose, channel string) bool
	Shown  *shown.State
}

// Check is a rule that was checked; nil holds of everybody. It is immutable.
type Check struct {
	*EligibilityRule
	when *feel.Program
	// same says that the formula asks nothing of the offer: it is as true of one
	// as of the other.
	same bool
}

// Ready checks a rule; nil is nil.
func (r *EligibilityRule) Ready(kind, field string) (*Check, error) {
	if r == nil {
		return nil, nil //nolint:nilnil // no rule is one that holds of everybody
	}
	c := &Check{EligibilityRule: r}
	if slices.Contains(slices.Concat(r.Segments, r.AnySegment, r.NotSegments), "") {
		return nil, invalid(kind, field+"/segments", "give keys of segments")
	}
	if r.Consent != nil && r.Consent.Purpose == "" {
		return nil, invalid(kind, field+"/consent/purpose", "say for which purpose consent is asked")
	}
	if r.When == "" {
		return c, nil
	}
	var err error
	if c.when, err = compile(kind, field+"/when", r.When); err != nil {
		return nil, err
	}
	c.same = !asksOfOffer(c.when)
	return c, nil
}

// shared gives what the rule says as text, where it says the same of every offer.
func (c *Check) shared() (string, bool) {
	if c == nil || c.when != nil && !c.same {
		return "", false
	}
	text, err := json.Marshal(c.EligibilityRule)
	return string(text), err == nil
}

// asksOfOffer tells whether a formula may say something else for each offer.
func asksOfOffer(p *feel.Program) bool {
	reads := p.Inputs()
	return slices.Contains(reads, slotOffer) || slices.Contains(reads, slotItem) || slices.Contains(reads, slotPropensity)
}

// Situation is one question: who asks, where and when. It serves one question
// and is not safe for concurrent use.
type Situation struct {
	*Person
	Context feel.Value
	Channel string
	Now     clock.Instant
	// Seed leaves to chance what is left to chance, the same way each time.
	Seed uint64
	// Item finds a catalog item as formulas see it.
	Item func(id string) (feel.Value, bool)
	// Room is used again for the next question; nil: each makes its own.
	Room *Room

	eval  *feel.Evaluator
	slots [slots]feel.Value
	items map[string]feel.Value
	// entries are the places of what was shown, by offer; nil: not made.
	entries map[string][]int
	// held are the answers to formulas that ask nothing of an offer, by their text.
	held map[string]bool
}

// maxSteps bounds the work of all formulas of one question.
const maxSteps = 2_000_000

func (s *Situation) begin() {
	if s.eval != nil {
		return
	}
	s.eval = s.Room.evaluator(feel.Options{Now: feel.FromTime(s.Now.Time()), NoDiagnostics: true, Limits: feel.Limits{Steps: maxSteps, StringLen: 64 << 10, ListLen: 10_000}})
	s.slots[slotPerson], s.slots[slotContext] = s.Value, s.Context
}

// run evaluates a formula about an offer; nil is about none.
func (s *Situation) run(p *feel.Program, o *Ready) feel.Value {
	s.begin()
	s.slots[slotOffer], s.slots[slotItem] = feel.Null, feel.Null
	if o != nil {
		s.slots[slotOffer] = o.value
		if o.Item != "" && slices.Contains(p.Inputs(), slotItem) {
			s.slots[slotItem] = s.item(o.Item)
		}
	}
	return s.eval.Run(p, s.slots[:])
}

func (s *Situation) item(key string) feel.Value {
	if v, ok := s.items[key]; ok {
		return v
	}
	v := feel.Null
	if s.Item != nil {
		v, _ = s.Item(key)
	}
	if s.items == nil {
		s.items = map[string]feel.Value{}
	}
	s.items[key] = v
	return v
}

// Drop says at which stage something fell, and why; the zero value says that it
// did not.
type Drop struct {
	Stage  string
	Reason string
}

// Holds tells whether a rule holds, of an offer or of none.
func (c *Check) Holds(s *Situation, o *Ready) Drop {
	if c == nil {
		return Drop{}
	}
	if d := c.segments(s); d.Stage != "" {
		return d
	}
	if c.Consent != nil && (s.Agreed == nil || !s.Agreed(c.Consent.Purpose, c.Consent.Channel)) {
		return Drop{StageConsent, "no consent for " + c.Consent.Purpose}
	}
	if c.when != nil && !s.isTrue(c, o) {
		return Drop{StageCondition, "not true: " + c.When}
	}
	return Drop{}
}

// isTrue evaluates the formula of a rule; what asks nothing of the offer once for
// all offers.
func (s *Situation) isTrue(c *Check, o *Ready) bool {
	if !c.same {
		return s.run(c.when, o).IsTrue()
	}
	yes, known := s.held[c.When]
	if !known {
		yes = s.run(c.when, nil).IsTrue()
		if s.held == nil {
			s.held = map[string]bool{}
		}
		s.held[c.When] = yes
	}
	return yes
}

func (c *Check) segments(s *Situation) Drop {
	for _, key := range c.Segments {
		if d := s.inside(key, true); d.Stage != "" {
			return d
		}
	}
	for _, key := range c.NotSegments {
		if d := s.inside(key, false); d.Stage != "" {
			return d
		}
	}
	if len(c.AnySegment) == 0 {
		return Drop{}
	}
	for _, key := range c.AnySegment {
		if s.inside(key, true).Stage == "" {
			return Drop{}
		}
	}
	return Drop{StageSegment, "in none of the segments that would do"}
}

func (s *Situation) inside(key string, want bool) Drop {
	in, visible := false, true
	if s.In != nil {
		in, visible = s.In(key)
	}
	switch {
	case !visible:
		return Drop{StageSegment, "segment " + key + " is not public, and the caller only claims to be the person"}
	case in == want:
		return Drop{}
	case want:
		return Drop{StageSegment, "not in segment " + key}
	}
	return Drop{StageSegment, "in segment " + key}
}
