package columns

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unsafe"
)

func (n Scalar) bind(c *columns) step {
	if c.lacks(n.column()) {
		return constStep(Unknown)
	}
	s := c.values[n.Field]
	if s == nil {
		return constStep(n.Absent)
	}
	d := s.dict
	if n.Some != nil && n.Absent == No && d.entries[longText].people == 0 && len(n.Ranges) == 0 && n.Number == nil && !n.Some(view(d.bytes)) {
		return constStep(No)
	}
	p := &probe{test: n.Test, column: s, verdicts: make([]Verdict, len(s.dict.entries))}
	p.verdicts[longText] = Unknown
	p.prepare()
	return p
}

// probe is a test on the values of a column in one part.
type probe struct {
	test     Test
	column   *scalars
	verdicts []Verdict  // by code
	one      uint8      // the only code that holds; 0: there may be others
	hold     [256]uint8 // 1 for the small codes that hold
	doubt    [256]uint8 // 1 for those that are unknown
	doubts   bool
	numbers  bool // some numbers may hold
}

// eager is how many texts are decided on before the scan. Of more only those
// are that the scan meets.
const eager = 256

func (p *probe) prepare() {
	d := p.column.dict
	switch {
	case p.test.Only != nil:
		for _, text := range p.test.Only {
			if _, code := d.find(text); code != noText {
				p.verdicts[code] = Yes
			}
		}
		if d.lists > 0 && p.test.Text != nil {
			p.lists(d)
		}
	case p.test.Text != nil:
		for code := longText + 1; code < len(d.entries); code++ {
			p.verdicts[code] = unasked
			if code < eager && d.entries[code].people > 0 {
				p.verdict(uint32(code))
			}
		}
	}
	p.tables()
	p.numbers = len(p.test.Ranges) > 0 || p.test.Number != nil
}

// tables lays the verdicts on small codes out for loops.
func (p *probe) tables() {
	holding := 0
	for code, v := range p.verdicts[:min(eager, len(p.verdicts))] {
		switch v {
		case Yes:
			p.hold[code] = 1
			p.one = uint8(code)
			holding++
		case Unknown:
			if p.column.dict.entries[code].people > 0 {
				p.doubt[code], p.doubts = 1, true
			}
		}
	}
	if holding != 1 {
		p.one = 0
	}
}

// lists leaves the texts that are lists to be asked for.
func (p *probe) lists(d *dict) {
	for code := longText + 1; code < len(d.entries); code++ {
		if d.entries[code].people > 0 && p.verdicts[code] == No && isList(string(d.text(uint32(code)))) {
			p.verdicts[code] = unasked
			if code < eager {
				p.verdict(uint32(code))
			}
		}
	}
}

func (p *probe) verdict(code uint32) Verdict {
	v := p.verdicts[code]
	if v == unasked {
		v = p.test.Text(view(p.column.dict.text(code)))
		p.verdicts[code] = v
	}
	return v
}

// view is texts of a dictionary as they lie there: nobody ever writes over them.
func view(texts []byte) string { return unsafe.String(unsafe.SliceData(texts), len(texts)) }

// cell decides on one value.
func (p *probe) cell(c cell) Verdict {
	if c == noCell {
		return p.test.Absent
	}
	if code, ok := c.code(); ok {
		return p.verdict(code)
	}
	return p.number(c.number())
}

func (p *probe) number(x float64) Verdict {
	for _, r := range p.test.Ranges {
		if x >= r.From && x <= r.To {
			return Yes
		}
	}
	if p.test.Number != nil {
		return p.test.Number(x)
	}
	return No
}

func (p *probe) scan(block int, selected, yes, unknown *set) {
	v := p.column.block(block)
	if v == nil {
		p.test.Absent.give(selected, yes, unknown)
		return
	}
	*yes, *unknown = set{}, set{}
	if !v.dense() {
		p.few(v, selected, yes, unknown)
		return
	}
	numbers := v.numbers != nil && p.inReach(v)
	for w, s := range selected {
		if s == 0 {
			continue
		}
		if bits.OnesCount64(s) <= singly {
			p.singly(v, w, s, yes, unknown)
			continue
		}
		y, u := p.codes(v, w, s)
		var has uint64
		if p.test.Absent != No {
			has = v.holding(w)
		}
		if numbers {
			ny, nu := p.range64(v, w, s)
			y, u = y|ny, u|nu
		}
		switch p.test.Absent {
		case Yes:
			y |= ^has
		case Unknown:
			u |= ^has
		}
		yes[w], unknown[w] = y&s, u&s
	}
}

