// Package profile is what we know of a person: the fold of the events of each
// identifier into a partial state, and their merge when it is read. It never
// reads time or state and never depends on the order of the events.
package profile

import (
	"encoding/json"
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
)

// Names shares the strings that many partials have in common. One worker owns
// it; nil is allowed where it is taken.
type Names struct{}

func NewNames() *Names { panic("soon") }

// Partial is the state of one anchor.
type Partial struct{}

type Input struct {
	Short    uint64
	Priority uint8
	Mapping  *catalog.Mapping
	Names    *Names
}

func New() *Partial                                                { panic("soon") }
func (p *Partial) Fold(e *event.Event, in Input) []catalog.Portion { panic("soon") }
func (p *Partial) ApplyPortion(c *catalog.Portion)                 { panic("soon") }
func (p *Partial) Due() clock.Instant                              { panic("soon") }
func (p *Partial) Tick(now clock.Instant) (changed bool)           { panic("soon") }
func (p *Partial) Merge(o *Partial)                                { panic("soon") }
func (p *Partial) Changed() bool                                   { panic("soon") }
func (p *Partial) AppendFull(b []byte) []byte                      { panic("soon") }
func (p *Partial) AppendChanges(b []byte) []byte                   { panic("soon") }
func (p *Partial) MemSize() int                                    { panic("soon") }
func (p *Partial) Seen() (first, last clock.Instant)               { panic("soon") }
func Decode(parts [][]byte, names *Names) (*Partial, error)        { panic("soon") }

type IdentifierSeen struct {
	event.Identifier
	FirstSeen clock.Instant `json:"first_seen"`
	LastSeen  clock.Instant `json:"last_seen"`
}

type Options struct {
	ID      string
	Lineage bool
	// MessageID resolves a short hash of a source's message at a time; nil or
	// "" leaves the hash in hexadecimal.
	MessageID func(short uint64, source string, at clock.Instant) string
}

type View struct{}

func Assemble(ids []IdentifierSeen, partials []*Partial, opts Options) *View { panic("soon") }
func (v *View) MarshalJSON() ([]byte, error)                                 { panic("soon") }

type Entry struct {
	Short    uint64
	Time     clock.Instant
	Received clock.Instant
	Position uint64
	Type     event.Type
	Class    catalog.Class
	Name     uint32 // HashName
	Action   uint32 // HashName of the item action; 0 none
	Channel  uint32
}

func HashName(s string) uint32                                { panic("soon") }
func EntryOf(e *event.Event, in Input, position uint64) Entry { panic("soon") }

// AppendEntry appends after prev, the chunk's last entry; nil begins a chunk.
func AppendEntry(b []byte, prev *Entry, e *Entry) []byte  { panic("soon") }
func ReadEntries(b []byte, visit func(*Entry) bool) error { panic("soon") }

type Filter struct {
	Type     event.Type
	Name     string
	Action   string
	Channel  string
	From, To clock.Instant // From inclusive, To exclusive
}

// Match on the cheap fields may pass a wrong entry (a hash is shared), never
// withholds a right one; MatchEvent decides.
func (f *Filter) Match(e *Entry) bool    { panic("soon") }
func (f *Filter) MatchItem(i *Item) bool { panic("soon") }

// Item is one line of a timeline.
type Item struct {
	MessageID  string          `json:"message_id"`
	Type       string          `json:"type"`
	Name       string          `json:"name,omitempty"`
	Time       clock.Instant   `json:"time"`
	ReceivedAt clock.Instant   `json:"received_at"`
	Source     string          `json:"source"`
	Channel    string          `json:"channel,omitempty"`
	ItemAction string          `json:"item_action,omitempty"`
	Properties json.RawMessage `json:"properties"`
}

func ItemOf(e *event.Event, m *catalog.Mapping) Item { panic("soon") }
