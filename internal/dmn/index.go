package dmn

import (
	"math/bits"
	"slices"

	"rapport/internal/feel"
)

// columnIndex answers, for a column whose cells compare with constants of one
// kind, which rules fit an input, without looking at the cells one by one.
//
// The constants of all cells cut the values of the kind into segments: below
// the first constant, the first constant, between it and the second, and so
// on. All values of a segment fit the same rules. Strings, which are compared
// for equality only, have a segment per constant and one for all others.
type columnIndex struct {
	kind    feel.Kind
	points  []feel.Value
	ints    []int64 // the points, when all are whole numbers
	keys    map[string]int32
	rows    [][]uint64 // per segment, the rules that fit
	sparse  [][]int32  // in place of rows, when those would take too much memory
	always  []uint64   // with sparse: rules that fit every segment
	forNull []uint64   // the rules that fit null
}

const (
	maxIndexBytes = 4 << 20 // of rows
	maxPostings   = 4 << 20
)

// indexable lists the kinds with a total order (or equality) that does not
// depend on anything else. Times are not: zones make some incomparable.
func indexable(k feel.Kind) bool {
	switch k {
	case feel.KindNumber, feel.KindString, feel.KindBoolean, feel.KindDate, feel.KindDaysTime, feel.KindYearsMonths:
		return true
	}
	return false
}

// interval is one alternative of a cell; null bounds are open ends.
type interval struct {
	low, high             feel.Value
	lowClosed, highClosed bool
}

// indexedCell is the constant form of a cell as intervals of one kind.
type indexedCell struct {
	kind    feel.Kind
	negated bool
	parts   []interval
}

func indexCell(x *expr) (indexedCell, bool) {
	cell, ok := x.prog.Cell()
	if !ok || len(cell.Alternatives) == 0 {
		return indexedCell{}, false
	}
	out := indexedCell{negated: cell.Negated}
	for _, alt := range cell.Alternatives {
		parts, kind, ok := intervalsOf(alt)
		if !ok || out.kind != feel.KindNull && out.kind != kind {
			return indexedCell{}, false
		}
		out.kind = kind
		out.parts = append(out.parts, parts...)
	}
	return out, true
}

func intervalsOf(alt feel.Value) ([]interval, feel.Kind, bool) {
	r, ok := alt.AsRange()
	if !ok {
		return []interval{{alt, alt, true, true}}, alt.Kind(), indexable(alt.Kind())
	}
	kind := r.Low.Kind()
	if r.Low.IsNull() {
		kind = r.High.Kind()
	}
	if !indexable(kind) || kind == feel.KindBoolean || !r.High.IsNull() && r.High.Kind() != kind {
		return nil, kind, false
	}
	if r.Op == "!=" {
		p := r.Low
		if p.IsNull() {
			p = r.High
		}
		return []interval{{high: p}, {low: p}}, kind, true
	}
	return []interval{{r.Low, r.High, r.LowClosed, r.HighClosed}}, kind, true
}

// buildIndex makes the index of a column, and the list of rules whose cells it
// cannot answer for.
func (col *InputColumn) buildIndex(t *Table) {
	cells := make([]*indexedCell, len(t.rules))
	kind := feel.KindNull
	for i, x := range col.cells {
		if x == nil {
			continue
		}
		if cell, ok := indexCell(x); ok && (kind == feel.KindNull || cell.kind == kind) && !ordersStrings(cell) {
			kind = cell.kind
			cells[i] = &cell
		}
	}
	if kind == feel.KindNull {
		return
	}
	x := &columnIndex{kind: kind}
	x.cut(cells)
	if !x.fill(cells, t.words) {
		return
	}
	x.forNull = make([]uint64, t.words)
	for i, cell := range col.cells {
		switch {
		case cell == nil:
			set(x.forNull, i)
			x.setAll(i)
		case cells[i] == nil:
			set(x.forNull, i)
			x.setAll(i)
			if col.tested == nil {
				col.tested = make([]uint64, t.words)
			}
			set(col.tested, i)
		case fitsNull(cell, col.slot):
			set(x.forNull, i)
		}
	}
	col.index = x
}

// ordersStrings reports whether a cell needs an order of strings.
func ordersStrings(c indexedCell) bool {
	if c.kind != feel.KindString {
		return false
	}
	for _, p := range c.parts {
		if p.low.IsNull() || p.high.IsNull() || !feel.Equal(p.low, p.high).IsTrue() || !p.lowClosed {
			return true
		}
	}
	return false
}

func fitsNull(cell *expr, slot int) bool {
	slots := make([]feel.Value, slot+1)
	v, _ := cell.prog.Eval(feel.Options{NoDiagnostics: true, Limits: feel.Limits{Steps: 20_000}}, slots...)
	return v.IsTrue()
}

func set(words []uint64, i int) { words[i/64] |= 1 << (i % 64) }

