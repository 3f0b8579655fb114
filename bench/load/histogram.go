package load

import (
	"math"
	"time"
)

// Histogram counts durations in steps of about 2 %.
type Histogram struct {
	counts [1400]uint64
	n      uint64
}

const growth = 1.02

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	i := 0
	if us := float64(d) / float64(time.Microsecond); us > 1 {
		i = int(math.Log(us) / math.Log(growth))
	}
	h.counts[min(i, len(h.counts)-1)]++
	h.n++
}

// Merge adds another histogram's counts.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
}

// Count is how many durations there are.
func (h *Histogram) Count() uint64 { return h.n }

// Quantile is a duration that a share of all do not exceed.
func (h *Histogram) Quantile(share float64) time.Duration {
	rank := uint64(math.Ceil(share * float64(h.n)))
	seen := uint64(0)
	for i, c := range h.counts {
		if seen += c; seen >= rank && c > 0 {
			return time.Duration(math.Pow(growth, float64(i+1)) * float64(time.Microsecond))
		}
	}
	return 0
}
