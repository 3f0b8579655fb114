package forest

// Sum adds to sums[g] the leaf of every tree of group g, in the order of the
// trees. A row has Features values, sums has Groups; NaN is a missing value.
func (f *Forest) Sum(row, sums []float64) {
	row = row[:f.features]
	if f.groups == 1 {
		total := sums[0]
		for _, root := range f.roots {
			total += f.leaves[f.walk(root, row)]
		}
		sums[0] = total
		return
	}
	for i, root := range f.roots {
		sums[f.group[i]] += f.leaves[f.walk(root, row)]
	}
}

// Sum32 is Sum in single precision: every sum is rounded after each tree, as a
// library does that holds its sums in 32 bits.
func (f *Forest) Sum32(row, sums []float64) {
	row = row[:f.features]
	for i, root := range f.roots {
		g := f.group[i]
		sums[g] = float64(float32(sums[g]) + float32(f.leaves[f.walk(root, row)]))
	}
}

// walk gives the index of the leaf that a row comes to. It ends: Add has seen
// that every way down a tree does.
func (f *Forest) walk(at int32, row []float64) int32 {
	nodes := f.nodes
	for at >= 0 {
		n := &nodes[at]
		x := row[n.Feature]
		switch {
		case n.Flags&(Categorical|MissingZero) != 0:
			at = f.special(n, x)
		case x <= n.Threshold:
			at = n.Left
		case x > n.Threshold:
			at = n.Right
		default:
			at = n.missing()
		}
	}
	return ^at
}

// missing is where NaN goes.
func (n *Node) missing() int32 {
	left := n.Flags&DefaultLeft != 0
	if n.Flags&(MissingNaN|MissingZero) == 0 {
		left = n.Threshold >= 0
	}
	if left {
		return n.Left
	}
	return n.Right
}

// special decides the splits that are no plain comparison.
func (f *Forest) special(n *Node, x float64) int32 {
	if n.Flags&Categorical == 0 {
		switch {
		case x != x || x >= -zeroish && x <= zeroish:
			return n.missing()
		case x <= n.Threshold:
			return n.Left
		}
		return n.Right
	}
	if x != x && n.Flags&MissingNaN != 0 {
		return n.missing()
	}
	if f.within(int(n.Threshold), x) {
		return n.Left
	}
	return n.Right
}

// within tells whether a category is in a set. Fractions are cut off; what is
// below zero, too large or NaN is in none.
func (f *Forest) within(set int, x float64) bool {
	words := f.bits[f.sets[set]:f.sets[set+1]]
	if !(x > -1 && x < float64(len(words)*32)) {
		return false
	}
	c := uint32(int32(x))
	return words[c>>5]>>(c&31)&1 != 0
}
