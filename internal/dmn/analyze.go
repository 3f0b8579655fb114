package dmn

import (
	"strings"

	"rapport/internal/feel"
)

// Region is a set of inputs of a table: a unary test per input column.
type Region []string

// String is the region as a row of a table.
func (r Region) String() string { return strings.Join(r, " | ") }

// Overlap is a pair of rules that fit the same inputs.
type Overlap struct {
	A, B     int // rules, counted from 0; A comes first in the table
	Region   Region
	Conflict bool // the hit policy makes a fault of it: the table gives null there
}

// Unanalysed is a cell that is not made of constants.
type Unanalysed struct {
	Rule, Column int
}

// Analysis is what can be said of a table without evaluating it.
type Analysis struct {
	Gaps        []Region     // inputs that no rule fits
	Overlaps    []Overlap    // for unique, any and priority tables
	Unreachable []int        // rules that fit no allowed input
	Masked      []int        // rules of a first-hit table behind an earlier one that fits more
	Skipped     []Unanalysed // their rules were left out, so that gaps may be covered by them
	Truncated   bool         // a limit ended the search; there may be more
}

// Limits of an analysis: enough for people to act on, and a bounded time.
const (
	maxGaps       = 100
	maxOverlaps   = 500
	maxAnalyzed   = 3000        // rules
	maxWork       = 400_000_000 // words compared
	maxRegionText = 300
)

// Analyze looks for inputs that no rule fits and for rules that fit the same
// inputs. Columns are compared by their constants; input values and allowed
// values of types bound what counts as an input. Null is not counted as one.
func (t *Table) Analyze() Analysis {
	a := &analyzer{t: t, sound: make([]bool, len(t.rules))}
	if len(t.rules) > maxAnalyzed {
		a.out.Truncated = true
		return a.out
	}
	for i := range a.sound {
		a.sound[i] = !t.rules[i].broken
	}
	for i := range t.Inputs {
		a.columns = append(a.columns, a.column(i))
	}
	for i := range a.columns {
		a.columns[i].place(a.sound, t.words)
	}
	a.unreachable()
	if len(t.rules) > 0 || len(a.columns) > 0 {
		a.gaps()
	}
	switch t.Policy {
	case Unique, Any, Priority, First:
		a.pairs()
	}
	return a.out
}

type analyzer struct {
	t       *Table
	columns []*domain
	sound   []bool // rules that take part
	out     Analysis
	last    []int // per rule, the last column that restricts it
	work    int
	covered map[string]bool
}

// domain is the inputs of a column cut into segments in which all values fit
// the same rules.
type domain struct {
	index *columnIndex
	cells []*indexedCell // nil fits everything
	keep  []int          // segments with allowed values in them
	names []string       // of strings, by segment
	rules [][]uint64     // per kept segment, the rules that fit
	sets  [][]uint64     // per rule, the kept segments; nil for all
}

func (a *analyzer) column(i int) *domain {
	col := &a.t.Inputs[i]
	d := &domain{cells: make([]*indexedCell, len(a.t.rules))}
	kind := kindOfType(col.Type)
	var allowed *indexedCell
	if col.values != nil {
		if cell, ok := indexCell(col.values); ok {
			allowed, kind = &cell, cell.kind
		}
	} else if cell, ok := cellOf(col.domain); ok {
		allowed, kind = cell, cell.kind
	}
	for r, x := range col.cells {
		if x == nil {
			continue
		}
		cell, ok := indexCell(x)
		if ok && (kind == feel.KindNull || cell.kind == kind) && !ordersStrings(cell) {
			kind, d.cells[r] = cell.kind, &cell
			continue
		}
		a.sound[r] = false
		a.out.Skipped = append(a.out.Skipped, Unanalysed{r, i})
	}
	if kind == feel.KindBoolean && allowed == nil {
		allowed = &indexedCell{kind: kind, parts: []interval{{feel.False, feel.False, true, true}, {feel.True, feel.True, true, true}}}
	}
	d.cut(kind, allowed)
	return d
}

func kindOfType(t *feel.Type) feel.Kind {
	if t.Kind() == feel.TypeBoolean {
		return feel.KindBoolean
	}
	return feel.KindNull
}

func cellOf(alternatives []feel.Value) (*indexedCell, bool) {
	out := &indexedCell{}
	for _, alt := range alternatives {
		parts, kind, ok := intervalsOf(alt)
		if !ok || out.kind != feel.KindNull && out.kind != kind {
			return nil, false
		}
		out.kind = kind
		out.parts = append(out.parts, parts...)
	}
	return out, len(out.parts) > 0 && !ordersStrings(*out)
}

// cut makes the segments and keeps those that allowed values lie in.
func (d *domain) cut(kind feel.Kind, allowed *indexedCell) {
	d.index = &columnIndex{kind: kind}
	if kind == feel.KindNull {
		d.keep = []int{0}
		return
	}
	d.index.cut(append([]*indexedCell{allowed}, d.cells...))
	n := d.index.segments()
	if kind == feel.KindString {
		d.names = make([]string, n)
		for s, i := range d.index.keys {
			d.names[i] = s
		}
	}
	inside := make([]uint64, (n+63)/64)
	if allowed != nil {
		d.index.cover(allowed, inside, n)
	}
	for i := range n {
		if allowed != nil && inside[i/64]&(1<<(i%64)) == 0 || d.hollow(i) {
			continue
		}
		d.keep = append(d.keep, i)
	}
}

// hollow reports whether no value lies in a segment: between two days that
// follow one another, or beside the two booleans.
func (d *domain) hollow(segment int) bool {
	if segment%2 == 1 || d.names != nil {
		return false
	}
	switch d.index.kind {
	case feel.KindBoolean:
		return true
	case feel.KindDate:
		if k := segment / 2; k > 0 && k < len(d.index.points) {
			return nextDay(d.index.points[k-1], d.index.points[k])
		}
	}
	return false
}

// place notes which rules fit which segments.
func (d *domain) place(sound []bool, words int) {
	n := d.index.segments()
	if d.index.kind == feel.KindNull {
		n = 1
	}
	at := make([]int, n)
	for i := range at {
		at[i] = -1
	}
	d.rules = make([][]uint64, len(d.keep))
	for k, segment := range d.keep {
		at[segment] = k
		d.rules[k] = make([]uint64, words)
	}
	d.sets = make([][]uint64, len(d.cells))
	inside := make([]uint64, (n+63)/64)
	for r, cell := range d.cells {
		if !sound[r] {
			continue
		}
		if cell == nil {
			for k := range d.rules {
				set(d.rules[k], r)
			}
			continue
		}
		d.sets[r] = make([]uint64, (len(d.keep)+63)/64)
		d.index.cover(cell, inside, n)
		for segment := range n {
			if k := at[segment]; k >= 0 && inside[segment/64]&(1<<(segment%64)) != 0 {
				set(d.rules[k], r)
				set(d.sets[r], k)
			}
		}
	}
}

// unreachable finds rules with a cell that no allowed input fits.
func (a *analyzer) unreachable() {
	for r := range a.t.rules {
		if !a.sound[r] {
			continue
		}
		for _, d := range a.columns {
			if d.sets[r] != nil && empty(d.sets[r]) {
				a.out.Unreachable = append(a.out.Unreachable, r)
				break
			}
		}
	}
}

func empty(words []uint64) bool {
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}
