package experience

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/decision/offer"
	"rapport/internal/effect"
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
	Closes  bool // it is over now, and what waited for its end by itself waits no more
	Happens clock.Instant
}

// OnEvent tells whether an event sets the experience off. read gives the event
// as formulas see it, where one asks.
func (r *Ready) OnEvent(e *event.Event, read func() feel.Value) (s Signal, ok bool) {
	t := r.Trigger
	if t == nil {
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
		if profile.EndsSession(e) {
			s.Due, s.Closes = r.Delay.After(e.Time), true
			return s, true
		}
		s.Due, s.Renews = (t.Session.Idle + r.Delay).After(e.Time), true
		return s, profile.Acts(e)
	case t.Cart != nil:
		s.Due, s.Renews = (t.Cart.Idle + r.Delay).After(e.Time), true
		return s, changesCart(e)
	case t.Date != nil:
		return r.onDate(e)
	}
	return s, false
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
	due := d.moment(at)
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

// EndsBy tells whether an event calls off what waits of the experience. What
// else does is found out when it is due.
func (r *Ready) EndsBy(e *event.Event) bool {
	return r.Cancel != nil && e.Name != "" && slices.Contains(r.Cancel.Events, e.Name)
}

// Since is when something happened after which it is due at a moment: the delay
// before.
func (r *Ready) Since(due clock.Instant) clock.Instant {
	return due.Add(-time.Duration(r.Delay))
}

// Again is when it is due the next time after it was sent; zero: it is not set
// off by itself.
func (r *Ready) Again(due clock.Instant) clock.Instant {
	if t := r.Trigger; t != nil && t.Date != nil && t.Date.Yearly {
		since := r.Since(due)
		return r.Delay.After(NextYear(since, since))
	}
	return 0
}

// Why a triggered experience that was set off is not sent, beside what an effect
// says.
const (
	Cancelled  = "cancelled"       // something called it off
	Renewed    = "renewed"         // the person did something since, elsewhere
	TooSoon    = "again_too_soon"  // it was set off for the person a short while ago
	NotLive    = "not_live"        // no version of it counts any more
	OtherCart  = "other_cart"      // the session came to something else than the trigger asks for
	Over       = "over"            // before or after its time
	NoAudience = "not_in_audience" // the person is not among those it is for
	CapReached = "cap_reached"     // the person got it, or others, often enough
	NoTraffic  = "traffic"         // outside the share of people that get it
	NoContent  = "sends_nothing"   // its variant, such as a control, has nothing to send
)

// CallsOff tells whether a triggered experience that was set off at a moment is
// not to be sent now, when it is due, and why. who is the person as formulas see
// it.
func (r *Ready) CallsOff(set, due clock.Instant, v *profile.View, who feel.Value) string {
	t := r.Trigger
	switch {
	case t.Date != nil && !r.stillDue(v.Traits[t.Date.Trait], due):
		return Renewed
	case t.Cart != nil && len(v.Computed.Carts) == 0:
		return Cancelled
	case t.Cart != nil && slices.ContainsFunc(v.Computed.Carts, func(c *catalog.CartView) bool { return c.UpdatedAt > set }):
		return Renewed
	case t.Session != nil && v.Computed.LastSession != nil && v.Computed.LastSession.End > set && r.Since(due) != set:
		return Renewed // a session that an event ended stays ended
	case t.Session != nil && t.Session.Cart != "" && t.Session.Cart != cameTo(&v.Computed):
		return OtherCart
	}
	c := r.Cancel
	if c == nil {
		return ""
	}
	if c.Orders && v.Computed.LastOrder != nil && *v.Computed.LastOrder >= set {
		return Cancelled
	}
	for _, name := range c.Events {
		if x, ok := v.Computed.EventNames[name]; ok && x.LastSeen > set {
			return Cancelled
		}
	}
	if r.cancel != nil {
		if x, _ := r.cancel.Eval(feel.Options{NoDiagnostics: true, Limits: feel.Limits{Steps: 100_000}}, who); x.IsTrue() {
			return Cancelled
		}
	}
	return ""
}

// What a session comes to.
const (
	browsed   = "browsed"
	abandoned = "abandoned"
	converted = "converted"
)

// cameTo tells what a person's last session came to.
func cameTo(c *profile.Computed) string {
	if c.LastSession == nil {
		return browsed
	}
	since := c.LastSession.Start
	if c.LastOrder != nil && *c.LastOrder >= since {
		return converted
	}
	if slices.ContainsFunc(c.Carts, func(v *catalog.CartView) bool { return v.UpdatedAt >= since }) {
		return abandoned
	}
	return browsed
}

// stillDue tells whether a date that a person has now makes it due at a moment.
func (r *Ready) stillDue(trait json.RawMessage, due clock.Instant) bool {
	var text string
	if json.Unmarshal(trait, &text) != nil {
		return false
	}
	at, ok := dateOf(text)
	if !ok {
		return false
	}
	at = r.Trigger.Date.moment(at)
	if r.Trigger.Date.Yearly {
		at = NextYear(at, r.Since(due)-1)
	}
	return r.Delay.After(at) == due
}

// moment is when a date calls.
func (d *DateTrigger) moment(at clock.Instant) clock.Instant {
	return at.Add(time.Duration(d.After) - time.Duration(d.Before))
}

// For tells whether a triggered experience is for somebody, and why not.
func (r *Ready) For(s *offer.Situation) (reason, text string) {
	if r.From != 0 && s.Now < r.From || r.To != 0 && s.Now >= r.To {
		return Over, ""
	}
	switch d := r.rule.Holds(s, nil); d.Stage {
	case "":
		return "", ""
	case offer.StageConsent:
		return effect.NoConsent, d.Reason
	default:
		return NoAudience, d.Reason
	}
}
