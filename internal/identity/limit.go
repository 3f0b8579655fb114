package identity

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/clock"
)

// hold counts the values of nodes in each namespace that has a limit.
func (s *solver) hold(nodes []int) *holding {
	h := &holding{}
	for _, i := range nodes {
		p := s.prio[i]
		if p == len(s.Namespaces) || s.Namespaces[p].Limit.Count == 0 {
			continue
		}
		h.values = append(h.values, value{p, s.class.find(i), s.firstOf(i)})
	}
	h.order()
	return h
}

// firstOf is when the first of the values that count as one with a node was
// seen: the same whichever of them a person has.
func (s *solver) firstOf(i int) clock.Instant {
	root := s.class.find(i)
	if s.class.marks == nil {
		s.class.marks = make([]int64, len(s.first))
		for n, at := range s.first {
			if r := s.class.find(n); at != 0 && (s.class.marks[r] == 0 || int64(at) < s.class.marks[r]) {
				s.class.marks[r] = int64(at)
			}
		}
	}
	return clock.Instant(s.class.marks[root])
}

// value is one that a person has, in a namespace with a limit.
type value struct {
	namespace int
	class     int
	first     clock.Instant
}

// holding is the values of a person, in order.
type holding struct{ values []value }

func (h *holding) order() {
	slices.SortFunc(h.values, func(a, b value) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.first, b.first), cmp.Compare(a.class, b.class))
	})
	h.values = slices.Compact(h.values)
}

func (h *holding) add(o *holding) {
	h.values = append(h.values, o.values...)
	h.order()
}

func (h *holding) fits(r *Rules) bool { return h.exceeds(r, &holding{}) == "" }

// exceeds names the first namespace of which both together have too many.
func (h *holding) exceeds(r *Rules, o *holding) string {
	all := holding{append(slices.Clone(h.values), o.values...)}
	all.order()
	for from := 0; from < len(all.values); {
		n := all.values[from].namespace
		to := from
		for to < len(all.values) && all.values[to].namespace == n {
			to++
		}
		if tooMany(r.Namespaces[n].Limit, all.values[from:to]) {
			return r.Namespaces[n].Name
		}
		from = to
	}
	return ""
}

// tooMany holds distinct values, in the order of time, against a limit.
func tooMany(l Limit, values []value) bool {
	if l.Days == 0 {
		return len(values) > l.Count
	}
	window := clock.Instant(time.Duration(l.Days) * 24 * time.Hour / time.Microsecond)
	for i := l.Count; i < len(values); i++ {
		if values[i].first-values[i-l.Count].first < window {
			return true
		}
	}
	return false
}

// forest is sets that are joined.
type forest struct {
	up    []int
	size  []int
	marks []int64
}

func newForest(n int) forest {
	f := forest{up: make([]int, n), size: make([]int, n)}
	for i := range f.up {
		f.up[i], f.size[i] = i, 1
	}
	return f
}

func (f *forest) find(i int) int {
	for f.up[i] != i {
		f.up[i] = f.up[f.up[i]]
		i = f.up[i]
	}
	return i
}

func (f *forest) union(a, b int) int {
	a, b = f.find(a), f.find(b)
	if a == b {
		return a
	}
	if f.size[a] < f.size[b] {
		a, b = b, a
	}
	f.up[b], f.size[a] = a, f.size[a]+f.size[b]
	return a
}
