package catalog

import (
	"rapport/internal/clock"
	"rapport/internal/event"
)

type Class uint8

const (
	Base Class = iota
	Catalog
	CartClass
	OrderClass
)

// Action is one row of a mapping.
type Action struct {
	Name   string
	Class  Class
	Effect Effect
}
type Effect uint8

// MappingDocument is what a person writes; Mapping its compiled form.
type MappingDocument struct{}
type Mapping struct{}

func DefaultMapping() *Mapping                            { panic("soon") }
func NewMapping(doc MappingDocument) (*Mapping, error)    { panic("soon") }
func (m *Mapping) Classify(e *event.Event) (Action, bool) { panic("soon") }
func (m *Mapping) ActionOf(name string) (Action, bool)    { panic("soon") }

func (p *Portion) AppendBinary(b []byte) []byte { panic("soon") }
func ReadPortion(b []byte) (Portion, error)     { panic("soon") }

type Entity struct {
	Kind Kind
	ID   string
}

func NewEntity(k Kind, id string) *Entity       { panic("soon") }
func (e *Entity) Apply(p *Portion)              { panic("soon") }
func (e *Entity) Merge(o *Entity)               { panic("soon") }
func (e *Entity) Exists() bool                  { panic("soon") }
func (e *Entity) Customer() event.Identifier    { panic("soon") }
func (e *Entity) AppendFull(b []byte) []byte    { panic("soon") }
func (e *Entity) AppendChanges(b []byte) []byte { panic("soon") }
func (e *Entity) Changed() bool                 { panic("soon") }
func (e *Entity) MemSize() int                  { panic("soon") }
func Decode(parts [][]byte) (*Entity, error)    { panic("soon") }

// View of an order, cart, item or account: OrderView, CartView, ItemView, AccountView.
// cart is the order's cart where it has no lines of its own; may be nil.
func (e *Entity) View(cart *Entity) any { panic("soon") }

// ETag is a strong, quoted entity tag of the view's canonical JSON.
func (e *Entity) ETag() string { panic("soon") }

// Change is the outcome of a command: a fact for the log.
type Change struct {
	Kind     Kind
	ID       string
	Op       Op            // Merge = merge patch (RFC 7396)
	Time     clock.Instant // when it was decided
	ChangeID string        // the message id of the command
	Source   string
	Priority uint8
	Document []byte // JSON body of put and patch
}

// NewChange validates the body: ValidateOrder/Cart/Item/Account inside; faults of kind Invalid.
func NewChange(c Change) (Change, error)     { panic("soon") }
func (c *Change) AppendJSON(b []byte) []byte { panic("soon") }
func ReadChange(b []byte) (Change, error)    { panic("soon") }

// Portion is what the change says of its entity.
func (c *Change) Portion() (Portion, error) { panic("soon") }
