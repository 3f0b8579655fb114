package watch

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// LiveEvent is what is shown of an event.
type LiveEvent struct {
	Number      uint64             `json:"number" doc:"In the order in which they ended"`
	MessageID   string             `json:"message_id"`
	Source      string             `json:"source"`
	Dialect     string             `json:"dialect"`
	Type        string             `json:"type"`
	Name        string             `json:"name"`
	Channel     string             `json:"channel,omitempty"`
	Identifiers []event.Identifier `json:"identifiers" nullable:"false"`
	Outcome     string             `json:"outcome" enum:"stored,refused,dead_letter"`
	Reason      string             `json:"reason,omitempty" doc:"Why it was refused or not understood"`
	Message     string             `json:"message,omitempty" doc:"What is wrong with it, and the mend"`
	Time        *clock.Instant     `json:"time,omitempty" doc:"When it happened"`
	Received    clock.Instant      `json:"received_at" doc:"When the door had read it"`
	Logged      *clock.Instant     `json:"logged_at,omitempty" doc:"When it was on disk, and its sender heard so"`
	Applied     *clock.Instant     `json:"applied_at,omitempty" doc:"When it and what follows from it could be read, at the latest"`
	Properties  json.RawMessage    `json:"properties,omitempty" doc:"Left out where they are large"`
	Traits      json.RawMessage    `json:"traits,omitempty" doc:"Left out where they are large"`
}

// shown is how many bytes of an event's own JSON are shown at most.
const shown = 4 << 10

// request is what one request brought.
type request struct {
	events  []LiveEvent
	of      []*event.Event // beside events; nil for what was not understood
	era     uint64         // how often everything had been forgotten when it came
	receipt pipeline.Receipt
}

type requestKey struct{}

// newRequest copies what is shown: a door may use its memory again.
func newRequest(s *pipeline.Submission, now clock.Instant) *request {
	r := &request{events: make([]LiveEvent, 0, len(s.Events)+len(s.Dead)), of: make([]*event.Event, 0, len(s.Events))}
	for i := range s.Events {
		a := &s.Events[i]
		e := a.Event
		at := e.Time
		r.of = append(r.of, e)
		r.events = append(r.events, LiveEvent{
			MessageID: strings.Clone(e.MessageID), Source: a.Envelope.Source, Dialect: a.Envelope.Dialect, Type: e.Type.String(),
			Name: strings.Clone(e.Name), Channel: strings.Clone(e.Channel), Identifiers: identifiers(e), Outcome: Refused, Time: &at, Received: now,
			Properties: own(e.Properties), Traits: own(e.Traits),
		})
	}
	return r
}

func identifiers(e *event.Event) []event.Identifier {
	out := make([]event.Identifier, len(e.Identifiers))
	for i, id := range e.Identifiers {
		out[i] = event.Identifier{Namespace: strings.Clone(id.Namespace), Value: strings.Clone(id.Value)}
	}
	return out
}

func own(v jsondoc.Value) json.RawMessage {
	if !v.Exists() || len(v.Raw()) > shown {
		return nil
	}
	return slices.Clone(v.Raw())
}

// settle notes what became of each event of a request that was answered.
func (r *request) settle(s *pipeline.Submission, receipt pipeline.Receipt, now clock.Instant) {
	r.receipt = receipt
	stored := make(map[*event.Event]bool, len(s.Events))
	for i := range s.Events {
		stored[s.Events[i].Event] = true
	}
	for i, e := range r.of {
		shown := &r.events[i]
		if stored[e] {
			shown.Outcome, shown.Reason, shown.Logged = Stored, "", &now
		} else if shown.Reason == "" && len(s.Rejected) == 1 {
			shown.Reason = s.Rejected[0].Reason
		}
	}
	for i := range s.Dead {
		d := &s.Dead[i]
		r.events = append(r.events, LiveEvent{
			MessageID: d.Envelope.MessageID, Source: d.Envelope.Source, Dialect: d.Envelope.Dialect, Identifiers: []event.Identifier{},
			Outcome: Letter, Reason: d.Reason, Message: d.Message, Received: s.Received, Logged: &now,
		})
	}
	r.of = nil
}

// Refusal notes why an event of a watched request was not taken. The context is
// that of Accept.
func Refusal(ctx context.Context, e *event.Event, reason string) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return
	}
	if i := slices.Index(r.of, e); i >= 0 {
		r.events[i].Reason = reason
	}
}
