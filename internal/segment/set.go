package segment

import (
	"slices"
	"strings"

	"rapport/internal/feel"
	"rapport/internal/segment/condition"
)

// Set is what many definitions compile to. It is immutable.
type Set struct {
	limits     Limits
	segments   []compiled // by key
	nodes      []node     // a node's kids stand before it
	leaves     []leaf
	sources    []source // by id
	fields     []field
	traits     []trait
	affinities []affinity
	index      index
	shapes     int
	ladders    []ladder
	rises      []rise
	speaking   []int32 // leaves that any trait can change
	restless   []int32 // leaves that every event can change
	ordering   []int32 // leaves that read orders
	scope      *feel.Scope
}

type compiled struct {
	id   uint64
	key  string
	root int32
	cond *condition.Node
	told []told // its nodes as they are explained
}

// told is a node of a condition as it was written.
type told struct {
	kind condition.Kind
	node int32
	id   uint64 // Segment: of the definition of what is asked for
}

// node is a condition's node; equal ones are one.
type node struct {
	kind condition.Kind
	kids []int32
	leaf int32
}

// leaf is a question that is answered by itself. Equal leaves of all segments
// are one.
type leaf struct {
	node     *condition.Node
	field    int32 // Trait to Profile: the place in fields
	sources  []int32
	period   period
	shape    int32 // Events: leaves that differ in their test alone share one
	still    bool  // Events: items only leave and its test asks the same at all times
	band     *rung // Events: the end of a range that is looked up in a staircase
	trait    int32 // Computed
	affinity int32
	program  *feel.Program
	timely   bool    // Expression: it asks for the present
	segments []int32 // those that it can change
}

// field is a value of a person that leaves compare with constants.
type field struct {
	kind   condition.Kind
	ref    condition.Field
	leaves []int32
	equal  constants // of leaves that ask for equality
	others []int32   // leaves that ask anything else
}

// Keys are the keys of the segments, sorted: a segment's number is its place.
func (s *Set) Keys() []string {
	out := make([]string, len(s.segments))
	for i := range s.segments {
		out[i] = s.segments[i].key
	}
	return out
}

// Len is how many segments there are.
func (s *Set) Len() int { return len(s.segments) }

// ID is what the definition of a segment was given as its id.
func (s *Set) ID(segment int) uint64 { return s.segments[segment].id }

// Key is the key of a segment.
func (s *Set) Key(segment int) string { return s.segments[segment].key }

// Find is the number of a segment.
func (s *Set) Find(key string) (int, bool) {
	return slices.BinarySearchFunc(s.segments, key, func(c compiled, k string) int { return strings.Compare(c.key, k) })
}

func (s *Set) sourceOf(id SourceID) (int, bool) {
	lo, hi := 0, len(s.sources)
	for lo < hi {
		mid := (lo + hi) / 2
		if s.sources[mid].id < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(s.sources) && s.sources[lo].id == id
}
