package lightgbm

import (
	"bytes"
	"strconv"

	"rapport/internal/predict/forest"
)

// section is the lines of one tree; what scoring has no use for is left out.
type section struct {
	leaves, cats        int
	feature, left       []int32
	right, kinds        []int32
	boundaries, words   []uint32
	threshold, value    []float64
	leafRows, splitRows []float64
	sets                []float64 // how the forest names them
	linear              bool
}

// Bits of a split's decision_type, as LightGBM writes them.
const (
	typeCategorical = 1
	typeDefaultLeft = 2
	typeMissing     = 12 // 0 none, 4 zero, 8 NaN
	typeMissingZero = 4
	typeMissingNaN  = 8
)

// trees reads every section "Tree=n" up to the line "end of trees".
func (r *reader) trees() error {
	n := 0
	for r.key == "Tree" {
		if string(r.value) != strconv.Itoa(n) {
			return r.problem("tree %.20q stands where tree %d is due", r.value, n)
		}
		s, err := r.section()
		if err != nil {
			return err
		}
		if err := r.add(s, n%r.classes); err != nil {
			return err
		}
		n++
	}
	if r.key != "end of trees" {
		return r.problem("the file ends within tree %d, it was cut off", n-1)
	}
	if n%r.classes != 0 {
		return r.problem("%d trees do not come in rounds of %d", n, r.classes)
	}
	if r.mean && n > 0 {
		r.model.average = float64(n / r.classes)
	}
	return nil
}

func (r *reader) section() (*section, error) {
	s := &section{leaves: -1}
	for r.next() && r.key != "Tree" && r.key != "end of trees" {
		if !s.take(r.key, r.value) {
			return nil, r.problem("%.30s is not a list of numbers that fit", r.key)
		}
	}
	return s, nil
}

// take reads one line of a section; false where its value is no such list.
func (s *section) take(key string, value []byte) (ok bool) {
	switch key {
	case "num_leaves":
		s.leaves, ok = number(value, forest.MaxNodes)
	case "num_cat":
		s.cats, ok = number(value, forest.MaxNodes)
	case "is_linear":
		s.linear, ok = string(value) != "0", true
	case "split_feature":
		s.feature, ok = ints(value)
	case "left_child":
		s.left, ok = ints(value)
	case "right_child":
		s.right, ok = ints(value)
	case "decision_type":
		s.kinds, ok = ints(value)
	case "cat_boundaries":
		s.boundaries, ok = list(value, bits)
	case "cat_threshold":
		s.words, ok = list(value, bits)
	case "threshold":
		s.threshold, ok = floats(value)
	case "leaf_value":
		s.value, ok = floats(value)
	case "leaf_count":
		s.leafRows, ok = floats(value)
	case "internal_count":
		s.splitRows, ok = floats(value)
	default:
		ok = true
	}
	return ok
}

// add checks a section and gives it to the forest.
func (r *reader) add(s *section, group int) error {
	splits := s.leaves - 1
	switch {
	case s.linear:
		return r.problem("linear trees are not supported; train with linear_tree=false")
	case s.leaves < 1 || len(s.value) != s.leaves:
		return r.problem("the tree has %d leaf values for %d leaves", len(s.value), s.leaves)
	case len(s.feature) != splits || len(s.threshold) != splits || len(s.left) != splits || len(s.right) != splits || len(s.kinds) != splits:
		return r.problem("the lists of the tree do not all have %d splits", splits)
	case s.cats > 0 && len(s.boundaries) != s.cats+1:
		return r.problem("%d boundaries for %d sets of categories", len(s.boundaries), s.cats)
	}
	t := forest.Tree{Nodes: make([]forest.Node, splits), Leaves: s.value, Group: group, NodeCover: s.splitRows, LeafCover: s.leafRows}
	if splits == 0 {
		t.Root = ^0
	}
	if err := r.sets(s); err != nil {
		return err
	}
	for i := range t.Nodes {
		n, err := r.split(s, i)
		if err != nil {
			return err
		}
		t.Nodes[i] = n
	}
	if err := r.model.trees.Add(t); err != nil {
		return r.problem("the tree that ends here is broken: %s", err)
	}
	return nil
}

// sets gives the forest every set of categories once.
func (r *reader) sets(s *section) error {
	for i := range s.cats {
		from, to := s.boundaries[i], s.boundaries[i+1]
		if from > to || int64(to) > int64(len(s.words)) {
			return r.problem("set %d of categories is out of range", i)
		}
		name, err := r.model.trees.Set(s.words[from:to])
		if err != nil {
			return r.problem("%s", err)
		}
		s.sets = append(s.sets, name)
	}
	return nil
}

func (r *reader) split(s *section, i int) (forest.Node, error) {
	n := forest.Node{Threshold: s.threshold[i], Feature: s.feature[i], Left: s.left[i], Right: s.right[i]}
	kind := s.kinds[i]
	if kind < 0 || kind > 15 || kind&typeMissing == typeMissing {
		return n, r.problem("split %d has the unknown decision type %d", i, kind)
	}
	if kind&typeCategorical != 0 {
		set := n.Threshold
		if !(set >= 0 && set < float64(s.cats)) {
			return n, r.problem("split %d names set %v of %d", i, set, s.cats)
		}
		n.Flags = forest.Categorical
		n.Threshold = s.sets[int(set)]
		return n, nil
	}
	if kind&typeDefaultLeft != 0 {
		n.Flags |= forest.DefaultLeft
	}
	switch kind & typeMissing {
	case typeMissingZero:
		n.Flags |= forest.MissingZero
	case typeMissingNaN:
		n.Flags |= forest.MissingNaN
	}
	return n, nil
}

func number(value []byte, most int) (int, bool) {
	n, err := strconv.Atoi(string(value))
	return n, err == nil && n >= 0 && n <= most
}

// list reads numbers that stand apart by spaces.
func list[T any](value []byte, read func(string) (T, error)) ([]T, bool) {
	out := make([]T, 0, bytes.Count(value, []byte{' '})+1)
	for field := range bytes.FieldsSeq(value) {
		x, err := read(string(field))
		if err != nil {
			return nil, false
		}
		out = append(out, x)
	}
	return out, true
}

func floats(value []byte) ([]float64, bool) {
	return list(value, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

func ints(value []byte) ([]int32, bool) {
	return list(value, func(s string) (int32, error) {
		n, err := strconv.ParseInt(s, 10, 32)
		return int32(n), err
	})
}

func bits(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}
