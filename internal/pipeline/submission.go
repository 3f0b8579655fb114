package pipeline

import (
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/store"
)

// Submission is what one request brings: the events a dialect understood, the
// bodies it did not, and how many it could not even cut out.
type Submission struct {
	Received clock.Instant
	Events   []Arrival
	Dead     []DeadLetter
	Rejected []store.Count
	// Brought says with which keys it came, for those who hold it against limits;
	// nil: it was made here. It is not stored.
	Brought []Brought
	// Taken is what is taken of offers in the same step. Where none of the events
	// may be kept it is not taken, and the submission is refused.
	Taken []*Reservation
}

// Brought is how many events came with a key of a source.
type Brought struct {
	Source string
	Key    string // the write key; empty: it came without one
	Events int
}

// Bring notes with which key all that the submission holds came.
func (s *Submission) Bring(source, key string) {
	n := len(s.Events) + len(s.Dead)
	for _, r := range s.Rejected {
		n += int(r.N)
	}
	if n > 0 {
		s.Brought = []Brought{{source, key, n}}
	}
}

// BringOne notes an event that came with a key of its own.
func (s *Submission) BringOne(source, key string) {
	for i := range s.Brought {
		if b := &s.Brought[i]; b.Source == source && b.Key == key {
			b.Events++
			return
		}
	}
	s.Brought = append(s.Brought, Brought{source, key, 1})
}

// Arrival is an event with what is stored of it: its envelope and its body as
// received. Event.Body.Raw() is the body.
type Arrival struct {
	Envelope event.Envelope
	Event    *event.Event
}

// DeadLetter is a body that had a valid key and could not be understood. It is
// kept until a person replays or discards it.
type DeadLetter struct {
	Envelope event.Envelope
	Body     []byte
	Reason   string // stable code: invalid_json, missing_identifier, too_large, …
	Message  string // what is wrong, where, and the mend
}

// Receipt says where in the log a submission ended; Applied waits for it.
type Receipt struct {
	Position store.Position
}
