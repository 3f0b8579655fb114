package effect

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
)

// Kind is what is told of.
type Kind string

// The kinds.
const (
	Event   Kind = "event"   // something that a person did
	Entered Kind = "entered" // a person came into a segment
	Left    Kind = "left"    // a person left a segment
	Check   Kind = "check"   // a person may have left a segment by becoming one with another
	Member  Kind = "member"  // a person may have to be added to an audience or taken from it
	Profile Kind = "profile" // what is known of a person may have changed
	// Broadcast is a message to everybody in a segment.
	Broadcast Kind = "broadcast"
	// Triggered is a triggered experience that is due for a person.
	Triggered Kind = "experience"
)

// kinds gives their numbers, which are on disk: append only.
func kinds() []Kind {
	return []Kind{Event, Entered, Left, Check, Member, Profile, Broadcast, Triggered}
}

// Plan is a cause that a destination has to be told of. It says where what is
// told is found, and nothing of the person: what is sent is made of it when its
// turn comes, under the consent of that moment.
type Plan struct {
	Position    uint64 // of the record that caused it
	Anchor      id.Key // at which it was caused
	Destination string
	Kind        Kind
	Segment     string        // key; of a triggered experience its own
	Time        clock.Instant // of the cause; of a triggered experience when it is due
	// Cause is a hash of the event's anchor and message, zero where no event of
	// its own caused it.
	Cause [16]byte
	// Of a triggered experience: when it was set off, and where the log has the
	// event that did; zero where no event of its own did.
	Set    clock.Instant
	Origin uint64
}

// CauseOf names an event: the same wherever and whenever it is folded.
func CauseOf(anchor id.Key, messageID string) [16]byte {
	h := sha256.New()
	h.Write(anchor[:])
	h.Write([]byte(messageID))
	return [16]byte(h.Sum(nil))
}

// ID is the idempotency key of what is sent for a plan: made of the cause and
// the destination. Where no event caused it the person stands for it, by the
// profile id, which does not change when a home moves.
func (p *Plan) ID(person string) string {
	h := sha256.New()
	for _, s := range []string{p.Destination, string(p.Kind), p.Segment} {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	if p.Cause != [16]byte{} {
		h.Write(p.Cause[:])
	} else {
		h.Write(binary.BigEndian.AppendUint64([]byte(person), uint64(p.Time)))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Tag begins the keys of the rows of plans.
const planTag = 'p'

var errPlan = errors.New("row of a plan is damaged")

// Row is the plan as it is kept: rows come in the order of their causes.
func (p *Plan) Row() (key, value []byte) {
	key = binary.BigEndian.AppendUint64([]byte{planTag}, p.Position)
	key = append(key, p.Anchor[:]...)
	key = append(append(key, p.Destination...), 0, byte(slices.Index(kinds(), p.Kind)))
	key = append(key, p.Segment...)
	value = append(binary.BigEndian.AppendUint64(nil, uint64(p.Time)), p.Cause[:]...)
	if p.Kind == Triggered {
		value = binary.BigEndian.AppendUint64(value, uint64(p.Set))
		value = binary.BigEndian.AppendUint64(value, p.Origin)
	}
	return key, value
}

// What the rows of plans hold: those of triggered experiences hold more.
const (
	planValue      = 8 + 16
	triggeredValue = planValue + 16
)

// ReadPlan reads a row.
func ReadPlan(key, value []byte) (p Plan, err error) {
	const head = 1 + 8 + 16
	if len(key) < head+2 || key[0] != planTag || len(value) != planValue && len(value) != triggeredValue {
		return p, errPlan
	}
	p.Position, p.Anchor = binary.BigEndian.Uint64(key[1:]), id.Key(key[9:head])
	rest := key[head:]
	i := slices.Index(rest, 0)
	if i < 0 || i+1 >= len(rest) || int(rest[i+1]) >= len(kinds()) {
		return p, errPlan
	}
	p.Destination, p.Kind, p.Segment = string(rest[:i]), kinds()[rest[i+1]], string(rest[i+2:])
	p.Time = clock.Instant(binary.BigEndian.Uint64(value))
	copy(p.Cause[:], value[8:])
	if (p.Kind == Triggered) != (len(value) == triggeredValue) {
		return p, errPlan
	}
	if p.Kind == Triggered {
		p.Set, p.Origin = clock.Instant(binary.BigEndian.Uint64(value[planValue:])), binary.BigEndian.Uint64(value[planValue+8:])
	}
	return p, nil
}

// PlansAfter is where the rows of plans go on whose causes are behind a
// position.
func PlansAfter(position uint64) (prefix, after []byte) {
	return []byte{planTag}, binary.BigEndian.AppendUint64([]byte{planTag}, position+1)
}

// Why a cause that a destination asks for is not sent.
const (
	Historical = "historical" // its source loads the past
	Stale      = "stale"      // it came in later than the freshness allows
	Definition = "definition" // the segment was changed, not the person
	Draining   = "draining"   // the destination takes nothing more
	Deleted    = "deleted"    // the destination is not there any more
	Erased     = "erased"     // the person was erased
	NoConsent  = "no_consent"
	Suppressed = "suppressed"
	Filtered   = "filtered"     // the mapping gave null
	Told       = "already_told" // the destination knows
	Failed     = "failed"       // what is to be sent cannot be made
)

// Matches tells whether an event is among those that are sent.
func (t *Target) Matches(e *event.Event) bool {
	x := t.Events
	if x == nil || len(x.Names) > 0 && !slices.Contains(x.Names, e.Name) || len(x.Sources) > 0 && !slices.Contains(x.Sources, e.Source) {
		return false
	}
	return len(x.Types) == 0 || slices.Contains(x.Types, e.Type.String())
}

// Late tells whether a cause is too old to be sent when it came in.
func (t *Target) Late(cause, came clock.Instant) bool {
	return came-cause > clock.Instant(t.Freshness)/1000
}
