package config

import (
	"fmt"
	"strings"
)

// MinMemory is the least an instance runs with.
const MinMemory Size = 192 << 20

// Budget divides the memory of the process. The shares and what is left for
// the garbage collector's head room add up to Total.
type Budget struct {
	Total    Size
	People   Size // decoded states of hot people, on Go's heap
	Store    Size // the engine's caches, write buffers and data keys, most of it outside of Go's heap
	Queues   Size // what waits to be applied
	HTTP     Size // bodies being read
	Outside  Size // the program's own pages, stacks of C, fragmentation
	Columns  Size // the columnar index
	HeadRoom Size // garbage that waits for the collector
	GoLimit  Size // for debug.SetMemoryLimit: Total less what is outside of Go's heap
}

// programBytes are the pages of the program that come to lie in memory: after some
// minutes of work all of its code and what it reads only (RssFile of
// /proc/PID/status).
const programBytes = 88 << 20

// NewBudget divides total. The shares follow from measurements: people pay for
// themselves first, a small store cache suffices because people are kept
// decoded, and the collector needs about half of the live heap: with less it
// takes a third of the processor's time and goes beyond its limit nevertheless.
func NewBudget(total Size) Budget {
	b := Budget{
		Total:   total,
		People:  (total - programBytes) / 100 * 30,
		Store:   clamp(total/100*14, 16<<20, 4<<30),
		Queues:  clamp(total/100*3, 8<<20, 512<<20),
		HTTP:    clamp(total/100*4, 8<<20, 512<<20),
		Columns: total/100*4 + max(0, total-1<<30)/100*8, // of 3 GiB enough for 1 M people with an e-mail address each
		Outside: programBytes + clamp(total/100*3, 6<<20, 256<<20),
	}
	// The engine keeps its data keys on Go's heap.
	b.GoLimit = total - b.Store/16*13 - b.Outside
	b.HeadRoom = total - b.Store - b.Outside - b.People - b.Queues - b.HTTP - b.Columns
	return b
}

// MemoryFor is about the memory that gives the columns so much: the setting to
// recommend, in quarters of a gibibyte.
func MemoryFor(columns Size) Size {
	const step = 256 << 20
	total := Size(step)
	for NewBudget(total).Columns < columns {
		total += step
	}
	return total
}

func clamp(n, low, high Size) Size { return max(low, min(n, high)) }

// Shares lists the parts with their names, for the line printed at start and
// for metrics.
func (b Budget) Shares() []Share {
	return []Share{
		{"people", b.People},
		{"store", b.Store},
		{"queues", b.Queues},
		{"http", b.HTTP},
		{"columns", b.Columns},
		{"outside", b.Outside},
		{"head_room", b.HeadRoom},
	}
}

// Share is one part of the budget.
type Share struct {
	Name string
	Size Size
}

// String is the budget in one line.
func (b Budget) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "memory %s:", b.Total)
	for i, share := range b.Shares() {
		if i > 0 {
			s.WriteByte(',')
		}
		fmt.Fprintf(&s, " %s %s", share.Name, share.Size)
	}
	return s.String()
}
