package shown

import (
	"strconv"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Source is the key of the source that decisions come from. Only events of it
// say that a decision was made.
const Source = "decisions"

// DecisionMade is the event that a decision becomes.
const DecisionMade = "Decision Made"

// maxItems is how many offers of a decision are read.
const maxItems = 50

// outcomeOf tells which outcome an event reports. Most events report none.
func outcomeOf(e *event.Event) (Outcome, bool) {
	if e.Type != event.Track || len(e.Name) < len("Offer Viewed") {
		return 0, false
	}
	switch e.Name {
	case DecisionMade:
		return Decided, e.Source == Source && e.Verified
	case "Offer Viewed", "Experience Viewed":
		return Viewed, true
	case "Offer Clicked", "Experience Clicked":
		return Clicked, true
	case "Offer Dismissed", "Experience Dismissed":
		return Dismissed, true
	case "Offer Accepted", "Experience Accepted":
		return Accepted, true
	}
	return 0, false
}

// EventName is the event that reports an outcome of an offer or, without one, of
// an experience.
func EventName(o Outcome, offer bool) string {
	what := "Experience "
	if offer {
		what = "Offer "
	}
	switch o {
	case Viewed:
		return what + "Viewed"
	case Clicked:
		return what + "Clicked"
	case Dismissed:
		return what + "Dismissed"
	case Accepted:
		return what + "Accepted"
	case Decided, Outcomes:
	}
	return DecisionMade
}

// Speaks tells whether an event says anything of what was offered.
func Speaks(e *event.Event) bool {
	_, ok := outcomeOf(e)
	return ok
}

// Fold adds an event that speaks of it, and tells whether that changed
// anything. It must be called once per message.
func (s *State) Fold(e *event.Event) bool {
	o, ok := outcomeOf(e)
	if !ok {
		return false
	}
	p := e.Properties
	x := Subject{
		Placement: word(p, "placement"), Experience: word(p, "experience"), Version: number(p, "experience_version"),
		Variant: word(p, "variant"), Offer: word(p, "offer"), Channel: word(p, "channel"),
	}
	if x.Placement == "" && x.Experience == "" && x.Offer == "" {
		return false
	}
	if o != Decided {
		s.count(o, x, e.Time)
		return true
	}
	h := s.readHeld(e, &x)
	if len(h.Items) == 0 {
		s.count(o, x, e.Time)
	}
	for _, i := range h.Items {
		x.Offer = i.Offer
		s.count(o, x, e.Time)
	}
	if h.ID != "" && h.Until > h.Time {
		s.hold(h)
	}
	return true
}

func (s *State) count(o Outcome, x Subject, at clock.Instant) {
	i, ok := s.find(&x)
	if !ok {
		if i >= MaxSubjects {
			s.truncated = true
			return
		}
		s.insert(i, Entry{Subject: x})
	}
	s.entries[i].add(o, at)
}

// readHeld reads the decision that an event tells of.
func (s *State) readHeld(e *event.Event, x *Subject) Held {
	p := e.Properties
	h := Held{ID: word(p, "decision_id"), Time: e.Time, Experience: x.Experience, Version: x.Version, Variant: x.Variant}
	if x.Placement != "" {
		h.Place = PlacementPlace(x.Placement)
	} else {
		h.Place = ExperiencePlace(x.Experience)
	}
	if text, ok := p.Get("valid_until").Str(); ok {
		_ = h.Until.UnmarshalText([]byte(text)) // what is no time holds never
	}
	h.Basis, _ = strconv.ParseUint(p.Get("basis").Text(), 16, 64)
	p.Get("items").Items(func(i int, v jsondoc.Value) bool {
		if offer := word(v, "offer"); offer != "" {
			h.Items = append(h.Items, HeldItem{offer, number(v, "offer_version")})
		}
		return i+1 < maxItems
	})
	return h
}

// PlacementPlace is the place of decisions for a placement.
func PlacementPlace(key string) string { return "p:" + key }

// ExperiencePlace is the place of decisions of an experience that has no
// placement.
func ExperiencePlace(key string) string { return "e:" + key }

func word(v jsondoc.Value, name string) string {
	text, ok := v.Get(name).Str()
	if !ok || len(text) > maxWord || strings.IndexByte(text, 0) >= 0 {
		return ""
	}
	return text
}

func number(v jsondoc.Value, name string) int {
	n, ok := v.Get(name).Int()
	if !ok || n < 0 || n > 1<<31 {
		return 0
	}
	return int(n)
}
