// Package shown is what a person was offered and what came of it: the decisions
// that were made, what was seen, clicked, sent away and accepted, per place and
// variant, and the decision that holds in each place. It is a function of the
// set of events, so it can be merged in any order. It never decides anything and
// never asks the clock.
package shown

import (
	"cmp"
	"slices"
	"strings"

	"rapport/internal/clock"
)

// Outcome is what became of something that was offered.
type Outcome uint8

// The outcomes. The numbers are on disk: append only.
const (
	Decided   Outcome = iota // a decision chose it
	Viewed                   // it was on a screen
	Clicked                  // somebody followed it
	Dismissed                // somebody sent it away
	Accepted                 // somebody took it up
	Outcomes                 // how many there are
)

// names are what outcomes are called in definitions.
func names() [Outcomes]string {
	return [Outcomes]string{"decided", "viewed", "clicked", "dismissed", "accepted"}
}

// String is the outcome's name in definitions.
func (o Outcome) String() string {
	if o < Outcomes {
		return names()[o]
	}
	return ""
}

// OutcomeOf reads a name.
func OutcomeOf(name string) (Outcome, bool) {
	all := names()
	i := slices.Index(all[:], name)
	return Outcome(max(i, 0)), i >= 0
}

// The bounds of what is kept of a person. Of subjects and places the first in
// byte order stay, of days and times the newest: so the order of events never
// matters.
const (
	MaxSubjects = 2_000
	MaxDays     = 400
	MaxTimes    = 100 // newest moments of each outcome; caps count no further
	MaxHeld     = 200
	maxWord     = 128 // bytes of a key
)

// Subject is what was offered, as finely as it is counted.
type Subject struct {
	Placement  string
	Experience string
	Version    int // of the experience
	Variant    string
	Offer      string
	Channel    string
}

// compare orders subjects.
func (s *Subject) compare(o *Subject) int {
	return cmp.Or(
		strings.Compare(s.Experience, o.Experience), strings.Compare(s.Placement, o.Placement), cmp.Compare(s.Version, o.Version),
		strings.Compare(s.Variant, o.Variant), strings.Compare(s.Offer, o.Offer), strings.Compare(s.Channel, o.Channel),
	)
}

// Day is how often each outcome came on a day of UTC.
type Day struct {
	Number uint32 // days since 1970
	N      [Outcomes]uint32
}

// Entry is a subject with what became of it.
type Entry struct {
	Subject
	Days  []Day                     // oldest first
	Times [Outcomes][]clock.Instant // the newest moments, oldest first
	First [Outcomes]clock.Instant   // the first moment ever; zero: none
}

// Held is a decision that holds in a place until a moment. Of two the later one
// holds.
type Held struct {
	Place string // "p:" and a placement, or "e:" and an experience
	ID    string
	Time  clock.Instant
	Until clock.Instant
	// Basis stands for what could have been chosen: while it is the same the
	// decision is not made anew.
	Basis      uint64
	Experience string
	Version    int // of the experience
	Variant    string
	Items      []HeldItem
}

// HeldItem is an offer of a decision, with its version.
type HeldItem struct {
	Offer   string
	Version int
}

func (h *Held) compare(o *Held) int {
	return cmp.Or(cmp.Compare(h.Time, o.Time), strings.Compare(h.ID, o.ID))
}

// State is what is known of one person, or of one identifier of it. The zero
// value knows nothing; nil reads as nothing too.
type State struct {
	entries   []Entry
	held      []Held // by place
	truncated bool
}

// Entries gives what was offered, by subject. Nothing of it may be changed.
func (s *State) Entries() []Entry {
	if s == nil {
		return nil
	}
	return s.entries
}

// Truncated tells that more was offered than is kept.
func (s *State) Truncated() bool { return s != nil && s.truncated }

// Held gives the decision of a place that holds at a moment; nil: none does.
func (s *State) Held(place string, now clock.Instant) *Held {
	if s == nil {
		return nil
	}
	i, ok := s.findHeld(place)
	if !ok || s.held[i].Until <= now || s.held[i].Time > now {
		return nil
	}
	return &s.held[i]
}

// Variant gives the variant of an experience that a person was given first, and
// how many different ones it was given.
func (s *State) Variant(experience string) (variant string, different int) {
	if s == nil {
		return "", 0
	}
	var first clock.Instant
	var seen []string
	for i := range s.entries {
		e := &s.entries[i]
		at := e.First[Decided]
		if e.Experience != experience || e.Variant == "" || at == 0 {
			continue
		}
		if !slices.Contains(seen, e.Variant) {
			seen = append(seen, e.Variant)
		}
		if first == 0 || at < first || at == first && e.Variant < variant {
			first, variant = at, e.Variant
		}
	}
	return variant, len(seen)
}

func (s *State) find(x *Subject) (int, bool) {
	return slices.BinarySearchFunc(s.entries, x, func(e Entry, x *Subject) int { return e.compare(x) })
}

