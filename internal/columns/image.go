package columns

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
)

// imageMagic begins every image; its last byte is the version.
const imageMagic = "rapcol\x00\x04"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Mark is what the caller knows of an image: the position that is in it for
// sure, the edition of the rules that its rows were made by, and that of the
// computed traits that all of its rows have.
type Mark struct {
	Position, Edition, Own uint64
}

// WriteImage writes one part down, as of now. Updates go on meanwhile and are
// not in it.
func (x *Index) WriteImage(w io.Writer, part int, m Mark) error {
	var err error
	x.parts[part].read(func(c *columns) {
		e := &imageWriter{w: bufio.NewWriterSize(w, 64<<10)}
		e.text(imageMagic)
		e.uint(uint64(part))
		e.uint(m.Position)
		e.uint(m.Edition)
		e.uint(m.Own)
		e.columns(c)
		e.fixed(uint64(e.sum), 4)
		err = e.err
		if err == nil {
			err = e.w.Flush()
		}
	})
	return err
}

// imageWriter writes the pieces of an image and sums them up.
type imageWriter struct {
	w   *bufio.Writer
	sum uint32
	err error
	tmp []byte
}

func (e *imageWriter) bytes(b []byte) {
	e.sum = crc32.Update(e.sum, castagnoli, b)
	if _, err := e.w.Write(b); err != nil && e.err == nil {
		e.err = err
	}
}

func (e *imageWriter) text(s string) { e.bytes([]byte(s)) }

func (e *imageWriter) uint(n uint64) {
	e.tmp = binary.AppendUvarint(e.tmp[:0], n)
	e.bytes(e.tmp)
}

func (e *imageWriter) name(s string) {
	e.uint(uint64(len(s)))
	e.text(s)
}

func (e *imageWriter) fixed(n uint64, width int) {
	e.tmp = binary.LittleEndian.AppendUint64(e.tmp[:0], n)
	e.bytes(e.tmp[:width])
}

func (e *imageWriter) uints16(list []uint16) {
	e.tmp = e.tmp[:0]
	for _, v := range list {
		e.tmp = binary.LittleEndian.AppendUint16(e.tmp, v)
	}
	e.bytes(e.tmp)
}

func (e *imageWriter) uints32(list []uint32) {
	e.tmp = e.tmp[:0]
	for _, v := range list {
		e.tmp = binary.LittleEndian.AppendUint32(e.tmp, v)
	}
	e.bytes(e.tmp)
}

func (e *imageWriter) uints64(list []uint64) {
	e.tmp = e.tmp[:0]
	for _, v := range list {
		e.tmp = binary.LittleEndian.AppendUint64(e.tmp, v)
	}
	e.bytes(e.tmp)
}

func (e *imageWriter) columns(c *columns) {
	e.uint(uint64(len(c.ordinals.keys)))
	for i := range c.ordinals.keys {
		e.bytes(c.ordinals.keys[i][:])
	}
	for b := range c.live {
		e.uints64(c.stale[b][:])
		e.uints64(c.incomplete[b][:])
	}
	e.uints64(c.marks)
	e.uint(uint64(len(c.dropped)))
	for _, name := range slices.Sorted(maps.Keys(c.dropped)) {
		e.name(name)
		e.uint(uint64(c.dropped[name].bytes))
		e.uint(uint64(c.dropped[name].people))
	}
	e.uint(uint64(c.budget))
	e.uint(uint64(len(c.values)))
	for f, s := range c.values {
		e.uint(uint64(f.Kind))
		e.name(f.Name)
		e.scalars(s)
	}
	e.uint(uint64(len(c.idents)))
	for name, l := range c.idents {
		e.name(name)
		writeLists(e, l, e.uints64)
	}
	e.uint(uint64(len(c.events)))
	for name, l := range c.events {
		e.name(name)
		writeLists(e, l, e.uints32)
	}
	e.members(c)
}

func (e *imageWriter) members(c *columns) {
	e.uint(uint64(len(c.members)))
	for key, in := range c.members {
		e.uint(key)
		e.uint(in.GetCardinality())
		before := uint32(0)
		for it := in.Iterator(); it.HasNext(); {
			n := it.Next()
			e.uint(uint64(n - before))
			before = n
		}
	}
}

// The forms of a block.
const (
	blockNone  = 0
	blockFew   = 1
	blockDense = 2
)

func (e *imageWriter) scalars(s *scalars) {
	e.uint(uint64(len(s.dict.entries)))
	for code := longText + 1; code < len(s.dict.entries); code++ {
		t := s.dict.text(uint32(code))
		e.uint(uint64(len(t)))
		e.bytes(t)
	}
	e.uint(uint64(len(s.blocks)))
	for _, v := range s.blocks {
		switch {
		case v == nil:
			e.uint(blockNone)
		case !v.dense():
			e.uint(blockFew)
			e.uint(uint64(len(v.rows)))
			e.uints16(v.rows)
			for _, c := range v.cells {
				e.fixed(uint64(c), 8)
			}
		default:
			e.uint(blockDense)
			e.dense(v)
		}
	}
}

func (e *imageWriter) dense(v *values) {
	switch {
	case v.codes8 != nil:
		e.uint(1)
		e.bytes(v.codes8)
	case v.codes16 != nil:
		e.uint(2)
		e.uints16(v.codes16)
	default:
		e.uint(4)
		e.uints32(v.codes32)
	}
	e.uint(bit(v.numbers != nil))
	e.tmp = e.tmp[:0]
	for _, x := range v.numbers {
		e.tmp = binary.LittleEndian.AppendUint64(e.tmp, math.Float64bits(x))
	}
	e.bytes(e.tmp)
}

func writeLists[T uint32 | uint64](e *imageWriter, l *lists[T], items func([]T)) {
	e.uint(uint64(len(l.blocks)))
	for _, b := range l.blocks {
		if b == nil {
			e.uint(blockNone)
			continue
		}
		e.uint(uint64(len(b.rows)))
		e.uints16(b.rows)
		e.uints32(b.ends)
		items(b.items)
	}
}
