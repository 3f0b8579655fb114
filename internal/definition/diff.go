package definition

import (
	"bytes"
	"slices"
)

// Line is one line that differs between two documents.
type Line struct {
	Op   string `json:"op" enum:"removed,added"`
	Line int    `json:"line" doc:"Counted from 1: in the older document for removed, in the newer for added"`
	Text string `json:"text"`
}

// maxDistance bounds the search for the shortest difference: beyond so many
// changed lines the whole middle counts as replaced.
const maxDistance = 1000

// Diff gives the lines that were removed from one document and added in
// another, in the order of the documents. Line ends do not count.
func Diff(from, to []byte) []Line {
	a, b := lines(from), lines(to)
	head := 0
	for head < len(a) && head < len(b) && bytes.Equal(a[head], b[head]) {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && bytes.Equal(a[len(a)-1-tail], b[len(b)-1-tail]) {
		tail++
	}
	a, b = a[head:len(a)-tail], b[head:len(b)-tail]
	out := []Line{}
	kept := common(a, b)
	i, j := 0, 0
	for _, k := range append(kept, [2]int{len(a), len(b)}) {
		for ; i < k[0]; i++ {
			out = append(out, Line{"removed", head + i + 1, string(a[i])})
		}
		for ; j < k[1]; j++ {
			out = append(out, Line{"added", head + j + 1, string(b[j])})
		}
		i, j = k[0]+1, k[1]+1
	}
	return out
}

func lines(doc []byte) [][]byte {
	if len(doc) == 0 {
		return nil
	}
	all := bytes.Split(bytes.TrimSuffix(doc, []byte("\n")), []byte("\n"))
	for i, l := range all {
		all[i] = bytes.TrimSuffix(l, []byte("\r"))
	}
	return all
}

// common gives the pairs of lines that stay, by Myers' greedy search; none
// where the documents differ in more than maxDistance lines.
func common(a, b [][]byte) [][2]int {
	limit := min(len(a)+len(b), maxDistance)
	furthest := make([]int, 2*limit+3) // x by diagonal, from -limit-1 on
	zero := limit + 1
	var rounds [][]int
	for d := 0; d <= limit; d++ {
		rounds = append(rounds, slices.Clone(furthest[zero-d-1:zero+d+2]))
		for k := -d; k <= d; k += 2 {
			x := step(furthest, zero, k, d)
			for x < len(a) && x-k < len(b) && bytes.Equal(a[x], b[x-k]) {
				x++
			}
			furthest[zero+k] = x
			if x >= len(a) && x-k >= len(b) {
				return backtrack(rounds, len(a), len(b))
			}
		}
	}
	return nil
}

// step is where the search comes onto diagonal k in its round d.
func step(furthest []int, zero, k, d int) int {
	if k == -d || k != d && furthest[zero+k-1] < furthest[zero+k+1] {
		return furthest[zero+k+1]
	}
	return furthest[zero+k-1] + 1
}

func backtrack(rounds [][]int, x, y int) [][2]int {
	var kept [][2]int
	for d, round := range slices.Backward(rounds) {
		k, zero := x-y, d+1
		start := step(round, zero, k, d)
		for x > start {
			x, y = x-1, y-1
			kept = append(kept, [2]int{x, y})
		}
		if d == 0 {
			break
		}
		if k == -d || k != d && round[zero+k-1] < round[zero+k+1] {
			y--
		} else {
			x--
		}
	}
	slices.Reverse(kept)
	return kept
}
