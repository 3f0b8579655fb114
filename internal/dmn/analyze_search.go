package dmn

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"

	"rapport/internal/feel"
)

// gaps goes through the columns from left to right. Inputs that leave the same
// rules in are looked at together, and what was found to be covered once is
// remembered by the rules that were left.
func (a *analyzer) gaps() {
	a.last = make([]int, len(a.t.rules))
	active := make([]uint64, a.t.words)
	for r := range a.t.rules {
		a.last[r] = -1
		for i, d := range a.columns {
			if d.sets[r] != nil {
				a.last[r] = i
			}
		}
		if a.sound[r] {
			set(active, r)
		}
	}
	a.covered = map[string]bool{}
	a.search(0, active, make(Region, 0, len(a.columns)))
}

// search reports whether everything from column on is covered by the rules in
// active, and notes the gaps.
func (a *analyzer) search(column int, active []uint64, region Region) bool {
	if a.work++; a.work > maxWork || len(a.out.Gaps) >= maxGaps {
		a.out.Truncated = true
		return true
	}
	if empty(active) {
		gap := slices.Clone(region)
		for len(gap) < len(a.columns) {
			gap = append(gap, "-")
		}
		a.out.Gaps = append(a.out.Gaps, gap)
		return false
	}
	if column == len(a.columns) || a.anyOpen(active, column) {
		return true
	}
	key := activeKey(column, active)
	if a.covered[key] {
		return true
	}
	all := true
	for _, g := range a.groups(column, active) {
		if !a.search(column+1, g.active, append(region, a.columns[column].text(g.segments))) {
			all = false
		}
	}
	if all && !a.out.Truncated {
		a.covered[key] = true
	}
	return all
}

// anyOpen reports whether one of the rules has no more restrictions.
func (a *analyzer) anyOpen(active []uint64, column int) bool {
	for r, last := range a.last {
		if last < column && active[r/64]&(1<<(r%64)) != 0 {
			return true
		}
	}
	return false
}

