package columns

import (
	"math"
	"slices"
)

// cell is one value: a number's bits, a code of the column's dictionary, or
// nothing. JSON has no NaN, so that codes and nothing fit among the NaNs.
type cell uint64

const (
	noCell   cell = 0x7ffd << 48
	codeMark cell = 0x7ffc << 48
)

func numberCell(f float64) cell     { return cell(math.Float64bits(f)) }
func codeCell(code uint32) cell     { return codeMark | cell(code) }
func (c cell) code() (uint32, bool) { return uint32(c), c>>48 == codeMark>>48 }
func (c cell) number() float64      { return math.Float64frombits(uint64(c)) }

// scalars is a column of one value per person.
type scalars struct {
	dict   *dict
	blocks []*values // by block; nil where nobody has a value
	people int
	seen   uint64 // the update that last gave a value
}

func newScalars() *scalars { return &scalars{dict: newDict()} }

// fewRows is how many people of a block may have a value before the block
// keeps a place for everybody.
const fewRows = 192

// values are the values of a block: either few, as pairs of row and cell, or a
// place for every row.
type values struct {
	present int
	rows    []uint16
	cells   []cell
	// Dense: codes in the narrowest width that holds them, 0 where there is
	// none, and numbers, NaN where there is none. Numbers are nil until one
	// comes.
	codes8      []uint8
	codes16     []uint16
	codes32     []uint32
	numbers     []float64
	least, most float64 // of all numbers there ever were in the block
}

func newValues() *values { return &values{least: math.Inf(1), most: math.Inf(-1)} }

func (v *values) dense() bool { return v.codes8 != nil || v.codes16 != nil || v.codes32 != nil }

func (v *values) get(row uint16) cell {
	if !v.dense() {
		if i, found := slices.BinarySearch(v.rows, row); found {
			return v.cells[i]
		}
		return noCell
	}
	if code := v.code(row); code != noText {
		return codeCell(code)
	}
	if v.numbers != nil && !math.IsNaN(v.numbers[row]) {
		return numberCell(v.numbers[row])
	}
	return noCell
}

func (v *values) code(row uint16) uint32 {
	switch {
	case v.codes8 != nil:
		return uint32(v.codes8[row])
	case v.codes16 != nil:
		return uint32(v.codes16[row])
	default:
		return v.codes32[row]
	}
}

// put sets the cell of a row and gives the one that was there.
func (v *values) put(row uint16, c cell) cell {
	was := v.get(row)
	if was == c {
		return was
	}
	if was == noCell {
		v.present++
	} else if c == noCell {
		v.present--
	}
	if _, isCode := c.code(); !isCode && c != noCell {
		v.least, v.most = min(v.least, c.number()), max(v.most, c.number())
	}
	if !v.dense() {
		v.putFew(row, c)
		if len(v.rows) > fewRows {
			v.spread()
		}
		return was
	}
	v.putDense(row, c)
	return was
}

func (v *values) putFew(row uint16, c cell) {
	i, found := slices.BinarySearch(v.rows, row)
	switch {
	case found && c == noCell:
		v.rows, v.cells = slices.Delete(v.rows, i, i+1), slices.Delete(v.cells, i, i+1)
	case found:
		v.cells[i] = c
	default:
		v.rows, v.cells = slices.Insert(v.rows, i, row), slices.Insert(v.cells, i, c)
	}
}

// spread gives every row a place.
func (v *values) spread() {
	rows, cells := v.rows, v.cells
	v.rows, v.cells = nil, nil
	v.codes8 = make([]uint8, blockRows)
	for i, row := range rows {
		v.putDense(row, cells[i])
	}
}

func (v *values) putDense(row uint16, c cell) {
	code, isCode := c.code()
	if !isCode {
		code = noText
	}
	v.widen(code)
	switch {
	case v.codes8 != nil:
		v.codes8[row] = uint8(code)
	case v.codes16 != nil:
		v.codes16[row] = uint16(code)
	default:
		v.codes32[row] = code
	}
	switch {
	case !isCode && c != noCell:
		if v.numbers == nil {
			v.numbers = make([]float64, blockRows)
			for i := range v.numbers {
				v.numbers[i] = math.NaN()
			}
		}
		v.numbers[row] = c.number()
	case v.numbers != nil:
		v.numbers[row] = math.NaN()
	}
}

// widen makes room for a code.
func (v *values) widen(code uint32) {
	if v.codes8 != nil && code > math.MaxUint8 {
		v.codes16 = make([]uint16, blockRows)
		for i, c := range v.codes8 {
			v.codes16[i] = uint16(c)
		}
		v.codes8 = nil
	}
	if v.codes16 != nil && code > math.MaxUint16 {
		v.codes32 = make([]uint32, blockRows)
		for i, c := range v.codes16 {
			v.codes32[i] = uint32(c)
		}
		v.codes16 = nil
	}
}

func (v *values) size() int {
	return 176 + 2*cap(v.rows) + 8*cap(v.cells) + cap(v.codes8) + 2*cap(v.codes16) + 4*cap(v.codes32) + 8*cap(v.numbers)
}

func (s *scalars) block(n int) *values {
	if n >= len(s.blocks) {
		return nil
	}
	return s.blocks[n]
}

func (s *scalars) get(ordinal uint32) cell {
	v := s.block(int(ordinal / blockRows))
	if v == nil {
		return noCell
	}
	return v.get(uint16(ordinal % blockRows))
}

// set gives a person a value.
func (s *scalars) set(ordinal uint32, v *Value) {
	if v.IsNumber {
		s.put(ordinal, numberCell(v.Number+0)) // no negative zero: equal numbers have equal cells
		return
	}
	if code, ok := s.get(ordinal).code(); ok && code > longText && string(s.dict.text(code)) == v.Text {
		return
	}
	s.put(ordinal, codeCell(s.dict.use(v.Text)))
}

// clear takes the value of a person away.
func (s *scalars) clear(ordinal uint32) {
	if s.get(ordinal) != noCell {
		s.put(ordinal, noCell)
	}
}

// put stores a cell whose code, if it has one, was counted already.
func (s *scalars) put(ordinal uint32, c cell) {
	n, row := int(ordinal/blockRows), uint16(ordinal%blockRows)
	s.blocks = grown(s.blocks, n+1)
	if s.blocks[n] == nil {
		s.blocks[n] = newValues()
	}
	v := s.blocks[n]
	before := v.present
	was := v.put(row, c)
	s.people += v.present - before
	if code, ok := was.code(); ok {
		s.dict.leave(code)
	}
	if v.present == 0 {
		s.blocks[n] = nil
	}
}

func (s *scalars) size() int {
	n := s.dict.size() + 8*cap(s.blocks)
	for _, v := range s.blocks {
		if v != nil {
			n += v.size()
		}
	}
	return n
}
