package experience

import (
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/decision/offer"
	"rapport/internal/profile/shown"
)

// CapRule says how often a person gets an experience at most.
type CapRule struct {
	Per    string     `json:"per,omitempty" enum:"experience,channel,person" doc:"What is counted together: this experience, this experience in the channel, or all experiences of the person; left out: experience"`
	Of     string     `json:"of,omitempty" enum:"decided,viewed,clicked,dismissed,accepted" doc:"What is counted; left out: decided, how often it was given"`
	Times  int        `json:"times" minimum:"1" maximum:"100"`
	Period offer.Span `json:"period,omitempty" doc:"A sliding span, such as 24h or 7d; left out: as long as it is remembered"`
	Each   string     `json:"each,omitempty" enum:"hour,day,week,month" doc:"A span of the calendar, of UTC, in place of period"`
}

// limit is a cap that was checked.
type limit struct {
	offer.FrequencyCap
	of shown.Outcome
}

func (r *Ready) checkCaps() error {
	for i, c := range r.Caps {
		at := fmt.Sprintf("caps/%d", i)
		x := limit{offer.FrequencyCap{Per: c.Per, Of: c.Of, Times: c.Times, Period: c.Period, Each: c.Each}, shown.Decided}
		if x.Per == "" {
			x.Per = "experience"
		}
		if x.Of != "" {
			var ok bool
			if x.of, ok = shown.OutcomeOf(x.Of); !ok {
				return invalid(at+"/of", "%q: give decided, viewed, clicked, dismissed or accepted", x.Of)
			}
		}
		if !slices.Contains([]string{"experience", "channel", "person"}, x.Per) {
			return invalid(at+"/per", "%q: give experience, channel or person", x.Per)
		}
		if err := x.CheckSpan("experience", at); err != nil {
			return err
		}
		r.limits = append(r.limits, x)
	}
	return nil
}

// Given is an experience that somebody was given a moment ago: a decision that
// what was shown need not tell of yet.
type Given struct {
	Experience string
	Channel    string
	At         clock.Instant
}

// Capped tells which cap forbids to give the experience once more, if one does.
// just are the decisions of the last moments; not is the moment of the decision
// that this one repeats, which does not count, zero where it repeats none.
func (r *Ready) Capped(v *Visit, just []Given, not clock.Instant) offer.Drop {
	for i := range r.limits {
		c := &r.limits[i]
		n := r.count(c, v, just, not)
		if n >= c.Times {
			return c.Reached(c.of, n)
		}
	}
	return offer.Drop{}
}

// count counts decisions by their moments, for one may have several offers, and
// other outcomes by their events.
func (r *Ready) count(c *limit, v *Visit, just []Given, not clock.Instant) (n int) {
	from := c.Since(v.Now)
	counts := func(experience, channel string) bool {
		switch c.Per {
		case "person":
			return experience != ""
		case "channel":
			return experience == r.Key && channel == v.Channel
		}
		return experience == r.Key
	}
	all, given := v.Shown.Entries(), decisions{}
	for i := range all {
		e := &all[i]
		switch {
		case !counts(e.Experience, e.Channel):
		case c.of == shown.Decided:
			given.add(e.Experience, e.Times[c.of])
		case from == 0:
			n += e.Ever(c.of)
		default:
			n += e.Since(c.of, from)
		}
	}
	if c.of == shown.Decided {
		fresh := map[string][]clock.Instant{}
		for _, g := range just {
			if counts(g.Experience, g.Channel) {
				fresh[g.Experience] = append(fresh[g.Experience], g.At)
			}
		}
		for key, moments := range fresh {
			given.add(key, moments)
		}
	}
	for m, times := range given {
		if m.at > from/1000 && (m.experience != r.Key || m.at != not/1000) {
			n += times
		}
	}
	return n
}

// decisions are how many decisions gave an experience at a moment.
type decisions map[moment]int

type moment struct {
	experience string
	at         clock.Instant // in milliseconds: not every event keeps more
}

// add takes a list in which each decision stands once. Several lists may tell of
// the same ones: that of each offer of a decision, and that of what is new.
func (d decisions) add(experience string, moments []clock.Instant) {
	own := decisions{}
	for _, at := range moments {
		own[moment{experience, at / 1000}]++
	}
	for m, n := range own {
		d[m] = max(d[m], n)
	}
}
