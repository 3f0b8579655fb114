package profile

import (
	"rapport/internal/catalog/wire"
	"rapport/internal/event"
	"rapport/internal/profile/shown"
)

// Shown is what was offered to the person and what came of it; nil: nothing was.
// It may not be changed.
func (p *Partial) Shown() *shown.State { return p.shown }

// Acts tells whether an event is something that the person did, which goes on
// with a session: not what was sent to it or decided about it.
func Acts(e *event.Event) bool {
	return !outbound(channelOf(e)) && !(e.Name == shown.DecisionMade && shown.Speaks(e))
}

// EndSession is the item action of an event that ends the session it is in,
// whatever its name is.
const EndSession = "End Session"

// EndsSession tells whether an event ends the session of its person at once.
func EndsSession(e *event.Event) bool {
	return e.ItemAction == EndSession || e.Type == event.Track && e.Name == "Session Ended"
}

// foldShown takes an event that speaks of what was offered. It tells whether
// the event is a decision: that is nothing the person did, and opens no session.
func (p *Partial) foldShown(e *event.Event) (decision bool) {
	if !shown.Speaks(e) {
		return false
	}
	if p.shown == nil {
		p.shown = &shown.State{}
	}
	p.shownNew = p.shown.Fold(e) || p.shownNew
	return e.Name == shown.DecisionMade
}

func (p *Partial) mergeShown(o *shown.State) {
	if o == nil {
		return
	}
	if p.shown == nil {
		p.shown = &shown.State{}
	}
	p.shown.Merge(o)
	p.shownNew = true
}

// encodeShown writes all of it where any of it is new.
func (p *Partial) encodeShown(enc *wire.Encoder, full bool) section {
	if p.shown == nil || !full && !p.shownNew {
		return 0
	}
	p.shown.Append(enc)
	p.shownNew = false
	return inShown
}