// cut collects the points between segments.
func (x *columnIndex) cut(cells []*indexedCell) {
	points := bounds(cells)
	if x.kind == feel.KindString {
		x.keys = make(map[string]int32, len(points))
		for _, p := range points {
			s, _ := p.AsString()
			if _, ok := x.keys[s]; !ok {
				x.keys[s] = int32(len(x.keys) + 1) // 0 is for all others
			}
		}
		return
	}
	slices.SortFunc(points, order)
	x.points = slices.CompactFunc(points, func(a, b feel.Value) bool { return order(a, b) == 0 })
	if x.kind != feel.KindNumber {
		return
	}
	ints := make([]int64, len(x.points))
	for i, p := range x.points {
		n, ok := p.AsInt()
		if !ok {
			return
		}
		ints[i] = n
	}
	x.ints = ints
}

// bounds lists the ends of all intervals of the cells.
func bounds(cells []*indexedCell) []feel.Value {
	var points []feel.Value
	for _, c := range cells {
		if c == nil {
			continue
		}
		for _, p := range c.parts {
			if !p.low.IsNull() {
				points = append(points, p.low)
			}
			if !p.high.IsNull() {
				points = append(points, p.high)
			}
		}
	}
	return points
}

// order is the order of values of one kind; false is below true.
func order(a, b feel.Value) int {
	if x, ok := a.AsBool(); ok {
		y, _ := b.AsBool()
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
	d, _ := feel.Compare(a, b)
	return d
}

func (x *columnIndex) segments() int {
	if x.kind == feel.KindString {
		return len(x.keys) + 1
	}
	return 2*len(x.points) + 1
}

// fill notes for every segment which rules fit. It is false when the index
// would take too much memory in either form.
func (x *columnIndex) fill(cells []*indexedCell, words int) bool {
	n := x.segments()
	dense := n*words*8 <= maxIndexBytes
	postings := 0
	if dense {
		x.rows = make([][]uint64, n)
		flat := make([]uint64, n*words)
		for i := range x.rows {
			x.rows[i] = flat[i*words : (i+1)*words : (i+1)*words]
		}
	} else {
		x.sparse = make([][]int32, n)
		x.always = make([]uint64, words)
	}
	inside := make([]uint64, (n+63)/64)
	for i, c := range cells {
		if c == nil {
			continue
		}
		x.cover(c, inside, n)
		for w, word := range inside {
			for ; word != 0; word &= word - 1 {
				seg := w*64 + bits.TrailingZeros64(word)
				if dense {
					set(x.rows[seg], i)
					continue
				}
				x.sparse[seg] = append(x.sparse[seg], int32(i))
				if postings++; postings > maxPostings {
					return false
				}
			}
		}
	}
	return true
}

// cover marks the segments whose values fit a cell.
func (x *columnIndex) cover(c *indexedCell, inside []uint64, n int) {
	clear(inside)
	for _, p := range c.parts {
		from, to := 0, n-1
		if !p.low.IsNull() {
			if from = x.segment(p.low); !p.lowClosed {
				from++
			}
		}
		if !p.high.IsNull() {
			if to = x.segment(p.high); !p.highClosed {
				to--
			}
		}
		for i := from; i <= to; i++ {
			set(inside, i)
		}
	}
	if c.negated {
		for i := range inside {
			inside[i] = ^inside[i]
		}
		if rest := n % 64; rest != 0 {
			inside[len(inside)-1] &= 1<<rest - 1
		}
	}
}

func (x *columnIndex) setAll(rule int) {
	if x.sparse != nil {
		set(x.always, rule)
		return
	}
	for _, row := range x.rows {
		set(row, rule)
	}
}

// segment gives the segment a value of the column's kind lies in.
func (x *columnIndex) segment(v feel.Value) int {
	if x.kind == feel.KindString {
		s, _ := v.AsString()
		return int(x.keys[s])
	}
	lo, hi := 0, len(x.points)
	if n, ok := v.AsInt(); ok && x.ints != nil {
		for lo < hi {
			mid := int(uint(lo+hi) >> 1)
			if x.ints[mid] < n {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		if lo < len(x.ints) && x.ints[lo] == n {
			return 2*lo + 1
		}
		return 2 * lo
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if order(x.points[mid], v) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(x.points) && order(x.points[lo], v) == 0 {
		return 2*lo + 1
	}
	return 2 * lo
}

// apply takes the rules out of fits that do not fit v. It is false when the
// index cannot tell.
func (x *columnIndex) apply(v feel.Value, fits []uint64) bool {
	var row []uint64
	switch {
	case v.IsNull():
		row = x.forNull
	case v.Kind() != x.kind:
		return false
	case x.sparse != nil:
		x.applySparse(x.sparse[x.segment(v)], fits)
		return true
	default:
		row = x.rows[x.segment(v)]
	}
	for i := range fits {
		fits[i] &= row[i]
	}
	return true
}

func (x *columnIndex) applySparse(rules []int32, fits []uint64) {
	k := 0
	for w := range fits {
		row := x.always[w]
		for ; k < len(rules) && int(rules[k])/64 == w; k++ {
			row |= 1 << (rules[k] % 64)
		}
		fits[w] &= row
	}
}
