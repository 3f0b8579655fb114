package responder

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/event"
	"rapport/internal/experience"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/profile/shown"
)

// Due is a triggered experience that is due for somebody.
type Due struct {
	Experience string
	Version    int    // 0: the one that is live
	ID         string // of the message, in hexadecimal: the decision has it too
	Channel    string // where none is said by the experience
	// Set is when it was set off, Due when it is due, Last when it was set off the
	// time before that the person got it; zero: never.
	Set, Due, Last clock.Instant
	Person         *profile.View
	Event          *event.Event // that set it off; nil: none of its own did
	// Dry writes nothing down and takes nothing.
	Dry bool
}

// Given is what a triggered experience gives somebody, or why nothing.
type Given struct {
	Content json.RawMessage
	Reason  string // one word
	Text    string
	// Reserved is what was set aside of limited offers: whoever writes the
	// message down keeps it in the same step, or releases it.
	Reserved []*pipeline.Reservation
}

// Give makes what a triggered experience gives somebody now: it is still to be
// sent, the person is among those it is for and agreed, and there is something to
// show. That is a decision, which is written down. An error is one that may be
// gone a moment later.
func (r *Responder) Give(ctx context.Context, due *Due) (*Given, error) {
	s, err := r.shelf.get(ctx)
	if err != nil {
		return nil, err
	}
	x := s.experiences[due.Experience]
	if due.Version != 0 {
		if x, err = r.shelf.version(ctx, due.Experience, due.Version); err != nil {
			return nil, err
		}
	}
	if x == nil || x.Type != experience.Triggered {
		return &Given{Reason: experience.NotLive}, nil
	}
	if due.Last != 0 && due.Set.Sub(due.Last) < time.Duration(*x.AgainAfter) {
		return &Given{Reason: experience.TooSoon, Text: "it was set off at " + due.Last.String()}, nil
	}
	q, err := r.askedBy(ctx, s, x, due)
	if err != nil {
		return nil, err
	}
	turn := &r.turns[q.guest.turn()]
	turn.Lock()
	defer turn.Unlock()
	return q.giveDue(x, due)
}

// askedBy makes a question of what is due.
func (r *Responder) askedBy(ctx context.Context, s *shelf, x *experience.Ready, due *Due) (*question, error) {
	req := &Request{Trusted: true, Dry: due.Dry, Channel: due.Channel}
	if len(x.Channels) > 0 {
		req.Channel = x.Channels[0]
	}
	for _, i := range due.Person.Identifiers {
		req.Identifiers = append(req.Identifiers, event.Identifier{Namespace: i.Namespace, Value: i.Value})
	}
	req.Identifiers, _ = r.Spine.Rules().Choose(req.Identifiers)
	if v := due.Person.Traits["language"]; v != nil {
		_ = json.Unmarshal(v, &req.Language) // what is no text is none
	}
	q := &question{Responder: r, Request: req, ctx: ctx, shelf: s, now: r.Clock.Now(), due: due.Due}
	id, err := hex.DecodeString(due.ID)
	if err != nil {
		return nil, err
	}
	copy(q.forMessage[:], id)
	if due.Event != nil {
		if q.event, err = effect.EventJSON(due.Event); err != nil {
			return nil, err
		}
	}
	if q.guest, err = r.meet(ctx, req, s, false); err != nil {
		return nil, err
	}
	q.situate()
	return q, nil
}

func (q *question) giveDue(x *experience.Ready, due *Due) (*Given, error) {
	if reason, text := x.For(q.visit.Situation); reason != "" {
		return &Given{Reason: reason, Text: text}, nil
	}
	if reason := x.CallsOff(due.Set, due.Due, q.guest.known, q.guest.person.Value); reason != "" {
		return &Given{Reason: reason}, nil
	}
	if capped := q.capped(x); capped.Stage != "" {
		return &Given{Reason: experience.CapReached, Text: capped.Reason}, nil
	}
	v, drop := x.Choose(q.visit)
	if v == nil {
		return &Given{Reason: experience.NoTraffic, Text: drop.Reason}, nil
	}
	m := ShownDecision{Experience: x.Key, Version: x.Version, Variant: v.Key, Control: v.Control}
	basis, _, reason := q.give(&m, v, nil)
	if reason != "" {
		return &Given{Reason: reason}, nil
	}
	_ = q.finish(&m, shown.ExperiencePlace(x.Key), *x.ValidFor, basis, nil) // a message is written down by those who asked
	if len(m.Content) == 0 && len(m.Items) == 0 {
		return &Given{Reason: experience.NoContent, Text: "variant " + v.Key + " sends nothing"}, nil
	}
	text, err := json.Marshal(&m)
	if err != nil {
		q.undo(mark{})
		return nil, err
	}
	return &Given{Content: text, Reserved: q.taken}, nil
}
