package experience

import (
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/decision/offer"
	"rapport/internal/event"
	"rapport/internal/feel"
	"rapport/internal/profile"
)

// Signal is something that sets an experience off: when it is due, and whether
// it takes the place of one that waits already.
type Signal struct {
	Due     clock.Instant
	Renews  bool // a later one takes the place of the one before: so long nothing happened
	Ends    bool // what waits is called off
	Happens clock.Instant
}

// OnEvent tells whether an event sets the experience off. read gives the event
// as formulas see it, where one asks.
func (r *Ready) OnEvent(e *event.Event, read func() feel.Value) (s Signal, ok bool) {
	t := r.Trigger
	if t == nil || e.Historical {
		return s, false
	}
	s.Happens = e.Time
	switch {
	case t.Event != nil:
		if e.Name == "" || !slices.Contains(t.Event.Names, e.Name) {
			return s, false
		}
		if r.where != nil {
			if v, _ := r.where.Eval(feel.Options{NoDiagnostics: true, Limits: feel.Limits{Steps: 100_000}}, read()); !v.IsTrue() {
				return s, false
			}
		}
		s.Due = r.Delay.After(e.Time)
		return s, true
	case t.Session != nil:
		s.Due, s.Renews = (t.Session.Idle + r.Delay).After(e.Time), true
		return s, !aboutMessages(e)
	case t.Cart != nil:
		s.Due, s.Renews = (t.Cart.Idle + r.Delay).After(e.Time), true
		return s, changesCart(e)
	case t.Date != nil:
		return r.onDate(e)
	}
	return s, false
}

// aboutMessages tells an event that reports what was sent to a person, or
// decided, rather than what the person did.
func aboutMessages(e *event.Event) bool {
	for _, p := range [...]string{"Email ", "SMS ", "Push Notification ", "Decision "} {
		if strings.HasPrefix(e.Name, p) {
			return true
		}
	}
	return e.Type == event.Alias
}

// changesCart tells an event after which a cart may have been left.
func changesCart(e *event.Event) bool {
	switch e.Name {
	case "Product Added", "Product Removed", "Cart Viewed", "Cart Updated", "Checkout Started", "Checkout Step Viewed":
		return true
	}
	return strings.Contains(strings.ToLower(e.ItemAction), "cart")
}

// onDate reads the date of a trait that an event sets.
func (r *Ready) onDate(e *event.Event) (s Signal, ok bool) {
	d := r.Trigger.Date
	v := e.Traits.Get(d.Trait)
	if !v.Exists() || e.Type == event.Group {
		return s, false
	}
	s.Happens, s.Renews = e.Time, true
	text, _ := v.Str()
	at, ok := dateOf(text)
	if !ok {
		s.Ends = true // there is no date any more
		return s, true
	}
	due := at.Add(time.Duration(d.After) - time.Duration(d.Before))
	if d.Yearly {
		due = NextYear(due, e.ReceivedAt)
	}
	s.Due = r.Delay.After(due)
	if s.Due <= e.ReceivedAt {
		s.Ends = true // it is over
	}
	return s, true
}

func dateOf(text string) (clock.Instant, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return clock.From(t), true
		}
	}
	return 0, false
}

// NextYear moves a moment by whole years behind another.
func NextYear(at, behind clock.Instant) clock.Instant {
	t, b := at.Time().UTC(), behind.Time().UTC()
	if t.Year() < b.Year() {
		t = t.AddDate(b.Year()-t.Year(), 0, 0)
	}
	for !t.After(b) {
		t = t.AddDate(1, 0, 0)
	}
	return clock.From(t)
}

// OnPassage tells whether an entry into a segment, or an exit, sets it off.
func (r *Ready) OnPassage(segment string, entered bool, at clock.Instant) (s Signal, ok bool) {
	if r.Trigger == nil || r.Trigger.Segment == nil {
		return s, false
	}
	t := r.Trigger.Segment
	if t.Key != segment || (t.On == "entered") != entered {
		return s, false
	}
	return Signal{Due: r.Delay.After(at), Happens: at}, true
}

// Again is when it is due the next time after it was sent; zero: it is not set
// off by itself.
func (r *Ready) Again(due clock.Instant) clock.Instant {
	if t := r.Trigger; t != nil && t.Date != nil && t.Date.Yearly {
		return NextYear(due, due)
	}
	return 0
}

// Why a triggered experience that is due is not sent.
const (
	Cancelled  = "cancelled"
	NoAudience = "not_in_audience"
	Over       = "over" // before or after its time
)

// CallsOff tells whether a triggered experience that was set off at a moment is
// not to be sent now, and why. events tells whether an event of a name happened
// after a moment, orders whether one was placed.
func (r *Ready) CallsOff(set clock.Instant, v *profile.View, who feel.Value, happened func(names []string, after clock.Instant) bool) string {
	if t := r.Trigger; t != nil && t.Cart != nil && len(v.Computed.Carts) == 0 {
		return Cancelled
	}
	c := r.Cancel
	if c == nil {
		return ""
	}
	if c.Orders && v.Computed.LastOrder != nil && *v.Computed.LastOrder >= set {
		return Cancelled
	}
	if len(c.Events) > 0 && happened(c.Events, set) {
		return Cancelled
	}
	if r.cancel != nil {
		if x, _ := r.cancel.Eval(feel.Options{NoDiagnostics: true, Limits: feel.Limits{Steps: 100_000}}, who); x.IsTrue() {
			return Cancelled
		}
	}
	return ""
}

// Audience tells whether a triggered experience is for somebody.
func (r *Ready) For(s *offer.Situation) string {
	switch {
	case r.From != 0 && s.Now < r.From || r.To != 0 && s.Now >= r.To:
		return Over
	case r.rule.Holds(s, nil).Stage != "":
		return NoAudience
	}
	return ""
}
