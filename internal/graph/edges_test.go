package graph

import (
	"strconv"
	"testing"

	"rapport/internal/id"
)

// A half full cache has 99 of 100 edges, and of each only what is at first or
// later; a full one has some of them, and a link of other ends is never known.
func TestEdgeCache_HasEdges(t *testing.T) {
	const sets = 256
	link := func(n int) *seenLink {
		l := &seenLink{first: 100, received: 100}
		l.strong.key, l.weak.key = id.KeyOf("user_id", strconv.Itoa(n/3)), id.KeyOf("anonymous_id", strconv.Itoa(n))
		return l
	}
	for _, x := range []struct{ edges, least int }{{sets * 2, sets * 2 * 99 / 100}, {sets * 40, sets * 3}} {
		c := newEdgeCache(sets * edgeSetBytes)
		for n := range x.edges {
			c.put(link(n))
		}
		has := 0
		for n := range x.edges {
			l := link(n)
			if !c.has(l) {
				continue
			}
			has++
			if l.first = 99; c.has(l) {
				t.Fatal("knows an edge earlier than it was seen")
			}
			if l.weak.key = link(n + 3).weak.key; c.has(l) {
				t.Fatal("knows an edge that is none")
			}
		}
		if has < x.least || has > sets*len(edgeSet{}) {
			t.Errorf("has %d of %d edges, want %d at least", has, x.edges, x.least)
		}
	}
}
