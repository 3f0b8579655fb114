package catalog

import (
	"strings"

	"rapport/internal/event"
	"rapport/internal/fault"
)

// Class is the kind of record an event becomes in the shop's terms.
type Class uint8

// The classes. The numbers are on disk: append only.
const (
	ClassBase Class = iota
	ClassCatalog
	ClassCart
	ClassOrder
)

var classNames = [...]string{"base", "catalog", "cart", "order"}

// String is the class's name in documents.
func (c Class) String() string { return classNames[c] }

// MarshalText gives the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name.
func (c *Class) UnmarshalText(b []byte) error {
	for i, n := range classNames {
		if n == string(b) {
			*c = Class(i)
			return nil
		}
	}
	return fault.Errorf(fault.Invalid, "unknown_class", "unknown class %q: use %s", b, strings.Join(classNames[:], ", "))
}

// Effect is what an action does to a cart or an order.
type Effect string

// The effects. The first five are for carts, the others for orders.
const (
	NoEffect      Effect = ""
	AddLines      Effect = "add"      // adds quantities
	SetLines      Effect = "set"      // sets quantities
	RemoveLines   Effect = "remove"   // takes quantities or whole lines away
	ReplaceLines  Effect = "replace"  // the lines are the whole cart
	ClearLines    Effect = "clear"    // empties the cart
	PurchaseOrder Effect = "purchase" // the order is placed and takes the cart
	UpdateOrder   Effect = "update"   // changes the order's fields
	OrderStatus   Effect = "status"   // only moves the order on
	RefundOrder   Effect = "refund"   // gives money back
)

var effectClass = map[Effect]Class{
	AddLines: ClassCart, SetLines: ClassCart, RemoveLines: ClassCart, ReplaceLines: ClassCart, ClearLines: ClassCart,
	PurchaseOrder: ClassOrder, UpdateOrder: ClassOrder, OrderStatus: ClassOrder, RefundOrder: ClassOrder,
}

// Action is an item action and what it means.
type Action struct {
	Name   string `json:"action" yaml:"action"`
	Class  Class  `json:"class" yaml:"class"`
	Effect Effect `json:"effect,omitempty" yaml:"effect,omitempty"`
	// Status is what the order becomes; empty leaves it.
	Status string `json:"status,omitempty" yaml:"status,omitempty"`
}

// MappingDocument is what a person writes for a source: it overrides the
// defaults action by action and event by event.
type MappingDocument struct {
	// Actions add item actions or replace those of the same name.
	Actions []Action `json:"actions,omitempty" yaml:"actions,omitempty"`
	// Events name the action of a tracked event; an empty action takes a
	// default away. Case, spaces, _ and - make no difference in names.
	Events map[string]string `json:"events,omitempty" yaml:"events,omitempty"`
	// Currency is assumed where an order names none; empty means USD.
	Currency string `json:"currency,omitempty" yaml:"currency,omitempty"`
	// LearnItems lets events of class catalog fill the catalog.
	LearnItems bool `json:"learn_items,omitempty" yaml:"learn_items,omitempty"`
}

// Mapping is a compiled document over the defaults. It is immutable.
type Mapping struct {
	actions    map[string]*Action // by folded name
	events     map[string]*Action // by folded event name
	currency   string
	learnItems bool
}

// DefaultMapping has the reserved item actions and the commerce events of the
// tracking protocol.
func DefaultMapping() *Mapping {
	m, err := NewMapping(MappingDocument{})
	if err != nil {
		panic(err) // the defaults are ours
	}
	return m
}

// DefaultCurrency is assumed where neither an order nor its source names one.
const DefaultCurrency = "USD"

const maxName = 128

