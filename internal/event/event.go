// Package event says what happened: the immutable fact, as a dialect mapped it
// from what a client sent. It never changes an event and never looks at state.
package event

import (
	"rapport/internal/clock"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
)

// Type is the kind of call that reported the event.
type Type uint8

// The types of the tracking protocol. The numbers are on disk: append only.
const (
	Track Type = 1 + iota
	Identify
	Page
	Screen
	Group
	Alias
)

var typeNames = [...]string{"", "track", "identify", "page", "screen", "group", "alias"}

// String is the type's name on the wire.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return ""
}

// TypeOf reads a name on the wire; zero means unknown.
func TypeOf(name string) Type {
	for i, n := range typeNames {
		if n == name {
			return Type(i)
		}
	}
	return 0
}

// Identifier is one way to call a person: a namespace and a value in it,
// normalised by the namespace's rules.
type Identifier struct {
	Namespace string `json:"namespace"`
	Value     string `json:"value"`
}

// Key is the identifier's name in storage.
func (i Identifier) Key() id.Key { return id.KeyOf(i.Namespace, i.Value) }

// String is namespace:value, as the API writes it.
func (i Identifier) String() string { return i.Namespace + ":" + i.Value }

// The namespaces that every instance has.
const (
	UserID      = "user_id"
	AnonymousID = "anonymous_id"
	Email       = "email"
	Phone       = "phone"
)

// Event is one fact about one person, as received and as understood. It is
// immutable once it is made; Body and what hangs on it point into the request.
type Event struct {
	Type       Type
	Name       string        // track: the event; page and screen: the name
	MessageID  string        // the client's, or made at the door
	Time       clock.Instant // when it happened, by the clock-corrected rule of DESIGN
	ReceivedAt clock.Instant // when the door took it
	Source     string        // key of the source that sent it
	Channel    string        // web, mobile, server, email, …
	// Identifiers are the person's, strongest first, without doubles. The
	// first is the anchor. At least one.
	Identifiers []Identifier
	// Dropped are the reasons why further identifiers on it do not count.
	Dropped []string
	// Verified says that a secret key or a signature vouches for them.
	Verified bool
	// Historical says that the source loads the past: the event changes state
	// and causes no effects.
	Historical bool
	// Fed says that a row of a table brought it: it tells what is known, not what
	// somebody did.
	Fed        bool
	GroupID    string // group calls and context.groupId; empty otherwise
	ItemAction string // what was done to an item, by the source's mapping; empty otherwise
	// NameOnly says that the name never stands for an item action: the dialect
	// says those apart, or not at all.
	NameOnly   bool
	Traits     jsondoc.Value // identify and group: their traits; otherwise context.traits
	Properties jsondoc.Value // track, page, screen
	Context    jsondoc.Value // the event's own context
	Shared     jsondoc.Value // the context of the whole request, where the event's own is silent
	Derived    jsondoc.Value // what follows from how it came, where both are silent
	Body       jsondoc.Value // the whole event as received
}

// Anchor is the strongest identifier: it decides in which bucket the event lives.
func (e *Event) Anchor() Identifier { return e.Identifiers[0] }

// About finds a value of the context: in the event's own first, then in that of
// its request, then in what was derived.
func (e *Event) About(path ...string) jsondoc.Value {
	if v := e.Context.Path(path...); v.Exists() {
		return v
	}
	if v := e.Shared.Path(path...); v.Exists() {
		return v
	}
	return e.Derived.Path(path...)
}
