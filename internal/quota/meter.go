package quota

import (
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
)

// Tokens are counted in millionths of an event, so that what a microsecond brings
// is a whole number.
const (
	token = 1_000_000
	day   = clock.Instant(24 * time.Hour / time.Microsecond)
	// longest is for how long tokens gather at most, whatever the burst: so the
	// product below stays far from the end of an int64.
	longest = clock.Instant(time.Hour / time.Microsecond)
	// activeFor is how long a key that brought something has its part of a
	// source's limit kept free.
	activeFor = clock.Instant(10 * time.Second / time.Microsecond)
)

// tally is what outlasts a restart.
type tally struct {
	Day     clock.Instant `json:"day,omitzero"` // midnight UTC of the day that Today is of
	Today   int64         `json:"today"`
	Refused uint64        `json:"refused"`
}

// turn begins the sum of another day.
func (t *tally) turn(now clock.Instant) {
	if today := now - now%day; today != t.Day {
		t.Day, t.Today = today, 0
	}
}

func (t *tally) use(now clock.Instant) LimitUse {
	u := LimitUse{Today: t.Today, Refused: t.Refused}
	if now-now%day != t.Day {
		u.Today = 0
	}
	return u
}

// meter is a bucket of tokens and the sum of a day.
type meter struct {
	tally
	limits access.Limits
	at     clock.Instant
	tokens int64
	full   bool // it was filled once
}

// tick brings a meter to an instant, under limits that may have changed.
func (m *meter) tick(l *access.Limits, now clock.Instant) (gained int64) {
	m.turn(now)
	most := int64(l.Room()) * token
	switch {
	case !m.full || m.limits != *l:
		gained = most
		m.tokens, m.full, m.limits = most, true, *l
	case now > m.at:
		gained = int64(min(now-m.at, longest)) * int64(l.PerSecond)
		m.tokens = min(m.tokens+gained, most)
	}
	m.at = now
	return gained
}

// wait is how long to wait until n fit; zero: they fit now. daily tells that it is
// the day's sum that is used up. What is more than a whole burst fits where the
// bucket is full, and leaves a debt.
func (m *meter) wait(n int64) (wait time.Duration, daily bool) {
	if m.limits.PerDay > 0 && m.Today+n > m.limits.PerDay {
		return (m.Day + day).Time().Sub(m.at.Time()), true
	}
	if m.limits.PerSecond == 0 {
		return 0, false
	}
	return until(min(n, int64(m.limits.Room()))*token-m.tokens, int64(m.limits.PerSecond)), false
}

// until is how long missing tokens take to come.
func until(missing, perSecond int64) time.Duration {
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing/max(perSecond, 1)+1) * time.Microsecond
}

// pool is what a source may bring, shared by its keys: of what flows in each key
// that is active has its even part set aside, up to its even part of the burst.
// What is set aside for one cannot be taken by another; all the rest can be by
// anybody.
type pool struct {
	meter
	Shares map[string]*share `json:"shares,omitempty"`
}

type share struct {
	tally
	tokens int64
	seen   clock.Instant
}

// tick brings the pool and the shares to an instant.
func (p *pool) tick(l *access.Limits, now clock.Instant) {
	fresh := !p.full || p.limits != *l
	gained := p.meter.tick(l, now)
	for _, s := range p.Shares {
		s.turn(now)
		if fresh {
			s.tokens = 0
		}
	}
	active := p.active(now)
	if active == 0 {
		return
	}
	most := int64(l.Room()) * token / active
	for _, s := range p.Shares {
		if s.active(now) {
			s.tokens = min(s.tokens+gained/active, most)
		}
	}
}

func (s *share) active(now clock.Instant) bool { return now-s.seen < activeFor }

func (p *pool) active(now clock.Instant) (n int64) {
	for _, s := range p.Shares {
		if s.active(now) {
			n++
		}
	}
	return n
}

// ask tells how long a key has to wait until n fit.
func (p *pool) ask(key string, n int64, now clock.Instant) (wait time.Duration, daily bool) {
	s := p.share(key)
	if !s.active(now) {
		s.tokens = 0 // what was set aside for it went to others
	}
	s.seen = now
	if wait, daily = p.wait(n); daily || p.limits.PerSecond == 0 {
		return wait, daily
	}
	active := p.active(now)
	needed := min(n, max(int64(p.limits.Room())/active, 1)) * token
	if s.tokens >= needed {
		return 0, false // of its own part
	}
	var aside int64
	for _, other := range p.Shares {
		if other != s && other.active(now) {
			aside += max(other.tokens, 0)
		}
	}
	free := until(min(n, int64(p.limits.Room()))*token+aside-p.tokens, int64(p.limits.PerSecond))
	return min(free, until(needed-s.tokens, max(int64(p.limits.PerSecond)/active, 1))), false
}

// share is that of a key; keys are those of the source, so they are few.
func (p *pool) share(key string) *share {
	s := p.Shares[key]
	if s == nil {
		if p.Shares == nil {
			p.Shares = map[string]*share{}
		}
		s = &share{tally: tally{Day: p.Day}}
		p.Shares[key] = s
	}
	return s
}

func (p *pool) refuse(key string, n uint64) {
	p.Refused += n
	p.share(key).Refused += n
}
