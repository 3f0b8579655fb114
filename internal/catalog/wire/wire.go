// Package wire holds the pieces of the compact binary forms that catalog,
// profile and trial share. It never knows what it encodes, and its decoder never fails
// otherwise than by saying so at the end.
package wire

import "encoding/binary"

// Mark says who said something and when: the order of what is said (time,
// priority, message hash) with the source.
type Mark struct {
	Time     int64
	Short    uint64
	Priority uint8
	Source   string
}

// recent is how many marks are remembered: what one event sets shares its
// mark, which is then written once.
const recent = 8

type marks struct {
	ring [recent]Mark
	n    int
	time int64
}

func (m *marks) add(k Mark) {
	m.ring[m.n%recent] = k
	m.n++
	m.time = k.Time
}

// Encoder appends to B.
type Encoder struct {
	B     []byte
	marks marks
}

// Byte appends one byte.
func (e *Encoder) Byte(v byte) { e.B = append(e.B, v) }

// Uint appends an unsigned number.
func (e *Encoder) Uint(v uint64) { e.B = binary.AppendUvarint(e.B, v) }

// Int appends a signed number.
func (e *Encoder) Int(v int64) { e.B = binary.AppendVarint(e.B, v) }

// Fixed appends eight bytes.
func (e *Encoder) Fixed(v uint64) { e.B = binary.BigEndian.AppendUint64(e.B, v) }

// Str appends a text with its length.
func (e *Encoder) Str(s string) {
	e.B = binary.AppendUvarint(e.B, uint64(len(s)))
	e.B = append(e.B, s...)
}

// Mark appends a mark: one byte where it was among the last few.
func (e *Encoder) Mark(k Mark) {
	for back := 1; back <= recent && back <= e.marks.n; back++ {
		if e.marks.ring[(e.marks.n-back)%recent] == k {
			e.B = append(e.B, byte(back))
			return
		}
	}
	e.B = append(e.B, 0)
	e.Int(k.Time - e.marks.time)
	e.Fixed(k.Short)
	e.Byte(k.Priority)
	e.Str(k.Source)
	e.marks.add(k)
}

// Decoder reads what an Encoder wrote. After a flaw everything reads as zero
// and Bad is true.
type Decoder struct {
	b     []byte
	bad   bool
	marks marks
	names *Names
}

// NewDecoder reads b; names may be nil.
func NewDecoder(b []byte, names *Names) *Decoder { return &Decoder{b: b, names: names} }

// Bad tells that the bytes are not what an Encoder wrote.
func (d *Decoder) Bad() bool { return d.bad }

// Fail makes the decoder bad.
func (d *Decoder) Fail() {
	d.bad = true
	d.b = nil
}

// Len is how many bytes are left.
func (d *Decoder) Len() int { return len(d.b) }

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if len(d.b) == 0 {
		d.Fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

// Uint reads an unsigned number.
func (d *Decoder) Uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.Fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// Int reads a signed number.
func (d *Decoder) Int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.Fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// Fixed reads eight bytes.
func (d *Decoder) Fixed() uint64 {
	if len(d.b) < 8 {
		d.Fail()
		return 0
	}
	v := binary.BigEndian.Uint64(d.b)
	d.b = d.b[8:]
	return v
}

// Count reads how many elements follow, each of at least one byte; a number
// that cannot be true makes the decoder bad.
func (d *Decoder) Count() int {
	n := d.Uint()
	if n > uint64(len(d.b)) {
		d.Fail()
		return 0
	}
	return int(n)
}

func (d *Decoder) bytes() []byte {
	n := d.Count()
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

// Str reads a text as a copy.
func (d *Decoder) Str() string { return string(d.bytes()) }

// Name reads a text that many values share.
func (d *Decoder) Name() string { return d.names.Of(d.bytes()) }

// Mark reads a mark.
func (d *Decoder) Mark() Mark {
	back := int(d.Byte())
	if back > 0 {
		if back > recent || back > d.marks.n {
			d.Fail()
			return Mark{}
		}
		return d.marks.ring[(d.marks.n-back)%recent]
	}
	k := Mark{Time: d.marks.time + d.Int(), Short: d.Fixed(), Priority: d.Byte(), Source: d.Name()}
	d.marks.add(k)
	return k
}
