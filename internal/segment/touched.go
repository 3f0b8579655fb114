package segment

// Touched notes which leaves of a set something can have changed. It belongs
// to one worker and is used again and again.
type Touched struct {
	set     *Set
	leaves  []int32
	noted   []bool // leaves
	seen    []int32
	sources []bool // that were tried for the event
	every   bool
	cells   Cells // of the event
	reads   []reading
	high    []height
	risen   []int32  // aggregates that may have moved
	shorts  []uint64 // the events that moved them
	more    Cells
	segs    []int32
	marked  []bool // segments
	inside  []uint64
}

// Inside says in which segments the person is at present: a bit for each, by
// number. With it those are left alone in which the person only stays longer;
// their timers may then fire early. It is forgotten by Reset; nil knows nothing.
func (t *Touched) Inside(bits []uint64) { t.inside = bits }

// settled tells whether the person is in all of some segments.
func (t *Touched) settled(segments []int32) bool {
	for _, s := range segments {
		if int(s>>6) >= len(t.inside) || t.inside[s>>6]&(1<<(s&63)) == 0 {
			return false
		}
	}
	return true
}

// Reset forgets what was noted and makes it fit a set.
func (t *Touched) Reset(s *Set) {
	if t.set != s {
		*t = Touched{
			set: s, noted: make([]bool, len(s.leaves)), sources: make([]bool, len(s.sources)),
			marked: make([]bool, len(s.segments)), cells: t.cells, more: t.more,
		}
		return
	}
	for _, l := range t.leaves {
		t.noted[l] = false
	}
	t.leaves, t.risen, t.shorts, t.every, t.inside = t.leaves[:0], t.risen[:0], t.shorts[:0], false, nil
}

// Any tells whether anything was touched.
func (t *Touched) Any() bool { return t.every || len(t.leaves) > 0 || len(t.risen) > 0 }

// All touches everything.
func (t *Touched) All() { t.every = true }

func (t *Touched) leaf(l int32) {
	if !t.noted[l] {
		t.noted[l] = true
		t.leaves = append(t.leaves, l)
	}
}

func (t *Touched) list(leaves []int32) {
	for _, l := range leaves {
		t.leaf(l)
	}
}

// source touches what reads a source.
func (t *Touched) source(s *source) {
	t.list(s.leaves)
	for _, i := range s.traits {
		t.list(t.set.traits[i].leaves)
	}
}

// segments are the numbers of the segments that can have changed. The slice is
// valid until the next call.
func (t *Touched) segments() []int32 {
	t.segs = t.segs[:0]
	if t.every {
		for i := range t.set.segments {
			t.segs = append(t.segs, int32(i))
		}
		return t.segs
	}
	for _, l := range t.leaves {
		for _, s := range t.set.leaves[l].segments {
			if !t.marked[s] {
				t.marked[s] = true
				t.segs = append(t.segs, s)
			}
		}
	}
	for _, s := range t.segs {
		t.marked[s] = false
	}
	return t.segs
}

// Orders touches what reads orders.
func (t *Touched) Orders() { t.list(t.set.ordering) }
