package offer

import (
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/profile/shown"
)

// limit is a cap that was checked.
type limit struct {
	FrequencyCap
	of shown.Outcome
}

func readCaps(kind string, caps []FrequencyCap) ([]limit, error) {
	var out []limit
	for i, c := range caps {
		at := fmt.Sprintf("caps/%d", i)
		if c.Per == "" {
			c.Per = "offer"
			if kind == "placement" {
				c.Per = "placement"
			}
		}
		of, ok := outcomeOf(c.Of)
		switch {
		case !ok:
			return nil, invalid(kind, at+"/of", "%q: give decided, viewed, clicked, dismissed or accepted", c.Of)
		case !slices.Contains([]string{"offer", "group", "placement", "channel", "person"}, c.Per):
			return nil, invalid(kind, at+"/per", "%q: give offer, group, placement, channel or person", c.Per)
		case kind == "placement" && (c.Per == "offer" || c.Per == "group" && c.Key == ""):
			return nil, invalid(kind, at+"/per", "a placement counts per placement, channel or person, or per group with its key")
		}
		if err := c.CheckSpan(kind, at); err != nil {
			return nil, err
		}
		out = append(out, limit{c, of})
	}
	return out, nil
}

// CheckSpan refuses a number of times or a span that is none; at is where the cap
// stands in its document.
func (c *FrequencyCap) CheckSpan(kind, at string) error {
	switch {
	case c.Times < 1 || c.Times > shown.MaxTimes:
		return invalid(kind, at+"/times", "times %d: give 1 to %d", c.Times, shown.MaxTimes)
	case c.Each != "" && (c.Period != 0 || !slices.Contains([]string{"hour", "day", "week", "month"}, c.Each)):
		return invalid(kind, at+"/each", "%q: give hour, day, week or month, and no period beside it", c.Each)
	}
	return nil
}

// Since is the moment after which a cap counts; zero: it counts all there is.
func (c *FrequencyCap) Since(now clock.Instant) clock.Instant {
	switch {
	case c.Each != "":
		return begin(c.Each, now) - 1
	case c.Period != 0:
		return c.Period.Before(now)
	}
	return 0
}

// rest is a suppression that was checked.
type rest struct {
	RestAfter
	after shown.Outcome
}

func readRests(list []RestAfter) ([]rest, error) {
	var out []rest
	for i, s := range list {
		of, ok := shown.OutcomeOf(s.After)
		if !ok || of == shown.Decided || s.For <= 0 {
			return nil, invalid("offer", fmt.Sprintf("suppress/%d", i), "give after viewed, clicked, dismissed or accepted, and for how long")
		}
		out = append(out, rest{s, of})
	}
	return out, nil
}

// counted is what a cap is asked about.
type counted struct {
	offer     *Ready // nil: none
	placement string
	set       *Set
}

// reached tells which cap forbids more, if one does.
func (s *Situation) reached(caps []limit, x counted) Drop {
	for i := range caps {
		c := &caps[i]
		if n := s.count(c, x, c.Since(s.Now)); n >= c.Times {
			return c.Reached(c.of, n)
		}
	}
	return Drop{}
}

// count adds up what a cap counts.
func (s *Situation) count(c *limit, x counted, from clock.Instant) (n int) {
	all := s.Shown.Entries()
	one := func(e *shown.Entry) {
		if from == 0 {
			n += e.Ever(c.of)
		} else {
			n += e.Since(c.of, from)
		}
	}
	if c.Per == "offer" && x.offer != nil {
		for _, k := range s.entriesOf(x.offer.Key) {
			one(&all[k])
		}
		return n
	}
	for k := range all {
		if s.counts(c, &all[k], x) {
			one(&all[k])
		}
	}
	return n
}

// entriesOf gives the places of the entries of an offer.
func (s *Situation) entriesOf(key string) []int {
	if s.entries == nil {
		all := s.Shown.Entries()
		s.entries = make(map[string][]int, len(all))
		for k := range all {
			s.entries[all[k].Offer] = append(s.entries[all[k].Offer], k)
		}
	}
	return s.entries[key]
}

// Reached says that a cap forbids more: so often it was already.
func (c *FrequencyCap) Reached(of shown.Outcome, n int) Drop {
	return Drop{StageCap, fmt.Sprintf("%s %d times per %s%s, %d are allowed", of, n, c.Per, c.span(), c.Times)}
}

func (c *FrequencyCap) span() string {
	switch {
	case c.Each != "":
		return " this " + c.Each
	case c.Period != 0:
		text, _ := c.Period.MarshalText() // it never fails
		return " in " + string(text)
	}
	return ""
}

// counts tells whether an entry counts for a cap.
func (s *Situation) counts(c *limit, e *shown.Entry, x counted) bool {
	switch c.Per {
	case "placement":
		return e.Placement == x.placement
	case "channel":
		return e.Channel == s.Channel
	case "group":
		other := x.set.Offer(e.Offer)
		if other == nil {
			return false
		}
		if c.Key != "" {
			return slices.Contains(other.Groups, c.Key)
		}
		return x.offer != nil && slices.ContainsFunc(other.Groups, func(g string) bool { return slices.Contains(x.offer.Groups, g) })
	}
	return true
}

// resting tells whether something came of an offer not long enough ago.
func (s *Situation) resting(o *Ready) Drop {
	for _, r := range o.rests {
		from := r.For.Before(s.Now)
		for _, k := range s.entriesOf(o.Key) {
			if s.Shown.Entries()[k].Since(r.after, from) > 0 {
				text, _ := r.For.MarshalText() // it never fails
				return Drop{StageSuppressed, fmt.Sprintf("%s less than %s ago", r.after, text)}
			}
		}
	}
	return Drop{}
}
