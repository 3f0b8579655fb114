package experiment

import "strconv"

// Buckets are the places that people are divided into.
const Buckets = 10_000

// Bucket gives the place of a unit, 0 to Buckets-1: FNV-1a of 32 bits, twice.
// It is the second hash version of GrowthBook, so that their SDKs, and ours for
// the browser, come to the same.
func Bucket(seed, unit string) int {
	first := fnv(fnv(fnvOffset, seed), unit)
	var digits [10]byte
	h := uint32(fnvOffset)
	for _, c := range strconv.AppendUint(digits[:0], uint64(first), 10) {
		h = (h ^ uint32(c)) * fnvPrime
	}
	return int(h % Buckets)
}

const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

func fnv(h uint32, s string) uint32 {
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * fnvPrime
	}
	return h
}

// within tells whether a place lies in a share of all, counted from the first.
func within(bucket int, share float64) bool { return float64(bucket) < share*Buckets }

// pick gives the index that a place falls to, where each takes its weight.
func pick(bucket int, weights []int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	sum, last := 0, -1
	for i, w := range weights {
		if w == 0 {
			continue
		}
		sum += w
		last = i
		if bucket*total < sum*Buckets {
			return i
		}
	}
	return last
}
