// Package observed sums up what the events of a source look like: which there
// are, which members they have, how often these are filled and with what kind of
// value. It holds no value of an event, only counts and sketches that can be
// added together in any order, each bounded. It never stores and never decides
// whether an event is right.
package observed

import (
	"encoding/base64"
	"math"
	"math/bits"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
)

// The bounds of what is kept. What goes beyond is counted and not described.
const (
	MaxTypes  = 500 // kinds of events of a source
	MaxFields = 200 // members of a kind of event
	maxDepth  = 3
	maxName   = 100 // bytes
)

// Every event is counted. The first lookedAtAll of a kind are looked at member
// by member, later ones each by a sixteenth chance, which the message id draws.
const (
	lookedAtAll = 500
	oneOf       = 16
)

// Name says which kind of event it is.
type Name struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

// Source is what was seen of a source. The zero value has seen nothing.
type Source struct {
	Events   map[string]*Event `json:"events"` // by Name.Key
	Received uint64            `json:"received"`
	Rejected map[string]uint64 `json:"rejected,omitempty"` // by reason
	Dead     map[string]uint64 `json:"dead,omitempty"`     // by reason
	Beyond   uint64            `json:"beyond,omitempty"`   // events of kinds that have no room
	First    clock.Instant     `json:"first,omitempty"`    // receipt
	Last     clock.Instant     `json:"last,omitempty"`
	LastGood clock.Instant     `json:"last_good,omitempty"` // receipt of the last event that was taken
	LastBad  clock.Instant     `json:"last_bad,omitempty"`  // receipt of the last that was not understood
	// Violations of the tracking plan, by event.
	Violations map[string]*Violation `json:"violations,omitempty"`

	index map[Name]*Event // of Events, which are found for every event that comes
}

// Event is what was seen of one kind of event.
type Event struct {
	Name
	Count  uint64            `json:"count"`
	Looked uint64            `json:"looked"` // of which so many were looked at
	First  clock.Instant     `json:"first"`
	Last   clock.Instant     `json:"last"`
	Fields map[string]*Field `json:"fields"`
	Beyond bool              `json:"beyond,omitempty"` // it has more members than have room
	People Sketch            `json:"people"`           // whose events they were
}

// Common is from how many people on a kind of event is no longer taken for one
// of theirs alone, so that its name may be kept.
const Common = 3

// Field is what was seen of a member.
type Field struct {
	Count    uint64   `json:"count"`
	Kinds    [6]int64 `json:"kinds"`   // null, boolean, number, string, array, object: in this order
	Whole    uint64   `json:"whole"`   // numbers without a fraction
	Formats  [4]int64 `json:"formats"` // date-time, email, uuid, uri: texts that look so
	Distinct Sketch   `json:"distinct"`
}

// Violation counts what did not fit the plan.
type Violation struct {
	Name
	Planned bool              `json:"planned"`
	Count   uint64            `json:"count"`
	Blocked uint64            `json:"blocked"`
	Last    clock.Instant     `json:"last"`
	Rules   map[string]uint64 `json:"rules,omitempty"` // by pointer and keyword
}

// MaxRules bounds the rules that are told apart for one event.
const MaxRules = 50

// Key is what an event is kept under.
func (n Name) Key() string {
	if n.Name == "" {
		return n.Type
	}
	return n.Type + " " + n.Name
}

// Named gives an event's place, and makes it; nil where there is no room.
func (s *Source) Named(n Name) *Event {
	if e := s.index[n]; e != nil {
		return e
	}
	if s.Events == nil {
		s.Events = map[string]*Event{}
	}
	if s.index == nil {
		s.index = map[Name]*Event{}
	}
	if len(n.Name) > maxName {
		n.Name = strings.ToValidUTF8(n.Name[:maxName], "")
	}
	e := s.Events[n.Key()]
	if e == nil && len(s.Events) < MaxTypes {
		e = &Event{Name: n, Fields: map[string]*Field{}}
		s.Events[n.Key()] = e
	}
	if e != nil {
		s.index[n] = e
	}
	return e
}

