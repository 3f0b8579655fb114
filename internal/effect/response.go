package effect

import (
	"encoding/hex"
	"strings"

	"rapport/internal/event"
)

// Response is what became of a message that was delivered, as events tell it.
type Response uint8

// The responses. Their numbers are on disk: append only.
const (
	Opened Response = iota
	Clicked
	Bounced
	Unsubscribed
	Complained
	Arrived // the far end says so, beyond the server that took it
	responses
)

// BroadcastKey is the key under which a broadcast is told: no destination has
// one like it.
func BroadcastKey(key string) string { return broadcastPrefix + key }

// OfBroadcast gives the key of the broadcast that a destination's key stands
// for; ok is false where it is a destination.
func OfBroadcast(destination string) (key string, ok bool) {
	return strings.CutPrefix(destination, broadcastPrefix)
}

const broadcastPrefix = "broadcast:"

// ResponseOf gives the row of what an event says of a message of a broadcast: its
// properties campaign and delivery name it. It is nil where it says nothing.
func ResponseOf(e *event.Event) (row []byte) {
	if e.Type != event.Track {
		return nil
	}
	r, ok := responseNamed(e.Name)
	if !ok {
		return nil
	}
	destination := e.Properties.Get("campaign").Text()
	if !strings.HasPrefix(destination, broadcastPrefix) || len(destination) > 256 {
		return nil
	}
	b, err := hex.DecodeString(e.Properties.Get("delivery").Text())
	if err != nil || len(b) != 16 {
		return nil
	}
	return ResponseKey(destination, r, b)
}

// responseNamed knows the names of events about messages: our own, and those of
// the Segment specification.
func responseNamed(name string) (Response, bool) {
	switch name {
	case "Email Opened", "Push Notification Tapped":
		return Opened, true
	case "Email Link Clicked":
		return Clicked, true
	case "Email Bounced", "Push Notification Bounced":
		return Bounced, true
	case "Unsubscribed":
		return Unsubscribed, true
	case "Email Marked as Spam":
		return Complained, true
	case "Email Delivered", "Push Notification Received":
		return Arrived, true
	}
	return 0, false
}

// ResponsePrefix is what the rows of responses to a destination begin with.
func ResponsePrefix(destination string) []byte { return tagged(responseTag, destination) }

// ResponseKey is the row of a response to a delivery.
func ResponseKey(destination string, r Response, delivery []byte) []byte {
	return append(append(ResponsePrefix(destination), byte(r)), delivery...)
}

// Responses counts deliveries by what became of them, each once.
type Responses struct {
	seen map[[16]byte]uint8
}

// Add takes the end of a row's key behind its prefix.
func (s *Responses) Add(rest []byte) {
	if len(rest) != 17 || rest[0] >= byte(responses) {
		return
	}
	if s.seen == nil {
		s.seen = map[[16]byte]uint8{}
	}
	s.seen[[16]byte(rest[1:])] |= 1 << rest[0]
}

// Count is how many deliveries got one of some responses.
func (s *Responses) Count(any ...Response) (n int) {
	var mask uint8
	for _, r := range any {
		mask |= 1 << r
	}
	for _, of := range s.seen {
		if of&mask != 0 {
			n++
		}
	}
	return n
}
