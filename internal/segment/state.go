package segment

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"

	"rapport/internal/catalog"
	"rapport/internal/segment/decimal"
)

// State is what the events of one anchor say to the sources of a set. It
// depends on the set of events, not on their order. It belongs to one worker.
type State struct {
	series []series // by id
	orders []ordered
}

// NewState is the state before any event.
func NewState() *State { return &State{} }

// ordered are the lines of one order that one source asks for; what was said
// last counts.
type ordered struct {
	source SourceID
	order  uint64 // hash of its id
	stamp  catalog.Stamp
	lines  []line
	dirty  bool
}

// line is one item of an order.
type line struct {
	item string
	kind CellKind
	num  decimal.Num
	text string
}

func compareOrdered(a, b *ordered) int {
	return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.order, b.order))
}

func (o *ordered) compare(p *ordered) int {
	return cmp.Or(o.stamp.Compare(p.stamp), slices.CompareFunc(o.lines, p.lines, func(a, b line) int {
		return cmp.Or(strings.Compare(a.item, b.item), cmp.Compare(a.kind, b.kind), a.num.Cmp(b.num), strings.Compare(a.text, b.text))
	}))
}

func (st *State) find(id SourceID) *series {
	i, found := st.place(id)
	if !found {
		return nil
	}
	return &st.series[i]
}

// place is where the series of a source stands or would. Ids are hashes, so it
// begins to look where one of its size is likely to be.
func (st *State) place(id SourceID) (int, bool) {
	n := len(st.series)
	guess, _ := bits.Mul64(uint64(id), uint64(n))
	lo, hi := int(guess), int(guess)
	for step := 1; lo > 0 && st.series[lo-1].id >= id; step *= 2 {
		lo, hi = max(lo-step, 0), lo
	}
	for step := 1; hi < n && st.series[hi].id < id; step *= 2 {
		lo, hi = hi, min(hi+step, n)
	}
	for lo < hi {
		mid := (lo + hi) / 2
		if st.series[mid].id < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < n && st.series[lo].id == id
}

func (st *State) open(id SourceID) *series {
	i, found := st.place(id)
	if !found {
		st.series = slices.Insert(st.series, i, series{id: id})
	}
	return &st.series[i]
}

// setOrder takes what was said of an order's lines, if nothing later was said.
func (st *State) setOrder(o ordered, limit int) {
	i, found := slices.BinarySearchFunc(st.orders, &o, func(a ordered, o *ordered) int { return compareOrdered(&a, o) })
	o.dirty = true
	if found {
		if o.compare(&st.orders[i]) <= 0 {
			return
		}
		st.orders[i] = o
		return
	}
	st.orders = slices.Insert(st.orders, i, o)
	first, _ := slices.BinarySearchFunc(st.orders, o.source, func(a ordered, s SourceID) int { return cmp.Compare(a.source, s) })
	last := first
	for last < len(st.orders) && st.orders[last].source == o.source {
		last++
	}
	// The first by hash stay: an order that was dropped has so many before it
	// for ever.
	if last-first > limit {
		st.orders = slices.Delete(st.orders, last-1, last)
	}
}

// Changed tells whether AppendChanges has something to say.
func (st *State) Changed() bool {
	return slices.ContainsFunc(st.series, func(s series) bool { return s.dirty }) ||
		slices.ContainsFunc(st.orders, func(o ordered) bool { return o.dirty })
}

// Empty tells a state that says nothing.
func (st *State) Empty() bool { return len(st.series) == 0 && len(st.orders) == 0 }

// MemSize is about how many bytes the state takes.
func (st *State) MemSize() int {
	const head, entrySize, sumSize, orderSize, lineSize = 96, 72, 152, 72, 72
	n := 64 + head*cap(st.series) + orderSize*cap(st.orders)
	for i := range st.series {
		n += entrySize*cap(st.series[i].entries) + sumSize*cap(st.series[i].sums)
	}
	for i := range st.orders {
		n += lineSize * cap(st.orders[i].lines)
	}
	return n
}

// Merge adds the state of another anchor to dst. The two must be of different
// anchors: what both folded would count twice. What the set does not ask for
// is left out.
func (s *Set) Merge(dst, src *State) { s.MergeOnly(dst, src, nil) }

// MergeOnly is Merge of what some sources ask of events; nil: all.
func (s *Set) MergeOnly(dst, src *State, only Sources) {
	for i := range src.series {
		x := &src.series[i]
		k, ok := s.sourceOf(x.id)
		if !ok || only != nil && !only[x.id] {
			continue
		}
		dst.open(x.id).merge(x, &s.sources[k].bounds)
	}
	for _, o := range src.orders {
		if _, ok := s.sourceOf(o.source); ok && (only == nil || only[o.source]) {
			dst.setOrder(o, s.limits.Orders)
		}
	}
}

// Clone is a copy that shares nothing that changes.
func (st *State) Clone() *State {
	c := &State{series: slices.Clone(st.series), orders: slices.Clone(st.orders)}
	for i := range c.series {
		c.series[i].entries = slices.Clone(c.series[i].entries)
		c.series[i].sums = slices.Clone(c.series[i].sums)
	}
	return c
}

// Prune drops what the set does not ask for.
func (s *Set) Prune(st *State) {
	st.series = slices.DeleteFunc(st.series, func(x series) bool { _, ok := s.sourceOf(x.id); return !ok })
	st.orders = slices.DeleteFunc(st.orders, func(o ordered) bool { _, ok := s.sourceOf(o.source); return !ok })
}

// Mentions tells whether the state may hold an event or an order about one of
// some items. It may say so of an item whose id stands in another value.
func (st *State) Mentions(items map[string]bool) bool {
	about := func(text string) bool {
		item, _, _ := strings.Cut(text, separator)
		return item != "" && items[item]
	}
	for i := range st.series {
		s := &st.series[i]
		if slices.ContainsFunc(s.entries, func(e entry) bool { return about(e.text) }) ||
			slices.ContainsFunc(s.sums, func(x sum) bool { return about(x.text) }) {
			return true
		}
	}
	for i := range st.orders {
		if slices.ContainsFunc(st.orders[i].lines, func(l line) bool { return about(l.item) }) {
			return true
		}
	}
	return false
}