// singly is how few of 64 people are better looked at one by one.
const singly = 5

func (p *probe) singly(v *values, w int, s uint64, yes, unknown *set) {
	for ; s != 0; s &= s - 1 {
		bit := bits.TrailingZeros64(s)
		switch p.cell(v.get(uint16(w<<6 | bit))) {
		case Yes:
			yes[w] |= 1 << bit
		case Unknown:
			unknown[w] |= 1 << bit
		}
	}
}

func (p *probe) few(v *values, selected, yes, unknown *set) {
	if p.test.Absent != No {
		others := *selected
		for _, row := range v.rows {
			others.remove(row)
		}
		p.test.Absent.give(&others, yes, unknown)
	}
	for i, row := range v.rows {
		if !selected.has(row) {
			continue
		}
		switch p.cell(v.cells[i]) {
		case Yes:
			yes.add(row)
		case Unknown:
			unknown.add(row)
		}
	}
}

// inReach tells whether a number of the block can matter.
func (p *probe) inReach(v *values) bool {
	if p.test.Number != nil {
		return true
	}
	for _, r := range p.test.Ranges {
		if r.From <= v.most && r.To >= v.least {
			return true
		}
	}
	return false
}

// codes decides on the texts of 64 people.
func (p *probe) codes(v *values, w int, s uint64) (y, u uint64) {
	if v.codes8 != nil {
		codes := (*[64]uint8)(v.codes8[w<<6:])
		if p.one != 0 {
			y = equal64(codes, p.one)
		} else {
			y = pick64(codes, &p.hold)
		}
		if p.doubts {
			u = pick64(codes, &p.doubt)
		}
		return y, u
	}
	for ; s != 0; s &= s - 1 {
		bit := bits.TrailingZeros64(s)
		if code := v.code(uint16(w<<6 | bit)); code != noText {
			switch p.verdict(code) {
			case Yes:
				y |= 1 << bit
			case Unknown:
				u |= 1 << bit
			}
		}
	}
	return y, u
}

// equal64 finds a byte among 64, eight at a time.
func equal64(codes *[64]uint8, code uint8) (mask uint64) {
	const low, ones = 0x7f7f7f7f7f7f7f7f, 0x0101010101010101
	all := uint64(code) * ones
	for i := 0; i < 64; i += 8 {
		x := binary.LittleEndian.Uint64(codes[i:i+8]) ^ all
		zero := ^((x&low + low) | x | low) // the top bit of each byte that is equal
		mask |= (zero >> 7 * 0x0102040810204080 >> 56) << i
	}
	return mask
}

// pick64 gathers a table's bits for 64 codes.
func pick64(codes *[64]uint8, table *[256]uint8) (mask uint64) {
	for _, c := range codes {
		mask = mask>>1 | uint64(table[c])<<63
	}
	return mask
}

// range64 decides on the numbers of 64 people.
func (p *probe) range64(v *values, w int, s uint64) (y, u uint64) {
	numbers := (*[64]float64)(v.numbers[w<<6:])
	for _, r := range p.test.Ranges {
		y |= within64(numbers, r)
	}
	if p.test.Number == nil {
		return y, 0
	}
	for s &^= y; s != 0; s &= s - 1 {
		bit := bits.TrailingZeros64(s)
		if x := numbers[bit]; !math.IsNaN(x) {
			switch p.test.Number(x) {
			case Yes:
				y |= 1 << bit
			case Unknown:
				u |= 1 << bit
			}
		}
	}
	return y, u
}

func within64(numbers *[64]float64, r Range) (mask uint64) {
	from, to := r.From, r.To
	for _, x := range numbers {
		mask = mask>>1 | bit(x >= from)&bit(x <= to)<<63
	}
	return mask
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// holding tells who of 64 people has a value.
func (v *values) holding(w int) (mask uint64) {
	for i := range 64 {
		row := w<<6 | i
		has := v.code(uint16(row)) != noText || v.numbers != nil && !math.IsNaN(v.numbers[row])
		mask = mask>>1 | bit(has)<<63
	}
	return mask
}
