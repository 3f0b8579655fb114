// Package destination is the contract between the outbox and the places outside
// that are told about people: what one delivery is, what became of it, and what
// the destinations below share. It never decides what is sent, to whom or when.
package destination

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"rapport/internal/message/link"
)

// Kind is why something is sent.
type Kind string

// The kinds.
const (
	Event   Kind = "event"   // something happened
	Entered Kind = "entered" // a person entered a segment
	Left    Kind = "left"    // a person left a segment
	Member  Kind = "member"  // a row of an audience that is synchronised
	Profile Kind = "profile" // what is known of a person changed
	// Broadcast is a message to everybody in a segment.
	Broadcast Kind = "broadcast"
	// Alert says what is wrong with the instance; it is about no person.
	Alert Kind = "alert"
)

// Message is one delivery as it was planned: durable before the first attempt,
// the same bytes on every attempt.
type Message struct {
	ID      string          // idempotency key from cause and target; stable over attempts, restarts and rebuilds
	Kind    Kind            //
	Person  string          // profile id when it was planned
	Time    time.Time       // of the cause
	Payload json.RawMessage // after the mapping document
}

// Outcome is what became of a message.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered" // the other side has it, or had it before
	Retry     Outcome = "retry"     // it may succeed later: the same message comes again
	Refused   Outcome = "refused"   // it will never succeed as it is
)

// Result says what became of one message. Nothing in it holds a secret.
type Result struct {
	Outcome    Outcome
	RetryAfter time.Duration // what the other side asks for; 0: it did not say
	Status     int           // of the protocol, where it has numbers
	Request    []byte        // what was sent, masked, at most MaxShown bytes
	Answer     []byte        // what was answered, masked, at most MaxShown bytes
	Reason     string        // of retry and refused: what is wrong, where, and the mend
}

// Limits are what a sink can take.
type Limits struct {
	Batch       int           // messages of one Send; at least 1
	Bytes       int           // payload bytes of one Send; 0: no bound beside Batch
	Concurrency int           // Sends at the same time that the other side takes well
	Rate        float64       // messages per second; 0: as many as there are
	Timeout     time.Duration // after which the context of a Send should end
	Gather      time.Duration // how long a message may wait for others to go with it; 0: not at all
}

// Sink is one configured destination. Send delivers a batch and gives one
// result per message, in their order. It returns when its context ends, leaves
// nothing running, never changes the messages, and takes a message that it was
// given before as the same: its ID goes along wherever the other side can use
// it. Send may be called concurrently, Close once, after the last Send.
type Sink interface {
	Send(ctx context.Context, batch []Message) []Result
	Limits() Limits
	Close() error
}

// Shower is a sink that can write a message without sending it.
type Shower interface {
	Show(m *Message) Shown
}

// Shown is a message as it would be sent.
type Shown struct {
	Address string            // whom it goes to; empty: there is nobody to send it to
	Parts   map[string]string // its parts, such as subject, html and text
	Problem string            // why it cannot be written; empty: it can
}

// Teller is a sink that says what became of each message as soon as that is
// known, rather than of all of them at the end. Otherwise it is Send.
type Teller interface {
	SendEach(ctx context.Context, batch []Message, done func(i int, r Result))
}

// Type is a kind of destination.
type Type struct {
	Name   string // stable, in definitions
	Title  string // for people
	About  string // one or two sentences for the reference
	Schema json.RawMessage
	// Content names the settings in which a broadcast writes its own message.
	Content []string
	// Open makes a sink of settings that Schema allows, with secrets in the
	// clear. It reaches nobody: a sink connects with its first Send. Its error is
	// a fault that names the setting.
	Open func(ctx context.Context, settings json.RawMessage, env Env) (Sink, error)
	// Retaken tells of settings whether an erasure takes what was sent back by
	// itself, so that nobody has to be told of it; nil: it never does.
	Retaken func(settings json.RawMessage) bool
}

// Env is what a sink may use of its surroundings; it uses nothing else.
type Env struct {
	// Key is that of the destination's definition.
	Key string
	// HTTP makes requests that the operator's rules allow and follows no redirect.
	HTTP *http.Client
	// Dial connects by the same rules.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Now  func() time.Time
	// Folder belongs to this destination alone, for what it must remember. It is
	// made when something is written.
	Folder string
	// Files is the folder below which local files may be written; empty: nowhere.
	Files string
	// Purpose and Channel are what a person must have agreed to, by the
	// destination's definition; empty: nothing is asked. Who leaves by a link of a
	// message takes this back.
	Purpose, Channel string
	// Links makes the links of messages that come back to this server; nil: no
	// link can be tracked.
	Links *link.Maker
}

// Same gives all messages of a batch the same result.
func Same(n int, r Result) []Result {
	out := make([]Result, n)
	for i := range out {
		out[i] = r
	}
	return out
}
