package forest

// covers hold how many training rows passed each place. They are known only
// where every tree of the file says so.
type covers struct {
	known      bool
	node, leaf []float64
}

func (c *covers) append(to, from []float64, i int) []float64 {
	if i >= len(from) || !(from[i] > 0) || !finite(from[i]) {
		c.known = false
		return append(to, 0)
	}
	return append(to, from[i])
}

// Explain adds to phi what each input contributes to the sum of a group for a
// row, and to the place behind the inputs what the sum is on average: the
// Shapley values of Lundberg's path-dependent TreeSHAP. It is false where the
// file does not say how many training rows passed each split. It allocates.
func (f *Forest) Explain(row []float64, group int, phi []float64) bool {
	if !f.covers.known {
		return false
	}
	row = row[:f.features]
	for i, root := range f.roots {
		if int(f.group[i]) != group {
			continue
		}
		e := explanation{forest: f, row: row, phi: phi}
		phi[f.features] += e.average(root)
		if root >= 0 {
			e.descend(root, nil, fraction{zero: 1, one: 1, feature: -1})
		}
	}
	return true
}

// fraction is one feature of a way down a tree: how much of the training rows
// follows where it is unknown, and whether this row follows where it is known.
type fraction struct {
	feature   int32
	zero, one float64
	weight    float64 // of ways with as many features known as its place says
}

type explanation struct {
	forest *Forest
	row    []float64
	phi    []float64
}

func (e *explanation) cover(at int32) float64 {
	if at < 0 {
		return e.forest.covers.leaf[^at]
	}
	return e.forest.covers.node[at]
}

// average is the mean of the leaves below a place, weighed by their rows.
func (e *explanation) average(at int32) float64 {
	if at < 0 {
		return e.forest.leaves[^at]
	}
	n := &e.forest.nodes[at]
	left, right := e.cover(n.Left), e.cover(n.Right)
	return (e.average(n.Left)*left + e.average(n.Right)*right) / (left + right)
}

func (e *explanation) descend(at int32, way []fraction, next fraction) {
	path := extend(way, next)
	if at < 0 {
		leaf := e.forest.leaves[^at]
		for i := 1; i < len(path); i++ {
			e.phi[path[i].feature] += unwoundSum(path, i) * (path[i].one - path[i].zero) * leaf
		}
		return
	}
	n := &e.forest.nodes[at]
	hot := e.forest.child(n, e.row[n.Feature])
	cold := n.Left
	if hot == n.Left {
		cold = n.Right
	}
	seen := fraction{zero: 1, one: 1}
	for i := 1; i < len(path); i++ {
		if path[i].feature == n.Feature {
			seen = path[i]
			path = unwind(path, i)
			break
		}
	}
	total := e.cover(at)
	e.descend(hot, path, fraction{feature: n.Feature, zero: seen.zero * e.cover(hot) / total, one: seen.one})
	e.descend(cold, path, fraction{feature: n.Feature, zero: seen.zero * e.cover(cold) / total})
}

// child is where one split sends a value.
func (f *Forest) child(n *Node, x float64) int32 {
	switch {
	case n.Flags&(Categorical|MissingZero) != 0:
		return f.special(n, x)
	case x <= n.Threshold:
		return n.Left
	case x > n.Threshold:
		return n.Right
	}
	return n.missing()
}

// extend gives a copy of a way with one more feature.
func extend(way []fraction, next fraction) []fraction {
	depth := len(way)
	path := make([]fraction, depth+1)
	copy(path, way)
	if depth == 0 {
		next.weight = 1
	}
	path[depth] = next
	for i := depth - 1; i >= 0; i-- {
		path[i+1].weight += next.one * path[i].weight * float64(i+1) / float64(depth+1)
		path[i].weight *= next.zero * float64(depth-i) / float64(depth+1)
	}
	return path
}

// unwind takes the feature at a place out of a way, as if it had never been.
func unwind(path []fraction, at int) []fraction {
	depth := len(path) - 1
	one, zero := path[at].one, path[at].zero
	next := path[depth].weight
	for i := depth - 1; i >= 0; i-- {
		if one != 0 {
			was := path[i].weight
			path[i].weight = next * float64(depth+1) / (float64(i+1) * one)
			next = was - path[i].weight*zero*float64(depth-i)/float64(depth+1)
		} else {
			path[i].weight = path[i].weight * float64(depth+1) / (zero * float64(depth-i))
		}
	}
	for i := at; i < depth; i++ {
		path[i].feature, path[i].zero, path[i].one = path[i+1].feature, path[i+1].zero, path[i+1].one
	}
	return path[:depth]
}

// unwoundSum is the sum of the weights that unwind would leave.
func unwoundSum(path []fraction, at int) float64 {
	depth := len(path) - 1
	one, zero := path[at].one, path[at].zero
	next, total := path[depth].weight, 0.0
	for i := depth - 1; i >= 0; i-- {
		if one != 0 {
			w := next * float64(depth+1) / (float64(i+1) * one)
			total += w
			next = path[i].weight - w*zero*float64(depth-i)/float64(depth+1)
		} else {
			total += path[i].weight / zero / (float64(depth-i) / float64(depth+1))
		}
	}
	return total
}
