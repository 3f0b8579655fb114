package segment

import (
	"rapport/internal/clock"
	"rapport/internal/segment/condition"
	"rapport/internal/segment/decimal"
)

// Person is what conditions ask of a person beside the state of events. It is
// asked during an evaluation only.
type Person interface {
	// Values adds the values of a field of kind Trait, Identifier, Consent,
	// Context or Profile. Consent answers "granted", "denied" or nothing.
	Values(c *Cells, kind condition.Kind, f *condition.Field)
	// Traits visits every trait with its canonical JSON, for expressions.
	Traits(visit func(name, value string) bool)
	// Orders are the person's orders, in any order. It must not be changed.
	Orders() []Order
}

// Order is what a profile knows of one of a person's orders.
type Order struct {
	ID        string
	Time      clock.Instant // when it was placed
	Status    string
	Currency  string
	Total     decimal.Num
	Cancelled bool // or never placed: it does not count
}

// Catalog answers for the present attributes of items.
type Catalog interface {
	// Values adds the values of an item's attribute or dimension; nothing for
	// an item that is not known.
	Values(c *Cells, item, attribute string)
}

// NoCatalog knows no item.
type NoCatalog struct{}

// Values adds nothing.
func (NoCatalog) Values(*Cells, string, string) {}