func activeKey(column int, active []uint64) string {
	b := make([]byte, 0, 8*len(active)+4)
	b = binary.LittleEndian.AppendUint32(b, uint32(column))
	for _, w := range active {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return string(b)
}

// group is the segments of a column that leave the same rules in.
type group struct {
	active   []uint64
	segments []int // places in domain.keep
}

func (a *analyzer) groups(column int, active []uint64) []*group {
	var out []*group
	byKey := map[string]*group{}
	a.work += 20 * len(active) * len(a.columns[column].rules)
	for k, rules := range a.columns[column].rules {
		left := make([]uint64, len(active))
		for w := range active {
			left[w] = active[w] & rules[w]
		}
		key := activeKey(column, left)
		g := byKey[key]
		if g == nil {
			g = &group{active: left}
			byKey[key] = g
			out = append(out, g)
		}
		g.segments = append(g.segments, k)
	}
	return out
}

// pairs compares each rule with each later one.
func (a *analyzer) pairs() {
	a.work = 0
	masked := make([]bool, len(a.t.rules))
	dead := make([]bool, len(a.t.rules))
	for _, r := range a.out.Unreachable {
		dead[r] = true
	}
	for i := range a.t.rules {
		for k := i + 1; k < len(a.t.rules); k++ {
			if !a.sound[i] || !a.sound[k] || dead[i] || dead[k] || !a.meet(i, k) {
				continue
			}
			if a.t.Policy == First {
				masked[k] = masked[k] || a.contains(i, k)
				continue
			}
			if len(a.out.Overlaps) >= maxOverlaps || a.work > maxWork {
				a.out.Truncated = true
				return
			}
			a.out.Overlaps = append(a.out.Overlaps, Overlap{A: i, B: k, Region: a.common(i, k), Conflict: a.conflict(i, k)})
		}
	}
	for r, m := range masked {
		if m {
			a.out.Masked = append(a.out.Masked, r)
		}
	}
}

// conflict reports whether the policy makes a fault of two rules that fit
// together. Outputs that are not constant count as different.
func (a *analyzer) conflict(i, k int) bool {
	switch a.t.Policy {
	case Unique:
		return true
	case Any:
		x, y := &a.t.rules[i], &a.t.rules[k]
		for o := range x.outputs {
			if !x.outputs[o].constant || !y.outputs[o].constant || !sameOutput(x.outputs[o].value, y.outputs[o].value) {
				return true
			}
		}
	}
	return false
}

func (a *analyzer) meet(i, k int) bool {
	for _, d := range a.columns {
		x, y := d.sets[i], d.sets[k]
		if x == nil || y == nil {
			continue // one of them fits everything
		}
		a.work += len(x)
		shared := false
		for w := range x {
			if x[w]&y[w] != 0 {
				shared = true
				break
			}
		}
		if !shared {
			return false
		}
	}
	return true
}

// both gives the segments that two rules share.
func (d *domain) both(i, k int) []uint64 {
	out := make([]uint64, (len(d.keep)+63)/64)
	for w := range out {
		out[w] = ^uint64(0)
		if d.sets[i] != nil {
			out[w] &= d.sets[i][w]
		}
		if d.sets[k] != nil {
			out[w] &= d.sets[k][w]
		}
	}
	if rest := len(d.keep) % 64; rest != 0 {
		out[len(out)-1] &= 1<<rest - 1
	}
	return out
}

func (a *analyzer) contains(outer, inner int) bool {
	for _, d := range a.columns {
		if d.sets[outer] == nil {
			continue
		}
		shared := d.both(outer, inner)
		whole := d.both(inner, inner)
		if !slices.Equal(shared, whole) {
			return false
		}
	}
	return true
}

func (a *analyzer) common(i, k int) Region {
	out := make(Region, len(a.columns))
	for c, d := range a.columns {
		if d.sets[i] == nil && d.sets[k] == nil {
			out[c] = "-"
			continue
		}
		words := d.both(i, k)
		var segments []int
		for s := range d.keep {
			if words[s/64]&(1<<(s%64)) != 0 {
				segments = append(segments, s)
			}
		}
		out[c] = d.text(segments)
	}
	return out
}

// text writes segments as unary tests.
func (d *domain) text(segments []int) string {
	if len(segments) == len(d.keep) {
		return "-"
	}
	var parts []string
	if d.names != nil {
		return d.stringText(segments)
	}
	for i := 0; i < len(segments); {
		k := i
		for k+1 < len(segments) && d.keep[segments[k+1]] == d.keep[segments[k]]+1 {
			k++
		}
		parts = append(parts, d.run(d.keep[segments[i]], d.keep[segments[k]]))
		i = k + 1
	}
	return cutText(strings.Join(parts, ", "))
}

func cutText(s string) string {
	if runes := []rune(s); len(runes) > maxRegionText {
		return string(runes[:maxRegionText]) + "…"
	}
	return s
}

// stringText writes strings; those that no cell names are all others.
func (d *domain) stringText(segments []int) string {
	var named, missing []string
	in := make([]bool, len(d.names))
	for _, s := range segments {
		in[d.keep[s]] = true
	}
	for i := 1; i < len(d.names); i++ {
		if literal := feel.String(d.names[i]).Literal(); in[i] {
			named = append(named, literal)
		} else {
			missing = append(missing, literal)
		}
	}
	if in[0] {
		return cutText("not(" + strings.Join(missing, ", ") + ")")
	}
	return cutText(strings.Join(named, ", "))
}

// run writes consecutive segments as one interval or comparison.
func (d *domain) run(from, to int) string {
	points := d.index.points
	if from == to && from%2 == 1 {
		return points[from/2].Literal()
	}
	var low, high string
	lowClosed, highClosed := from%2 == 1, to%2 == 1
	if from > 0 {
		low = points[(from-1)/2].Literal()
	}
	if to < 2*len(points) {
		high = points[to/2].Literal()
	}
	switch {
	case low == "" && highClosed:
		return "<= " + high
	case low == "":
		return "< " + high
	case high == "" && lowClosed:
		return ">= " + low
	case high == "":
		return "> " + low
	}
	open, end := "(", ")"
	if lowClosed {
		open = "["
	}
	if highClosed {
		end = "]"
	}
	return open + low + ".." + high + end
}

var dayAfter = sync.OnceValue(func() *feel.Program {
	scope := feel.NewScope(feel.Var{Name: "a", Type: feel.DateType}, feel.Var{Name: "b", Type: feel.DateType})
	prog, err := feel.Compile(`a + duration("P1D") = b`, scope, feel.CompileOptions{})
	if err != nil {
		panic("dmn: " + err.Error()) // the text is ours
	}
	return prog
})

func nextDay(a, b feel.Value) bool {
	v, _ := dayAfter().Eval(feel.Options{NoDiagnostics: true}, a, b)
	return v.IsTrue()
}
