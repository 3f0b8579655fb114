package effect

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rapport/internal/clock"
)

// Op is what a record of the log says of effects.
type Op string

// The operations. They are on disk.
const (
	OpSend    Op = "send"    // what is sent, made of a plan or asked for: durable before the first attempt
	OpSkip    Op = "skip"    // a plan is not sent, with the reason
	OpTold    Op = "told"    // what a destination knows of a person
	OpResult  Op = "result"  // what came of attempts
	OpAgain   Op = "again"   // a dead letter is sent again
	OpDiscard Op = "discard" // a dead letter is given up
	OpPurge   Op = "purge"   // deliveries that are no longer listed
)

// Outcome is what a delivery has come to.
type Outcome string

// The outcomes.
const (
	Waiting   Outcome = "waiting"    // not tried yet
	Retrying  Outcome = "retrying"   // tried, and tried again
	Delivered Outcome = "delivered"  // the other side has it
	Dead      Outcome = "dead"       // refused, or tried for too long: a dead letter
	NotSent   Outcome = "suppressed" // not to be sent
	Discarded Outcome = "discarded"  // a dead letter that a person gave up
)

// Fact is one record of what becomes of effects. It is sealed under the anchor
// at which the effect was caused.
type Fact struct {
	Op          Op     `json:"op"`
	Destination string `json:"destination,omitempty"`
	Version     int    `json:"version,omitempty"`
	// Position, Kind and Segment name the plan; Position orders deliveries.
	Position uint64 `json:"position,omitempty"`
	Kind     Kind   `json:"kind,omitempty"`
	Segment  string `json:"segment,omitempty"`

	ID      string          `json:"id,omitempty"`
	As      Kind            `json:"as,omitempty"` // what the message says it is
	Person  string          `json:"person,omitempty"`
	Time    clock.Instant   `json:"time,omitzero"` // of the cause
	Payload json.RawMessage `json:"payload,omitempty"`

	When    clock.Instant `json:"when,omitzero"`  // of this record
	After   clock.Instant `json:"after,omitzero"` // it is not sent before
	Outcome Outcome       `json:"outcome,omitempty"`
	Reason  string        `json:"reason,omitempty"` // one word
	Text    string        `json:"text,omitempty"`   // for people
	Attempt int           `json:"attempt,omitempty"`
	Status  int           `json:"status,omitempty"`
	Took    int64         `json:"took,omitempty"` // microseconds
	Request string        `json:"request,omitempty"`
	Answer  string        `json:"answer,omitempty"`
	// Sent is where the log has what is sent, of a result or a verdict on it.
	Sent uint64 `json:"sent,omitempty"`

	// Known is what the destination knows: "in" or "out" of a segment, or a hash.
	Known string `json:"known,omitempty"`
	// Last is of a farewell: it tells an audience to take out somebody who is erased,
	// and is forgotten as soon as nothing more is tried.
	Last bool `json:"last,omitempty"`
	// Rows are the keys of deliveries that a purge takes away.
	Rows [][]byte `json:"rows,omitempty"`
}

var errFact = errors.New("record of an effect is damaged or erased")

// Encode makes the payload of a record.
func (f *Fact) Encode() ([]byte, error) { return json.Marshal(f) }

// ReadFact reads a payload.
func ReadFact(payload []byte) (*Fact, error) {
	f := &Fact{}
	if len(payload) == 0 {
		return nil, errFact
	}
	if err := json.Unmarshal(payload, f); err != nil {
		return nil, fmt.Errorf("%w: %w", errFact, err)
	}
	return f, nil
}

// FarewellKept is how long it is tried at most to tell an audience of somebody
// who is erased: so long the message is kept.
const FarewellKept = 72 * time.Hour

// Final tells whether nothing more is tried.
func (o Outcome) Final() bool { return o != Waiting && o != Retrying }

// DeliveryHead is what the list of deliveries shows of one. It names nobody.
type DeliveryHead struct {
	ID          string        `json:"id" doc:"The idempotency key"`
	Destination string        `json:"destination"`
	Kind        Kind          `json:"kind" enum:"event,entered,left,member,profile,check,broadcast,experience"`
	Segment     string        `json:"segment,omitempty" doc:"Its key; of a triggered experience the key of that"`
	Outcome     Outcome       `json:"outcome" enum:"waiting,retrying,delivered,dead,suppressed,discarded"`
	Reason      string        `json:"reason,omitempty" doc:"Why it was not sent"`
	Attempts    int           `json:"attempts,omitempty"`
	Status      int           `json:"status,omitempty" doc:"Of the last answer, where the protocol has one"`
	Took        int64         `json:"took_us,omitempty" doc:"Microseconds of the last attempt"`
	Time        clock.Instant `json:"time" doc:"Of the cause"`
	Changed     clock.Instant `json:"changed" doc:"When it came to this"`
}

// Head is what a record makes of the row of its delivery.
func (f *Fact) Head() DeliveryHead {
	kind := f.As
	if kind == "" {
		kind = f.Kind
	}
	return DeliveryHead{
		ID: f.ID, Destination: f.Destination, Kind: kind, Segment: f.Segment, Outcome: f.Outcome, Reason: f.Reason,
		Attempts: f.Attempt, Status: f.Status, Took: f.Took, Time: f.Time, Changed: f.When,
	}
}
