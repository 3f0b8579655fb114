// Package catalog keeps what has a key of its own: items with their
// dimensions, carts, orders and accounts, each the merge of what events and
// commands said of it. It never knows a person beyond an identifier, reads no
// state and never depends on the order in which it is told something.
package catalog

import (
	"cmp"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
)

// Kind is what an entity is. The numbers are on disk: append only.
type Kind uint8

// The kinds of entity.
const (
	Order Kind = 1 + iota
	Cart
	Item
	Account
	// Object is an entity of a declared type: a ticket, a subscription, or
	// whatever an instance declares. Its id is made by ObjectID.
	Object
)

var kindNames = [...]string{"", "order", "cart", "item", "account", "entity"}

// String is the kind's name in the API and in storage keys.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// KindOf reads a name; zero means unknown.
func KindOf(name string) Kind {
	for i, n := range kindNames {
		if n == name {
			return Kind(i)
		}
	}
	return 0
}

// Key is the entity's name in storage; its bucket follows from it.
func Key(k Kind, entityID string) id.Key { return id.KeyOf("entity."+k.String(), entityID) }

// MaxID is the longest id of an entity in bytes.
const MaxID = 512

// Stamp orders what is said of the same thing: the later time wins, then the
// higher source priority, then the larger message hash. The value's own bytes
// decide where all three are equal.
type Stamp struct {
	Time     clock.Instant
	Short    uint64 // id.Message of the message id
	Priority uint8  // of the source; larger wins
}

// Compare is negative where s yields to o.
func (s Stamp) Compare(o Stamp) int {
	return cmp.Or(
		cmp.Compare(s.Time, o.Time),
		cmp.Compare(s.Priority, o.Priority),
		cmp.Compare(s.Short, o.Short),
	)
}

// IsZero tells a stamp that was never set.
func (s Stamp) IsZero() bool { return s == Stamp{} }

// Op is what a portion does to its entity.
type Op uint8

// The operations. The numbers are on disk: append only.
const (
	// Merge adds to what is known.
	Merge Op = iota
	// Put replaces everything said before its stamp.
	Put
	// Delete removes everything said before its stamp.
	Delete
)

// Portion is what one event or one command says of one entity. Applying it
// again changes nothing.
type Portion struct {
	Kind      Kind
	ID        string
	Op        Op
	Stamp     Stamp
	MessageID string
	Source    string
	// Customer is the anchor whose event it was, or whom a command named: an
	// order's buyer, a cart's owner, an account's member. May be zero.
	Customer event.Identifier
	Fields   []Field  // sorted by name, no doubles
	Refunds  []Refund // orders
	CartOps  []CartOp // carts
}

// Key is the storage key of the portion's entity.
func (p *Portion) Key() id.Key { return Key(p.Kind, p.ID) }

// Field is one named value. Names without a prefix are the entity's own
// (status, total, lines …), those after FieldPrefix are free and those after
// DimensionPrefix are an item's dimensions.
type Field struct {
	Name  string
	Value string // canonical JSON; "null" removes the field from view
}

// The prefixes of names that are not the entity's own.
const (
	FieldPrefix     = "f:"
	DimensionPrefix = "d:"
)

// Refund is money given back for an order. Refunds of one order are a set by
// id: told again, the later stamp counts.
type Refund struct {
	ID       string // the refund's own, else the message id
	Stamp    Stamp
	Amount   string // canonical number, not negative; empty: whatever the order has left
	Currency string // empty: the order's
	Lines    string // canonical JSON array, or empty
}

// CartVerb is what a cart operation does. The numbers are on disk: append only.
type CartVerb uint8

// The verbs.
const (
	CartAdd      CartVerb = 1 + iota // adds the lines' quantities
	CartSet                          // sets the lines' quantities
	CartRemove                       // takes quantities away, a line without one as a whole
	CartReplace                      // the lines are the whole cart
	CartClear                        // empties the cart
	CartPurchase                     // the order takes the cart
)

// CartOp is one step in the life of a cart. Steps are a set; the cart is what
// comes of them in the order of their stamps.
type CartOp struct {
	Stamp Stamp
	Verb  CartVerb
	Lines string // canonical JSON array of lines; empty for none
	Order string // CartPurchase: the order's id
	// brief says that the lines hold nothing that a profile leaves out; where it
	// is false they may or may not.
	brief bool
}
