package catalog

import (
	"errors"

	"rapport/internal/catalog/wire"
)

const portionVersion = 1

var errPortion = errors.New("portion is damaged")

// AppendBinary appends the portion's compact form.
func (p *Portion) AppendBinary(b []byte) []byte {
	enc := wire.Encoder{B: append(b, portionVersion, byte(p.Kind), byte(p.Op))}
	enc.Str(p.ID)
	enc.Mark(toMark(p.Stamp, p.Source))
	enc.Str(p.MessageID)
	enc.Str(p.Customer.Namespace)
	enc.Str(p.Customer.Value)
	enc.Uint(uint64(len(p.Fields)))
	for i := range p.Fields {
		enc.Str(p.Fields[i].Name)
		enc.Str(p.Fields[i].Value)
	}
	enc.Uint(uint64(len(p.Refunds)))
	for i := range p.Refunds {
		enc.Mark(toMark(p.Refunds[i].Stamp, p.Source))
		encodeRefund(&enc, &p.Refunds[i])
	}
	enc.Uint(uint64(len(p.CartOps)))
	for i := range p.CartOps {
		enc.Mark(toMark(p.CartOps[i].Stamp, p.Source))
		encodeOp(&enc, &p.CartOps[i])
	}
	return enc.B
}

// ReadPortion reads the compact form, which must be all of b. The portion
// keeps nothing of b.
func ReadPortion(b []byte) (Portion, error) {
	var p Portion
	if len(b) < 3 || b[0] != portionVersion || Kind(b[1]).String() == "" || Op(b[2]) > Delete {
		return p, errPortion
	}
	p.Kind, p.Op = Kind(b[1]), Op(b[2])
	dec := wire.NewDecoder(b[3:], nil)
	p.ID = dec.Str()
	p.Stamp, p.Source = fromMark(dec.Mark())
	p.MessageID = dec.Str()
	p.Customer.Namespace, p.Customer.Value = dec.Str(), dec.Str()
	for range dec.Count() {
		f := Field{Name: dec.Str(), Value: dec.Str()}
		if n := len(p.Fields); n > 0 && p.Fields[n-1].Name >= f.Name {
			dec.Fail()
		}
		p.Fields = append(p.Fields, f)
	}
	for range dec.Count() {
		stamp, _ := fromMark(dec.Mark())
		r := decodeRefund(dec)
		r.Stamp = stamp
		p.Refunds = append(p.Refunds, r)
	}
	for range dec.Count() {
		stamp, _ := fromMark(dec.Mark())
		o := decodeOp(dec)
		o.Stamp = stamp
		p.CartOps = append(p.CartOps, o)
	}
	if dec.Bad() || dec.Len() != 0 {
		return Portion{}, errPortion
	}
	return p, nil
}
