package broadcast

import (
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// State is how far a broadcast has come.
type State string

// The states.
const (
	Draft     State = "draft"     // being written
	Scheduled State = "scheduled" // begins at its time
	Sending   State = "sending"   // on its way
	Paused    State = "paused"    // nothing of it leaves
	Ended     State = "stopped"   // given up: what waited is not sent
	Sent      State = "sent"      // everybody was looked at, nothing waits
)

// Progress is what was said of a broadcast beside its definition, and how far it
// has come. It is kept as a definition of its own, so that it says who said it
// and when.
type Progress struct {
	State    State         `json:"state"`
	Since    clock.Instant `json:"since"`
	Version  int           `json:"version,omitempty"`  // that is sent
	Begins   clock.Instant `json:"begins,omitzero"`    // when
	Position uint64        `json:"position,omitempty"` // where its messages stand in the order of the log; 0: it has not begun
	Walked   bool          `json:"walked,omitempty"`   // everybody in the segment was looked at

	Approved   int           `json:"approved,omitempty"` // the version that was
	ApprovedBy string        `json:"approved_by,omitempty"`
	ApprovedAt clock.Instant `json:"approved_at,omitzero"`
}

// ReadProgress reads what Bytes wrote; nothing is a draft.
func ReadProgress(document []byte) (p Progress, err error) {
	if len(document) > 0 {
		err = json.Unmarshal(document, &p)
	}
	if p.State == "" {
		p.State = Draft
	}
	return p, err
}

// Bytes is the form in which it is kept.
func (p Progress) Bytes() ([]byte, error) { return json.Marshal(p) }

// Changeable tells whether the broadcast may get another version.
func (p *Progress) Changeable() error {
	if p.State == Draft {
		return nil
	}
	if p.State == Scheduled {
		return fault.Errorf(fault.Conflict, "broadcast_scheduled", "the broadcast is scheduled: stop it, change it, then send it again")
	}
	return fault.Errorf(fault.Conflict, "broadcast_begun", "the broadcast was begun, people have it: make another one under another key")
}

// Word is something that a person says of a broadcast.
type Word struct {
	What   string // approve, send, pause, resume, stop
	Who    string
	When   clock.Instant
	Person string // the person that is, whatever key they use
	Author string // the person who made the version it is about
	About  int    // that version
	Rules  *Rules
	At     clock.Instant // of the broadcast; zero: at once
}

// Hear gives what becomes of a broadcast that is told something.
func (p Progress) Hear(w Word) (Progress, error) {
	out := p
	switch w.What {
	case "approve":
		return p.approve(w)
	case "send":
		return p.send(w)
	case "pause":
		if p.State != Scheduled && p.State != Sending {
			return p, p.impossible("only what is scheduled or on its way can be paused")
		}
		out.State = Paused
	case "resume":
		if p.State != Paused {
			return p, p.impossible("only what is paused can be resumed")
		}
		if out.State = Scheduled; p.Position != 0 {
			out.State = Sending
		}
	case "stop":
		switch {
		case p.State == Scheduled, p.State == Paused && p.Position == 0:
			out = Progress{State: Draft, Approved: p.Approved, ApprovedBy: p.ApprovedBy, ApprovedAt: p.ApprovedAt}
		case p.State == Sending, p.State == Paused:
			out.State = Ended
		default:
			return p, p.impossible("there is nothing to stop")
		}
	default:
		return p, fault.Errorf(fault.Invalid, "unknown_command", "%q is none of approve, send, pause, resume and stop", w.What)
	}
	out.Since = w.When
	return out, nil
}

func (p *Progress) impossible(mend string) error {
	return fault.Errorf(fault.Conflict, "broadcast_state", "the broadcast is %s: %s", p.State, mend)
}

func (p Progress) approve(w Word) (Progress, error) {
	switch {
	case p.State != Draft:
		return p, p.impossible("a broadcast is approved before it is sent")
	case w.Person == w.Author:
		return p, fault.Errorf(fault.Forbidden, "own_broadcast", "version %d is yours: somebody else has to approve it, signed in or with a key of their own", w.About)
	}
	p.Approved, p.ApprovedBy, p.ApprovedAt = w.About, w.Who, w.When
	return p, nil
}

func (p Progress) send(w Word) (Progress, error) {
	switch {
	case p.State != Draft:
		return p, p.impossible("it is sent once; make another one under another key to send it again")
	case w.Rules.Approval && p.Approved != w.About:
		return p, fault.Errorf(fault.Conflict, "not_approved", "version %d is not approved: somebody else than its author has to, with POST …/approve", w.About)
	}
	p.State, p.Since, p.Version, p.Begins = Scheduled, w.When, w.About, max(w.At, w.When)
	return p, nil
}

// Begin is the broadcast on its way, with its messages at a place in the order
// of the log.
func (p Progress) Begin(position uint64, now clock.Instant) Progress {
	p.State, p.Since, p.Position = Sending, now, max(position, 1)
	return p
}

// Due tells whether a broadcast has to be begun, or gone on with.
func (p *Progress) Due(now clock.Instant) bool {
	return !p.Walked && (p.State == Sending || p.State == Scheduled && p.Begins <= now)
}