// See counts an event of somebody and looks at its members, those of an object.
func (e *Event) See(members jsondoc.Value, at clock.Instant, messageID string, who id.Key) {
	e.Count++
	e.People.add(who[:])
	if e.First == 0 || at < e.First {
		e.First = at
	}
	e.Last = max(e.Last, at)
	if e.Looked >= lookedAtAll && draw(messageID)%oneOf != 0 {
		return
	}
	e.Looked++
	e.members("", members, 1)
}

func (e *Event) members(prefix string, v jsondoc.Value, depth int) {
	if v.Kind() != jsondoc.Object {
		return
	}
	seen := 0
	v.EachBytes(func(key []byte, m jsondoc.Value) bool {
		if seen++; seen > MaxFields {
			e.Beyond = true
			return false
		}
		name := prefix + nameOf(key)
		f := e.Fields[name]
		if f == nil {
			if len(e.Fields) >= MaxFields {
				e.Beyond = true
				return true
			}
			f = &Field{}
			e.Fields[name] = f
		}
		f.see(m)
		if depth < maxDepth {
			e.members(name+".", m, depth+1)
		}
		return true
	})
}

// nameOf is a member's name. What looks like data rather than a name, as in an
// object that is a table of its own, becomes an asterisk: it may be personal,
// and there is no end of it.
func nameOf(key []byte) string {
	digits := 0
	for _, c := range key {
		if c >= '0' && c <= '9' {
			digits++
		}
		if c == '@' || c < ' ' {
			return "*"
		}
	}
	if len(key) == 0 || len(key) > maxName || digits > 4 || digits == len(key) {
		return "*"
	}
	return string(key)
}

// The kinds of values, as Kinds counts them.
const (
	kindNull = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (f *Field) see(v jsondoc.Value) {
	switch v.Kind() {
	case jsondoc.Null:
		f.Kinds[kindNull]++
		return // it is there and says nothing
	case jsondoc.True, jsondoc.False:
		f.Kinds[kindBool]++
	case jsondoc.Number:
		f.Kinds[kindNumber]++
		if _, whole := v.Int(); whole {
			f.Whole++
		}
	case jsondoc.String:
		f.Kinds[kindString]++
		b, _ := v.StrBytes()
		if n := formatOf(b); n >= 0 {
			f.Formats[n]++
		}
	case jsondoc.Array:
		f.Kinds[kindArray]++
	case jsondoc.Object:
		f.Kinds[kindObject]++
	}
	f.Count++
	f.Distinct.add(v.Raw())
}

// registers is how many there are in a sketch of distinct values: the estimate
// is right within some 13 %.
const registers = 64

// Sketch estimates how many different values there were (HyperLogLog). It keeps
// none of them.
type Sketch [registers]uint8

// seed is fixed: sketches of different processes are added together.
const seed = 0x9e3779b97f4a7c15

// MarshalText writes it as base64.
func (s Sketch) MarshalText() ([]byte, error) { return base64.StdEncoding.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads it.
func (s *Sketch) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil || len(raw) != registers {
		return fault.Errorf(fault.Invalid, "invalid_sketch", "the sketch is not %d bytes in base64", registers)
	}
	copy(s[:], raw)
	return nil
}

func (s *Sketch) add(value []byte) {
	h := uint64(14695981039346656037)
	for _, c := range value {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd ^ seed
	h ^= h >> 29
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 32
	s[h%registers] = max(s[h%registers], uint8(bits.LeadingZeros64(h|(registers-1)))+1)
}

// Estimate is about how many different values there were.
func (s *Sketch) Estimate() uint64 {
	sum, zero := 0.0, 0
	for _, r := range s {
		sum += math.Pow(2, -float64(r))
		if r == 0 {
			zero++
		}
	}
	const alpha = 0.709
	e := alpha * registers * registers / sum
	if e <= 2.5*registers && zero > 0 {
		e = registers * math.Log(float64(registers)/float64(zero))
	}
	return uint64(math.Round(e))
}

// draw gives the number by which it is chosen whether an event is looked at: the
// same for copies of it.
func draw(messageID string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(messageID) {
		h = (h ^ uint64(messageID[i])) * 1099511628211
	}
	return h ^ h>>32
}
