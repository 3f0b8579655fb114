package columns

import (
	"rapport/internal/clock"
	"rapport/internal/id"
)

// Kind is what a field is about. The numbers are in checkpoints: append only.
type Kind uint8

// The kinds of field.
const (
	// Trait is a trait by name.
	Trait Kind = 1 + iota
	// Computed is what events come to: event_count, last_seen, order_total.EUR.
	Computed
	// Latest is a value of the latest context by path, such as device.type.
	Latest
	// First is a value of the first context by path.
	First
	// Consent is what a person allowed, by purpose.
	Consent
	// Own is a computed trait of the user's own, by the number of its evaluation.
	Own
	// Affinity is a share by dimension and value.
	Affinity
	kinds
)

// Field names a column of single values.
type Field struct {
	Kind Kind
	Name string
}

// Value is one person's value of a field: canonical JSON text, or a number
// where IsNumber says so. Instants are numbers: microseconds since 1970.
type Value struct {
	Field
	Text     string
	Number   float64
	IsNumber bool
}

// Row is what the index keeps of one person, all of it. The slices may be
// reused by whoever filled them once Update has returned; strings are kept.
type Row struct {
	// Key is the home of the person.
	Key id.Key
	// Values are at most one per field, in any order.
	Values []Value
	// Names are the identifiers in Namespaces order.
	Identifiers []Identifier
	// Members are the numbers of the evaluations whose members the person is
	// among, in any order, none twice.
	Members []uint64
	// Events are the counts per event name, at most one of each.
	Events []Events
	// Incomplete says that event names beyond those given are not known.
	Incomplete bool
}

// Identifier is an identifier of a person.
type Identifier struct {
	Namespace, Value string
}

// Events are how often one person did one thing, by quarters of an hour.
type Events struct {
	Name string
	// Cells are in the order of their slots, see Cell.
	Cells []uint32
}

// A cell is a slot, the number of a quarter of an hour since 1970, with how
// often something happened in it. Slot zero stands for all the time before
// the first slot that is kept. A slot with more than maxCount has several
// cells.
const (
	countBits = 10
	maxCount  = 1<<countBits - 1
	maxSlot   = 1<<(32-countBits) - 1
	slotMicro = 15 * 60 * 1_000_000
)

// SlotOf is the quarter of an hour an instant lies in.
func SlotOf(at clock.Instant) uint32 {
	return uint32(min(max(int64(at)/slotMicro, 1), maxSlot))
}

// SlotStart is the first instant of a slot.
func SlotStart(slot uint32) clock.Instant { return clock.Instant(int64(slot) * slotMicro) }

// AppendCell appends the cells of a slot.
func AppendCell(cells []uint32, slot uint32, count uint64) []uint32 {
	for ; count > maxCount; count -= maxCount {
		cells = append(cells, slot<<countBits|maxCount)
	}
	if count > 0 {
		cells = append(cells, slot<<countBits|uint32(count))
	}
	return cells
}
