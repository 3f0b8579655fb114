package segment

import (
	"errors"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/catalog/wire"
	"rapport/internal/clock"
	"rapport/internal/segment/decimal"
)

// stateVersion begins every part. A part of another version is refused.
const stateVersion = 1

var errState = errors.New("segment state is damaged")

// AppendFull appends the whole state as one part and forgets what was changed.
func (st *State) AppendFull(b []byte) []byte { return st.append(b, true) }

// AppendChanges appends what changed since the last AppendFull or
// AppendChanges as a part, and forgets it. Series are written whole.
func (st *State) AppendChanges(b []byte) []byte { return st.append(b, false) }

func (st *State) append(b []byte, full bool) []byte {
	enc := wire.Encoder{B: append(b, stateVersion)}
	n := 0
	for i := range st.series {
		if full || st.series[i].dirty {
			n++
		}
	}
	enc.Uint(uint64(n))
	for i := range st.series {
		if s := &st.series[i]; full || s.dirty {
			s.encode(&enc)
			s.dirty = false
		}
	}
	groups := st.orderGroups(full)
	enc.Uint(uint64(len(groups)))
	for _, g := range groups {
		enc.Fixed(uint64(g[0].source))
		enc.Uint(uint64(len(g)))
		for i := range g {
			g[i].encode(&enc)
			g[i].dirty = false
		}
	}
	return enc.B
}

// orderGroups are the orders by source, of those that changed: a source's
// orders are written whole, since some may have been dropped.
func (st *State) orderGroups(full bool) [][]ordered {
	var out [][]ordered
	for i := 0; i < len(st.orders); {
		k := i
		dirty := full
		for k < len(st.orders) && st.orders[k].source == st.orders[i].source {
			dirty = dirty || st.orders[k].dirty
			k++
		}
		if dirty {
			out = append(out, st.orders[i:k])
		}
		i = k
	}
	return out
}

func encodeNum(enc *wire.Encoder, n decimal.Num) { enc.B = n.Append(enc.B) }

func (s *series) encode(enc *wire.Encoder) {
	enc.Fixed(uint64(s.id))
	enc.Int(int64(s.newest))
	enc.Int(int64(s.lost))
	enc.Uint(uint64(len(s.entries)))
	before := s.newest
	for i := range s.entries {
		e := &s.entries[i]
		enc.Int(int64(e.at - before))
		before = e.at
		enc.Fixed(e.short)
		enc.Uint(uint64(e.seq))
		encodeValue(enc, e.kind, e.num, e.text)
	}
	enc.Uint(uint64(len(s.sums)))
	for i := range s.sums {
		c := &s.sums[i]
		enc.Int(int64(c.day))
		encodeValue(enc, c.kind, c.num, c.text)
		enc.Uint(c.count)
		encodeNum(enc, c.total)
		encodeNum(enc, c.min)
		encodeNum(enc, c.max)
		enc.Int(int64(c.first - s.newest))
		enc.Int(int64(c.last - c.first))
	}
}

func encodeValue(enc *wire.Encoder, kind CellKind, num decimal.Num, text string) {
	enc.Byte(byte(kind))
	encodeNum(enc, num)
	enc.Str(text)
}

func (o *ordered) encode(enc *wire.Encoder) {
	enc.Fixed(o.order)
	enc.Mark(wire.Mark{Time: int64(o.stamp.Time), Short: o.stamp.Short, Priority: o.stamp.Priority})
	enc.Uint(uint64(len(o.lines)))
	for i := range o.lines {
		enc.Str(o.lines[i].item)
		encodeValue(enc, o.lines[i].kind, o.lines[i].num, o.lines[i].text)
	}
}

// DecodeState reads a state from its parts, the oldest first. A part replaces
// what it speaks of.
func DecodeState(parts [][]byte) (*State, error) {
	st := NewState()
	for _, b := range parts {
		if err := st.overlay(b); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func (st *State) overlay(b []byte) error {
	dec := reader{Decoder: wire.NewDecoder(b, nil)}
	if dec.Byte() != stateVersion {
		return errState
	}
	for range dec.Count() {
		s := dec.series()
		if dec.Bad() {
			return errState
		}
		i, found := st.place(s.id)
		if found {
			st.series[i] = s
		} else {
			st.series = slices.Insert(st.series, i, s)
		}
	}
	for range dec.Count() {
		source := SourceID(dec.Fixed())
		st.orders = slices.DeleteFunc(st.orders, func(o ordered) bool { return o.source == source })
		for range dec.Count() {
			o := dec.ordered(source)
			i, found := slices.BinarySearchFunc(st.orders, &o, func(a ordered, o *ordered) int { return compareOrdered(&a, o) })
			if found || dec.Bad() {
				return errState
			}
			st.orders = slices.Insert(st.orders, i, o)
		}
	}
	if dec.Bad() || dec.Len() != 0 {
		return errState
	}
	return nil
}

type reader struct{ *wire.Decoder }

func (r reader) num() decimal.Num {
	n := int(r.Byte())
	const widest = 24
	if n > widest || n > r.Len() {
		r.Fail()
		return decimal.Num{}
	}
	buf := make([]byte, 0, widest+1)
	buf = append(buf, byte(n))
	for range n {
		buf = append(buf, r.Byte())
	}
	v, _, ok := decimal.Read(buf)
	if !ok {
		r.Fail()
	}
	return v
}

func (r reader) value() (CellKind, decimal.Num, string) {
	kind := CellKind(r.Byte())
	if kind > Other {
		r.Fail()
	}
	return kind, r.num(), r.Str()
}

func (r reader) series() series {
	s := series{id: SourceID(r.Fixed()), newest: clock.Instant(r.Int()), lost: clock.Instant(r.Int())}
	before := s.newest
	for range r.Count() {
		var e entry
		e.at = before + clock.Instant(r.Int())
		before = e.at
		e.short = r.Fixed()
		seq := r.Uint()
		if e.seq = uint16(seq); uint64(e.seq) != seq {
			r.Fail()
		}
		e.kind, e.num, e.text = r.value()
		if n := len(s.entries); n > 0 && compareEntries(&s.entries[n-1], &e) >= 0 {
			r.Fail()
		}
		s.entries = append(s.entries, e)
	}
	for range r.Count() {
		var c sum
		day := r.Int()
		if c.day = int32(day); int64(c.day) != day {
			r.Fail()
		}
		c.kind, c.num, c.text = r.value()
		c.count, c.total, c.min, c.max = r.Uint(), r.num(), r.num(), r.num()
		c.first = s.newest + clock.Instant(r.Int())
		c.last = c.first + clock.Instant(r.Int())
		if n := len(s.sums); n > 0 && compareSums(&s.sums[n-1], &c) >= 0 {
			r.Fail()
		}
		s.sums = append(s.sums, c)
	}
	return s
}

func (r reader) ordered(source SourceID) ordered {
	o := ordered{source: source, order: r.Fixed()}
	m := r.Mark()
	if m.Source != "" {
		r.Fail()
	}
	o.stamp = catalog.Stamp{Time: clock.Instant(m.Time), Short: m.Short, Priority: m.Priority}
	for range r.Count() {
		var l line
		l.item = r.Str()
		l.kind, l.num, l.text = r.value()
		o.lines = append(o.lines, l)
	}
	return o
}
