package segment

import (
	"slices"
	"sort"

	"rapport/internal/clock"
	"rapport/internal/segment/condition"
)

// shaped is what a question comes to without its oldest items, for leaves that
// differ in their test alone. Items only leave, the oldest first.
type shaped struct {
	epoch uint32
	cells []Cell          // what the items from the i-th on come to
	outs  []clock.Instant // when the i-th leaves; empty: never
	grows bool            // with more items the number is never less
}

// events answers for an aggregate.
func (e *Evaluator) events(l *leaf, now clock.Instant) (bool, clock.Instant) {
	if l.band != nil {
		return e.onStairs(l, now)
	}
	q := l.node.Events
	if l.still {
		s := &e.shapes[l.shape]
		if s.epoch != e.epoch {
			k := e.look(l)
			k.shape(s)
			s.epoch = e.epoch
		}
		return s.answer(e, &q.Test, now)
	}
	k := e.look(l)
	was, next := k.at(now)
	return was, exactly(next, was, k.at)
}

// shape adds the items up once, from the newest to the oldest.
func (k *look) shape(s *shaped) {
	t, n := &k.e.tally, len(k.items)
	t.reset(k.q)
	s.cells = slices.Grow(s.cells[:0], n+1)[:n+1]
	s.outs = s.outs[:0]
	s.cells[n] = t.cell()
	s.grows = s.cells[n].Kind == Number
	for i := n - 1; i >= 0; i-- {
		if !k.again(i) {
			t.add(&k.items[i])
		}
		s.cells[i] = t.cell()
		s.grows = s.grows && s.cells[i].Kind == Number && s.cells[i].Num.Cmp(s.cells[i+1].Num) >= 0
	}
	if k.p.unbounded {
		return
	}
	for i := range k.items {
		s.outs = append(s.outs, k.p.leaves(k.items[i].at))
	}
}

// answer is the test's at an instant, and when items that leave change it.
func (s *shaped) answer(e *Evaluator, t *condition.Test, now clock.Instant) (bool, clock.Instant) {
	hold := func(i int) bool {
		yes, _ := holds(t, e.present(s.cells[i]), now)
		return yes
	}
	if len(s.outs) == 0 {
		return hold(0), never
	}
	n := len(s.outs)
	i := s.start(now)
	was := hold(i)
	if s.grows && t.Op == condition.Range && (t.Low == nil || t.High == nil) {
		// It changes once: look for the place.
		j := i + sort.Search(n-i+1, func(k int) bool { return hold(i+k) != was })
		if j > n {
			return was, never
		}
		return was, s.outs[j-1]
	}
	for j := i + 1; j <= n; j++ {
		if hold(j) != was && (j == n || s.outs[j] != s.outs[j-1]) {
			return was, s.outs[j-1]
		}
	}
	return was, never
}

// start is the first item that is inside the window.
func (s *shaped) start(now clock.Instant) int {
	return sort.Search(len(s.outs), func(i int) bool { return s.outs[i] > now })
}
