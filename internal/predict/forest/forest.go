// Package forest is an ensemble of decision trees in flat arrays, laid out in
// the order in which it is walked. It never allocates while it scores, knows
// no file format, and never transforms the sum it gives.
package forest

import (
	"fmt"
	"math"
)

// Limits of an ensemble. A file beyond them is refused before it is scored.
const (
	// MaxNodes is how many splits all trees have together.
	MaxNodes = 8 << 20
	// MaxDepth is the longest way from a root to a leaf.
	MaxDepth = 1 << 10
	// MaxSetWords is how large all sets of categories are together.
	MaxSetWords = 4 << 20
)

// Flags of a split.
const (
	// Categorical: the value is looked up in a set of bits; Set names it.
	Categorical uint32 = 1 << iota
	// DefaultLeft: a missing value goes left, else right.
	DefaultLeft
	// MissingZero: NaN and values within 1e-35 of 0 are missing.
	MissingZero
	// MissingNaN: NaN is missing. With neither flag NaN counts as 0.
	MissingNaN
)

const zeroish = 1e-35

// Node is one split: values up to and including the threshold, or within the
// set, go left. A child below 0 is a leaf: ^child is its index.
type Node struct {
	Threshold   float64
	Feature     int32
	Left, Right int32
	Flags       uint32
}

// Tree is one tree as a reader found it, with its own indexes from 0.
type Tree struct {
	Nodes  []Node
	Leaves []float64
	Root   int32 // ^0 is a tree with a single leaf
	Group  int   // the sum it adds to
	// NodeCover and LeafCover are how many training rows (or their weight)
	// passed a place; nil where the file does not say.
	NodeCover, LeafCover []float64
}

// Forest is the trees of one model. Once it is built it is immutable.
type Forest struct {
	features int
	groups   int
	nodes    []Node
	leaves   []float64
	roots    []int32
	group    []int32
	bits     []uint32
	sets     []int32 // sets[i] to sets[i+1] are the words of set i
	covers   covers
}

// New makes an empty forest for models that read the given number of inputs
// and give the given number of sums.
func New(features, groups int) *Forest {
	return &Forest{features: features, groups: groups, sets: []int32{0}, covers: covers{known: true}}
}

// Features is how many inputs a row has.
func (f *Forest) Features() int { return f.features }

// Groups is how many sums there are.
func (f *Forest) Groups() int { return f.groups }

// Trees is how many trees there are.
func (f *Forest) Trees() int { return len(f.roots) }

// Splits is how many splits all trees have together.
func (f *Forest) Splits() int { return len(f.nodes) }

// Set keeps a set of categories as bits and gives the threshold that names it.
func (f *Forest) Set(words []uint32) (float64, error) {
	if len(f.bits)+len(words) > MaxSetWords {
		return 0, fmt.Errorf("the sets of categories need more than %d words of 32 bits", MaxSetWords)
	}
	f.bits = append(f.bits, words...)
	f.sets = append(f.sets, int32(len(f.bits)))
	return float64(len(f.sets) - 2), nil
}

// Add checks a tree and lays it out. The error says what is wrong with it:
// indexes out of range, places reached twice, a way that is too long,
// thresholds or leaves that are no number.
func (f *Forest) Add(t Tree) error {
	if t.Group < 0 || t.Group >= f.groups {
		return fmt.Errorf("it belongs to sum %d of %d", t.Group, f.groups)
	}
	if len(f.nodes)+len(t.Nodes) > MaxNodes {
		return fmt.Errorf("there are more than %d splits", MaxNodes)
	}
	l := layout{forest: f, tree: t, node: make([]int32, len(t.Nodes)), leaf: make([]int32, len(t.Leaves))}
	root, err := l.place()
	if err != nil {
		return err
	}
	f.roots = append(f.roots, root)
	f.group = append(f.group, int32(t.Group))
	return nil
}

// layout copies one tree into the forest, the left child behind its parent.
type layout struct {
	forest     *Forest
	tree       Tree
	node, leaf []int32 // new place + 1, 0 where it was not reached
}

// pending is a place still to be laid out, and where its parent names it.
type pending struct {
	at, depth int32
	parent    int32 // in the forest; -1 for the root
	right     bool
}

func (l *layout) place() (int32, error) {
	root := int32(0)
	for stack := []pending{{at: l.tree.Root, parent: -1}}; len(stack) > 0; {
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if p.depth > MaxDepth {
			return 0, fmt.Errorf("a way from the root is longer than %d splits", MaxDepth)
		}
		at, err := l.copy(p.at)
		if err != nil {
			return 0, err
		}
		switch {
		case p.parent < 0:
			root = at
		case p.right:
			l.forest.nodes[p.parent].Right = at
		default:
			l.forest.nodes[p.parent].Left = at
		}
		if p.at >= 0 {
			n := l.tree.Nodes[p.at]
			stack = append(stack, pending{n.Right, p.depth + 1, at, true}, pending{n.Left, p.depth + 1, at, false})
		}
	}
	return root, nil
}

func (l *layout) copy(at int32) (int32, error) {
	f := l.forest
	if at < 0 {
		i := ^at
		switch {
		case int(i) >= len(l.tree.Leaves):
			return 0, fmt.Errorf("it names leaf %d of %d", i, len(l.tree.Leaves))
		case l.leaf[i] != 0:
			return 0, fmt.Errorf("leaf %d has two parents", i)
		case !finite(l.tree.Leaves[i]):
			return 0, fmt.Errorf("leaf %d is no finite number", i)
		}
		f.leaves = append(f.leaves, l.tree.Leaves[i])
		f.covers.leaf = f.covers.append(f.covers.leaf, l.tree.LeafCover, int(i))
		l.leaf[i] = int32(len(f.leaves))
		return ^int32(len(f.leaves) - 1), nil
	}
	if int(at) >= len(l.tree.Nodes) {
		return 0, fmt.Errorf("it names split %d of %d", at, len(l.tree.Nodes))
	}
	if l.node[at] != 0 {
		return 0, fmt.Errorf("split %d has two parents, or is its own ancestor", at)
	}
	n := l.tree.Nodes[at]
	switch {
	case n.Feature < 0 || int(n.Feature) >= f.features:
		return 0, fmt.Errorf("split %d reads input %d of %d", at, n.Feature, f.features)
	case math.IsNaN(n.Threshold):
		return 0, fmt.Errorf("the threshold of split %d is no number", at)
	case n.Flags&Categorical != 0 && !(n.Threshold >= 0 && n.Threshold < float64(len(f.sets)-1)):
		return 0, fmt.Errorf("split %d names a set of categories that is not there", at)
	}
	f.nodes = append(f.nodes, n)
	f.covers.node = f.covers.append(f.covers.node, l.tree.NodeCover, int(at))
	l.node[at] = int32(len(f.nodes))
	return int32(len(f.nodes) - 1), nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
