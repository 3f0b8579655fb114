// Package script runs JavaScript boxes: small programs that turn values into a
// value. A box has limits for steps, bytes, depth and time; the same inputs
// give the same result. It never reaches files, networks or the host's clock
// and randomness, and nothing of one run is left for the next.
package script

import (
	"time"

	"github.com/dop251/goja"
)

// Limits hold for one run. A zero field takes the default.
type Limits struct {
	// Steps counts rounds of loops, calls of the box's functions and what the
	// built-in functions go through. The same run always takes as many.
	Steps int
	// Bytes is how much all texts and lists together may take that a run makes,
	// those that are not used any more included; an estimate.
	Bytes int
	// Depth is how deep calls and values may nest.
	Depth int
	// Time is a safety net for what the other limits miss; it is the one limit
	// that depends on the machine.
	Time time.Duration
}

// DefaultLimits are a million steps, 32 MiB, 200 levels and one second.
func DefaultLimits() Limits {
	return Limits{Steps: 1_000_000, Bytes: 32 << 20, Depth: 200, Time: time.Second}
}

func (l Limits) filled() Limits {
	d := DefaultLimits()
	if l.Steps <= 0 {
		l.Steps = d.Steps
	}
	if l.Bytes <= 0 {
		l.Bytes = d.Bytes
	}
	if l.Depth <= 0 || l.Depth > 1_000 {
		l.Depth = d.Depth
	}
	if l.Time <= 0 {
		l.Time = d.Time
	}
	return l
}

// Limits of a program's text.
const (
	// MaxSource is the longest program in bytes.
	MaxSource = 64 << 10
	// MaxNesting is how deep its brackets may nest.
	MaxNesting = 200
	// MaxLength is the longest list or text that a program may handle at once.
	MaxLength = 1 << 20
)

// Program is a compiled box. It is immutable and may be shared.
type Program struct {
	name   string
	params []string
	main   *goja.Program
	around *goja.Program
}

// Input is what a run starts from.
type Input struct {
	// Args are the values of the parameters: nil, bool, float64, int, int64,
	// string, []any and map[string]any of these. They are copied.
	Args []any
	// Now is what the program takes for the time, in UTC. Without it new Date()
	// and Date.now() fail.
	Now time.Time
	// Seed starts Math.random. Without it Math.random fails.
	Seed *uint64
}

// Usage is what a run took.
type Usage struct {
	Steps int
	Bytes int
}
