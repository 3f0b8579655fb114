package catalog

import (
	"errors"

	"rapport/internal/catalog/wire"
)

const entityVersion = 1

const (
	flagFloor = 1 << iota
	flagDeleted
	flagCut
)

var errEntity = errors.New("entity state is damaged")

// AppendFull appends the whole state as one part and forgets what was changed.
func (e *Entity) AppendFull(b []byte) []byte {
	enc := wire.Encoder{B: append(b, entityVersion)}
	e.Encode(&enc, true)
	return enc.B
}

// AppendChanges appends what changed since the last AppendFull or
// AppendChanges as a part, and forgets it.
func (e *Entity) AppendChanges(b []byte) []byte {
	enc := wire.Encoder{B: append(b, entityVersion)}
	e.Encode(&enc, false)
	return enc.B
}

// Encode writes the state, or of it what changed, within a larger encoding.
func (e *Entity) Encode(enc *wire.Encoder, full bool) {
	flags := byte(0)
	if !e.floor.IsZero() {
		flags |= flagFloor
	}
	if e.deleted {
		flags |= flagDeleted
	}
	if !e.cut.IsZero() {
		flags |= flagCut
	}
	enc.Byte(byte(e.Kind))
	enc.Str(e.ID)
	enc.Byte(flags)
	if flags&flagFloor != 0 {
		enc.Mark(toMark(e.floor, ""))
	}
	if flags&flagCut != 0 {
		enc.Mark(toMark(e.cut, ""))
	}
	e.encodeFields(enc, full)
	e.encodeRefunds(enc, full)
	e.encodeOps(enc, full)
	e.dirty = false
}

func (e *Entity) encodeFields(enc *wire.Encoder, full bool) {
	n := 0
	for i := range e.fields {
		if full || e.fields[i].dirty {
			n++
		}
	}
	enc.Uint(uint64(n))
	for i := range e.fields {
		r := &e.fields[i]
		if full || r.dirty {
			enc.Str(r.name)
			enc.Mark(toMark(r.stamp, r.source))
			enc.Str(r.value)
			r.dirty = false
		}
	}
}

func (e *Entity) encodeRefunds(enc *wire.Encoder, full bool) {
	n := 0
	for i := range e.refunds {
		if full || e.refunds[i].dirty {
			n++
		}
	}
	enc.Uint(uint64(n))
	for i := range e.refunds {
		r := &e.refunds[i]
		if full || r.dirty {
			enc.Mark(toMark(r.Stamp, r.source))
			encodeRefund(enc, &r.Refund)
			r.dirty = false
		}
	}
}

func (e *Entity) encodeOps(enc *wire.Encoder, full bool) {
	n := 0
	for i := range e.ops {
		if full || e.ops[i].dirty {
			n++
		}
	}
	enc.Uint(uint64(n))
	for i := range e.ops {
		o := &e.ops[i]
		if full || o.dirty {
			enc.Mark(toMark(o.Stamp, o.source))
			encodeOp(enc, &o.CartOp)
			o.dirty = false
		}
	}
}

func encodeRefund(enc *wire.Encoder, r *Refund) {
	enc.Str(r.ID)
	enc.Str(r.Amount)
	enc.Str(r.Currency)
	enc.Str(r.Lines)
}

func decodeRefund(dec *wire.Decoder) Refund {
	return Refund{ID: dec.Str(), Amount: dec.Str(), Currency: dec.Name(), Lines: dec.Str()}
}

func encodeOp(enc *wire.Encoder, o *CartOp) {
	enc.Byte(byte(o.Verb))
	enc.Str(o.Lines)
	enc.Str(o.Order)
}

func decodeOp(dec *wire.Decoder) CartOp {
	o := CartOp{Verb: CartVerb(dec.Byte()), Lines: dec.Str(), Order: dec.Str()}
	if o.Verb < CartAdd || o.Verb > CartPurchase {
		dec.Fail()
	}
	return o
}

// Decode reads a state from its parts, the full one first.
func Decode(parts [][]byte) (*Entity, error) {
	var e *Entity
	for _, part := range parts {
		if len(part) == 0 || part[0] != entityVersion {
			return nil, errEntity
		}
		dec := wire.NewDecoder(part[1:], nil)
		o := DecodeEntity(dec)
		if dec.Bad() || dec.Len() != 0 {
			return nil, errEntity
		}
		if e == nil {
			e = o
			continue
		}
		if e.Kind != o.Kind || e.ID != o.ID {
			return nil, errEntity
		}
		e.Merge(o)
	}
	if e == nil {
		return nil, errEntity
	}
	e.Clean()
	return e, nil
}

// DecodeEntity reads what Encode wrote within a larger encoding.
func DecodeEntity(dec *wire.Decoder) *Entity {
	e := NewEntity(Kind(dec.Byte()), dec.Str())
	if e.Kind.String() == "" {
		dec.Fail()
	}
	flags := dec.Byte()
	if flags&flagFloor != 0 {
		e.floor, _ = fromMark(dec.Mark())
	}
	e.deleted = flags&flagDeleted != 0
	if flags&flagCut != 0 {
		e.cut, _ = fromMark(dec.Mark())
	}
	n := dec.Count()
	e.fields = make([]register, 0, n)
	for range n {
		r := register{name: dec.Name()}
		r.stamp, r.source = fromMark(dec.Mark())
		r.value = dec.Name()
		e.field(r)
	}
	for range dec.Count() {
		stamp, source := fromMark(dec.Mark())
		r := refund{Refund: decodeRefund(dec), source: source}
		r.Stamp = stamp
		e.refund(r)
	}
	for range dec.Count() {
		stamp, source := fromMark(dec.Mark())
		o := cartOp{CartOp: decodeOp(dec), source: source}
		o.Stamp = stamp
		e.op(o)
	}
	return e
}

// Clean forgets what was changed without writing it.
func (e *Entity) Clean() {
	e.dirty = false
	for i := range e.fields {
		e.fields[i].dirty = false
	}
	for i := range e.refunds {
		e.refunds[i].dirty = false
	}
	for i := range e.ops {
		e.ops[i].dirty = false
	}
}