// NewMapping compiles a document; faults of kind Invalid name the entry.
func NewMapping(doc MappingDocument) (*Mapping, error) {
	m := &Mapping{
		actions:    make(map[string]*Action, len(defaultActions)),
		events:     make(map[string]*Action, len(defaultEvents)),
		currency:   DefaultCurrency,
		learnItems: doc.LearnItems,
	}
	for i := range defaultActions {
		m.actions[foldName(defaultActions[i].Name)] = &defaultActions[i]
	}
	for i := range doc.Actions {
		a := doc.Actions[i]
		if err := a.check(); err != nil {
			return nil, err
		}
		m.actions[foldName(a.Name)] = &a
	}
	for name, a := range defaultEvents {
		m.events[foldName(name)] = m.actions[foldName(a)]
	}
	for name, action := range doc.Events {
		key := foldName(name)
		a := m.actions[foldName(action)]
		switch {
		case key == "" || len(name) > maxName:
			return nil, fault.Errorf(fault.Invalid, "invalid_mapping",
				"events: %q is no event name: give 1 to %d bytes", name, maxName).At("/events")
		case action != "" && a == nil:
			return nil, fault.Errorf(fault.Invalid, "unknown_action",
				"events: %q names the unknown action %q: add it to actions or use a reserved one", name, action).At("/events/" + name)
		default:
			m.events[key] = a
		}
	}
	if doc.Currency != "" {
		c, ok := currencyOf(doc.Currency)
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "invalid_currency",
				"currency: %q is no currency: give three letters of ISO 4217", doc.Currency).At("/currency")
		}
		m.currency = c
	}
	return m, nil
}

func (a *Action) check() error {
	bad := func(format string, args ...any) error {
		return fault.Errorf(fault.Invalid, "invalid_mapping", "actions: "+format, args...).At("/actions")
	}
	class, known := effectClass[a.Effect]
	switch {
	case foldName(a.Name) == "" || len(a.Name) > maxName:
		return bad("%q is no action name: give 1 to %d bytes", a.Name, maxName)
	case a.Effect != NoEffect && !known:
		return bad("%q has the unknown effect %q", a.Name, string(a.Effect))
	case known && class != a.Class:
		return bad("%q has the effect %q, which is for class %s, not %s", a.Name, string(a.Effect), class, a.Class)
	case a.Status != "" && a.Class != ClassOrder:
		return bad("%q sets a status: only actions of class order do", a.Name)
	case a.Effect == OrderStatus && a.Status == "":
		return bad("%q has the effect status and no status: name what the order becomes", a.Name)
	case len(a.Status) > maxName:
		return bad("%q sets a status longer than %d bytes", a.Name, maxName)
	}
	return nil
}

// Classify tells what an event does to an item, and false where it has no item
// action. An action that the mapping does not know is of class base.
func (m *Mapping) Classify(e *event.Event) (Action, bool) {
	if e.ItemAction != "" {
		if a := lookUp(m.actions, e.ItemAction); a != nil {
			return *a, true
		}
		return Action{Name: e.ItemAction}, true
	}
	if e.Type != event.Track || e.NameOnly {
		return Action{}, false
	}
	return m.ActionOf(e.Name)
}

// ActionOf is the action of a tracked event's name, which may be an action's.
func (m *Mapping) ActionOf(name string) (Action, bool) {
	a := lookUp(m.events, name)
	if a == nil {
		a = lookUp(m.actions, name)
	}
	if a == nil {
		return Action{}, false
	}
	return *a, true
}

func lookUp(in map[string]*Action, name string) *Action {
	if len(name) > maxName {
		return nil
	}
	var buf [maxName]byte
	return in[string(appendFolded(buf[:0], name))]
}

func foldName(name string) string { return string(appendFolded(nil, name)) }

// appendFolded drops what people write differently: case of A to Z, spaces,
// _ and -.
func appendFolded(b []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == ' ' || c == '_' || c == '-':
		case c >= 'A' && c <= 'Z':
			b = append(b, c|0x20)
		default:
			b = append(b, c)
		}
	}
	return b
}

func currencyOf(s string) (string, bool) {
	if len(s) != 3 {
		return "", false
	}
	for i := range 3 {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return "", false
		}
	}
	return strings.ToUpper(s), true
}
