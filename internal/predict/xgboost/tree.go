package xgboost

import (
	"math"
	"strconv"

	"rapport/internal/jsondoc"
	"rapport/internal/predict/forest"
	"rapport/internal/predict/shape"
)

// maxCategory is the largest category code; XGBoost has the same limit.
const maxCategory = 1 << 24

// columns are the lists of one tree, an element for each place.
type columns struct {
	left, right, feature, kind []int32
	defaultLeft                []bool
	condition, cover           []float32
	sets                       map[int32][]int32
}

// tree reads one tree and gives it to the forest. A factor is what a dart
// booster multiplies the leaves with.
func (r *reader) tree(v jsondoc.Value, i, group int, factor float32) error {
	at := "tree " + strconv.Itoa(i)
	if size, err := param(v.Get("tree_param"), "size_leaf_vector", 1, 0, MaxGroups); err != nil || size > 1 {
		return problem(at, "leaves with several values (multi_output_tree) are not supported")
	}
	c, what := readColumns(v)
	if what != "" {
		return problem(at, "%s", what)
	}
	t := forest.Tree{Group: group, Nodes: make([]forest.Node, 0, len(c.left)/2)}
	// A place of the file is a split or a leaf of ours.
	place := make([]int32, len(c.left))
	for k, left := range c.left {
		if left < 0 {
			place[k] = ^int32(len(t.Leaves))
			t.Leaves = append(t.Leaves, float64(c.condition[k]*factor))
			t.LeafCover = append(t.LeafCover, c.coverOf(k))
			continue
		}
		place[k] = int32(len(t.Nodes))
		t.Nodes = append(t.Nodes, forest.Node{})
		t.NodeCover = append(t.NodeCover, c.coverOf(k))
	}
	for k, left := range c.left {
		if left < 0 {
			continue
		}
		right := c.right[k]
		if int(left) >= len(place) || right < 0 || int(right) >= len(place) {
			return problem(at, "place %d has the children %d and %d of %d", k, left, right, len(place))
		}
		n, err := r.node(c, k)
		if err != nil {
			return problem(at, "place %d: %s", k, err)
		}
		n.Left, n.Right = place[left], place[right]
		if n.Flags&forest.Categorical != 0 {
			// XGBoost sends what is in the set to the right, we to the left.
			n.Left, n.Right = n.Right, n.Left
		}
		t.Nodes[place[k]] = n
	}
	t.Root = place[0]
	if err := r.model.trees.Add(t); err != nil {
		return problem(at, "%s", err)
	}
	return nil
}

// node makes a split of a place; its children are still to be named.
func (r *reader) node(c *columns, k int) (forest.Node, error) {
	n := forest.Node{Feature: c.feature[k], Flags: forest.MissingNaN}
	if c.kind != nil && c.kind[k] == 1 {
		n.Flags |= forest.Categorical
		if !c.defaultLeft[k] { // swapped, as the children are
			n.Flags |= forest.DefaultLeft
		}
		if int(n.Feature) < len(r.model.inputs) && n.Feature >= 0 {
			r.code(int(n.Feature))
		}
		set, err := r.model.trees.Set(words(c.sets[int32(k)]))
		n.Threshold = set
		return n, err
	}
	if c.defaultLeft[k] {
		n.Flags |= forest.DefaultLeft
	}
	// "Below the threshold" is "up to the number before it".
	n.Threshold = math.Nextafter(float64(c.condition[k]), math.Inf(-1))
	return n, nil
}

// code makes a category of an input that has a split on categories but no
// type, as older files do.
func (r *reader) code(feature int) {
	if in := &r.model.inputs[feature]; in.Kind == shape.Number {
		in.Kind = shape.Code
	}
}

func words(categories []int32) []uint32 {
	var out []uint32
	for _, c := range categories {
		for int(c>>5) >= len(out) {
			out = append(out, 0)
		}
		out[c>>5] |= 1 << (c & 31)
	}
	return out
}

// coverOf is the weight of the training rows that passed a place, 0 where it
// is not known.
func (c *columns) coverOf(k int) float64 {
	if k < len(c.cover) {
		return float64(c.cover[k])
	}
	return 0
}

// readColumns reads the lists of a tree; what is wrong, "" where nothing is.
func readColumns(v jsondoc.Value) (c *columns, what string) {
	c = &columns{}
	var ok [6]bool
	c.left, ok[0] = ints(v.Get("left_children"))
	c.right, ok[1] = ints(v.Get("right_children"))
	c.feature, ok[2] = ints(v.Get("split_indices"))
	c.condition, ok[3] = floats(v.Get("split_conditions"))
	c.defaultLeft, ok[4] = flags(v.Get("default_left"))
	c.kind, ok[5] = ints(v.Get("split_type"))
	n := len(c.left)
	if ok != [6]bool{true, true, true, true, true, true} {
		return nil, "a list of it holds what is no number"
	}
	if n == 0 || len(c.right) != n || len(c.feature) != n || len(c.condition) != n || len(c.defaultLeft) != n ||
		c.kind != nil && len(c.kind) != n {
		return nil, "its lists are not of one length"
	}
	c.cover, _ = floats(v.Get("sum_hessian"))
	return c, c.readSets(v)
}

// readSets reads the sets of categories: whose they are, where each begins in
// the one list of all, and its size.
func (c *columns) readSets(v jsondoc.Value) string {
	nodes, ok1 := ints(v.Get("categories_nodes"))
	segments, ok2 := ints(v.Get("categories_segments"))
	sizes, ok3 := ints(v.Get("categories_sizes"))
	all, ok4 := ints(v.Get("categories"))
	if !ok1 || !ok2 || !ok3 || !ok4 || len(segments) != len(nodes) || len(sizes) != len(nodes) {
		return "its sets of categories cannot be read"
	}
	for _, category := range all {
		if category < 0 || category >= maxCategory {
			return "a category is below 0 or above " + strconv.Itoa(maxCategory-1)
		}
	}
	c.sets = make(map[int32][]int32, len(nodes))
	left := len(all)
	for i, node := range nodes {
		from, size := segments[i], sizes[i]
		left -= int(size)
		if _, twice := c.sets[node]; twice || left < 0 || from < 0 || size < 0 || int64(from)+int64(size) > int64(len(all)) {
			return "the categories of place " + strconv.Itoa(int(node)) + " are out of range or there twice"
		}
		c.sets[node] = all[from : from+size]
	}
	return ""
}

// ints reads a list of whole numbers; nil and true where there is none.
func ints(v jsondoc.Value) (out []int32, ok bool) {
	ok = true
	v.Items(func(_ int, e jsondoc.Value) bool {
		n, whole := e.Int()
		if ok = whole && n >= math.MinInt32 && n <= math.MaxInt32; ok {
			out = append(out, int32(n))
		}
		return ok
	})
	return out, ok
}

// flags reads a list of booleans, which some versions write as 0 and 1.
func flags(v jsondoc.Value) (out []bool, ok bool) {
	ok = true
	v.Items(func(_ int, e jsondoc.Value) bool {
		set, isBool := e.Bool()
		n, isInt := e.Int()
		out = append(out, set || isInt && n != 0)
		ok = isBool || isInt
		return ok
	})
	return out, ok
}

// floats reads a list of finite numbers of 32 bits; a number below them all is 0.
func floats(v jsondoc.Value) (out []float32, ok bool) {
	ok = true
	v.Items(func(_ int, e jsondoc.Value) bool {
		x, err := strconv.ParseFloat(e.Number(), 32)
		ok = err == nil
		out = append(out, float32(x))
		return ok
	})
	return out, ok
}
