// Package quota holds what comes with a key against how much the key and its
// source may bring: so many per second, with a burst, and so many a day. The keys
// of a source share what the source may bring, each at least its even part. It
// never stores an event, never asks the clock itself and never refuses where no
// limit is set.
package quota

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Gate is safe for concurrent use.
type Gate struct {
	register *access.Register
	clock    clock.Clock
	limits   atomic.Pointer[limits]

	mu      sync.Mutex
	sources map[string]*pool
	keys    map[string]*meter // write keys and ids of secret keys that have limits of their own
	changed bool
	swept   *access.Index // the one by which was forgotten
}

// New makes a gate that has let nothing through.
func New(r *access.Register, c clock.Clock) *Gate {
	return &Gate{register: r, clock: c, sources: map[string]*pool{}, keys: map[string]*meter{}}
}

// Brought is what a request brings with a key.
type Brought struct {
	Source string
	Key    string // the write key; empty: it came without one of its own
	Events int
}

// limits are those of one version of the access document.
type limits struct {
	of      *access.Index
	sources map[string]*access.Limits
	keys    map[string]*access.Limits
}

func (g *Gate) compiled() *limits {
	index := g.register.Index()
	if l := g.limits.Load(); l != nil && l.of == index {
		return l
	}
	l := &limits{of: index, sources: map[string]*access.Limits{}, keys: map[string]*access.Limits{}}
	doc := index.Document()
	for i := range doc.Sources {
		s := &doc.Sources[i]
		if s.Limits != nil {
			l.sources[s.Key] = s.Limits
		}
		for j := range s.WriteKeys {
			if k := &s.WriteKeys[j]; k.Limits != nil {
				l.keys[k.Key] = k.Limits
			}
		}
	}
	for i := range doc.SecretKeys {
		if k := &doc.SecretKeys[i]; k.Limits != nil {
			l.keys[k.ID] = k.Limits
		}
	}
	g.limits.Store(l)
	return l
}

// Limited tells that anybody has limits.
func (g *Gate) Limited() bool {
	l := g.compiled()
	return len(l.sources)+len(l.keys) > 0
}

// Events lets through what a request brings, or tells why not: a fault of the
// kind Limited that knows when to come again. All of it is let through or none.
func (g *Gate) Events(all []Brought) error {
	l := g.compiled()
	limited := false
	for _, b := range all {
		limited = limited || l.sources[b.Source] != nil || l.keys[b.Key] != nil
	}
	if !limited {
		return nil
	}
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changed = true
	for i := range all {
		if err := g.ask(l, &all[i], now); err != nil {
			for j := range all[:i] {
				g.count(l, &all[j], -int64(all[j].Events))
			}
			g.refuse(all)
			return err
		}
		// What stands behind it in the request finds the day's sum as this leaves it.
		g.count(l, &all[i], int64(all[i].Events))
	}
	// Tokens are taken last: together the keys may leave a debt, as one of them may,
	// else what is more than a burst would never pass.
	for i := range all {
		g.spend(l, &all[i])
	}
	return nil
}

// count adds to the sums of the day.
func (g *Gate) count(l *limits, b *Brought, n int64) {
	if l.sources[b.Source] != nil {
		p := g.sources[b.Source]
		p.Today += n
		p.share(b.Key).Today += n
	}
	if l.keys[b.Key] != nil {
		g.keys[b.Key].Today += n
	}
}

// spend takes tokens.
func (g *Gate) spend(l *limits, b *Brought) {
	n := int64(b.Events) * token
	if l.sources[b.Source] != nil {
		p := g.sources[b.Source]
		p.tokens -= n
		p.share(b.Key).tokens -= n
	}
	if l.keys[b.Key] != nil {
		g.keys[b.Key].tokens -= n
	}
}

// Request lets a request with a secret key through, or tells why not.
func (g *Gate) Request(key string) error {
	l := g.compiled()
	if l.keys[key] == nil {
		return nil
	}
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changed = true
	m := g.meter(key, l.keys[key], now)
	if wait, daily := m.wait(1); wait > 0 {
		m.Refused++
		return tooMuch("the key "+key, "requests", l.keys[key], wait, daily)
	}
	m.Today++
	m.tokens -= token
	return nil
}

// ask tells whether something fits, without counting it.
func (g *Gate) ask(l *limits, b *Brought, now clock.Instant) error {
	if own := l.keys[b.Key]; own != nil {
		if wait, daily := g.meter(b.Key, own, now).wait(int64(b.Events)); wait > 0 {
			return tooMuch("this write key of the source "+b.Source, "events", own, wait, daily)
		}
	}
	own := l.sources[b.Source]
	if own == nil {
		return nil
	}
	p := g.sources[b.Source]
	if p == nil {
		p = &pool{}
		g.sources[b.Source] = p
	}
	p.tick(own, now)
	if wait, daily := p.ask(b.Key, int64(b.Events), now); wait > 0 {
		return tooMuch("the source "+b.Source, "events", own, wait, daily)
	}
	return nil
}

