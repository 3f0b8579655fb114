// Package condition is the language in which segments are written: the tree of
// a condition, its reading from YAML and JSON, its one canonical form and its
// sentence. It never knows a person: it says what is asked, not the answer.
package condition

import (
	"time"

	"rapport/internal/clock"
	"rapport/internal/segment/decimal"
)

// The limits of a condition.
const (
	MaxNodes     = 10_000 // nodes of one tree, leaves included
	MaxDepth     = 100    // nodes inside one another
	MaxValues    = 10_000 // values of one list
	MaxText      = 1_024  // bytes of a name, a path or a value
	MaxExpr      = 16_384 // bytes of an expression
	MaxFilters   = 50     // property filters of one leaf
	MaxSteps     = 10     // events of one sequence
	MaxCount     = 10_000 // the largest count that is compared with
	MaxWindow    = 3_660 * 24 * time.Hour
	MaxBytes     = 4 << 20 // of a document
	maxDepthJSON = 2*MaxDepth + 40
)

// Kind is what a node asks. The numbers are not stored.
type Kind uint8

// The kinds of node. From Trait to Affinity they compare one Field.
const (
	All        Kind = 1 + iota // every one of Nodes
	Any                        // at least one of Nodes
	Not                        // not the one of Nodes
	Trait                      // a trait, by its path
	Identifier                 // the values in a namespace
	Consent                    // the state of a purpose
	Context                    // device, os, browser, locale, location, campaign … by path
	Profile                    // what events come to: last_seen, event_count …
	Computed                   // a computed trait of the user's own, by key
	Affinity                   // how much a person likes a value of a dimension
	Events                     // an aggregate over events, item actions, orders or order items
	Sequence                   // one event after the other
	Segment                    // membership in another segment, by key
	Expression                 // FEEL
	Always                     // everybody; its negation is nobody
)

// Node is one node of a condition. Which of the members are set follows from
// its Kind. A node is never changed once it is read.
type Node struct {
	Kind     Kind
	At       string // JSON pointer in the document it was read from
	Nodes    []*Node
	Field    *Field
	Events   *Question
	Sequence *Chain
	Affinity *Liking
	Ref      string // Segment: its key; Expression: its source
}

// Field names one value of a person and says what is asked of it.
type Field struct {
	Name  string // trait path, namespace, purpose, context path, profile field, key
	First bool   // Context: the first that was seen, not the latest
	Test  Test
}

// Op is how a test compares.
type Op uint8

// The ways to compare.
const (
	Exists Op = 1 + iota // there is a value, and it is not null
	In                   // equals one of Values
	Like                 // matches the pattern: % any text, _ one character, \ before either
	Range                // between Low and High
)

// Test is a question to the values of a field. It holds where it holds for one
// of them; negated, where it holds for none, so also where there is no value.
type Test struct {
	Op        Op
	Not       bool
	Values    []Value // In: sorted, without doubles; Like: one
	Low, High *Bound  // Range: at least one
}

// Bound is one end of a range.
type Bound struct {
	Value Value
	Open  bool // the value itself is outside
}

// ValueKind is the type of a constant.
type ValueKind uint8

// The types of constants. A Date compares with values that say a time.
const (
	String ValueKind = 1 + iota
	Number
	Bool
	Date
)

// Value is a constant.
type Value struct {
	Kind ValueKind
	Text string      // String
	Num  decimal.Num // Number
	Bool bool
	// Date: the instant, or where Relative is set so much from now.
	Time     clock.Instant
	Relative bool
	Offset   time.Duration
	// DayOnly says that a date was written without a time: midnight UTC.
	DayOnly bool
}

// What is counted by a question.
type What uint8

// The things that happen. Orders are those of the profile, placed and not
// cancelled; OrderLines are the lines of orders.
const (
	Event What = 1 + iota
	Order
	OrderLine
)

// Question is an aggregate over what happened.
type Question struct {
	What   What
	Match  Match
	Item   *Test  // of the item's present attribute Attribute; nil asks for none
	Attr   string // Item: the attribute or dimension; "" is the item's id
	Agg    Aggregate
	Of     string // the property that is aggregated; for orders a field
	Money  string // orders: the currency that sums are in
	Test   Test
	Window Window
}

// Match picks events.
type Match struct {
	Name    string // "": any
	Type    string // track, page, screen, identify, group, alias; "": any
	Action  string // item action; "": any
	Filters []Filter
}

// Filter is a test of something that an event says.
type Filter struct {
	Field FilterField
	Path  string
	Test  Test
}

// FilterField is where a filter looks.
type FilterField uint8

// The parts of an event.
const (
	Property     FilterField = 1 + iota
	EventContext             // device, page, campaign … by path
	Channel
	Source
)

// Aggregate is what is made of the things that match.
type Aggregate uint8

// The aggregates. Count and Sum are 0 of nothing, the others have no value.
const (
	Count Aggregate = 1 + iota
	Sum
	Average
	Min
	Max
	Unique       // how many different values
	First        // the time of the first, or with Of its value
	Last         // the time of the last, or with Of its value
	MostFrequent // the value that most of them have; of equals the smallest
)

// WindowKind is the kind of a window.
type WindowKind uint8

// The kinds of window.
const (
	Ever WindowKind = iota
	Fixed
	Sliding
	Calendar
)

// Unit is a calendar period. Weeks begin on Monday.
type Unit uint8

// The calendar periods.
const (
	Day Unit = 1 + iota
	Week
	Month
	Quarter
	Year
)

// Window is the time that counts. What has come already counts even where its
// own clock is a little ahead, unless the window says an end.
type Window struct {
	Kind WindowKind
	// Fixed: from From on and before To; zero is open.
	From, To clock.Instant
	// Sliding: after now less Last, and not after now less Until. A zero Last
	// has no beginning, a zero Until no end.
	Last, Until time.Duration
	// Calendar: Periods periods of Unit in Zone, of which the last is the one
	// of now, or that so many (Ago) before it.
	Unit    Unit
	Periods int
	Ago     int
	Zone    string // IANA; "" is UTC
}

// Chain is one event after another, each later than the one before.
type Chain struct {
	Steps []Match
	// Absent says that the last step must not have come: the one before it
	// happened, and within Within of it the last did not.
	Absent bool
	// Within is the longest time from the first to the last; zero: any.
	Within time.Duration
	Window Window // in which all of it lies
}

// Liking asks for a value of an affinity.
type Liking struct {
	Key   string // of the affinity's definition
	Value string
	Top   int   // among the first so many; 0: whatever its rank
	Share *Test // of its share in percent; nil: any above nothing
}