func (s *State) findHeld(place string) (int, bool) {
	return slices.BinarySearchFunc(s.held, place, func(h Held, place string) int { return strings.Compare(h.Place, place) })
}

// Clone copies a state; nil stays nil.
func (s *State) Clone() *State {
	if s == nil {
		return nil
	}
	c := &State{}
	c.Merge(s)
	return c
}

// Merge adds what another identifier of the person knows. The two must not have
// folded the same event.
func (s *State) Merge(o *State) {
	if o == nil {
		return
	}
	s.truncated = s.truncated || o.truncated
	if len(s.entries) == 0 {
		s.entries = make([]Entry, 0, len(o.entries)) // most merges are copies
	}
	for i := range o.entries {
		x := &o.entries[i]
		at, ok := s.find(&x.Subject)
		switch {
		case ok:
			s.entries[at].merge(x)
		case at >= MaxSubjects:
			s.truncated = true
		default:
			s.insert(at, x.clone())
		}
	}
	for i := range o.held {
		s.hold(o.held[i])
	}
}

func (s *State) insert(at int, e Entry) {
	s.entries = slices.Insert(s.entries, at, e)
	if len(s.entries) > MaxSubjects {
		s.entries, s.truncated = s.entries[:MaxSubjects], true
	}
}

func (s *State) hold(h Held) {
	i, ok := s.findHeld(h.Place)
	if ok {
		if s.held[i].compare(&h) < 0 {
			h.Items = slices.Clone(h.Items)
			s.held[i] = h
		}
		return
	}
	if i >= MaxHeld {
		s.truncated = true
		return
	}
	h.Items = slices.Clone(h.Items)
	s.held = slices.Insert(s.held, i, h)
	if len(s.held) > MaxHeld {
		s.held, s.truncated = s.held[:MaxHeld], true
	}
}

// MemSize is about how many bytes the state takes.
func (s *State) MemSize() int {
	if s == nil {
		return 0
	}
	n := 64
	for i := range s.entries {
		e := &s.entries[i]
		n += 300 + 24*cap(e.Days)
		for o := range e.Times {
			n += 8 * cap(e.Times[o])
		}
	}
	for i := range s.held {
		n += 200 + 24*cap(s.held[i].Items)
	}
	return n
}

// clone copies an entry.
func (e *Entry) clone() Entry {
	c := *e
	c.Days = slices.Clone(e.Days)
	for i := range c.Times {
		c.Times[i] = slices.Clone(e.Times[i])
	}
	return c
}

// merge adds what another entry of the same subject counts.
func (e *Entry) merge(o *Entry) {
	for _, d := range o.Days {
		e.addDay(d)
	}
	for i := range o.Times {
		for _, at := range o.Times[i] {
			e.addTime(Outcome(i), at)
		}
		if o.First[i] != 0 && (e.First[i] == 0 || o.First[i] < e.First[i]) {
			e.First[i] = o.First[i]
		}
	}
}

// add counts an outcome.
func (e *Entry) add(o Outcome, at clock.Instant) {
	d := Day{Number: dayOf(at)}
	d.N[o] = 1
	e.addDay(d)
	e.addTime(o, at)
	if e.First[o] == 0 || at < e.First[o] {
		e.First[o] = at
	}
}

func (e *Entry) addDay(d Day) {
	i, ok := slices.BinarySearchFunc(e.Days, d.Number, func(x Day, n uint32) int { return cmp.Compare(x.Number, n) })
	if ok {
		for k := range d.N {
			e.Days[i].N[k] += d.N[k]
		}
		return
	}
	if i == 0 && len(e.Days) >= MaxDays {
		return
	}
	e.Days = slices.Insert(e.Days, i, d)
	if n := len(e.Days) - MaxDays; n > 0 {
		e.Days = slices.Delete(e.Days, 0, n)
	}
}

func (e *Entry) addTime(o Outcome, at clock.Instant) {
	list := e.Times[o]
	i, _ := slices.BinarySearch(list, at)
	if i == 0 && len(list) >= MaxTimes {
		return
	}
	list = slices.Insert(list, i, at)
	if n := len(list) - MaxTimes; n > 0 {
		list = slices.Delete(list, 0, n)
	}
	e.Times[o] = list
}

// Since counts an outcome after a moment, up to the bound of what is kept.
func (e *Entry) Since(o Outcome, after clock.Instant) int {
	list := e.Times[o]
	i, _ := slices.BinarySearch(list, after+1)
	return len(list) - i
}

// Ever counts an outcome over all days that are kept.
func (e *Entry) Ever(o Outcome) int {
	n := 0
	for i := range e.Days {
		n += int(e.Days[i].N[o])
	}
	return n
}

const dayMicros = clock.Instant(24 * 60 * 60 * 1_000_000)

func dayOf(at clock.Instant) uint32 { return uint32(max(at, 0) / dayMicros) }
