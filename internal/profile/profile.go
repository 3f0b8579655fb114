// Package profile is what we know of a person: the fold of the events of each
// identifier into a partial state, and the merge of these when it is read. It
// never reads time or storage and never depends on the order of the events.
package profile

import (
	"time"

	"rapport/internal/catalog"
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/profile/shown"
)

// The bounds of a partial state. Traits keep the newest values; all else keeps
// the first keys in byte order, sessions the newest half hours. What a bound
// dropped is said in the view's truncated list.
const (
	MaxTraits    = 1_000 // per trait and source
	MaxNames     = 200   // events by name
	MaxChannels  = 50
	MaxGroups    = 200
	MaxContacts  = 100 // of each kind
	MaxOrders    = 5_000
	MaxCarts     = 50
	MaxObjects   = 500   // entities of declared types
	MaxHalfHours = 1_000 // at least 500 sessions
	// MaxValueBytes is the longest trait or context value that is kept.
	MaxValueBytes = 16 << 10
)

// SessionGap is the silence that ends a session.
const SessionGap = 30 * time.Minute

// Names shares the strings that many partials have in common. One worker owns
// it; nil is allowed wherever it is taken.
type Names = wire.Names

// NewNames remembers nothing yet.
func NewNames() *Names { return wire.NewNames() }

// Partial is what the events of one anchor say: a function of their set, of
// the portions of its orders and of the ticks. It belongs to one worker.
type Partial struct {
	events        uint64
	types         [event.Alias + 1]uint32
	firstSeen     clock.Instant // event time
	lastSeen      clock.Instant
	firstReceived clock.Instant
	now           clock.Instant // the latest instant known to have passed
	acted         clock.Instant // of the state that this one is to be merged into; never written

	traits    []trait // by name and source
	past      []trait // earlier values of these, by name, source and value
	about     []about // by aspect
	names     []seen  // events by name
	channels  []seen
	groups    []seen
	variants  []seen     // of experiments, that were shown
	contacts  []contact  // by kind and value
	halves    []halfHour // by number
	written   int        // so many first halves are not dirty
	orders    []*catalog.Entity
	carts     []*catalog.Entity
	objects   []*catalog.Entity
	loyalty   *loyalty     // nil where no event spoke of it
	shown     *shown.State // what was offered; nil where nothing was
	shownNew  bool         // it changed since it was encoded
	truncated section
	dirty     bool
}

// section is a set of the lists of a partial.
type section uint16

const (
	inTraits section = 1 << iota
	inNames
	inChannels
	inGroups
	inContacts
	inHalves
	inOrders
	inCarts
	inAbout
	inValues // the earlier values of traits
	inLoyalty
	inSlots // when the events of a name happened
	inShown // what was offered
	inObjects
	inVariants
)

// Input is what a fold needs beside the event.
type Input struct {
	Short    uint64 // id.Message of the message id
	Priority uint8  // of the source; the larger wins among equal times
	Mapping  *catalog.Mapping
	Names    *Names
}

// New is the state before any event.
func New() *Partial { return &Partial{} }

// Changed tells whether AppendChanges has something to say.
func (p *Partial) Changed() bool { return p.dirty }

// Seen is when the anchor's first and last event happened; zero before any.
func (p *Partial) Seen() (first, last clock.Instant) { return p.firstSeen, p.lastSeen }

// Now is the latest instant that is known to have passed for the anchor.
func (p *Partial) Now() clock.Instant { return p.now }

// Due is the next instant at which time alone changes the partial: the end of
// the session that goes on. Zero means never.
func (p *Partial) Due() clock.Instant {
	if !p.active() {
		return 0
	}
	return p.lastActed().Add(SessionGap) + 1
}

func (p *Partial) active() bool {
	acted := p.lastActed()
	return acted != 0 && p.now <= acted.Add(SessionGap)
}

// lastActed is when the person did something last: what is sent to it opens no
// session. Zero is never.
func (p *Partial) lastActed() clock.Instant {
	if n := len(p.halves); n > 0 {
		return max(p.acted, p.halves[n-1].end())
	}
	return p.acted
}

// Tick says that an instant has passed, and tells whether that changed what
// the partial shows.
func (p *Partial) Tick(now clock.Instant) (changed bool) {
	if now <= p.now {
		return false
	}
	was := p.active()
	p.now = now
	p.dirty = true
	return was != p.active()
}

// MemSize is about how many bytes the partial takes.
func (p *Partial) MemSize() int {
	const head = 440
	n := head + 96*(cap(p.traits)+cap(p.past)) + 88*cap(p.about) + 24*cap(p.halves) + 8*(cap(p.orders)+cap(p.carts)+cap(p.objects)) +
		56*(cap(p.names)+cap(p.channels)+cap(p.groups)+cap(p.variants)) + 80*cap(p.contacts)
	for i := range p.traits {
		n += len(p.traits[i].value)
	}
	for i := range p.past {
		n += len(p.past[i].value)
	}
	for i := range p.names {
		if s := p.names[i].slots; s != nil {
			n += 40 + 8*cap(s.list)
		}
	}
	for i := range p.groups {
		n += len(p.groups[i].key)
	}
	for i := range p.contacts {
		n += len(p.contacts[i].value)
	}
	if p.loyalty != nil {
		n += 300
	}
	n += p.shown.MemSize()
	for _, o := range p.orders {
		n += o.MemSize()
	}
	for _, c := range p.carts {
		n += c.MemSize()
	}
	for _, o := range p.objects {
		n += o.MemSize()
	}
	return n
}