// refuse counts what is not let through, at all that it would have counted
// against.
func (g *Gate) refuse(all []Brought) {
	for _, b := range all {
		if p := g.sources[b.Source]; p != nil {
			p.refuse(b.Key, uint64(b.Events))
		}
		if m := g.keys[b.Key]; m != nil {
			m.Refused += uint64(b.Events)
		}
	}
}

func (g *Gate) meter(key string, l *access.Limits, now clock.Instant) *meter {
	m := g.keys[key]
	if m == nil {
		m = &meter{}
		g.keys[key] = m
	}
	m.tick(l, now)
	return m
}

func tooMuch(who, what string, l *access.Limits, wait time.Duration, daily bool) error {
	if daily {
		return fault.Errorf(fault.Limited, "quota_used_up", "%s has brought its %d %s of today (UTC): send again tomorrow, or ask for a larger quota: %w", who, l.PerDay, what, later(wait))
	}
	return fault.Errorf(fault.Limited, "rate_limited", "%s may bring %d %s per second: send this again after %s: %w", who, l.PerSecond, what, max(wait, time.Second).Round(time.Second), later(wait))
}

// later is a cause that knows how long to wait.
type later time.Duration

// Error says how long.
func (l later) Error() string { return "wait " + time.Duration(l).String() }

// RetryAfter says how long.
func (l later) RetryAfter() time.Duration { return time.Duration(l) }

// LimitUse is how much of a limit is used.
type LimitUse struct {
	Today   int64  `json:"today" doc:"Let through since midnight UTC"`
	Refused uint64 `json:"refused" doc:"Answered 429, since limits were first set; each attempt counts"`
}

// Source tells how much of its limits a source has used; false where it has none.
func (g *Gate) Source(key string) (LimitUse, bool) {
	if g.compiled().sources[key] == nil {
		return LimitUse{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.sources[key]
	if p == nil {
		return LimitUse{}, true
	}
	return p.use(g.clock.Now()), true
}

// Key tells how much a write key has used, by its own limits or else as one of
// those that share the limits of their source; for a secret key its id is given.
// False where neither has any.
func (g *Gate) Key(key, source string) (LimitUse, bool) {
	l := g.compiled()
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case l.keys[key] != nil:
		if m := g.keys[key]; m != nil {
			return m.use(g.clock.Now()), true
		}
	case l.sources[source] != nil:
		if p := g.sources[source]; p != nil && p.Shares[key] != nil {
			return p.Shares[key].use(g.clock.Now()), true
		}
	default:
		return LimitUse{}, false
	}
	return LimitUse{}, true
}

// Refused is how much of each source was answered 429 for its limits or those of
// its keys.
func (g *Gate) Refused() map[string]uint64 {
	out := map[string]uint64{}
	doc := g.register.Index().Document()
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range doc.Sources {
		s := &doc.Sources[i]
		if p := g.sources[s.Key]; p != nil {
			out[s.Key] = p.Refused
			continue
		}
		for _, k := range s.WriteKeys {
			if m := g.keys[k.Key]; m != nil {
				out[s.Key] += m.Refused
			}
		}
	}
	return out
}

// keptUse is how use stands in a file.
type keptUse struct {
	Sources map[string]*pool  `json:"sources"`
	Keys    map[string]*meter `json:"keys"`
}

// forget drops what was counted of sources and keys that are not there any more.
// Where only the limits were taken away the count stays.
func (g *Gate) forget() {
	index := g.register.Index()
	if index == g.swept {
		return
	}
	g.swept = index
	doc, keys := index.Document(), map[string]bool{"": true} // what came with none of its own
	for i := range doc.Sources {
		for j := range doc.Sources[i].WriteKeys {
			keys[doc.Sources[i].WriteKeys[j].Key] = true
		}
	}
	for i := range doc.SecretKeys {
		keys[doc.SecretKeys[i].ID] = true
	}
	gone := func(is bool) bool {
		g.changed = g.changed || is
		return is
	}
	maps.DeleteFunc(g.keys, func(key string, _ *meter) bool { return gone(!keys[key]) })
	maps.DeleteFunc(g.sources, func(key string, p *pool) bool {
		maps.DeleteFunc(p.Shares, func(key string, _ *share) bool { return gone(!keys[key]) })
		return gone(index.Source(key) == nil)
	})
}

// Keep gives what a later start must know, so that a day's quota outlasts a
// restart; nil where nothing changed since the last call. Tokens are not kept: a
// start begins with a whole burst.
func (g *Gate) Keep() ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget()
	if !g.changed {
		return nil, nil
	}
	text, err := json.Marshal(keptUse{g.sources, g.keys})
	if err != nil {
		return nil, fmt.Errorf("keeping the use of limits: %w", err)
	}
	g.changed = false
	return text, nil
}

// Remember takes over what Keep gave.
func (g *Gate) Remember(text []byte) error {
	var k keptUse
	if err := json.Unmarshal(text, &k); err != nil {
		return fmt.Errorf("reading the use of limits: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, p := range k.Sources {
		if p != nil {
			maps.DeleteFunc(p.Shares, func(_ string, s *share) bool { return s == nil })
			g.sources[name] = p
		}
	}
	for name, m := range k.Keys {
		if m != nil {
			g.keys[name] = m
		}
	}
	return nil
}
