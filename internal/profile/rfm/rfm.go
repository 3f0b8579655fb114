// Package rfm scores how recently, how often and for how much a person bought,
// against boundaries that people set. It never learns boundaries from the
// population and never asks the clock.
package rfm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// MaxBoundaries is how many boundaries a score can have.
const MaxBoundaries = 9

// AnyCurrency is the entry for currencies without one of their own.
const AnyCurrency = "*"

// Document is what a person writes. Boundaries stand in their order, the
// smallest first; n boundaries make scores from 1 to n+1.
type Document struct {
	WindowDays  int                      `json:"window_days,omitempty" doc:"Only orders of so many days count; left out: all"`
	RecencyDays []int                    `json:"recency_days" doc:"Days since the last order: up to the first boundary scores best, beyond the last 1"`
	Frequency   []int                    `json:"frequency" doc:"Orders: from the last boundary on scores best, below the first 1"`
	Monetary    map[string][]json.Number `json:"monetary" doc:"Spend net of refunds, by currency; * is for all others"`
}

// Boundaries are a compiled document. They are immutable.
type Boundaries struct {
	doc      Document
	monetary map[string][]catalog.Sum
}

// Default are the boundaries of an instance that sets none.
func Default() *Boundaries {
	b, err := New(Document{
		RecencyDays: []int{30, 90, 180, 365},
		Frequency:   []int{2, 3, 5, 10},
		Monetary:    map[string][]json.Number{AnyCurrency: {"50", "150", "400", "1000"}},
	})
	if err != nil {
		panic(err) // the defaults are ours
	}
	return b
}

// Parse reads a document as JSON and compiles it. Faults of kind Invalid name
// the member and the mend.
func Parse(text []byte) (*Boundaries, error) {
	var doc Document
	if err := jsondoc.Strict(text, &doc); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_rfm", "the boundaries cannot be read: %v; send {\"recency_days\": […], \"frequency\": […], \"monetary\": {\"*\": […]}}", err)
	}
	return New(doc)
}

// New compiles a document.
func New(doc Document) (*Boundaries, error) {
	if doc.WindowDays < 0 || doc.WindowDays > 36_500 {
		return nil, invalid("window_days", "%d: give 1 to 36500 days, or leave it out", doc.WindowDays)
	}
	if err := ascending("recency_days", doc.RecencyDays); err != nil {
		return nil, err
	}
	if err := ascending("frequency", doc.Frequency); err != nil {
		return nil, err
	}
	b := &Boundaries{doc: doc, monetary: map[string][]catalog.Sum{}}
	if len(doc.Monetary[AnyCurrency]) == 0 {
		return nil, invalid("monetary", "boundaries for %q are missing: they are for the currencies that are not named", AnyCurrency)
	}
	for _, currency := range slices.Sorted(maps.Keys(doc.Monetary)) {
		sums, err := sumsOf("monetary/"+currency, doc.Monetary[currency])
		if err != nil {
			return nil, err
		}
		b.monetary[currency] = sums
	}
	return b, nil
}

func ascending(at string, list []int) error {
	if len(list) == 0 || len(list) > MaxBoundaries {
		return invalid(at, "%d boundaries: give 1 to %d", len(list), MaxBoundaries)
	}
	for i, n := range list {
		if n < 1 || i > 0 && n <= list[i-1] {
			return invalid(at, "boundary %d is %d: give whole numbers from 1 on, each larger than the one before", i+1, n)
		}
	}
	return nil
}

func sumsOf(at string, list []json.Number) ([]catalog.Sum, error) {
	if len(list) == 0 || len(list) > MaxBoundaries {
		return nil, invalid(at, "%d boundaries: give 1 to %d", len(list), MaxBoundaries)
	}
	sums := make([]catalog.Sum, len(list))
	for i, n := range list {
		a, ok := catalog.ParseAmount(n.String())
		sums[i].Add(a)
		if !ok || i > 0 && !below(&sums[i-1], &sums[i]) {
			return nil, invalid(at, "boundary %d is %s: give numbers of at most 19 digits, each larger than the one before", i+1, n)
		}
	}
	return sums, nil
}

func below(a, b *catalog.Sum) bool {
	var d catalog.Sum
	d.AddSum(a)
	d.Sub(b)
	return d.Sign() < 0
}

func invalid(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_rfm", "%s: "+format, append([]any{at}, args...)...).At("/" + at)
}

// From is the instant from which orders count; zero: all do.
func (b *Boundaries) From(now clock.Instant) clock.Instant {
	if b.doc.WindowDays == 0 {
		return 0
	}
	return now.Add(-time.Duration(b.doc.WindowDays) * day)
}

const day = 24 * time.Hour

// Bought is what a person bought within the window.
type Bought struct {
	Orders int
	Last   clock.Instant // the last order; zero where none has a time
	Net    []catalog.CurrencySum
}

// Score is what that comes to. The larger a score the better, 1 is the least.
type Score struct {
	LastOrder   *clock.Instant         `json:"last_order_at" doc:"From which recency counts"`
	RecencyDays *int                   `json:"recency_days" doc:"Whole days since the last order"`
	Frequency   int                    `json:"frequency" doc:"Orders"`
	Monetary    map[string]json.Number `json:"monetary" doc:"Net of refunds, by currency"`
	R           int                    `json:"r"`
	F           int                    `json:"f"`
	M           int                    `json:"m" doc:"Of the currency that scores best"`
	RFM         string                 `json:"score" doc:"The three in one, such as 5-3-4"`
	WindowDays  int                    `json:"window_days,omitempty"`
}

// Score scores what a person bought until now. Somebody without orders has no
// score: nil.
func (b *Boundaries) Score(x Bought, now clock.Instant) *Score {
	if x.Orders == 0 {
		return nil
	}
	s := &Score{Frequency: x.Orders, Monetary: map[string]json.Number{}, R: 1, F: 1, M: 1, WindowDays: b.doc.WindowDays}
	if x.Last != 0 {
		days := max(int(now.Sub(x.Last)/day), 0)
		s.LastOrder, s.RecencyDays = &x.Last, &days
		s.R = 1 + len(b.doc.RecencyDays) - reached(b.doc.RecencyDays, func(boundary int) bool { return days > boundary })
	}
	s.F += reached(b.doc.Frequency, func(boundary int) bool { return x.Orders >= boundary })
	for i := range x.Net {
		sum := &x.Net[i]
		s.Monetary[sum.Currency] = sum.Sum.Number()
		boundaries := b.monetary[sum.Currency]
		if boundaries == nil {
			boundaries = b.monetary[AnyCurrency]
		}
		n := 0
		for n < len(boundaries) && !below(&sum.Sum, &boundaries[n]) {
			n++
		}
		s.M = max(s.M, 1+n)
	}
	s.RFM = fmt.Sprintf("%d-%d-%d", s.R, s.F, s.M)
	return s
}

// reached counts the boundaries that are behind.
func reached(list []int, behind func(int) bool) int {
	n := 0
	for n < len(list) && behind(list[n]) {
		n++
	}
	return n
}
