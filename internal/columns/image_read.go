package columns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/RoaringBitmap/roaring/v2"

	"rapport/internal/id"
)

// ErrImage says that an image is damaged or of another version: the people of
// its part have to be taken in again.
var ErrImage = errors.New("image of columns is damaged")

// ErrNarrow says that an image lacks columns for which there may be room now.
var ErrNarrow = errors.New("image of columns was written with less room")

// ReadImage replaces one part by what WriteImage wrote, and gives the mark that
// it was given. After an error the part is as it was.
func (x *Index) ReadImage(image []byte, part int) (Mark, error) {
	const trailer = 4
	if len(image) < len(imageMagic)+trailer || string(image[:len(imageMagic)]) != imageMagic {
		return Mark{}, fmt.Errorf("%w: it has no head", ErrImage)
	}
	body := image[:len(image)-trailer]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(image[len(body):]) {
		return Mark{}, fmt.Errorf("%w: its sum is wrong", ErrImage)
	}
	p := x.parts[part]
	c, m, err := readImage(body[len(imageMagic):], part, p.budget)
	if err != nil {
		return Mark{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.columns = c
	return m, nil
}

// readImage decodes what stands between head and sum.
func readImage(b []byte, part, budget int) (c columns, m Mark, err error) {
	r := &imageReader{b: b}
	if r.uint() != uint64(part) {
		return c, m, fmt.Errorf("%w: it is of another part", ErrImage)
	}
	m = Mark{r.uint(), r.uint(), r.uint()}
	c = newColumns(budget)
	r.people(&c, part)
	for range r.count() {
		c.dropped[r.name()] = dropped{int(r.uint()), int(r.uint())}
	}
	if room := r.uint(); len(c.dropped) > 0 && (budget == 0 || uint64(budget)/5 > room/4) {
		return columns{}, m, ErrNarrow // a little more room is not worth it
	}
	for range r.count() {
		f := Field{Kind(r.uint()), r.name()}
		if f.Kind == 0 || f.Kind >= kinds || c.values[f] != nil {
			r.bad = true
		}
		c.values[f] = r.scalars(&c)
	}
	for range r.count() {
		name := r.name()
		r.bad = r.bad || c.idents[name] != nil
		c.idents[name] = readLists(r, &c, 8, r.uints64)
	}
	for range r.count() {
		name := r.name()
		r.bad = r.bad || c.events[name] != nil
		c.events[name] = readLists(r, &c, 4, r.uints32)
	}
	r.members(&c)
	if r.bad || len(r.b) != 0 {
		return columns{}, m, fmt.Errorf("%w: its content contradicts itself", ErrImage)
	}
	c.counts = make([]columnCounts, len(c.ordinals.keys))
	c.recount()
	return c, m, nil
}

// imageReader takes the pieces of an image. After a flaw everything reads as
// zero and bad is true.
type imageReader struct {
	b   []byte
	bad bool
}

func (r *imageReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *imageReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count is a number of things that take at least one byte each.
func (r *imageReader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return 0
	}
	return int(n)
}

func (r *imageReader) name() string { return string(r.take(r.count())) }

func (r *imageReader) uints16(n int) []uint16 {
	b := r.take(2 * n)
	out := make([]uint16, len(b)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return out
}

func (r *imageReader) uints32(n int) []uint32 {
	b := r.take(4 * n)
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

func (r *imageReader) uints64(n int) []uint64 {
	b := r.take(8 * n)
	out := make([]uint64, len(b)/8)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out
}

// people reads who is there and in which state.
func (r *imageReader) people(c *columns, part int) {
	n := r.count()
	if n > len(r.b)/16 {
		r.b, r.bad = nil, true
		return
	}
	blocks := (n + blockRows - 1) / blockRows
	c.live, c.stale, c.incomplete = make([]set, blocks), make([]set, blocks), make([]set, blocks)
	c.ordinals.keys = make([]id.Key, n)
	for i := range n {
		k := id.Key(r.take(16))
		switch {
		case k.IsZero():
			c.ordinals.free = append(c.ordinals.free, uint32(i))
			continue
		case PartOf(k) != part:
			r.bad = true
		}
		c.ordinals.keys[i] = k
		c.live[i/blockRows].add(uint16(i % blockRows))
	}
	size := 64
	for size*3 < (n+1)*4 {
		size *= 2
	}
	c.ordinals.grow(size)
	for i, k := range c.ordinals.keys {
		if _, ordinal, ok := c.ordinals.find(k); !k.IsZero() && (!ok || ordinal != uint32(i)) {
			r.bad = true // two have the same key
		}
	}
	for b := range blocks {
		r.set(&c.stale[b], &c.live[b])
		r.set(&c.incomplete[b], &c.live[b])
		c.behind += c.stale[b].count()
	}
	c.marks = r.uints64(n)
}

// set reads a selection within another.
func (r *imageReader) set(s, within *set) {
	copy(s[:], r.uints64(words))
	outside := *s
	outside.less(within)
	r.bad = r.bad || !outside.empty()
}

// rows reads rows in their order, all of them people's.
func (r *imageReader) rows(n int, live *set) []uint16 {
	rows := r.uints16(n)
	for i, row := range rows {
		if row >= blockRows || i > 0 && rows[i-1] >= row || !live.has(row) {
			r.bad = true
			return nil
		}
	}
	return rows
}

func (r *imageReader) members(c *columns) {
	for range r.count() {
		key := r.uint()
		in := roaring.New()
		at := uint64(0)
		for i := range r.count() {
			step := r.uint()
			at += step
			if at >= uint64(len(c.ordinals.keys)) || i > 0 && step == 0 || c.ordinals.keys[at].IsZero() {
				r.bad = true
				return
			}
			in.Add(uint32(at))
		}
		r.bad = r.bad || c.members[key] != nil
		c.members[key] = in
	}
}

func (r *imageReader) scalars(c *columns) *scalars {
	s := newScalars()
	codes := r.uint()
	if codes < longText+1 || codes > uint64(len(r.b))+longText+1 {
		r.bad = true
		return s
	}
	s.dict.entries = make([]entry, codes)
	for code := longText + 1; code < len(s.dict.entries); code++ {
		t := r.take(r.count())
		s.dict.entries[code] = entry{start: uint32(len(s.dict.bytes)), length: uint32(len(t))}
		s.dict.bytes = append(s.dict.bytes, t...)
	}
	n := r.count()
	if n > len(c.live) {
		r.bad = true
		return s
	}
	s.blocks = make([]*values, n)
	for b := range n {
		switch r.uint() {
		case blockNone:
		case blockFew:
			s.blocks[b] = r.few(&c.live[b])
		case blockDense:
			s.blocks[b] = r.dense()
		default:
			r.bad = true
		}
		if r.bad {
			return s
		}
		r.settle(s, s.blocks[b], &c.live[b])
	}
	r.bad = r.bad || !s.dict.restore()
	return s
}

func (r *imageReader) few(live *set) *values {
	v := newValues()
	n := r.count()
	v.rows = r.rows(n, live)
	for _, raw := range r.uints64(n) {
		v.cells = append(v.cells, cell(raw))
	}
	if n == 0 || n > fewRows || len(v.rows) != n || len(v.cells) != n {
		r.bad = true
	}
	return v
}

func (r *imageReader) dense() *values {
	v := newValues()
	switch r.uint() {
	case 1:
		v.codes8 = append([]uint8(nil), r.take(blockRows)...)
	case 2:
		v.codes16 = r.uints16(blockRows)
	case 4:
		v.codes32 = r.uints32(blockRows)
	}
	if len(v.codes8)+len(v.codes16)+len(v.codes32) != blockRows {
		r.bad = true
		return v
	}
	switch r.uint() {
	case 0:
	case 1:
		for _, raw := range r.uints64(blockRows) {
			v.numbers = append(v.numbers, math.Float64frombits(raw))
		}
		r.bad = r.bad || len(v.numbers) != blockRows
	default:
		r.bad = true
	}
	return v
}

// settle counts who has what in a block, and checks it.
func (r *imageReader) settle(s *scalars, v *values, live *set) {
	if v == nil {
		return
	}
	for row := range uint16(blockRows) {
		if !v.dense() && v.present == len(v.rows) {
			break
		}
		c := v.get(row)
		if c == noCell {
			continue
		}
		v.present++
		code, isCode := c.code()
		switch {
		case !live.has(row), isCode && (code == noText || int(code) >= len(s.dict.entries)):
			r.bad = true
			return
		case isCode:
			s.dict.entries[code].people++
		case math.IsNaN(c.number()):
			r.bad = true
			return
		default:
			v.least, v.most = min(v.least, c.number()), max(v.most, c.number())
		}
	}
	s.people += v.present
	r.bad = r.bad || v.present == 0 && !v.dense()
}

// restore makes what follows from the entries: the table, and which codes are
// free. No two entries may have the same text.
func (d *dict) restore() bool {
	for code := longText + 1; code < len(d.entries); code++ {
		if e := &d.entries[code]; e.people == 0 {
			d.garbage += int(e.length)
			*e = entry{}
			d.free = append(d.free, uint32(code))
		}
	}
	size := 16
	for size*3 < (len(d.entries)+1)*4 {
		size *= 2
	}
	d.grow(size)
	for code := longText + 1; code < len(d.entries); code++ {
		if d.entries[code].people == 0 {
			continue
		}
		if isList(string(d.text(uint32(code)))) {
			d.lists++
		}
		if _, first := d.find(string(d.text(uint32(code)))); first != uint32(code) {
			return false
		}
	}
	return true
}

func readLists[T uint32 | uint64](r *imageReader, c *columns, width int, items func(int) []T) *lists[T] {
	l := &lists[T]{}
	n := r.count()
	if n > len(c.live) {
		r.bad = true
		return l
	}
	l.blocks = make([]*listBlock[T], n)
	for b := range n {
		held := r.count()
		if held == 0 {
			continue
		}
		v := &listBlock[T]{rows: r.rows(held, &c.live[b])}
		v.ends = r.uints32(held)
		for i, end := range v.ends {
			if i == 0 && end == 0 || i > 0 && v.ends[i-1] >= end {
				r.bad = true
			}
		}
		if len(v.rows) != held || len(v.ends) != held || uint64(v.ends[held-1])*uint64(width) > uint64(len(r.b)) {
			r.bad = true
		}
		if r.bad {
			return l
		}
		v.items = items(int(v.ends[held-1]))
		l.blocks[b] = v
		l.people += held
	}
	return l
}
