package graph

import (
	"encoding/binary"
	"math/bits"

	"rapport/internal/clock"
	"rapport/internal/id"
)

// edgeCache remembers edges that the graph has, so that a link that says
// nothing new needs no row at all. An edge takes a tenth of the room that its
// ends take, so it is there long after they had to go. What is in it is true
// until somebody is erased; what is not in it may be known all the same.
type edgeCache struct {
	sets []edgeSet
	most int // sets
	n    int // edges that were put where there was room
	hand uint32
}

// edgeSet is where an edge may be. It has two of them, and the second only where
// the first is full: of sets that are half full on average one in ten would have to
// let an edge go.
type edgeSet [4]keptEdge

// keptEdge is an edge that was seen at first or before, and received so.
type keptEdge struct {
	strong, weak    id.Key
	first, received clock.Instant
}

const (
	edgeSetBytes  = 4 * 48
	firstEdgeSets = 1024
)

// newEdgeCache makes a cache of so many bytes at most. It grows with the edges: of a
// large one that has few of them each lies in a page of its own.
func newEdgeCache(budget int) edgeCache {
	most := budget / edgeSetBytes
	return edgeCache{sets: make([]edgeSet, min(most, firstEdgeSets)), most: most}
}

// grow makes room for twice as many edges.
func (c *edgeCache) grow() {
	old := c.sets
	c.sets, c.n = make([]edgeSet, min(2*len(old), c.most)), 0
	for i := range old {
		for _, e := range old[i] {
			if !e.strong.IsZero() {
				c.keep(e)
			}
		}
	}
}

// set is where an edge would be, first (0) or second (8). Keys are hashes.
func (c *edgeCache) set(strong, weak *id.Key, half int) *edgeSet {
	h := binary.LittleEndian.Uint64(strong[half:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(weak[half:]), 17)
	i, _ := bits.Mul64(h, uint64(len(c.sets)))
	return &c.sets[i]
}

// find gives an edge that is here.
func (c *edgeCache) find(strong, weak *id.Key) *keptEdge {
	for half := 0; half < len(strong); half += len(strong) / 2 {
		set := c.set(strong, weak, half)
		for i := range set {
			if e := &set[i]; e.strong == *strong && e.weak == *weak {
				return e
			}
		}
		if !set.full() {
			return nil
		}
	}
	return nil
}

func (s *edgeSet) full() bool { return !s[len(s)-1].strong.IsZero() }

// has tells that a link says nothing new for sure.
func (c *edgeCache) has(l *seenLink) bool {
	if len(c.sets) == 0 {
		return false
	}
	e := c.find(&l.strong.key, &l.weak.key)
	return e != nil && l.first >= e.first && l.received >= e.received
}

// put notes an edge that is at both of its ends by now.
func (c *edgeCache) put(l *seenLink) {
	if len(c.sets) == 0 || l.weak.key.IsZero() {
		return
	}
	if 2*c.n > len(c.sets)*len(edgeSet{}) && len(c.sets) < c.most {
		c.grow()
	}
	c.keep(keptEdge{l.strong.key, l.weak.key, l.first, l.received})
}

func (c *edgeCache) keep(x keptEdge) {
	if e := c.find(&x.strong, &x.weak); e != nil {
		e.first, e.received = min(e.first, x.first), min(e.received, x.received)
		return
	}
	for half := 0; half < len(x.strong); half += len(x.strong) / 2 {
		set := c.set(&x.strong, &x.weak, half)
		if set.full() {
			continue
		}
		for i := range set {
			if set[i].strong.IsZero() {
				set[i] = x
				c.n++
				return
			}
		}
	}
	c.hand++
	c.set(&x.strong, &x.weak, 0)[c.hand%uint32(len(edgeSet{}))] = x
}

// forget lets go of all edges.
func (c *edgeCache) forget() {
	clear(c.sets)
	c.n = 0
}
